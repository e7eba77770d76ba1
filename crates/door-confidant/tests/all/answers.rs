//! Whole answers by snapshot: status, headers and body together.

use std::time::Duration;

use axum::http::Request;
use serde_json::json;

use crate::house::{As, House};

const ALICE: As<'static> = As::User("alice");

/// A house with a credential of every kind of value, mapped to `svc`.
async fn furnished() -> (House, String) {
    let house = House::new().await;
    let body = json!({
        "name": "Exämple", "credential_pairs": {"API_Key": "1234", "user": "ué🔑", "n": 1, "t": true, "z": null},
        "metadata": {"m": "ü"}, "enabled": true, "documentation": "say \"doc\"", "tags": ["FINANCIALLY_SENSITIVE"],
    });
    let created = house
        .send(ALICE, "POST", "/v1/credentials", Some(&body))
        .await;
    assert_eq!(created.status, 200, "{created}");
    let id = created.json()["id"].as_str().unwrap().to_owned();
    house.clock.advance(Duration::from_micros(1_500_000));
    house.map("svc", &[&id]).await;
    (house, id)
}

#[tokio::test]
async fn a_create_answers_the_whole_credential() {
    let house = House::new().await;
    let body = json!({"name": "first", "credential_pairs": {"K": "v"}});
    insta::assert_snapshot!(
        house
            .send(ALICE, "POST", "/v1/credentials", Some(&body))
            .await
    );
}

#[tokio::test]
async fn a_credential_is_shown_with_and_without_values() {
    let (house, id) = furnished().await;
    insta::assert_snapshot!(
        "credential",
        house.get(ALICE, &format!("/v1/credentials/{id}")).await
    );
    let metadata = house
        .get(ALICE, &format!("/v1/credentials/{id}?metadata_only=true"))
        .await;
    insta::assert_snapshot!("credential_metadata", metadata.body);
}

#[tokio::test]
async fn an_update_answers_the_new_revision() {
    let (house, id) = furnished().await;
    house.clock.advance(Duration::from_secs(60));
    let body = json!({"credential_pairs": {"api_key": "5678"}, "tags": []});
    insta::assert_snapshot!(
        house
            .send(ALICE, "PUT", &format!("/v1/credentials/{id}"), Some(&body))
            .await
            .body
    );
}

#[tokio::test]
async fn a_service_is_shown_to_itself_and_to_people() {
    let (house, _) = furnished().await;
    insta::assert_snapshot!(
        "service",
        house.get(As::Service("svc"), "/v1/services/svc").await
    );
    insta::assert_snapshot!(
        "service_metadata",
        house
            .get(ALICE, "/v1/services/svc?metadata_only=1")
            .await
            .body
    );
    // Again from memory, byte for byte.
    let (first, again) = (
        house.get(ALICE, "/v1/services/svc").await,
        house.get(ALICE, "/v1/services/svc").await,
    );
    assert_eq!(first.body, again.body);
}

#[tokio::test]
async fn a_mapping_is_answered_without_values() {
    let (house, id) = furnished().await;
    let body = json!({"credentials": [id], "account": "sandbox"});
    insta::assert_snapshot!(
        house
            .send(ALICE, "PUT", "/v1/services/other", Some(&body))
            .await
            .body
    );
}

#[tokio::test]
async fn lists_have_no_keys_and_no_values() {
    let (house, _) = furnished().await;
    insta::assert_snapshot!(
        "credentials",
        house.get(ALICE, "/v1/credentials").await.body
    );
    insta::assert_snapshot!(
        "services",
        house.get(ALICE, "/v1/services?limit=1").await.body
    );
}

#[tokio::test]
async fn a_page_leads_to_the_next_one() {
    let house = House::new().await;
    for name in ["a", "b", "c"] {
        house.clock.advance(Duration::from_secs(1));
        house.create(name, json!({"k": "v"})).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/credentials?limit=1".to_owned();
    loop {
        let page = house.get(ALICE, &path).await.json();
        names.extend(
            page["credentials"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c["name"].as_str().unwrap().to_owned()),
        );
        match page["next_page"].as_str() {
            Some(token) => {
                path = format!("/v1/credentials?limit=1&page={}", token.replace('=', "%3D"))
            }
            None => break,
        }
    }
    assert_eq!(names, ["c", "b", "a"]);
}

#[tokio::test]
async fn values_are_answered_as_python_would_print_them() {
    let (house, id) = furnished().await;
    let body = house
        .get(ALICE, &format!("/v1/credentials/{id}"))
        .await
        .body;
    let pairs = r#""credential_pairs": {"api_key": "1234", "user": "u\u00e9\ud83d\udd11", "n": 1, "t": true, "z": null}"#;
    assert!(body.contains(pairs), "{body}");
    assert!(body.is_ascii() && !body.ends_with('\n'));
}

#[tokio::test]
async fn a_fraction_is_kept_as_it_was_sent() {
    let house = House::new().await;
    // Each needs all its digits, and a reader that rounds once.
    for number in [
        "0.1",
        "0.11588996943669883",
        "91.52348453283953",
        "-0.0016190147900195261",
        "2.360480897374345e-10",
        "5e-324",
    ] {
        let body = format!(
            r#"{{"name": "{number}", "credential_pairs": {{"k": {number}}}, "metadata": {{"m": {number}}}}}"#
        );
        let request = Request::post("/v1/credentials")
            .header("content-type", "application/json")
            .body(body.into())
            .unwrap();
        let answer = house.send_raw(ALICE, request).await;
        let path = format!("/v1/credentials/{}", answer.json()["id"].as_str().unwrap());
        let read = house.get(ALICE, &path).await.body;
        assert!(
            read.contains(&format!(r#""k": {number}"#)),
            "{number} {read}"
        );
        assert!(
            read.contains(&format!(r#""m": {number}"#)),
            "{number} {read}"
        );
    }
}

#[tokio::test]
async fn the_health_check_is_an_empty_page_for_everybody() {
    let house = House::new().await;
    insta::assert_snapshot!(house.get(As::Nobody, "/healthcheck").await);
}

#[rstest::rstest]
#[case::credentials("/v1/credentials", "GET, HEAD, OPTIONS, POST")]
#[case::credential("/v1/credentials/x", "GET, HEAD, OPTIONS, PUT")]
#[case::services("/v1/services", "GET, HEAD, OPTIONS")]
#[case::service("/v1/services/x", "GET, HEAD, OPTIONS, PUT")]
#[case::credential_services("/v1/credentials/x/services", "GET, HEAD, OPTIONS, PUT")]
#[case::credential_revision("/v1/credentials/x/1", "OPTIONS, PUT")]
#[case::credential_diff("/v1/credentials/x/1/2", "GET, HEAD, OPTIONS")]
#[case::credential_history("/v1/archive/credentials", "GET, HEAD, OPTIONS")]
#[case::credential_revisions("/v1/archive/credentials/x", "GET, HEAD, OPTIONS")]
#[case::service_revision("/v1/services/x/1", "OPTIONS, PUT")]
#[case::service_diff("/v1/services/x/1/2", "GET, HEAD, OPTIONS")]
#[case::service_history("/v1/archive/services", "GET, HEAD, OPTIONS")]
#[case::service_revisions("/v1/archive/services/x", "GET, HEAD, OPTIONS")]
#[case::encoded_slash("/v1/services/x%2F1", "OPTIONS, PUT")]
#[case::health("/healthcheck", "GET, HEAD, OPTIONS")]
#[tokio::test]
async fn a_known_path_says_its_methods(#[case] path: &str, #[case] allowed: &str) {
    let house = House::new().await;
    let options = house.send(As::Nobody, "OPTIONS", path, None).await;
    assert_eq!(
        (
            options.status.as_u16(),
            options.headers["allow"].to_str().unwrap(),
            options.body.as_str()
        ),
        (200, allowed, "")
    );
    let wrong = house.send(As::Nobody, "DELETE", path, None).await;
    assert_eq!(
        (
            wrong.status.as_u16(),
            wrong.headers["allow"].to_str().unwrap()
        ),
        (405, allowed)
    );
    assert_eq!(wrong.headers["content-type"], "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_head_is_answered_like_a_get_without_its_body() {
    let (house, _) = furnished().await;
    let get = house.get(ALICE, "/v1/services/svc").await;
    let head = house.send(ALICE, "HEAD", "/v1/services/svc", None).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert_eq!(
        head.headers["content-length"].to_str().unwrap(),
        get.body.len().to_string()
    );
}

#[rstest::rstest]
#[case::trailing_slash("/v1/credentials/")]
#[case::encoded_slash("/v1/credentials/a%2Fb%2Fc%2Fd")]
#[case::encoded_slash_at_the_end("/v1/credentials/a%2F")]
#[case::encoded_slash_in_service("/v1/services/kw%2Fevent%2Fx%2F1")]
#[case::unknown("/v1/nothing")]
#[tokio::test]
async fn an_unknown_path_is_a_page(#[case] path: &str) {
    let house = House::new().await;
    let answer = house.get(ALICE, path).await;
    assert_eq!(
        (
            answer.status.as_u16(),
            &answer.headers["content-type"].to_str().unwrap()[..9]
        ),
        (404, "text/html")
    );
    assert!(answer.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn an_id_of_our_own_items_is_never_written() {
    let house = House::new().await;
    let body = json!({"credentials": []});
    let answer = house
        .send(ALICE, "PUT", "/v1/services/kw%2Fevent%2Fx%2F1", Some(&body))
        .await;
    assert_eq!(answer.status, 404);
    let long = house
        .send(
            ALICE,
            "PUT",
            &format!("/v1/services/{}", "x".repeat(1_025)),
            Some(&body),
        )
        .await;
    assert_eq!(
        (long.status.as_u16(), long.json()["error"].as_str().unwrap()),
        (400, "id must have 1 to 1024 bytes and no slash")
    );
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
