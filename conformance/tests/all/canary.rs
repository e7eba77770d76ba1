//! A value never reaches a log, an error, an audit line or a stored byte in any common form.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use conformance::{Answer, Login, Program, Running};
use serde_json::json;
use testkit::{Moto, Receiver};

use crate::browsers::{self, ANN, cookie, exchange};
use crate::command_line::{Shell, json as told_json, ok};
use crate::telling::{self, Statsd};
use crate::world;

/// The letters make JSON and URL escapes differ from the plain text.
pub const CANARY: &str = "kw-canary/9f3b\"77ad\\51c2é+4e80 2b66";

/// What the server is given sealed, and stores as it came: it may be in the table and nowhere else.
const SEALED: &str = "kw-sealed/5c1d\"88be\\62d3é+5f91 3c77";

/// What may be nowhere at all, as a secret of the server's own.
const SESSION_SECRET: &str = "kw-cookie/7a2e\"99cf\\73e4é+6a02 4d88";

/// Every form in which a value could be written down.
fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let json = json!(value).to_string();
    let ascii: String = json
        .trim_matches('"')
        .chars()
        .map(|letter| {
            if letter.is_ascii() {
                letter.to_string()
            } else {
                format!("\\u{:04x}", u32::from(letter))
            }
        })
        .collect();
    let url: String = value
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let mut forms = vec![
        ("plain", value.as_bytes().to_vec()),
        ("a part", part(value, 10)),
        ("another part", part(value, 0)),
        ("JSON", json.trim_matches('"').as_bytes().to_vec()),
        ("JSON in ASCII", ascii.into_bytes()),
        (
            "debug",
            format!("{value:?}").trim_matches('"').as_bytes().to_vec(),
        ),
        ("URL", url.into_bytes()),
        ("hex", hex::encode(value).into_bytes()),
        ("HEX", hex::encode_upper(value).into_bytes()),
    ];
    // Base64 of a longer text holds one of three forms of the value, by its place in that text.
    for skip in 0..3 {
        let inner = value
            .get(skip..value.len() - 6)
            .expect("ASCII at both cuts");
        let whole = inner.len() / 3 * 3;
        let inner = inner.as_bytes().get(..whole).expect("shorter");
        forms.push(("base64", STANDARD_NO_PAD.encode(inner).into_bytes()));
        forms.push(("base64url", URL_SAFE_NO_PAD.encode(inner).into_bytes()));
    }
    forms
}

fn part(value: &str, from: usize) -> Vec<u8> {
    let part = value.get(from..from + 9).expect("ASCII at both cuts");
    part.as_bytes().to_vec()
}

/// The forms in which the canary is there.
fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    forms_found(CANARY, bytes)
}

fn forms_found(value: &str, bytes: &[u8]) -> Vec<&'static str> {
    forms(value)
        .into_iter()
        .filter(|(_, needle)| contains(bytes, needle))
        .map(|(form, _)| form)
        .collect()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    // Most windows differ in their first byte, and these places are megabytes long.
    let Some((first, rest)) = needle.split_first() else {
        return true;
    };
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = left.get(at + 1..).unwrap_or_default();
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

pub fn find(place: &str, bytes: &[u8]) {
    find_value(CANARY, place, bytes);
}

fn find_value(value: &str, place: &str, bytes: &[u8]) {
    let found = forms_found(value, bytes);
    assert!(found.is_empty(), "the value is in {place} as {found:?}");
}

/// Searches every file for the canary.
pub fn search_folder(folder: &Path) -> usize {
    search_folder_for(CANARY, folder, "")
}

/// Searches every file for a value, but for those of one name, and says how many it were.
fn search_folder_for(value: &str, folder: &Path, but: &str) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files += search_folder_for(value, &path, but);
        } else if but.is_empty() || !path.display().to_string().contains(but) {
            let bytes = fs::read(&path).expect("the file");
            find_value(value, &path.display().to_string(), &bytes);
            files += 1;
        }
    }
    files
}

/// Writes and reads the value through every route, and sends it where it does not belong.
/// Gives everything that was answered to the wrong requests.
fn handle_values(server: &Running, user: &Login) -> String {
    let pairs = json!({ "password": CANARY });
    let id = world::create(server, user, "with canary", &pairs);
    world::map(server, user, "web", &[&id]);
    let read = server.http.get("/v1/services/web", user);
    assert_eq!(
        read.body["credentials"][0]["credential_pairs"]["password"], CANARY,
        "the canary does not sing"
    );
    let put = |body| {
        server
            .http
            .put(&format!("/v1/credentials/{id}"), user, &body)
    };
    assert_eq!(
        put(json!({ "credential_pairs": { "password": CANARY, "more": CANARY } })).status,
        200
    );
    assert_eq!(
        server.http.get(&format!("/v1/credentials/{id}"), user).body["credential_pairs"]["more"],
        CANARY
    );

    let wrong = [
        put(json!({ "credential_pairs": { "password": { "nested": CANARY } } })),
        put(json!({ "credential_pairs": [CANARY] })),
        put(json!({ "credential_pairs": CANARY })),
        put(json!({ "credential_pairs": {}, "metadata": CANARY })),
        put(json!({ "enabled": CANARY })),
        put(json!({ "tags": { "a": CANARY } })),
        put(json!([CANARY])),
        server.http.post(
            "/v1/credentials",
            user,
            &json!({ "name": { "x": CANARY }, "credential_pairs": pairs }),
        ),
        server.http.post(
            "/v1/credentials",
            user,
            &json!({ "name": "x", "credential_pairs": { "a": [CANARY] } }),
        ),
        server.http.put(
            "/v1/services/web",
            user,
            &json!({ "credentials": { "a": CANARY } }),
        ),
        // A second credential with the same key clashes in the service.
        server.http.post(
            "/v1/credentials",
            user,
            &json!({ "name": "with canary", "credential_pairs": pairs }),
        ),
    ];
    let mut told = String::new();
    for answer in wrong.iter().chain(&refused_logins(server)) {
        assert!(
            (400..500).contains(&answer.status),
            "{} {}",
            answer.status,
            answer.body
        );
        told.push_str(&answer.body.to_string());
    }
    told.push_str(&walk_history(server, user, &id));
    told
}

/// Shows and changes what was, and gives all answers that must not have the value.
fn walk_history(server: &Running, user: &Login, id: &str) -> String {
    let of = |method, path: &str| {
        let answer = server.http.send(method, path, Some(user), None);
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{method} {path} {}", answer.body);
        answer.body.to_string()
    };
    let http = &server.http;
    let off = json!({ "credentials": [], "enabled": true });
    assert_eq!(http.put("/v1/services/web", user, &off).status, 200);
    let told = [
        of("GET", &format!("/v1/credentials/{id}/1/2")),
        of("GET", &format!("/v1/credentials/{id}/services")),
        of("PUT", &format!("/v1/credentials/{id}/1")),
        of("GET", &format!("/v1/archive/credentials/{id}")),
        of("GET", "/v1/archive/credentials"),
        of("GET", "/v1/services/web/1/2"),
        of("PUT", "/v1/services/web/1"),
        of("GET", "/v1/archive/services/web"),
        of("GET", "/v1/archive/services"),
        of("GET", "/v1/services"),
        of("GET", &format!("/v1/credentials/{id}?metadata_only=true")),
        of("GET", "/v1/services/web?metadata_only=true"),
    ];
    told.concat()
}

/// Proofs that are none, with the value in them.
fn refused_logins(server: &Running) -> Vec<Answer> {
    let encoded = STANDARD.encode(CANARY);
    let proofs = [
        ("2/user/ops", CANARY),
        ("2/user/ops", encoded.as_str()),
        ("web", encoded.as_str()),
        // Nobody's name is a secret, but a pasted one may be.
        ("2/user", CANARY),
        ("2/user/ops", "S1dDSwE="),
    ];
    proofs
        .into_iter()
        .map(|(username, token)| {
            let login = Login {
                username: username.to_owned(),
                token: token.to_owned(),
            };
            server.http.get("/v1/services/web", &login)
        })
        .collect()
}

/// Writes what clients sealed, right and wrong; the places it may not be in are searched after.
fn handle_sealed(server: &Running, user: &Login) {
    let body = |name: &str| {
        json!({
            "name": name, "cipher_type": "fernet", "cipher_version": 2, "credential_keys": ["k"],
            "credential_pairs": { "us-east-1": SEALED }, "data_key": { "us-east-1": SEALED },
        })
    };
    let route = "/v1/blind_credentials";
    let made = server.http.post(route, user, &body("sealed"));
    assert_eq!(made.status, 200, "{}", made.body);
    let id = world::text(&made.body, "id");
    let one = format!("{route}/{id}");
    let updated = server.http.put(&one, user, &body("sealed again"));
    assert_eq!(
        updated.body["credential_pairs"]["us-east-1"], SEALED,
        "the canary does not sing"
    );
    for path in [format!("{one}/1"), format!("{one}/99")] {
        server.http.send("PUT", &path, Some(user), None);
    }
    let mut wrong = body("wrong");
    wrong["data_key"] = json!([SEALED]);
    let refused = [
        server.http.post(route, user, &wrong),
        server.http.put(&one, user, &json!({ "metadata": SEALED })),
        server.http.put(
            &one,
            user,
            &json!({ "credential_pairs": { "us-east-1": SEALED } }),
        ),
    ];
    for answer in refused {
        assert_eq!(answer.status, 400, "{}", answer.body);
        find_value(SEALED, "an error", answer.body.to_string().as_bytes());
    }
}

#[test]
fn an_embedded_server_writes_no_value_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let program = world::embedded(Program::keepward(), &data).set("KEEPWARD_LOG", "trace");
    let server = program.serve().expect("it starts");
    let user = world::key_login(&program, &data.join("operator.key"));
    find("an error", handle_values(&server, &user).as_bytes());
    handle_sealed(&server, &user);
    let made = server.http.get("/v1/value_generator", &user);
    let made = world::text(&made.body, "value");
    // While it runs, for the write-ahead log; and after, for the table.
    assert!(search_folder(&data) >= 5);
    let log = server.stop();
    // Lines of these two levels exist, so they would show what is written at them.
    assert!(
        log.contains("DEBUG") && log.contains("audit log closed"),
        "the log is not at debug:\n{log}"
    );
    find("the log", log.as_bytes());
    assert!(search_folder(&data) >= 5);
    find_value(SEALED, "the log", log.as_bytes());
    assert!(search_folder_for(SEALED, &data, "table.sqlite") >= 4);
    // Only shown, to who asked for it.
    find_value(&made, "the log", log.as_bytes());
    assert!(search_folder_for(&made, &data, "") >= 5);

    // Nor what proves who is asking.
    let key_file = fs::read_to_string(data.join("operator.key")).expect("the operator's key");
    let key: serde_json::Value = serde_json::from_str(&key_file).expect("JSON");
    let mut places = vec![
        log.into_bytes(),
        fs::read(data.join("table.sqlite")).expect("the table"),
    ];
    for entry in fs::read_dir(data.join("audit")).expect("the audit folder") {
        places.push(fs::read(entry.expect("an entry").path()).expect("the file"));
    }
    for proof in [
        user.token.as_str(),
        key["private_key"].as_str().expect("a private key"),
    ] {
        for place in &places {
            assert!(
                !place
                    .windows(proof.len())
                    .any(|window| window == proof.as_bytes()),
                "a proof is written down"
            );
        }
    }
}

#[test]
fn a_server_on_dynamodb_writes_no_value_down() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let program = world::on_moto(Program::keepward(), &moto, "canary", folder.path())
        .set("KEEPWARD_LOG", "trace");
    let (statsd, receiver) = (Statsd::listen(), Receiver::start());
    let server = telling::telling(program.clone(), &statsd, &receiver)
        .set("WEBHOOK_PASSWORD", SESSION_SECRET)
        .set("GRAPHITE_PASSWORD", SESSION_SECRET)
        .set("KEEPWARD_WEBHOOK_KEY", SESSION_SECRET)
        .serve()
        .expect("it starts");
    let user = world::kms_login(&program, "user", "ops");
    find("an error", handle_values(&server, &user).as_bytes());
    handle_sealed(&server, &user);
    let metrics = telling::metrics(&server);
    let log = server.stop();
    // A stop has sent what was to be sent.
    let mut posts: Vec<_> = ["/webhook", "/graphite"]
        .map(|path| receiver.posts(path))
        .concat();
    for post in &mut posts {
        // The one place where the password belongs.
        post["headers"]["authorization"].take();
    }
    let (lines, posts) = (statsd.lines().join("\n"), json!(posts).to_string());
    for (place, told, sung) in [
        ("the log", &log, "listening"),
        ("the metrics", &metrics, "keepward_operations_total"),
        ("statsd", &lines, "confidant.create_credential"),
        ("the notices", &posts, "with canary"),
    ] {
        assert!(told.contains(sung), "{place} says nothing: {told}");
        for value in [CANARY, SEALED, SESSION_SECRET, user.token.as_str()] {
            find_value(value, place, told.as_bytes());
        }
    }
    assert!(search_folder_for(SEALED, folder.path(), "") >= 2);
    find(
        "the table",
        json!(moto.dump("canary")).to_string().as_bytes(),
    );
    assert!(search_folder(folder.path()) >= 2);
}

#[test]
fn a_server_with_sessions_writes_no_secret_cookie_or_token_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = browsers::behind_a_proxy(&data)
        .set("SESSION_SECRET", SESSION_SECRET)
        .set("KEEPWARD_LOG", "trace")
        .serve()
        .expect("it starts");
    let login = exchange(&server, "GET", "/v1/login", ANN, "");
    let session = cookie(&login, "confidant_session").to_owned();
    let token = cookie(&login, "MY-XSRF").to_owned();
    let with = |session: &str, token: &str| {
        format!("{ANN}Cookie: confidant_session={session}\r\nX-XSRF-TOKEN: {token}\r\n")
    };
    let body = json!({ "name": "n", "credential_pairs": { "k": CANARY } }).to_string();
    let create = |headers: &str| exchange(&server, "POST", "/v1/credentials", headers, &body);
    assert!(create(&with(&session, &token)).starts_with("HTTP/1.1 200"));
    // Changed cookies, another's token, and none: the answer gives a new session and tells nothing.
    let mut changed = session.clone();
    changed.insert(10, 'x');
    for headers in [
        with(&session, "other"),
        with(&changed, &token),
        format!("{ANN}Cookie: confidant_session={session}\r\n"),
    ] {
        let refused = create(&headers);
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
        let (_, told) = refused.split_once("\r\n\r\n").expect("a body");
        for secret in [CANARY, session.as_str(), token.as_str()] {
            assert!(!told.contains(secret), "{told}");
        }
        find_value(SESSION_SECRET, "an answer", refused.as_bytes());
    }
    let log = server.stop();
    for secret in [CANARY, SESSION_SECRET, session.as_str(), token.as_str()] {
        find_value(secret, "the log", log.as_bytes());
        assert!(search_folder_for(secret, &data, "") >= 5);
    }
}

#[test]
fn a_command_line_that_fails_tells_no_value() {
    let shell = Shell::open();
    let pairs = json!({ "password": CANARY, "bad key": CANARY.len(), "a=b": CANARY });
    let ill = shell.feed(
        &["credential", "create", "c", "--pairs-file", "-"],
        &pairs.to_string(),
    );
    let pairs = json!({ "password": CANARY, "a=b": CANARY, "path": CANARY });
    let made = told_json(&shell.feed(
        &["credential", "create", "c", "--pairs-file", "-", "--json"],
        &pairs.to_string(),
    ));
    let id = world::text(&made, "id");
    ok(&shell.run(&["service", "set", "web", "--credential", &id]));
    let sung = ok(&shell.run(&["exec", "--service", "web", "--", "printenv", "password"]));
    assert_eq!(sung.trim_end(), CANARY, "the canary does not sing");

    let exec = |options: &[&str], command: &str| {
        let arguments = [&["exec", "--service", "web"], options, &["--", command]].concat();
        shell.run(&arguments)
    };
    for output in [
        ill,
        exec(&[], "/nowhere/at-all"),
        exec(&["--strict", "--upper"], "true"),
        shell.run(&["service", "get", "web", "--format", "env"]),
        shell.run(&["credential", "revert", &id, "7"]),
        shell.feed(&["credential", "update", &id, "--pairs-file", "-"], CANARY),
    ] {
        find("stderr", &output.stderr);
        if !output.status.success() {
            find("stdout", &output.stdout);
        }
    }
}

#[test]
fn the_search_finds_each_form_when_it_is_there() {
    // Written out by hand, not by the code that searches.
    let written = [
        ("plain", r#"x kw-canary/9f3b"77ad\51c2é+4e80 2b66 y"#),
        ("JSON", r#"{"k": "kw-canary/9f3b\"77ad\\51c2é+4e80 2b66"}"#),
        (
            "JSON in ASCII",
            r#""kw-canary/9f3b\"77ad\\51c2\u00e9+4e80 2b66""#,
        ),
        (
            "URL",
            "?a=kw%2Dcanary%2F9f3b%2277ad%5C51c2%C3%A9%2B4e80%202b66&",
        ),
        (
            "hex",
            "6b772d63616e6172792f3966336222373761645c35316332c3a92b346538302032623636",
        ),
        (
            "HEX",
            "6B772D63616E6172792F3966336222373761645C35316332C3A92B346538302032623636",
        ),
        ("a part", r#"...9f3b"77ad..."#),
        ("another part", "kw-canary"),
    ];
    for (form, text) in written {
        assert!(
            found_in(text.as_bytes()).contains(&form),
            "{form} is not found"
        );
    }
    for skip in 0..3 {
        let text = format!("{}{CANARY} and more", "x".repeat(skip));
        let standard = found_in(STANDARD_NO_PAD.encode(&text).as_bytes());
        assert!(
            standard.contains(&"base64"),
            "base64 after {skip} letters is not found"
        );
        let url = found_in(URL_SAFE_NO_PAD.encode(&text).as_bytes());
        assert!(
            url.contains(&"base64url"),
            "base64url after {skip} letters is not found"
        );
    }
    find("harmless text", b"a canary in a coal mine, 9f3b, 77ad");
}
