//! Malformed requests that the specification names: what each is told, and that no path in disguise
//! leads to what its plain form would not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::house::{Answer, As, House};

const ALICE: As<'static> = As::User("alice");

fn told(answer: &Answer) -> (u16, String) {
    let error = answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (answer.status.as_u16(), error)
}

#[rstest::rstest]
#[case::name(json!({"name": 1}), "name must be a string")]
#[case::no_pair(json!({"credential_pairs": {}}), "Credential Pairs cannot be empty.")]
#[case::pairs_text(json!({"credential_pairs": "x"}), "credential_pairs must be a dict")]
#[case::pairs_list(json!({"credential_pairs": [["k", "v"]]}), "credential_pairs must be a dict")]
#[case::nested(json!({"credential_pairs": {"a": []}}), "credential pairs must be key: value")]
#[case::blank(json!({"credential_pairs": {"a\tb": "c"}}), "credential key must not contain whitespace")]
#[case::large(json!({"credential_pairs": {"a": 1e30}}), "credential pairs: a number too large to keep exactly; send it as a string")]
#[case::metadata_text(json!({"metadata": "x"}), "metadata must be a dict")]
#[case::metadata_null(json!({"metadata": null}), "metadata must be a dict")]
#[case::documentation(json!({"documentation": []}), "documentation must be a string")]
#[case::tags_text(json!({"tags": "abc"}), "tags must be a list of strings")]
#[case::tag_number(json!({"tags": ["a", 1]}), "tags must be a list of strings")]
#[case::enabled_text(json!({"enabled": "false"}), "Enabled must be a boolean.")]
#[case::enabled_number(json!({"enabled": 0}), "Enabled must be a boolean.")]
#[tokio::test]
async fn a_bad_field_of_an_update_is_named(#[case] body: Value, #[case] expected: &str) {
    let house = House::new().await;
    let path = format!(
        "/v1/credentials/{}",
        house.create("x", json!({"k": "v"})).await
    );
    let answer = house.send(ALICE, "PUT", &path, Some(&body)).await;
    assert_eq!(told(&answer), (400, expected.to_owned()));
    assert_eq!(house.get(ALICE, &path).await.json()["revision"], 1);
}

#[rstest::rstest]
#[case::credentials("/v1/credentials")]
#[case::services("/v1/services")]
#[case::credential_history("/v1/archive/credentials")]
#[case::service_history("/v1/archive/services")]
#[case::blind_history("/v1/archive/blind_credentials")]
#[tokio::test]
async fn a_page_that_leads_nowhere_is_400_in_every_list(#[case] list: &str) {
    let house = House::new().await;
    house.create("x", json!({"k": "v"})).await;
    let whole = r#"{"id": {"S": "x"}, "data_type": {"S": "K"}, "modified_date": {"S": "D"}}"#;
    for bad in [
        "!!".to_owned(),
        STANDARD.encode("{"),
        STANDARD.encode("1"),
        STANDARD.encode("[1]"),
        STANDARD.encode(r#"{"id": "x"}"#),
        STANDARD.encode(r#"{"id": {"N": "1"}}"#),
        // Keys, but not those of this list.
        STANDARD.encode(r#"{"id": {"S": "x"}}"#),
        STANDARD.encode(r#"{"name": {"S": "x"}}"#),
        STANDARD.encode(whole.replace("\"D\"", "\"\"")),
        STANDARD.encode(whole.replace("data_type", "other")),
    ] {
        let query = bad.replace('+', "%2B").replace('=', "%3D");
        for limit in ["", "limit=1&"] {
            let answer = house
                .get(ALICE, &format!("{list}?{limit}page={query}"))
                .await;
            let what = format!("{list} {limit} {bad}: {answer}");
            if limit.is_empty() && answer.status == 200 {
                // Without a limit the page is only looked at.
                continue;
            }
            assert_eq!(
                told(&answer),
                (400, "Failed to parse page".to_owned()),
                "{what}"
            );
        }
    }
}

/// Other spellings of the path to a service, some of which other programs read as that path.
fn disguises(id: &str) -> Vec<String> {
    let percent: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let upper = id.to_uppercase();
    vec![
        format!("/v1/services//{id}"),
        format!("/v1//services/{id}"),
        format!("//v1/services/{id}"),
        format!("/v1/services/{id}/"),
        format!("/v1/services/./{id}"),
        format!("/v1/./services/{id}"),
        format!("/v1/services/x/../{id}"),
        format!("/v1/services/%2e/{id}"),
        format!("/v1/services/%2e%2e/services/{id}"),
        format!("/v1/services/%2f{id}"),
        format!("/v1/services/own%2f..%2f{id}"),
        format!("/v1/services/own%5c..%5c{id}"),
        format!("/v1/services/{id}%2f"),
        format!("/v1/services/{id}%5c"),
        format!("/v1/services/{id};x"),
        format!("/v1/services;x/{id}"),
        format!("/v1/services/own;/../{id}"),
        format!("/v1/services/{id}%00"),
        format!("/v1/services/%00{id}"),
        format!("/v1/services/{id}%20"),
        format!("/v1/services/{id}%ff"),
        format!("/v1/services/{id}."),
        format!("/v1/services/{upper}"),
        format!("/V1/services/{id}"),
        format!("/v1/%73ervices/{id}"),
        format!("/v1/services/%25{}", &percent[1..]),
        // The same segment for every reader of addresses.
        format!("/v1/services/{percent}"),
    ]
}

#[tokio::test]
async fn no_disguise_of_a_path_leads_to_what_it_hides() {
    let house = House::new().await;
    let id = house.create("x", json!({"k": "CANARY"})).await;
    house.map("other", &[&id]).await;
    let mut tried = 0;
    for path in disguises("other") {
        for method in ["GET", "PUT", "HEAD"] {
            let body = json!({"credentials": []});
            let body = (method == "PUT").then_some(&body);
            let answer = house.send(As::Service("own"), method, &path, body).await;
            assert!(
                matches!(answer.status.as_u16(), 403..=405),
                "{method} {path} {answer}"
            );
            assert!(!answer.body.contains("CANARY"), "{path}");
            tried += 1;
        }
    }
    assert!(tried > 60);
}

#[tokio::test]
async fn a_disguised_path_is_its_plain_form_or_nothing() {
    let house = House::new().await;
    let id = house.create("x", json!({"k": "CANARY"})).await;
    house.map("own", &[&id]).await;
    let plain = house.get(As::Service("own"), "/v1/services/own").await;
    let paths = disguises("own");
    let (same, others) = paths.split_last().unwrap();
    assert_eq!(house.get(As::Service("own"), same).await.body, plain.body);
    for path in others {
        let answer = house.get(As::Service("own"), path).await;
        assert!(
            matches!(answer.status.as_u16(), 403..=405),
            "{path} {answer}"
        );
        assert!(!answer.body.contains("CANARY"), "{path}");
    }
}

#[rstest::rstest]
#[case::zero("0")]
#[case::negative("-1")]
#[case::word("abc")]
#[case::fraction("1.5")]
#[case::signed("+1")]
#[case::blank("%201")]
#[case::beyond_64_bits("99999999999999999999999999")]
#[case::not_there("7")]
#[tokio::test]
async fn a_revision_that_is_none_is_not_found(#[case] revision: &str) {
    let house = House::new().await;
    let id = house.create("x", json!({"k": "v"})).await;
    house.map("svc", &[&id]).await;
    for (method, path) in [
        ("GET", format!("/v1/credentials/{id}/{revision}/1")),
        ("GET", format!("/v1/credentials/{id}/1/{revision}")),
        ("PUT", format!("/v1/credentials/{id}/{revision}")),
        ("GET", format!("/v1/services/svc/{revision}/1")),
        ("PUT", format!("/v1/services/svc/{revision}")),
        ("PUT", format!("/v1/blind_credentials/{id}/{revision}")),
    ] {
        let answer = house.send(ALICE, method, &path, None).await;
        let status = answer.status.as_u16();
        let of_other_kind = status == 400 && path.contains("blind");
        assert!(status == 404 || of_other_kind, "{method} {path} {answer}");
        assert_eq!(answer.headers["content-type"], "application/json", "{path}");
    }
}
