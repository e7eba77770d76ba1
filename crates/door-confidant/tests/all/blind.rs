//! The blind credential routes: the answers in full, each bad field, and who may.

use domain::BlindWriters;
use serde_json::{Value, json};

use crate::house::{Answer, As, House};

const ALICE: As<'static> = As::User("alice");
const BLIND: &str = "/v1/blind_credentials";

fn sealed() -> Value {
    json!({
        "name": "b", "credential_pairs": {"us-east-1": "gAAAA"}, "data_key": {"us-east-1": "QUJD"},
        "cipher_type": "fernet", "cipher_version": 2,
    })
}

/// `sealed` with other or no fields: null takes one away.
fn with(changes: Value) -> Value {
    let mut body = sealed();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => body.as_object_mut().unwrap().shift_remove(name),
            value => body
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    body
}

async fn post(house: &House, body: &Value) -> Answer {
    house.send(ALICE, "POST", BLIND, Some(body)).await
}

async fn made(house: &House, body: &Value) -> String {
    let answer = post(house, body).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn told(answer: &Answer) -> (u16, String) {
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    (answer.status.as_u16(), error)
}

#[tokio::test]
async fn answers_are_sorted_compact_ascii_with_http_dates() {
    let house = House::new().await;
    let body = with(json!({
        "metadata": {"z": {"b": 1, "a": "\u{e9}"}, "context": {}}, "credential_keys": ["k2", "k1", "k2"],
    }));
    let created = post(&house, &body).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let expected = format!(
        "{{\"cipher_type\":\"fernet\",\"cipher_version\":2,\"credential_keys\":[\"k1\",\"k2\"],\
         \"credential_pairs\":{{\"us-east-1\":\"gAAAA\"}},\"data_key\":{{\"us-east-1\":\"QUJD\"}},\
         \"documentation\":null,\"enabled\":true,\"id\":\"{id}\",\
         \"metadata\":{{\"context\":{{}},\"z\":{{\"a\":\"\\u00e9\",\"b\":1}}}},\
         \"modified_by\":\"alice\",\"modified_date\":\"Tue, 24 Nov 2026 10:00:00 GMT\",\
         \"name\":\"b\",\"revision\":1}}\n"
    );
    assert_eq!(created.body, expected);
    let read = house.get(ALICE, &format!("{BLIND}/{id}")).await;
    assert_eq!((read.status.as_u16(), &read.body), (200, &expected));
    assert_eq!(
        read.headers.get("content-type").unwrap(),
        "application/json"
    );
    let listed = house.get(ALICE, BLIND).await;
    assert_eq!(
        listed.body,
        format!(
            "{{\"blind_credentials\":[{{\"documentation\":null,\"enabled\":true,\"id\":\"{id}\",\
             \"modified_by\":\"alice\",\"modified_date\":\"Tue, 24 Nov 2026 10:00:00 GMT\",\
             \"name\":\"b\",\"revision\":1}}]}}\n"
        )
    );
}

#[rstest::rstest]
#[case::nothing(json!({}), "The following fields are required: ['cipher_version', 'cipher_type', 'credential_pairs', 'data_key']")]
#[case::empty_counts_as_missing(
    json!({"name": "b", "cipher_version": 0, "cipher_type": "", "credential_pairs": {}, "data_key": []}),
    "The following fields are required: ['cipher_version', 'cipher_type', 'credential_pairs', 'data_key']"
)]
#[case::one(with(json!({"data_key": null})), "The following fields are required: ['data_key']")]
#[case::data_key(with(json!({"data_key": "x"})), "data_key must be a dict with a region/key mapping.")]
#[case::keys(with(json!({"credential_keys": {}})), "credential_keys must be a list.")]
#[case::key(with(json!({"credential_keys": ["k", 1]})), "credential_keys must be a list of strings")]
#[case::metadata(with(json!({"metadata": []})), "metadata must be a dict")]
#[case::no_name(with(json!({"name": null})), "name is a required field")]
#[case::name(with(json!({"name": 1})), "name must be a string")]
#[case::pairs(with(json!({"credential_pairs": ["x"]})), "credential_pairs must be a dict")]
#[case::cipher_type(with(json!({"cipher_type": 2})), "cipher_type must be a string")]
#[case::version_text(with(json!({"cipher_version": "two"})), "cipher_version must be a number")]
#[case::version_signed(with(json!({"cipher_version": "-2"})), "cipher_version must be a number")]
#[case::version_fraction(with(json!({"cipher_version": 2.5})), "cipher_version must be a number")]
#[case::version_true(with(json!({"cipher_version": true})), "cipher_version must be a number")]
#[case::documentation(with(json!({"documentation": 1})), "documentation must be a string")]
#[tokio::test]
async fn a_bad_field_of_a_create_is_named(#[case] body: Value, #[case] expected: &str) {
    let house = House::new().await;
    assert_eq!(told(&post(&house, &body).await), (400, expected.to_owned()));
    assert_eq!(
        house.get(ALICE, BLIND).await.body,
        "{\"blind_credentials\":[]}\n"
    );
}

#[rstest::rstest]
#[case::enabled(json!({"enabled": "yes"}), "Enabled must be a boolean.")]
#[case::metadata(json!({"metadata": null}), "metadata must be a dict")]
#[case::lone_pairs(json!({"credential_pairs": {"r": "x"}}), "data_key required when updating credential_pairs.")]
#[case::whole(sealed(), "")]
#[case::pairs_text(with(json!({"credential_pairs": "x"})), "credential_pairs must be a dict")]
#[case::no_version(with(json!({"cipher_version": null})), "cipher_version required when updating credential_pairs.")]
#[case::version(with(json!({"cipher_version": []})), "cipher_version must be a number")]
#[case::keys(with(json!({"credential_keys": "k"})), "credential_keys must be a list.")]
#[case::data_key(with(json!({"data_key": []})), "data_key must be a dict with a region/key mapping.")]
#[case::name(json!({"name": ["b"]}), "name must be a string")]
#[tokio::test]
async fn a_bad_field_of_an_update_is_named(#[case] body: Value, #[case] expected: &str) {
    let house = House::new().await;
    let path = format!("{BLIND}/{}", made(&house, &sealed()).await);
    let answer = house.send(ALICE, "PUT", &path, Some(&body)).await;
    if expected.is_empty() {
        assert_eq!(answer.status, 200, "{answer}");
    } else {
        assert_eq!(told(&answer), (400, expected.to_owned()));
    }
}

#[tokio::test]
async fn what_the_old_server_answered_with_500_is_done_or_told() {
    let house = House::new().await;
    // The Python client sends `--cipher-version 2` as text.
    let digits = with(json!({"cipher_version": "2"}));
    let created = post(&house, &digits).await;
    assert_eq!(created.json()["cipher_version"], 2);
    let path = format!("{BLIND}/{}", created.json()["id"].as_str().unwrap());
    // Pairs without keys.
    let pairs = json!({
        "credential_pairs": {"us-east-1": "zz"}, "data_key": {"us-east-1": "QQ=="},
        "cipher_type": "fernet", "cipher_version": 2,
    });
    let updated = house.send(ALICE, "PUT", &path, Some(&pairs)).await;
    assert_eq!(
        (updated.status.as_u16(), &updated.json()["credential_keys"]),
        (200, &json!([]))
    );
    let no_body = house.send(ALICE, "PUT", &path, None).await;
    assert_eq!(
        told(&no_body),
        (
            400,
            "A JSON body is required (Content-Type: application/json).".to_owned()
        )
    );
}

#[tokio::test]
async fn one_that_is_not_there_is_told_in_the_old_words() {
    let house = House::new().await;
    let credential = house.create("c", json!({"k": "v"})).await;
    let id = made(&house, &sealed()).await;
    let missing = house.get(ALICE, &format!("{BLIND}/{credential}")).await;
    assert_eq!(
        (missing.status.as_u16(), missing.body.as_str()),
        (404, "{}\n")
    );
    let put = async |id: &str| {
        let path = format!("{BLIND}/{id}");
        told(&house.send(ALICE, "PUT", &path, Some(&json!({}))).await)
    };
    assert_eq!(
        put("nowhere").await,
        (404, "Blind credential not found.".to_owned())
    );
    for other in [credential, format!("{id}-1")] {
        assert_eq!(
            put(&other).await,
            (400, "id provided is not a blind-credential.".to_owned())
        );
    }
}

#[tokio::test]
async fn an_explicit_null_takes_the_documentation_away() {
    let house = House::new().await;
    let path = format!(
        "{BLIND}/{}",
        made(&house, &with(json!({"documentation": "d"}))).await
    );
    let kept = house.send(ALICE, "PUT", &path, Some(&json!({}))).await;
    assert_eq!(kept.json()["documentation"], "d");
    let body = json!({ "documentation": null });
    let taken = house.send(ALICE, "PUT", &path, Some(&body)).await;
    assert_eq!(taken.json()["documentation"], Value::Null);
}

/// A blind credential of three revisions; the last one is renamed.
async fn three_revisions(house: &House) -> String {
    let id = made(house, &with(json!({"credential_keys": ["k1"]}))).await;
    let path = format!("{BLIND}/{id}");
    for body in [
        with(json!({"credential_keys": ["k2"], "credential_pairs": {"us-east-1": "two"}})),
        json!({ "name": "c" }),
    ] {
        house.clock.advance(std::time::Duration::from_secs(1));
        let answer = house.send(ALICE, "PUT", &path, Some(&body)).await;
        assert_eq!(answer.status, 200, "{answer}");
    }
    id
}

/// What each entry of a list is, shortly.
fn entries(list: &Value) -> Vec<Value> {
    let entries = list.as_array().unwrap().iter();
    entries
        .map(|one| {
            json!([
                one["id"],
                one["revision"],
                one["name"],
                one["credential_pairs"]["us-east-1"],
                one["credential_keys"]
            ])
        })
        .collect()
}

#[tokio::test]
async fn each_revision_is_told_as_it_was() {
    let house = House::new().await;
    let id = three_revisions(&house).await;
    let expected = [
        json!([format!("{id}-3"), 3, "c", "two", ["k2"]]),
        json!([format!("{id}-2"), 2, "b", "two", ["k2"]]),
        json!([format!("{id}-1"), 1, "b", "gAAAA", ["k1"]]),
    ];
    let one = house
        .get(ALICE, &format!("/v1/archive/blind_credentials/{id}"))
        .await
        .json();
    assert_eq!(entries(&one["revisions"]), expected);
    assert_eq!(one.as_object().unwrap().len(), 1);
    for entry in one["revisions"].as_array().unwrap() {
        let path = format!("{BLIND}/{}", entry["id"].as_str().unwrap());
        assert_eq!(house.get(ALICE, &path).await.json(), *entry);
    }

    let first = house
        .get(ALICE, "/v1/archive/blind_credentials?limit=2")
        .await
        .json();
    assert_eq!(entries(&first["blind_credentials"]), expected[..2]);
    let next = first["next_page"].as_str().unwrap();
    let path = format!("/v1/archive/blind_credentials?limit=2&page={next}");
    let rest = house.get(ALICE, &path).await.json();
    assert_eq!(entries(&rest["blind_credentials"]), expected[2..]);
    let all = house
        .get(ALICE, "/v1/archive/blind_credentials")
        .await
        .json();
    assert_eq!(
        (entries(&all["blind_credentials"]), &all["next_page"]),
        (expected.to_vec(), &Value::Null)
    );

    let bad = house
        .get(ALICE, "/v1/archive/blind_credentials?page=x")
        .await;
    assert_eq!(told(&bad), (400, "Failed to parse page".to_owned()));
    let none = house
        .get(ALICE, "/v1/archive/blind_credentials/nowhere")
        .await;
    assert_eq!((none.status.as_u16(), none.body.as_str()), (404, "{}\n"));
}

#[tokio::test]
async fn a_revert_answers_in_the_old_words() {
    let house = House::new().await;
    let id = three_revisions(&house).await;
    let put = async |path: &str| {
        house
            .send(ALICE, "PUT", &format!("{BLIND}/{path}"), None)
            .await
    };
    let missing = (404, "Blind credential not found.".to_owned());
    for path in [
        format!("{id}/99"),
        format!("{id}/services"),
        format!("{id}/x"),
        "nowhere/1".to_owned(),
    ] {
        assert_eq!(told(&put(&path).await), missing, "{path}");
    }
    assert_eq!(
        told(&put(&format!("{id}-1/1")).await),
        (400, "id provided is not a blind-credential.".to_owned())
    );
    house.map(&format!("{id}-77"), &[]).await;
    assert_eq!(
        told(&put(&format!("{id}/77")).await),
        (
            400,
            "id provided is not an archive-blind-credential.".to_owned()
        )
    );
    assert_eq!(
        told(&put(&format!("{id}/3")).await),
        (
            400,
            "No difference between old and new blind credential.".to_owned()
        )
    );
    let back = put(&format!("{id}/1")).await.json();
    assert_eq!(
        json!([back["id"], back["revision"], back["credential_keys"]]),
        json!([id, 4, ["k1"]])
    );
    // The Python client's `None`: the one before.
    assert_eq!(put(&format!("{id}/None")).await.json()["name"], "c");
}

#[tokio::test]
async fn a_key_that_both_kinds_hold_is_a_conflict_and_names_both() {
    let house = House::new().await;
    let id = made(&house, &with(json!({"name": "one"}))).await;
    let other = made(
        &house,
        &with(json!({"name": "two", "credential_keys": ["k"]})),
    )
    .await;
    let credential = house.create("c", json!({"k": "v"})).await;
    for (service, credentials, blind) in [
        ("a", vec![&credential], vec![&id]),
        ("b", vec![], vec![&id, &other]),
    ] {
        let body = json!({ "credentials": credentials, "blind_credentials": blind });
        let path = format!("/v1/services/{service}");
        assert_eq!(
            house.send(ALICE, "PUT", &path, Some(&body)).await.status,
            200
        );
    }
    let path = format!("{BLIND}/{id}");
    let body = with(json!({"credential_keys": ["k"]}));
    let refused = house.send(ALICE, "PUT", &path, Some(&body)).await;
    let conflict = json!({
        "blind_credentials": [other], "credentials": [credential], "services": ["a", "b"],
    });
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (
            400,
            json!({
                "error": "Conflicting key pairs in mapped service.", "conflicts": { "k": conflict },
            })
        )
    );
    let services = house.get(ALICE, &format!("{path}/services")).await;
    assert_eq!(
        services.body,
        "{\"services\":[{\"enabled\":true,\"id\":\"a\"},{\"enabled\":true,\"id\":\"b\"}]}\n"
    );
}

/// Every request about blind credentials: method, path, body, what a refusal says.
fn requests(id: &str) -> Vec<(&'static str, String, Option<Value>, String)> {
    let one = format!("{BLIND}/{id}");
    let archive = "/v1/archive/blind_credentials";
    vec![
        ("GET", BLIND.to_owned(), None, String::new()),
        ("GET", one.clone(), None, String::new()),
        ("GET", format!("{one}/services"), None, String::new()),
        ("GET", archive.to_owned(), None, String::new()),
        ("GET", format!("{archive}/{id}"), None, String::new()),
        (
            "POST",
            BLIND.to_owned(),
            Some(with(json!({"name": "by svc"}))),
            "create blind credentials".to_owned(),
        ),
        (
            "PUT",
            one.clone(),
            Some(json!({ "name": "d" })),
            format!("update blind credential {id}"),
        ),
        (
            "PUT",
            format!("{one}/1"),
            None,
            format!("revert blind credential {id}"),
        ),
    ]
}

#[tokio::test]
async fn a_service_reads_and_writes_them_as_ever_unless_told_that_users_do() {
    for writers in [BlindWriters::UsersAndServices, BlindWriters::Users] {
        let house = House::with_blind_writers(writers).await;
        let id = three_revisions(&house).await;
        let writes_open = writers == BlindWriters::UsersAndServices;
        for (method, path, body, refusal) in requests(&id) {
            let answer = house
                .send(As::Service("svc"), method, &path, body.as_ref())
                .await;
            if writes_open || method == "GET" {
                assert_eq!(answer.status, 200, "{method} {path} {answer}");
            } else {
                assert_eq!(
                    told(&answer),
                    (403, format!("svc does not have access to {refusal}")),
                    "{method} {path}"
                );
                let user = house.send(ALICE, method, &path, body.as_ref()).await;
                assert_eq!(user.status, 200, "{method} {path} {user}");
            }
        }
        let config = house.get(As::Service("svc"), "/v1/client_config").await;
        assert_eq!(
            config.json()["generated"]["permissions"]["blind_credentials"],
            json!({ "create": writes_open, "list": true })
        );
    }
}

#[tokio::test]
async fn nobody_is_told_anything_without_login() {
    let house = House::new().await;
    let id = three_revisions(&house).await;
    for (method, path, body, _) in requests(&id) {
        let answer = house.send(As::Nobody, method, &path, body.as_ref()).await;
        assert_eq!(answer.status, 401, "{method} {path}");
    }
}
