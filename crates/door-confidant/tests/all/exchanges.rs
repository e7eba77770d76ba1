//! Exchanges recorded with the real Confidant 7.0.0, replayed where these routes bear them.
//!
//! Ids are translated, dates and revision numbers are left out. What the old server answered with
//! 500 is left out too.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::house::{As, House};

/// Entries of the browser user, in order.
const OF_THE_USER: &[&str] = &[
    "empty list",
    "create1",
    "create dup",
    "create minimal",
    "create null meta",
    "create no pairs",
    "create pairs ws",
    "create pairs nested",
    "create meta list",
    "create nonstr value",
    "create enabled str",
    "create upper dup keys",
    "list",
    "list page bad",
    "list limit junk",
    "get",
    "get md",
    "get archive id",
    "get none",
    "update",
    "update none",
    "update archive",
    "update name conflict",
    "diff",
    "diff rev",
    "diff same",
    "diff none old",
    "diff none new",
    "revs",
    "revs of archive id",
    "revs none",
    "revert",
    "revert same",
    "revert none",
    "revert nocred",
    "svc deps empty",
    "svc none",
    "svc create",
    "svc get",
    "svc revs",
    "svc archlist",
    "svc diff none",
    "svc revert",
    "svc revert none",
    "deps",
    "svc get md",
    "svc get md True",
    "svc get arch",
    "svc get cred id",
    "svc list",
    "svc list lim",
    "create conflicting",
    "svc conflict",
    "cred conflict",
    "blind create",
    "blind dup",
    "blind missing",
    "blind min",
    "blind dk list",
    "blind keys str",
    "blind list",
    "blind get",
    "blind get none",
    "blind update meta",
    "blind update pairs missing",
    "blind update pairs",
    "blind archlist",
    "blind revert",
    "blind revert none",
    "svc blind",
    "blind deps",
    "mk",
    "upd empty pairs",
    "upd en str",
    "upd same",
    "upd meta bad",
    "upd ws",
    "svc",
    "svc same again",
    "mk2",
    "mkb",
    "svc3",
    "svc unk",
    "blind conflict",
    "upd ok mapped",
    "blind ok mapped",
    "arch of cred in svc",
    "dup ids",
    "put archived svc",
    "put svc on cred id",
];

/// Entries of proven services.
const OF_SERVICES: &[&str] = &[
    "svc-a own",
    "svc-a own md",
    "svc-a archived rev",
    "svc-a other",
    "svc missing own",
    "svc list creds",
    "svc get cred",
    "svc list svc",
    "svc blind create (no ACL)",
    "svc revert cred",
    "svc diff cred",
    "svc revs cred",
    "svc deps cred",
    "svc revert svc",
    "svc archive svc list",
    "svc diff own",
];

#[tokio::test]
async fn answers_what_the_real_server_answered() {
    let file: Value = serde_json::from_str(include_str!(
        "../../../../vectors/confidant/http_exchanges.json"
    ))
    .unwrap();
    let all = file["exchanges"].as_array().unwrap();
    let entry = |group: &str, name: &str| {
        let of_group = |entry: &&Value| entry["group"] == group && entry["name"] == name;
        all.iter()
            .find(of_group)
            .unwrap_or_else(|| panic!("no exchange {name}"))
            .clone()
    };
    let house = House::new().await;
    let mut ids = BTreeMap::new();
    let rlane = As::User("rlane@example.com");
    let mut compared = 0;
    for name in OF_THE_USER {
        let entry = entry("ui user, header auth", name);
        let (answer, expected) = replay(&house, rlane, &entry, &mut ids).await;
        assert_eq!(answer, expected, "{name}");
        compared += 1;
    }
    for name in OF_SERVICES {
        let entry = entry("kms tokens", name);
        let who = if *name == "svc missing own" {
            "svc-z"
        } else {
            "svc-a"
        };
        let (answer, expected) = replay(&house, As::Service(who), &entry, &mut ids).await;
        assert_eq!(answer, expected, "{name}");
        compared += 1;
    }
    println!("{compared} exchanges compared");
    assert!(compared > 50);
}

#[tokio::test]
async fn a_scoped_service_is_answered_as_the_real_server_did() {
    let house = House::new().await;
    let body = json!({"credentials": [], "account": "sandbox"});
    assert_eq!(
        house
            .send(As::User("alice"), "PUT", "/v1/services/svc-b", Some(&body))
            .await
            .status,
        200
    );
    let wrong = house.get(As::Service("svc-b"), "/v1/services/svc-b").await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.body.as_str()),
        (
            401,
            "{\"error\":\"Authenticated user is not authorized.\"}\n"
        )
    );
    assert_eq!(
        house
            .get(As::Scoped("svc-b", "sandbox"), "/v1/services/svc-b")
            .await
            .status,
        200
    );
    assert_eq!(
        house
            .get(As::Scoped("svc-b", "primary"), "/v1/services/svc-b")
            .await
            .status,
        401
    );
    assert_eq!(
        house
            .get(As::User("bob"), "/v1/services/svc-b")
            .await
            .status,
        200
    );
}

/// Sends one recorded request and returns both answers, comparable.
async fn replay(
    house: &House,
    who: As<'_>,
    entry: &Value,
    ids: &mut BTreeMap<String, String>,
) -> (Value, Value) {
    let ours = |text: &str| {
        ids.iter().fold(text.to_owned(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        })
    };
    let body = entry
        .get("request_json")
        .map(|body| serde_json::from_str(&ours(&body.to_string())).unwrap());
    let path = ours(entry["path"].as_str().unwrap());
    // Real time went by between the recorded requests.
    house.clock.advance(std::time::Duration::from_millis(1_100));
    let answer = house
        .send(who, entry["method"].as_str().unwrap(), &path, body.as_ref())
        .await;
    let told = answer.json();
    if let (Some(theirs), Some(ours)) = (entry["body"]["id"].as_str(), told["id"].as_str()) {
        ids.insert(theirs.to_owned(), ours.to_owned());
    }
    let translated = ids
        .iter()
        .fold(entry["body"].to_string(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        });
    let expected = comparable(serde_json::from_str(&translated).unwrap());
    (
        json!([answer.status.as_u16(), comparable(told)]),
        json!([entry["status"], expected]),
    )
}

/// Without what depends on the run, and with unordered lists in order.
fn comparable(value: Value) -> Value {
    const OF_THE_RUN: [&str; 5] = [
        "modified_date",
        "last_rotation_date",
        "next_rotation_date",
        "revision",
        "next_page",
    ];
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(name, _)| !OF_THE_RUN.contains(&name.as_str()))
            .map(|(name, value)| (name, comparable(value)))
            .collect(),
        Value::Array(list) => {
            let mut list: Vec<_> = list.into_iter().map(comparable).collect();
            list.sort_by_key(Value::to_string);
            list.into()
        }
        other => other,
    }
}
