//! Client keys over HTTP.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::PrincipalKind;
use insta::assert_snapshot;
use login::ClientKeyFile;
use rstest::rstest;

use crate::world::{World, key};

const KEYS: &str = "/console/v1/client-keys";

fn registration(file: &ClientKeyFile) -> String {
    serde_json::json!({
        "public_key": STANDARD.encode(file.public_key().as_bytes()),
        "kind": file.kind.word(),
        "name": file.name,
        "days": 90,
    })
    .to_string()
}

#[tokio::test]
async fn a_key_is_registered_listed_used_and_revoked() {
    let world = World::new().await;
    let operator = &world.operator;
    let service = &key(PrincipalKind::Service, "svc-a", 2);
    let one = &format!("{KEYS}/{}", service.id());
    let whoami = "/console/v1/whoami";

    assert_snapshot!(world.ask(operator, Method::GET, whoami, None).await.text(), @r#"200 {"kind":"user","name":"operator","login":"client-key","account":null}"#);
    assert_snapshot!(world.ask(service, Method::GET, whoami, None).await.text(), @r#"403 {"error":"login refused","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(operator, Method::POST, KEYS, Some(&registration(service))).await.text(), @r#"201 {"id":"6bd6eb1a1d834e0e186ee56b0e4e6b57","kind":"service","name":"svc-a","account":null,"public_key":"WV+A/2+CDUn99UvT+NnBaoDcBu5KQVPaOlGGILmi83E=","expires":"2027-04-15T08:00:00+00:00","created_by":"operator","created":"2027-01-15T08:00:00+00:00"}"#);
    assert_snapshot!(world.ask(operator, Method::POST, KEYS, Some(&registration(service))).await.text(), @r#"409 {"error":"this public key is registered already, as 6bd6eb1a1d834e0e186ee56b0e4e6b57","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(service, Method::GET, whoami, None).await.text(), @r#"200 {"kind":"service","name":"svc-a","login":"client-key","account":null}"#);
    assert_snapshot!(world.ask(operator, Method::GET, KEYS, None).await.text(), @r#"200 {"client_keys":[{"id":"15f9710195839c0ec676ab9b57ccf5db","kind":"user","name":"operator","account":null,"public_key":"VqiVDj4GMdr5KPyaQguwVUkEypGbpMmD99g51s+pcpw=","expires":null,"created_by":"operator","created":"2027-01-15T08:00:00+00:00"},{"id":"6bd6eb1a1d834e0e186ee56b0e4e6b57","kind":"service","name":"svc-a","account":null,"public_key":"WV+A/2+CDUn99UvT+NnBaoDcBu5KQVPaOlGGILmi83E=","expires":"2027-04-15T08:00:00+00:00","created_by":"operator","created":"2027-01-15T08:00:00+00:00"}]}"#);
    assert_snapshot!(world.ask(service, Method::GET, KEYS, None).await.text(), @r#"403 {"error":"svc-a may not client_key.list","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(service, Method::POST, KEYS, Some("not even JSON")).await.text(), @r#"403 {"error":"svc-a may not client_key.create","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(service, Method::DELETE, one, None).await.text(), @r#"403 {"error":"svc-a may not client_key.delete","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(operator, Method::DELETE, one, None).await.text(), @r#"200 {"revoked":"6bd6eb1a1d834e0e186ee56b0e4e6b57"}"#);
    assert_snapshot!(world.ask(operator, Method::DELETE, one, None).await.text(), @r#"404 {"error":"no client key 6bd6eb1a1d834e0e186ee56b0e4e6b57","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(service, Method::GET, whoami, None).await.text(), @r#"403 {"error":"login refused","request_id":"<id>"}"#);
}

#[rstest]
#[case::not_json("x", 400, "the body must be one JSON object")]
#[case::array("[]", 400, "the body must be one JSON object")]
#[case::nothing("", 400, "the body must be one JSON object")]
#[case::empty("{}", 400, "kind: must be a text")]
#[case::unknown_field(
    r#"{"nmae": "x"}"#,
    400,
    "unknown field; known are public_key, kind, name, account, days"
)]
#[case::kind(r#"{"kind": "other"}"#, 400, "kind: must be user or service")]
#[case::no_days(
    r#"{"kind": "user"}"#,
    400,
    "days: must be a whole number from 1 to 3650"
)]
#[case::fraction(
    r#"{"kind": "user", "days": 1.5}"#,
    400,
    "days: must be a whole number from 1 to 3650"
)]
#[case::many_days(
    r#"{"kind": "user", "days": 4294967297}"#,
    400,
    "days: must be a whole number from 1 to 3650"
)]
#[case::zero_days(
    r#"{"kind": "user", "days": 0, "name": "a", "public_key": ""}"#,
    400,
    "days: must be a whole number from 1 to 3650"
)]
#[case::account(
    r#"{"kind": "user", "days": 1, "account": 1}"#,
    400,
    "account: must be a text"
)]
#[case::no_key(
    r#"{"kind": "user", "days": 1, "name": "a"}"#,
    400,
    "public_key: must be a text"
)]
#[case::short_key(
    r#"{"kind": "user", "days": 1, "name": "a", "public_key": "AAAA"}"#,
    400,
    "public_key: must be base64 of the 32 bytes of an Ed25519 public key"
)]
#[case::no_base64(
    r#"{"kind": "user", "days": 1, "name": "a", "public_key": "!"}"#,
    400,
    "public_key: must be base64 of the 32 bytes of an Ed25519 public key"
)]
#[case::slash(
    r#"{"kind": "user", "days": 1, "name": "a/b", "public_key": ""}"#,
    400,
    "name: must be 1 to 512 bytes without a slash or a control character"
)]
#[case::too_large(&" ".repeat(16 * 1024 + 1), 413, "the body may have 16 KiB at most")]
#[tokio::test]
async fn a_bad_body_is_told_by_its_field_and_is_one_event(
    #[case] body: &str,
    #[case] status: u16,
    #[case] told: &str,
) {
    let world = World::new().await;
    let before = world.audit_lines();
    let answer = world
        .ask(&world.operator, Method::POST, KEYS, Some(body))
        .await;
    assert_eq!(
        answer.text(),
        format!(r#"{status} {{"error":"{told}","request_id":"<id>"}}"#)
    );
    assert_eq!(world.audit_lines() - before, 1);
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_refused() {
    let world = World::new().await;
    let request = Request::post(KEYS)
        .header(header::AUTHORIZATION, world.basic(&world.operator))
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(registration(&key(
            PrincipalKind::User,
            "bob",
            3,
        ))))
        .expect("a request");
    assert_snapshot!(world.send(request).await.text(), @r#"415 {"error":"Content-Type must be application/json","request_id":"<id>"}"#);
}

#[tokio::test]
async fn an_id_that_is_none_is_refused() {
    let world = World::new().await;
    assert_snapshot!(world.ask(&world.operator, Method::DELETE, &format!("{KEYS}/x"), None).await.text(), @r#"400 {"error":"id: a client key's id is 32 lower-case hex digits","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(&world.operator, Method::DELETE, &format!("{KEYS}/a%2Fb"), None).await.text(), @r#"400 {"error":"id: a client key's id is 32 lower-case hex digits","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(&world.operator, Method::DELETE, &format!("{KEYS}/%ff"), None).await.text(), @r#"400 {"error":"id: a client key's id is 32 lower-case hex digits","request_id":"<id>"}"#);
}

#[rstest]
#[case::no_credentials(&[], 401)]
#[case::half_a_pair(&[("x-auth-from", "2/user/operator")], 401)]
#[case::not_base64(&[("authorization", "Basic !")], 403)]
#[case::bad_token(&[("x-auth-from", "2/user/operator"), ("x-auth-token", "aGVsbG8=")], 403)]
#[case::twice(&[("x-auth-from", "a"), ("x-auth-from", "b"), ("x-auth-token", "aGVsbG8=")], 403)]
#[tokio::test]
async fn who_proves_nothing_gets_nothing(#[case] headers: &[(&str, &str)], #[case] status: u16) {
    let world = World::new().await;
    let one = format!("{KEYS}/{}", world.operator.id());
    for (method, path) in [
        (Method::GET, "/console/v1/whoami"),
        (Method::GET, KEYS),
        (Method::POST, KEYS),
        (Method::DELETE, &one),
    ] {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = world
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        let told = if status == 401 {
            "log in: Basic, or X-Auth-From and X-Auth-Token"
        } else {
            "login refused"
        };
        assert_eq!(
            answer.text(),
            format!(r#"{status} {{"error":"{told}","request_id":"<id>"}}"#),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_in_json() {
    let world = World::new().await;
    let operator = &world.operator;
    assert_snapshot!(world.ask(operator, Method::GET, "/console/v2/x", None).await.text(), @r#"404 {"error":"no such path","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(operator, Method::GET, "/console", None).await.text(), @r#"404 {"error":"no such path","request_id":"<id>"}"#);
    assert_snapshot!(world.ask(operator, Method::PATCH, KEYS, None).await.text(), @r#"405 {"error":"no such method for this path","request_id":"<id>"}"#);
}

#[tokio::test]
async fn no_answer_may_be_stored_or_sniffed() {
    let world = World::new().await;
    for path in [KEYS, "/console/x"] {
        let answer = world.ask(&world.operator, Method::GET, path, None).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    }
}

#[tokio::test]
async fn a_table_out_of_reach_is_503_and_tells_the_client_nothing() {
    let world = World::new().await;
    let operator = &world.operator;
    let stranger = key(PrincipalKind::User, "bob", 3);
    let registration = registration(&stranger);
    assert_eq!(
        world.ask(&stranger, Method::GET, KEYS, None).await.status,
        StatusCode::FORBIDDEN
    );
    // The operator is known by now, so that the operations themselves are reached.
    assert_eq!(
        world.ask(operator, Method::GET, KEYS, None).await.status,
        StatusCode::OK
    );
    world.break_table();
    let one = format!("{KEYS}/{}", operator.id());
    for (method, path, body) in [
        (Method::GET, KEYS, None),
        (Method::POST, KEYS, Some(&*registration)),
        (Method::DELETE, &one, None),
    ] {
        let answer = world.ask(operator, method, path, body).await;
        assert_eq!(
            answer.text(),
            r#"503 {"error":"the table is unavailable, try again","request_id":"<id>"}"#
        );
        assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    }
    let answer = world
        .ask(&key(PrincipalKind::User, "bob", 3), Method::GET, KEYS, None)
        .await;
    assert_eq!(
        answer.text(),
        r#"503 {"error":"logins cannot be checked now, try again","request_id":"<id>"}"#
    );
}
