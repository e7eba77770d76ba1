//! A value never reaches a log, an error, an audit line or a stored byte in any common form.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use conformance::{Login, Program, Running};
use serde_json::json;
use testkit::Moto;

use crate::world;

/// The letters make JSON and URL escapes differ from the plain text.
const CANARY: &str = "kw-canary/9f3b\"77ad\\51c2é+4e80 2b66";

/// Every form in which the value could be written down.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let json = json!(CANARY).to_string();
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
    let url: String = CANARY
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
        ("plain", CANARY.as_bytes().to_vec()),
        ("a part", b"9f3b\"77ad".to_vec()),
        ("another part", b"kw-canary".to_vec()),
        ("JSON", json.trim_matches('"').as_bytes().to_vec()),
        ("JSON in ASCII", ascii.into_bytes()),
        (
            "debug",
            format!("{CANARY:?}").trim_matches('"').as_bytes().to_vec(),
        ),
        ("URL", url.into_bytes()),
        ("hex", hex::encode(CANARY).into_bytes()),
        ("HEX", hex::encode_upper(CANARY).into_bytes()),
    ];
    // Base64 of a longer text holds one of three forms of the value, by its place in that text.
    for skip in 0..3 {
        let inner = CANARY
            .get(skip..CANARY.len() - 6)
            .expect("ASCII at both cuts");
        let whole = inner.len() / 3 * 3;
        let inner = inner.as_bytes().get(..whole).expect("shorter");
        forms.push(("base64", STANDARD_NO_PAD.encode(inner).into_bytes()));
        forms.push(("base64url", URL_SAFE_NO_PAD.encode(inner).into_bytes()));
    }
    forms
}

/// The forms in which the value is there.
fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    forms()
        .into_iter()
        .filter(|(_, needle)| bytes.windows(needle.len()).any(|window| window == needle))
        .map(|(form, _)| form)
        .collect()
}

fn find(place: &str, bytes: &[u8]) {
    let found = found_in(bytes);
    assert!(found.is_empty(), "the value is in {place} as {found:?}");
}

fn search_folder(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files += search_folder(&path);
        } else {
            find(
                &path.display().to_string(),
                &fs::read(&path).expect("the file"),
            );
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
    for answer in &wrong {
        assert!(
            (400..500).contains(&answer.status),
            "{} {}",
            answer.status,
            answer.body
        );
        told.push_str(&answer.body.to_string());
    }
    told
}

#[test]
fn an_embedded_server_writes_no_value_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let program = world::embedded(Program::keepward(), &data).set("KEEPWARD_LOG", "trace");
    let server = program.serve().expect("it starts");
    let user = world::key_login(&program, &data.join("operator.key"));
    find("an error", handle_values(&server, &user).as_bytes());
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
    let server = program.serve().expect("it starts");
    let user = world::kms_login(&program, "user", "ops");
    find("an error", handle_values(&server, &user).as_bytes());
    find("the log", server.stop().as_bytes());
    find(
        "the table",
        json!(moto.dump("canary")).to_string().as_bytes(),
    );
    assert!(search_folder(folder.path()) >= 2);
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
