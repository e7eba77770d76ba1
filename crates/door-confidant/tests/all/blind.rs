//! The blind credential routes: the answers in full, each bad field, and who may.

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
