//! The routes of certificates, where the recorded exchanges do not go.

use pki::{PrivateKey, Request, Subject};
use serde_json::json;

use crate::house::{As, House};

const WEB: As<'_> = As::Service("web");

#[tokio::test]
async fn a_certificate_comes_with_its_chain_and_its_key_as_pem() {
    let house = House::new().await;
    let path = "/v1/certificates/development/web.example.com?san=web.example.com";
    let answer = house.get(WEB, path).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let told = answer.json();
    let field = |name: &str| told[name].as_str().unwrap();
    assert_eq!(told.as_object().unwrap().len(), 3);
    assert_eq!(field("certificate"), field("certificate_chain"));
    pki::Certificate::read(field("certificate")).unwrap();
    assert!(field("key").starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    PrivateKey::read(field("key"), None).unwrap();
}

#[rstest::rstest]
#[case::no_days("web.example.com?validity=0", 400)]
#[case::negative_days("web.example.com?validity=-1", 400)]
#[case::days_that_are_none("web.example.com?validity=abc", 200)]
#[case::many_days("web.example.com?validity=99999999999", 200)]
#[case::foreign_host("web.example.com?san=api.example.com", 403)]
#[case::second_host_foreign("web.example.com?san=web.example.com&san=api.example.com", 403)]
#[case::only_begins_well("web.example.com.evil.org", 403)]
#[tokio::test]
async fn a_name_that_is_not_the_callers_or_no_days_get_no_certificate(
    #[case] asked: &str,
    #[case] expected: u16,
) {
    let house = House::new().await;
    let path = format!("/v1/certificates/development/{asked}");
    let answer = house.get(WEB, &path).await;
    assert_eq!(answer.status, expected, "{answer}");
}

#[tokio::test]
async fn a_common_name_that_is_too_long_is_told() {
    let house = House::new().await;
    let name = format!("{}.example.com", "x".repeat(64));
    let service = "x".repeat(64);
    let path = format!("/v1/certificates/development/{name}");
    let answer = house.get(As::Service(&service), &path).await;
    assert_eq!(answer.status, 400, "{answer}");
    assert!(
        answer.json()["error"]
            .as_str()
            .unwrap()
            .contains("1 to 64 letters")
    );
}

#[rstest::rstest]
#[case::number(json!({ "csr": 1 }), "csr could not be decoded")]
#[case::null(json!({ "csr": null }), "csr must be provided in the POST body.")]
#[case::empty(json!({ "csr": "" }), "csr must be provided in the POST body.")]
#[case::list(json!(["csr"]), "The body must be a JSON object.")]
#[tokio::test]
async fn a_body_without_a_request_is_told(#[case] body: serde_json::Value, #[case] told: &str) {
    let house = House::new().await;
    let answer = house
        .send(WEB, "POST", "/v1/certificates/development", Some(&body))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"].as_str()),
        (400, Some(told))
    );
}

#[tokio::test]
async fn a_refused_request_is_told_its_name_and_authority() {
    let house = House::new().await;
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: "api.example.com".to_owned(),
        ..Subject::default()
    };
    let request = Request::make(&key, &subject, &[]).unwrap();
    let body = json!({ "csr": request.pem(), "validity": "soon" });
    let answer = house
        .send(WEB, "POST", "/v1/certificates/development", Some(&body))
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.json(),
        json!({
            "error": "web does not have access to get certificate cn api.example.com against ca development",
            "reference": "api.example.com",
        })
    );
    // Its own service is told what else is wrong.
    let answer = house
        .send(
            As::Service("api"),
            "POST",
            "/v1/certificates/development",
            Some(&body),
        )
        .await;
    assert_eq!(answer.status, 400, "{answer}");
    let answer = house
        .send(WEB, "POST", "/v1/certificates/unknown", Some(&body))
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (404, &json!("Provided CA not found."))
    );
}
