//! The routes of histories: whole answers, and the words in which they say no.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::house::{Answer, As, House};

const ALICE: As<'static> = As::User("alice");

/// A house with two revisions of a credential, and of the service `svc` that maps it.
async fn furnished() -> (House, String) {
    let house = House::new().await;
    let id = house
        .create("Exämple", json!({"user": "u", "k": "v"}))
        .await;
    house.map("svc", &[]).await;
    house.clock.advance(Duration::from_secs(60));
    let body = json!({"name": "Other", "credential_pairs": {"k": "w"}, "tags": ["T"], "metadata": {"m": 1}});
    let updated = house
        .send(ALICE, "PUT", &format!("/v1/credentials/{id}"), Some(&body))
        .await;
    assert_eq!(updated.status, 200, "{updated}");
    house.map("svc", &[&id]).await;
    house.clock.advance(Duration::from_secs(60));
    (house, id)
}

async fn put(house: &House, path: &str) -> Answer {
    house.send(ALICE, "PUT", path, None).await
}

#[tokio::test]
async fn revisions_are_told_without_keys_and_values() {
    let (house, id) = furnished().await;
    insta::assert_snapshot!(
        "credential_revisions",
        house
            .get(
                ALICE,
                &format!("/v1/archive/credentials/{id}?limit=1&page=x")
            )
            .await
    );
    insta::assert_snapshot!(
        "service_revisions",
        house.get(ALICE, "/v1/archive/services/svc").await.body
    );
    insta::assert_snapshot!(
        "credential_history",
        house
            .get(ALICE, "/v1/archive/credentials?limit=1")
            .await
            .body
    );
    insta::assert_snapshot!(
        "service_history",
        house.get(ALICE, "/v1/archive/services").await.body
    );
}

#[tokio::test]
async fn a_difference_names_keys_and_never_values() {
    let (house, id) = furnished().await;
    insta::assert_snapshot!(
        "credential_diff",
        house.get(ALICE, &format!("/v1/credentials/{id}/2/1")).await
    );
    insta::assert_snapshot!(
        "service_diff",
        house.get(ALICE, "/v1/services/svc/1/2").await.body
    );
    let same = house.get(ALICE, "/v1/services/svc/2/2").await;
    assert_eq!((same.status.as_u16(), same.body.as_str()), (200, "{}\n"));
}

#[tokio::test]
async fn a_revert_answers_the_new_revision() {
    let (house, id) = furnished().await;
    insta::assert_snapshot!(
        "credential_revert",
        put(&house, &format!("/v1/credentials/{id}/1")).await.body
    );
    insta::assert_snapshot!(
        "service_revert",
        put(&house, "/v1/services/svc/1").await.body
    );
    // A body is not looked at, whatever it is.
    let with_body = house
        .send(ALICE, "PUT", "/v1/services/svc/2", Some(&json!(["x"])))
        .await;
    assert_eq!(with_body.json()["revision"], 4);
}

#[tokio::test]
async fn reverting_to_none_is_reverting_to_the_previous_revision() {
    let (house, id) = furnished().await;
    let path = format!("/v1/credentials/{id}/None");
    for expected in ["Exämple", "Other", "Exämple"] {
        assert_eq!(put(&house, &path).await.json()["name"], expected);
    }
    let service = put(&house, "/v1/services/svc/None").await.json();
    assert_eq!(
        (&service["revision"], &service["credentials"]),
        (&json!(3), &json!([]))
    );
    let nowhere = house
        .get(ALICE, &format!("/v1/credentials/{id}/None/1"))
        .await;
    assert_eq!(nowhere.json(), json!({"error": "Credential not found."}));
}

#[tokio::test]
async fn dependencies_are_ids_and_whether_they_are_enabled() {
    let (house, id) = furnished().await;
    let answer = house
        .get(ALICE, &format!("/v1/credentials/{id}/services"))
        .await;
    assert_eq!(
        answer.body,
        "{\"services\":[{\"enabled\":true,\"id\":\"svc\"}]}\n"
    );
    let none = house.get(ALICE, "/v1/credentials/nope/services").await;
    assert_eq!(
        (none.status.as_u16(), none.body.as_str()),
        (200, "{\"services\":[]}\n")
    );
}

#[tokio::test]
async fn what_is_missing_is_told_as_each_route_does() {
    let (house, id) = furnished().await;
    let archived = format!("{id}-1");
    let not_found = json!({"error": "Credential not found."});
    let no_service = json!({"error": "Service not found."});
    let not_a_credential = json!({"error": "id provided is not a credential."});
    let not_a_service = json!({"error": "id provided is not a service."});
    let cases = [
        (
            "GET",
            "/v1/archive/credentials/nope".to_owned(),
            404,
            json!({}),
        ),
        (
            "GET",
            "/v1/archive/services/nope".to_owned(),
            404,
            json!({}),
        ),
        ("GET", format!("/v1/archive/services/{id}"), 404, json!({})),
        (
            "GET",
            format!("/v1/credentials/{id}/7/1"),
            404,
            not_found.clone(),
        ),
        ("GET", format!("/v1/credentials/{id}/1/7"), 404, json!({})),
        (
            "GET",
            "/v1/credentials/nope/1/2".to_owned(),
            404,
            not_found.clone(),
        ),
        ("GET", "/v1/services/svc/7/1".to_owned(), 404, no_service),
        ("GET", "/v1/services/svc/1/7".to_owned(), 404, json!({})),
        (
            "PUT",
            "/v1/credentials/nope/1".to_owned(),
            404,
            not_found.clone(),
        ),
        ("PUT", format!("/v1/credentials/{id}/7"), 404, json!({})),
        ("PUT", format!("/v1/credentials/{id}/01"), 404, json!({})),
        (
            "PUT",
            format!("/v1/credentials/{id}/services"),
            404,
            json!({}),
        ),
        (
            "PUT",
            format!("/v1/credentials/{id}/archive"),
            404,
            json!({}),
        ),
        (
            "PUT",
            "/v1/credentials/nope/services".to_owned(),
            404,
            not_found,
        ),
        (
            "PUT",
            format!("/v1/credentials/{archived}/1"),
            400,
            not_a_credential,
        ),
        ("PUT", "/v1/services/nope/1".to_owned(), 404, json!({})),
        ("PUT", "/v1/services/svc/7".to_owned(), 404, json!({})),
        ("PUT", format!("/v1/services/{id}/1"), 400, not_a_service),
    ];
    for (method, path, status, told) in cases {
        let answer = house.send(ALICE, method, &path, None).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (status, told),
            "{method} {path}"
        );
    }
    for path in [
        format!("/v1/credentials/{id}/2"),
        "/v1/services/svc/2".to_owned(),
    ] {
        let kind = path.split('/').nth(2).unwrap().trim_end_matches('s');
        let same = put(&house, &path).await;
        let told = format!("No difference between old and new {kind}.");
        assert_eq!(
            (same.status.as_u16(), same.json()),
            (400, json!({"error": told}))
        );
    }
}

#[tokio::test]
async fn a_service_is_refused_in_the_words_of_each_route() {
    let (house, id) = furnished().await;
    let by_id = |what: &str, id: &str| json!({"error": format!("svc does not have access to {what}"), "reference": id});
    let plainly = |what: &str| json!({"error": format!("svc does not have access to {what}")});
    let cases: [(&str, String, Value); 11] = [
        (
            "GET",
            "/v1/archive/credentials".to_owned(),
            plainly("list credentials"),
        ),
        (
            "GET",
            "/v1/archive/services".to_owned(),
            plainly("list services"),
        ),
        (
            "GET",
            format!("/v1/archive/credentials/{id}"),
            plainly(&format!("credential {id} revisions")),
        ),
        (
            "GET",
            "/v1/archive/services/other".to_owned(),
            plainly("service other revisions"),
        ),
        (
            "GET",
            format!("/v1/credentials/{id}/1/2"),
            by_id(&format!("diff credential {id}"), &id),
        ),
        (
            "GET",
            "/v1/services/other/1/2".to_owned(),
            by_id("diff service other", "other"),
        ),
        (
            "GET",
            format!("/v1/credentials/{id}/services"),
            by_id(&format!("get dependencies for credential {id}"), &id),
        ),
        (
            "PUT",
            format!("/v1/credentials/{id}/1"),
            by_id(&format!("revert credential {id}"), &id),
        ),
        (
            "PUT",
            format!("/v1/credentials/{id}/services"),
            by_id(&format!("revert credential {id}"), &id),
        ),
        (
            "PUT",
            "/v1/services/svc/1".to_owned(),
            by_id("revert service svc", "svc"),
        ),
        (
            "PUT",
            "/v1/services/other/1".to_owned(),
            by_id("revert service other", "other"),
        ),
    ];
    for (method, path, told) in cases {
        let answer = house.send(As::Service("svc"), method, &path, None).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (403, told),
            "{method} {path}"
        );
    }
    // Its own history it may read.
    for path in ["/v1/archive/services/svc", "/v1/services/svc/1/2"] {
        assert_eq!(
            house.get(As::Service("svc"), path).await.status,
            200,
            "{path}"
        );
    }
    // Not by way of its own name.
    house.map("svc-a", &[&id]).await;
    let other = house
        .get(As::Service("svc"), "/v1/services/svc/a-1/a-1")
        .await;
    assert_eq!(other.json(), json!({"error": "Service not found."}));
}

#[tokio::test]
async fn an_encoded_slash_ends_a_segment() {
    let (house, id) = furnished().await;
    let wrong_method = house.get(ALICE, "/v1/services/svc%2F1").await;
    assert_eq!(wrong_method.status, 405);
    let reverted = put(&house, &format!("/v1/credentials/{id}%2f1")).await;
    assert_eq!(reverted.json()["revision"], 3);
    let services = house
        .get(ALICE, &format!("/v1/credentials/{id}%2Fservices?x=%2F"))
        .await;
    assert_eq!(services.json()["services"][0]["id"], "svc");
    assert!(services.headers.contains_key("x-request-id"));
    let nobody = house.get(As::Nobody, "/v1/services/svc%2F1%2F2").await;
    assert_eq!(nobody.status, 401);
    // What is encoded twice is a percent sign, and so a part of the id.
    let twice = house
        .get(As::Service("a%2Fb"), "/v1/services/a%252Fb")
        .await;
    assert_eq!((twice.status.as_u16(), twice.json()), (404, json!({})));
}

#[tokio::test]
async fn a_revert_to_a_taken_name_is_refused_as_a_create_is() {
    let (house, id) = furnished().await;
    let other = house.create("Exämple", json!({"z": "1"})).await;
    let refused = put(&house, &format!("/v1/credentials/{id}/1")).await;
    let told = format!("Name already exists. See id: {other}");
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (409, json!({"error": told, "reference": other}))
    );
}

#[tokio::test]
async fn a_table_out_of_reach_is_503_on_each_route() {
    let (house, id) = furnished().await;
    house.faults.table.store(true, Ordering::Relaxed);
    for (method, path) in [
        ("GET", "/v1/archive/credentials".to_owned()),
        ("GET", "/v1/archive/credentials?limit=1".to_owned()),
        ("GET", format!("/v1/archive/credentials/{id}")),
        ("GET", format!("/v1/credentials/{id}/1/2")),
        ("GET", format!("/v1/credentials/{id}/services")),
        ("PUT", format!("/v1/credentials/{id}/1")),
        ("PUT", format!("/v1/credentials/{id}/None")),
        ("GET", "/v1/archive/services".to_owned()),
        ("GET", "/v1/archive/services/svc".to_owned()),
        ("GET", "/v1/services/svc/1/2".to_owned()),
        ("PUT", "/v1/services/svc/1".to_owned()),
    ] {
        let answer = house.send(ALICE, method, &path, None).await;
        assert_eq!(answer.status, 503, "{method} {path} {answer}");
        assert_eq!(answer.json()["dependency"], "table", "{method} {path}");
    }
}

#[tokio::test]
async fn pages_of_a_history_lead_to_one_another_and_bad_ones_are_refused() {
    let (house, _) = furnished().await;
    let mut revisions = Vec::new();
    let mut path = "/v1/archive/credentials?limit=1".to_owned();
    loop {
        let page = house.get(ALICE, &path).await.json();
        let on_page = page["credentials"].as_array().unwrap();
        revisions.extend(on_page.iter().map(|old| old["revision"].as_u64().unwrap()));
        match page["next_page"].as_str() {
            Some(token) => {
                path = format!(
                    "/v1/archive/credentials?limit=1&page={}",
                    token.replace('=', "%3D")
                )
            }
            None => break,
        }
    }
    assert_eq!(revisions, [2, 1]);
    for (query, expected) in [
        ("limit=0", 0),
        ("limit=-1", 2),
        ("limit=abc", 2),
        ("limit=1", 1),
    ] {
        let path = format!("/v1/archive/credentials?{query}");
        let page = house.get(ALICE, &path).await.json();
        assert_eq!(
            page["credentials"].as_array().unwrap().len(),
            expected,
            "{query}"
        );
    }
    for list in ["credentials", "services"] {
        let bad = house
            .get(ALICE, &format!("/v1/archive/{list}?page=!!"))
            .await;
        assert_eq!(
            (bad.status.as_u16(), bad.json()),
            (400, json!({"error": "Failed to parse page"}))
        );
    }
}
