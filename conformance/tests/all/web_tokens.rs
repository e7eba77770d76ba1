//! Web tokens of the built program, checked by PyJWT, and kept in a real Redis that two servers share.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::{Program, Running};
use serde_json::{Value, json};
use testkit::{Moto, Redis};

use crate::openssl::OpenSsl;
use crate::world;

/// A server on moto with two keys for staging, one locked in the old way and one in the new.
fn serve(
    moto: &Moto,
    table: &str,
    folder: &std::path::Path,
    keys: &str,
    more: &[(&str, &str)],
) -> Running {
    world::on_moto(Program::keepward(), moto, table, folder)
        .set("JWT_CERTIFICATE_AUTHORITIES", keys)
        .set_all(&[
            ("JWT_IS_CA_ENCRYPTED", "false"),
            ("JWT_ACTIVE_SIGNING_KEYS", r#"{"staging": "2026"}"#),
        ])
        .set_all(more)
        .serve()
        .expect("it starts")
}

fn keys() -> String {
    let openssl = OpenSsl::new();
    openssl.run("genrsa -traditional -aes256 -passout pass:hunter2 -out old 2048");
    openssl.run("genpkey -algorithm RSA -aes256 -pass pass:hunter3 -out new");
    let key = |kid: &str, name: &str, passphrase: &str| json!({ "kid": kid, "key": openssl.read(name), "crt": "", "passphrase": passphrase });
    let keys = json!({ "staging": [key("2025", "old", "hunter2"), key("2026", "new", "hunter3")] });
    STANDARD.encode(keys.to_string())
}

/// What PyJWT makes of a token.
fn checked(server: &Running, token: &str) -> Value {
    let mut python = Command::new(testkit::python())
        .args(["-B", "python/web_tokens.py"])
        .arg(format!("{}/v1/jwks/public/staging", server.url))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = python.stdin.take().expect("standard input");
    stdin.write_all(token.as_bytes()).expect("it reads");
    drop(stdin);
    let told = python.wait_with_output().expect("it ends");
    serde_json::from_slice(&told.stdout).expect("JSON")
}

fn issue(server: &Running, login: &conformance::Login, path: &str) -> String {
    let answer = server.http.get(path, login);
    assert_eq!(answer.status, 200, "{}", answer.body);
    world::text(&answer.body, "token")
}

#[test]
fn pyjwt_accepts_a_token_by_the_published_keys_and_no_changed_one() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(&moto, "tokens", folder.path(), &keys(), &[]);
    let program = world::on_moto(Program::keepward(), &moto, "tokens", folder.path());
    let alice = world::kms_login(&program, "user", "alice");
    let token = issue(&server, &alice, "/v1/jwks/token/bob?environment=staging");
    let told = checked(&server, &token);
    assert_eq!(
        told["header"],
        json!({ "alg": "RS256", "kid": "2026", "typ": "JWT" })
    );
    let claims = &told["claims"];
    assert_eq!(
        (&claims["is_service"], &claims["requester"], &claims["user"]),
        (&json!(true), &json!("alice"), &json!("bob")),
    );
    let number = |name: &str| claims[name].as_i64().expect("a number");
    assert_eq!(number("exp") - number("iat"), 3_600);
    assert_eq!(number("nbf"), number("iat"));

    let parts: Vec<&str> = token.split('.').collect();
    let admin = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(claims.to_string().replace("bob", "admin"));
    let forged = [parts[0], admin.as_str(), parts[2]].join(".");
    assert_eq!(checked(&server, &forged)["error"], "InvalidSignatureError");

    let service = world::kms_login(&program, "service", "web");
    let answer = server
        .http
        .get("/v1/jwks/token?environment=staging", &service);
    assert_eq!(answer.status, 403, "{}", answer.body);
    let log = server.stop();
    assert!(log.contains("panics=0"));
    for secret in ["hunter2", "hunter3", parts[2]] {
        assert!(!log.contains(secret));
    }
}

#[test]
fn two_servers_share_tokens_in_redis_and_do_without_it() {
    let moto = Moto::start();
    let redis = Redis::start();
    let keys = keys();
    let shared = [
        ("JWT_CACHING_ENABLED", "true"),
        ("JWT_CACHING_USE_REDIS", "true"),
        ("REDIS_URL_JWT_CACHE", redis.url.as_str()),
        ("REDIS_SOCKET_TIMEOUT", "20"),
    ];
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [one, two] =
        [0, 1].map(|server: usize| serve(&moto, "tokens", folders[server].path(), &keys, &shared));
    let program = world::on_moto(Program::keepward(), &moto, "tokens", folders[0].path());
    let alice = world::kms_login(&program, "user", "alice");
    let path = "/v1/jwks/token?environment=staging";
    let first = issue(&one, &alice, path);
    assert_eq!(issue(&two, &alice, path), first);
    assert!(redis.ask("GET 2026:alice:alice").contains(&first));
    // What somebody else put there is not given out.
    redis.ask("SET 2026:alice:alice e30.e30.e30");
    let second = issue(&two, &alice, path);
    assert!(checked(&two, &second)["claims"].is_object());
    drop(redis);
    let third = issue(&one, &alice, path);
    assert_eq!(checked(&one, &third)["claims"]["user"], "alice");
    for server in [one, two] {
        assert!(server.stop().contains("panics=0"));
    }
}

#[test]
fn a_key_that_does_not_open_stops_the_start_and_is_named() {
    let openssl = OpenSsl::new();
    openssl.run("genpkey -algorithm RSA -aes256 -pass pass:hunter2 -out key");
    let keys = json!({ "staging": [
        { "kid": "one", "key": openssl.read("key"), "crt": "", "passphrase": "hunter9" },
    ] });
    let folder = tempfile::tempdir().expect("a folder");
    let failed = world::embedded(Program::keepward(), folder.path())
        .set(
            "JWT_CERTIFICATE_AUTHORITIES",
            STANDARD.encode(keys.to_string()),
        )
        .set("JWT_IS_CA_ENCRYPTED", "false")
        .serve();
    let Err(told) = failed else {
        panic!("it starts")
    };
    assert!(
        told.contains("JWT_CERTIFICATE_AUTHORITIES") && told.contains("key one of staging"),
        "{told}"
    );
    assert!(
        !told.contains("hunter9") && !told.contains("BEGIN"),
        "{told}"
    );
}
