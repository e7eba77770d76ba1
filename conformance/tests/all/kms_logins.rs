//! Tokens of the real kmsauth 0.6.3 under every way to name keys, and what is told of a refused one.

use std::path::Path;

use conformance::{Login, Program, Running};
use rstest::rstest;
use serde_json::{Value, json};
use testkit::Moto;

use crate::clients::{Fetch, stage};
use crate::world;

const AUTHNZ: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111";
const USER: &str = "arn:aws:kms:us-east-1:123456789012:key/22222222-2222-2222-2222-222222222222";
const SANDBOX: &str = "arn:aws:kms:us-east-1:123456789012:key/33333333-3333-3333-3333-333333333333";

const STRANGER: &str =
    "arn:aws:kms:us-east-1:123456789012:key/55555555-5555-5555-5555-555555555555";

fn serve(moto: &Moto, folder: &Path, settings: &[(&str, &str)]) -> Running {
    world::on_moto(Program::keepward(), moto, "recorded", folder)
        .set_all(settings)
        .serve()
        .expect("it starts")
}

#[rstest]
#[case::aliases("alias/authnz", "alias/authnz-user", "alias/authnz-sandbox")]
#[case::aliases_as_before_confidant_5("authnz", "authnz-user", "authnz-sandbox")]
#[case::arns(AUTHNZ, USER, SANDBOX)]
fn each_key_proves_its_own_callers_however_server_and_client_name_it(
    #[case] service_key: &str,
    #[case] user_key: &str,
    #[case] scoped_key: &str,
) {
    let moto = Moto::start();
    stage(&moto, "recorded");
    let folder = tempfile::tempdir().expect("a folder");
    let scoped = json!({ scoped_key: "sandbox" }).to_string();
    let server = serve(
        &moto,
        folder.path(),
        &[
            ("AUTH_KEY", service_key),
            ("USER_AUTH_KEY", user_key),
            ("SCOPED_AUTH_KEYS", &scoped),
            ("KMS_AUTH_USER_TYPES", " service , user "),
        ],
    );
    for (user_type, key, service) in [
        ("service", "alias/authnz", "s-160f1c"),
        ("service", AUTHNZ, "s-160f1c"),
        ("user", "alias/authnz-user", "s-160f1c"),
        ("user", USER, "s-160f1c"),
        ("service", SANDBOX, "svc-b"),
    ] {
        let told = fetch(&moto, &server, user_type, key, service);
        assert_eq!(told["from"], format!("2/{user_type}/{service}"));
        assert_eq!(told["service"]["result"], true, "{user_type} {key}: {told}");
    }
    assert!(server.stop().contains("panics=0"));
}

#[test]
fn no_key_proves_callers_of_another_and_the_log_names_both() {
    let moto = Moto::start();
    stage(&moto, "recorded");
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(&moto, folder.path(), &[]);
    for (user_type, key) in [
        ("user", "alias/authnz"),
        ("user", SANDBOX),
        ("service", USER),
        ("service", "alias/stranger"),
    ] {
        let told = fetch(&moto, &server, user_type, key, "s-160f1c");
        assert_eq!(
            told["service"]["result"], false,
            "{user_type} {key}: {told}"
        );
    }
    let log = server.stop();
    let service =
        format!("expected is alias/authnz ({AUTHNZ}) or alias/authnz-sandbox ({SANDBOX})");
    let user = format!("expected is alias/authnz-user ({USER})");
    for told in [
        format!("the token is under {AUTHNZ}, which proves no user; {user}"),
        format!("the token is under {SANDBOX}, which proves no user; {user}"),
        format!("the token is under {USER}, which proves no service; {service}"),
        format!("the token is under {STRANGER}, which proves no service; {service}"),
    ] {
        assert!(log.contains(&told), "{told} is not in {log}");
    }
}

fn fetch(moto: &Moto, server: &Running, user_type: &str, key: &str, service: &str) -> Value {
    Fetch {
        user_type,
        key,
        ..Fetch::of(service)
    }
    .run(moto, &server.url)
}

/// The forum's case, with a real token: made without `user_type`, sent with a version 2 username.
#[test]
fn who_is_refused_gets_a_request_id_under_which_the_log_has_the_exact_reason() {
    let moto = Moto::start();
    stage(&moto, "recorded");
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(&moto, folder.path(), &[]);
    let made = Fetch {
        version: "1",
        more: &["--token-only"],
        ..Fetch::of("s-160f1c")
    }
    .run(&moto, &server.url);
    let login = Login {
        username: "2/service/s-160f1c".to_owned(),
        token: world::text(&made, "token"),
    };
    let answer = server.http.get("/v1/services/s-160f1c", &login);
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (403, &json!("login refused"))
    );
    let request = world::text(&answer.body, "request_id");

    // The same pair, explained by one command: by KMS, and by the server.
    let file = folder.path().join("pair.json");
    let pair = json!({ "username": login.username, "token": login.token });
    std::fs::write(&file, pair.to_string()).expect("a file");
    let program = world::aws_client(&moto)
        .into_iter()
        .fold(Program::keepward(), |program, (name, value)| {
            program.set(name, value)
        });
    let inspected = conformance::run(program.command(&[
        "token",
        "inspect",
        "--json",
        "--decrypt",
        "--to",
        "confidant-testing",
        "--server",
        &server.url,
        "--token-file",
        &file.display().to_string(),
    ]));
    assert_eq!(inspected.status.code(), Some(4));
    let told: Value = serde_json::from_slice(&inspected.stdout).expect("JSON");
    let findings = told["findings"].to_string();
    for part in [
        "KMS opens it under from=s-160f1c, to=confidant-testing, with the key arn:aws:kms:",
        "that is not what the server tries",
        "refuses the token with 403; its log says why in the line with request=",
    ] {
        assert!(findings.contains(part), "{part} is not in {findings}");
    }

    let log = server.stop();
    let line = log
        .lines()
        .find(|line| line.contains(&format!("request={request}")))
        .expect("a line of the log");
    let reason = r#"the token does not open under from="s-160f1c" to="confidant-testing" user_type="service": it was encrypted without user_type"#;
    assert!(
        line.contains("login refused") && line.contains(reason),
        "{line}"
    );
    assert!(!log.contains(&login.token[..24]) && !findings.contains(&login.token[..24]));
    assert!(log.contains("panics=0"));
}

#[test]
fn the_old_arithmetic_of_lifetimes_is_a_setting_that_is_shouted_about() {
    let moto = Moto::start();
    stage(&moto, "recorded");
    let folder = tempfile::tempdir().expect("a folder");
    let long = |server: &Running| {
        // 1,450 minutes: a day and ten minutes.
        let told = Fetch {
            more: &["--token-lifetime", "1450"],
            ..Fetch::of("s-160f1c")
        }
        .run(&moto, &server.url);
        told["service"]["result"] == true
    };
    let server = serve(&moto, folder.path(), &[]);
    assert!(!long(&server));
    let log = server.stop();
    assert!(
        log.contains("token lifetime exceeded: 87000 s, AUTH_TOKEN_MAX_LIFETIME allows 3600 s"),
        "{log}"
    );
    let server = serve(
        &moto,
        folder.path(),
        &[("KEEPWARD_TOKEN_DROP_DAYS", "true")],
    );
    assert!(long(&server));
    let log = server.stop();
    for part in [
        "KEEPWARD_TOKEN_DROP_DAYS=true: whole days of a KMS token's lifetime do not count",
        "a token longer than allowed is taken",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

/// As unmodified clients share it: kmsauth goes on with the token that our command kept.
#[test]
fn a_token_cache_is_kept_for_its_owner_and_understood_by_kmsauth() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("kept/confidant_token");
    let program = world::aws_client(&moto)
        .into_iter()
        .fold(Program::keepward(), |program, (name, value)| {
            program.set(name, value)
        });
    let token = || {
        let made = conformance::run(program.command(&[
            "token",
            "--json",
            "--kms-key",
            "alias/authnz",
            "--from",
            "web",
            "--to",
            "confidant-testing",
            "--token-cache",
            &cache.display().to_string(),
        ]));
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        world::text(&made, "token")
    };
    let first = token();
    assert_eq!(token(), first, "kept");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&cache).expect("the cache").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let of_kmsauth = Fetch {
        more: &[
            "--token-only",
            "--token-cache",
            &cache.display().to_string(),
        ],
        ..Fetch::of("web")
    }
    .run(&moto, "http://127.0.0.1:1");
    assert_eq!(world::text(&of_kmsauth, "token"), first);
}
