//! What may not be done to blind credentials: refused alike by both, and where the real server fails
//! with 500, told or done by ours.

use serde_json::{Map, Value, json};

use super::{Fleet, Side};
use crate::world;

const PATH: &str = "/v1/blind_credentials";

#[test]
fn blind_credentials_are_refused_in_the_same_words() {
    let fleet = Fleet::start();
    let write = |side, method, path: &str, body: &Value| {
        world::text(&fleet.write(side, method, path, body), "id")
    };
    let ours = write(
        Side::Keepward,
        "POST",
        PATH,
        &with(&[("name", json!("ours"))]),
    );
    let theirs = write(
        Side::Confidant,
        "POST",
        PATH,
        &with(&[("name", json!("theirs")), ("credential_keys", json!(["k"]))]),
    );
    let credential = write(
        Side::Keepward,
        "POST",
        "/v1/credentials",
        &json!({ "name": "c", "credential_pairs": { "c": "v" }, "enabled": true }),
    );
    let service = json!({
        "credentials": [credential], "blind_credentials": [ours, theirs], "enabled": true,
    });
    fleet.write(Side::Keepward, "PUT", "/v1/services/svc", &service);

    let mut compared = 0;
    for body in creates() {
        compared += usize::from(refused(&fleet, "POST", PATH, &body));
    }
    for id in [&ours, &theirs] {
        for body in updates() {
            compared += usize::from(refused(&fleet, "PUT", &format!("{PATH}/{id}"), &body));
        }
        for revision in ["2", "1", "x", "services", "01"] {
            let path = format!("{PATH}/{id}/{revision}");
            compared += usize::from(refused(&fleet, "PUT", &path, &json!({})));
        }
    }
    for id in [
        &credential,
        &format!("{ours}-1"),
        &"nowhere".to_owned(),
        &"svc".to_owned(),
    ] {
        for path in [format!("{PATH}/{id}"), format!("{PATH}/{id}/1")] {
            compared += usize::from(refused(&fleet, "PUT", &path, &json!({})));
        }
    }
    println!("{compared} refusals alike");
    assert!(compared > 50, "{compared}");

    for side in [Side::Confidant, Side::Keepward] {
        // Each goes back to what the other wrote.
        for id in [&ours, &theirs] {
            let path = format!("{PATH}/{id}");
            fleet.write(
                side,
                "PUT",
                &path,
                &json!({ "documentation": format!("{side:?}") }),
            );
            fleet.write(side, "PUT", &format!("{path}/1"), &json!({}));
            fleet.read(&path);
            fleet.read(&format!("{path}-1"));
            fleet.read(&format!("{path}/services"));
        }
    }
    for query in ["", "?limit=3", "?limit=0", "?limit=-1", "?limit=x"] {
        fleet.read(&format!("/v1/archive{}{query}", &PATH[3..]));
    }
    fleet.stop();
}

/// Whether both refuse it in the same words; else the real server fails with 500, and ours does not.
fn refused(fleet: &Fleet, method: &str, path: &str, body: &Value) -> bool {
    let [ours, theirs] =
        [Side::Keepward, Side::Confidant].map(|side| fleet.send(side, method, path, Some(body)));
    if theirs.status >= 500 {
        assert!(ours.status < 500, "{method} {path} {body}: {}", ours.body);
        return false;
    }
    assert_eq!(
        ours, theirs,
        "left Keepward, right Confidant: {method} {path} {body}"
    );
    assert!(theirs.status >= 400, "{method} {path} {body}");
    true
}

fn creates() -> Vec<Value> {
    let mut bodies = vec![json!({}), with(&[("name", json!("theirs"))])];
    let falsy = [json!(null), json!(""), json!(0), json!([]), json!({})];
    for field in [
        "cipher_version",
        "cipher_type",
        "credential_pairs",
        "data_key",
    ] {
        bodies.extend(falsy.iter().map(|value| with(&[(field, value.clone())])));
    }
    let wrong = [
        ("data_key", json!("x")),
        ("credential_keys", json!("x")),
        ("metadata", json!([])),
        ("metadata", json!(null)),
        ("credential_keys", json!(null)),
        ("name", json!("ours")),
    ];
    // Alone, and each with each: which one is told.
    for one in &wrong {
        bodies.push(with(std::slice::from_ref(one)));
        bodies.extend(
            wrong
                .iter()
                .map(|other| with(&[one.clone(), other.clone()])),
        );
    }
    bodies
}

fn updates() -> Vec<Value> {
    let pairs = |fields: &[(&'static str, Value)]| {
        let mut body = with(fields);
        body["name"] = json!("renamed");
        body
    };
    vec![
        json!({ "enabled": null }),
        json!({ "enabled": "yes", "metadata": [] }),
        json!({ "metadata": null }),
        json!({ "credential_pairs": {} }),
        json!({ "credential_pairs": null }),
        json!({ "credential_pairs": {}, "cipher_version": 2 }),
        json!({ "credential_pairs": {}, "data_key": [] }),
        json!({ "credential_pairs": {}, "data_key": {}, "cipher_type": "" }),
        pairs(&[("credential_keys", json!(["c"]))]),
        pairs(&[("credential_keys", json!(["c"])), ("data_key", json!([]))]),
        pairs(&[("credential_keys", json!(["c"])), ("enabled", json!(1))]),
        pairs(&[("credential_keys", json!({})), ("data_key", json!([]))]),
        pairs(&[("credential_keys", json!([])), ("data_key", json!("x"))]),
        pairs(&[("credential_keys", json!(null))]),
        pairs(&[("metadata", json!("m"))]),
    ]
}

/// Enough for a create, with other fields.
fn with(fields: &[(&'static str, Value)]) -> Value {
    let mut body: Map<String, Value> = Map::new();
    for (field, value) in [
        ("name", json!("new")),
        ("credential_pairs", json!({ "us-east-1": "opaque" })),
        ("data_key", json!({ "us-east-1": "QUJD" })),
        ("cipher_type", json!("fernet")),
        ("cipher_version", json!(2)),
        ("enabled", json!(true)),
    ]
    .into_iter()
    .chain(fields.iter().cloned())
    {
        body.insert(field.to_owned(), value);
    }
    body.into()
}
