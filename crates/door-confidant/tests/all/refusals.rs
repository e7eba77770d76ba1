//! Bad requests, refusals, damage and broken dependencies: the right status, never 500, nothing told
//! of what is inside.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use keep::Value;
use serde_json::json;

use crate::house::{As, House};

const ALICE: As<'static> = As::User("alice");

#[rstest::rstest]
#[case::no_body(None, "", "A JSON body is required (Content-Type: application/json).")]
#[case::other_type(
    Some("text/plain"),
    "{}",
    "A JSON body is required (Content-Type: application/json)."
)]
#[case::empty(Some("application/json"), "", "The body is not valid JSON.")]
#[case::cut(Some("application/json"), "{\"name\": ", "The body is not valid JSON.")]
#[case::list(Some("application/json"), "[]", "The body must be a JSON object.")]
#[tokio::test]
async fn a_body_that_cannot_be_read_is_400(
    #[case] kind: Option<&str>,
    #[case] body: &str,
    #[case] told: &str,
) {
    let house = House::new().await;
    let id = house.create("x", json!({"k": "v"})).await;
    for (method, path) in [
        ("POST", "/v1/credentials".to_owned()),
        ("PUT", format!("/v1/credentials/{id}")),
        ("PUT", "/v1/services/s".to_owned()),
    ] {
        let mut request = Request::builder().method(method).uri(&path);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = house
            .send_raw(ALICE, request.body(Body::from(body.to_owned())).unwrap())
            .await;
        assert_eq!(
            (
                answer.status.as_u16(),
                answer.json()["error"].as_str().unwrap()
            ),
            (400, told),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_body_nested_too_deeply_or_too_large_is_refused() {
    let house = House::new().await;
    let send = async |body: String| {
        let request = Request::builder()
            .method("POST")
            .uri("/v1/credentials")
            .header("content-type", "application/json");
        house
            .send_raw(ALICE, request.body(Body::from(body)).unwrap())
            .await
    };
    let deep = send(format!(
        "{{\"metadata\": {}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    ))
    .await;
    assert_eq!(deep.status, 400);
    let large = send(format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024))).await;
    assert_eq!(
        (
            large.status.as_u16(),
            large.json()["error"].as_str().unwrap()
        ),
        (413, "The body is larger than 1 MiB.")
    );
}

#[rstest::rstest]
#[case::no_name(json!({"credential_pairs": {"k": "v"}}), "name is a required field")]
#[case::name_number(json!({"name": 1, "credential_pairs": {"k": "v"}}), "name must be a string")]
#[case::no_pairs(json!({"name": "n"}), "credential_pairs is a required field")]
#[case::empty_pairs(json!({"name": "n", "credential_pairs": {}}), "credential_pairs is a required field")]
#[case::pairs_text(json!({"name": "n", "credential_pairs": "x"}), "credential_pairs must be a dict")]
#[case::nested(json!({"name": "n", "credential_pairs": {"a": {}}}), "credential pairs must be key: value")]
#[case::blank(json!({"name": "n", "credential_pairs": {"a b": "c"}}), "credential key must not contain whitespace")]
#[case::metadata_null(json!({"name": "n", "credential_pairs": {"a": "c"}, "metadata": null}), "metadata must be a dict")]
#[case::tags_text(json!({"name": "n", "credential_pairs": {"a": "c"}, "tags": "abc"}), "tags must be a list of strings")]
#[case::documentation(json!({"name": "n", "credential_pairs": {"a": "c"}, "documentation": 1}), "documentation must be a string")]
#[tokio::test]
async fn a_bad_field_of_a_create_is_named(#[case] body: serde_json::Value, #[case] told: &str) {
    let house = House::new().await;
    let answer = house
        .send(ALICE, "POST", "/v1/credentials", Some(&body))
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.json()["error"].as_str().unwrap()
        ),
        (400, told)
    );
}

#[rstest::rstest]
#[case::credentials(json!({"credentials": "x"}), "credentials must be a list of ids")]
#[case::numbers(json!({"credentials": [1]}), "credentials must be a list of ids")]
#[case::blind(json!({"blind_credentials": {}}), "blind_credentials must be a list of ids")]
#[case::enabled(json!({"enabled": "yes"}), "Enabled must be a boolean.")]
#[case::account_number(json!({"account": 1}), "account must be a string")]
#[case::account_unknown(json!({"account": "zzz"}), "account is not a valid account.")]
#[tokio::test]
async fn a_bad_field_of_a_service_is_named(#[case] body: serde_json::Value, #[case] told: &str) {
    let house = House::new().await;
    let answer = house
        .send(ALICE, "PUT", "/v1/services/s", Some(&body))
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.json()["error"].as_str().unwrap()
        ),
        (400, told)
    );
}

#[tokio::test]
async fn a_service_learns_nothing_of_others() {
    let house = House::new().await;
    house.map("other", &[]).await;
    let (there, not_there) = (
        house.get(As::Service("svc"), "/v1/services/other").await,
        house.get(As::Service("svc"), "/v1/services/never").await,
    );
    assert_eq!(
        (there.status.as_u16(), not_there.status.as_u16()),
        (403, 403)
    );
    assert_eq!(there.body.replace("other", "never"), not_there.body);
    insta::assert_snapshot!(there.body, @r#"{"error":"svc does not have access to get service other","reference":"other"}"#);
}

#[tokio::test]
async fn damage_is_502_and_names_what_is_damaged() {
    let house = House::new().await;
    let id = house.create("x", json!({"k": "CANARY"})).await;
    house.map("svc", &[&id]).await;
    house
        .damage(&id, "credential_pairs", Value::s("gAAAAA"))
        .await;
    for path in [
        format!("/v1/credentials/{id}"),
        "/v1/services/svc".to_owned(),
    ] {
        let answer = house.get(ALICE, &path).await;
        assert_eq!(answer.status, 502, "{answer}");
        assert_eq!(
            answer.json()["error"],
            format!("stored data is damaged: credential_pairs of {id}")
        );
        assert!(!answer.body.contains("CANARY"));
    }
}

#[tokio::test]
async fn a_broken_dependency_is_503_with_its_name_and_nothing_else() {
    let house = House::new().await;
    let id = house.create("x", json!({"k": "v"})).await;
    house.map("svc", &[&id]).await;
    house.get(ALICE, "/v1/services/svc").await;
    let reads = [
        format!("/v1/credentials/{id}"),
        "/v1/services/svc".to_owned(),
        "/v1/credentials".to_owned(),
    ];
    let expect = async |path: &str, method: &str, dependency: &str| {
        let body = json!({"name": "y", "credential_pairs": {"k": "v"}});
        let answer = house
            .send(ALICE, method, path, (method != "GET").then_some(&body))
            .await;
        assert_eq!(answer.status, 503, "{method} {path} {answer}");
        assert_eq!(answer.headers["retry-after"], "1");
        assert_eq!(
            answer.json(),
            json!({"dependency": dependency, "error": format!("{dependency} unavailable, try again")})
        );
    };

    house.faults.audit.store(true, Ordering::Relaxed);
    for path in &reads {
        expect(path, "GET", "audit log").await;
    }
    house.faults.audit.store(false, Ordering::Relaxed);

    house.faults.table.store(true, Ordering::Relaxed);
    for path in &reads {
        expect(path, "GET", "table").await;
    }
    expect("/v1/credentials", "POST", "table").await;
    expect(&reads[0], "PUT", "table").await;
    expect("/v1/services/svc", "PUT", "table").await;
}

#[tokio::test]
async fn a_master_key_that_is_not_there_is_502_and_nothing_is_stored() {
    let house = House::with_master_key("keyring:SECRET-KEY-NAME").await;
    let body = json!({"name": "y", "credential_pairs": {"k": "v"}});
    let answer = house
        .send(ALICE, "POST", "/v1/credentials", Some(&body))
        .await;
    // Not 503: the official client repeats that for ever.
    assert_eq!(answer.status, 502, "{answer}");
    assert_eq!(
        answer.json(),
        json!({
            "dependency": "key service",
            "error": "key service: the master key does not exist; the server's log says more",
        })
    );
    assert_eq!(
        house.get(ALICE, "/v1/credentials").await.json()["credentials"],
        json!([])
    );
}

#[tokio::test]
async fn a_damaged_thing_hides_no_other_in_a_list() {
    let house = House::new().await;
    let [bad, good] = [
        house.create("a", json!({"k": "v"})).await,
        house.create("b", json!({"k": "v"})).await,
    ];
    house.map("web", &[&good]).await;
    house.map("worse", &[]).await;
    for id in [
        bad.clone(),
        format!("{bad}-1"),
        "worse".to_owned(),
        "worse-1".to_owned(),
    ] {
        house
            .damage(&id, "revision", keep::Value::s("no number"))
            .await;
    }
    let listed = async |path: &str, kind: &str| {
        let told = house.get(ALICE, path).await.json();
        let ids = told[kind].as_array().unwrap().iter();
        ids.map(|thing| thing["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed("/v1/credentials", "credentials").await,
        std::slice::from_ref(&good)
    );
    assert_eq!(
        listed("/v1/archive/credentials", "credentials").await,
        [format!("{good}-1")]
    );
    assert_eq!(listed("/v1/services", "services").await, ["web"]);
    assert_eq!(listed("/v1/archive/services", "services").await, ["web-1"]);
    let told = house.get(ALICE, &format!("/v1/credentials/{bad}")).await;
    assert_eq!(told.status, 502, "{told}");
}

#[tokio::test]
async fn a_service_called_like_the_history_of_another_learns_nothing_of_it() {
    let house = House::new().await;
    let id = house.create("x", json!({"k": "v"})).await;
    house.map("web", &[&id]).await;
    for want in ["", "?metadata_only=true"] {
        let path = format!("/v1/services/web-1{want}");
        // A person may look at it, before and after.
        assert_eq!(house.get(ALICE, &path).await.status, 200);
        let answer = house.get(As::Service("web-1"), &path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (404, "{}\n")
        );
    }
}
