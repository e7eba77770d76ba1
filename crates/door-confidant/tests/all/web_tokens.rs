//! The routes of web tokens.

use std::time::Duration;

use confidant::WebTokens;
use pki::{PrivateKey, TokenKey};
use serde_json::Value;

use crate::house::{As, House};

async fn house() -> House {
    let key = || TokenKey::new(PrivateKey::generate_rsa(2048).unwrap()).unwrap();
    let tokens = WebTokens::new(Duration::from_secs(3_600))
        .with_key("staging", "one", key())
        .with_key("staging", "two", key())
        .with_active("staging", "two");
    House::with_web_tokens(tokens).await
}

#[tokio::test]
async fn a_token_is_one_field_of_json_and_nobody_keeps_it() {
    let house = house().await;
    for path in [
        "/v1/jwks/token?environment=staging",
        "/v1/jwks/token/bob?environment=staging",
    ] {
        let answer = house.get(As::User("alice"), path).await;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let told = answer.json();
        let token = told["token"].as_str().unwrap();
        assert_eq!(token.split('.').count(), 3);
        assert_eq!(answer.body, format!("{{\"token\": \"{token}\"}}"));
    }
}

#[rstest::rstest]
#[case::nothing("/v1/jwks/token", "Please specify an environment")]
#[case::empty("/v1/jwks/token?environment=", "Please specify an environment")]
#[case::other(
    "/v1/jwks/token/x?environment=other",
    "Key not available for this environment"
)]
#[tokio::test]
async fn an_environment_without_a_key_is_told(#[case] path: &str, #[case] told: &str) {
    let answer = house().await.get(As::User("alice"), path).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"].as_str()),
        (400, Some(told))
    );
}

#[tokio::test]
async fn a_service_gets_no_token_and_nobody_gets_one_without_login() {
    let house = house().await;
    let path = "/v1/jwks/token/bob?environment=staging";
    let answer = house.get(As::Service("web"), path).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.body,
        "{\"error\":\"web does not have access to get JWT bob\"}\n"
    );
    assert_eq!(house.get(As::Nobody, path).await.status, 401);
}

#[tokio::test]
async fn the_public_keys_are_for_everybody() {
    let house = house().await;
    let answer = house.get(As::Nobody, "/v1/jwks/public/staging").await;
    assert_eq!(answer.status, 200);
    let told = answer.json();
    let keys = told["keys"].as_array().unwrap();
    let kids: Vec<_> = keys.iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, ["one", "two"]);
    for key in keys {
        let fields: Vec<_> = key.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["kty", "kid", "n", "e", "alg"]);
        assert_eq!(
            (&key["kty"], &key["e"], &key["alg"]),
            (&Value::from("RSA"), &"AQAB".into(), &"RS256".into())
        );
    }
    let answer = house.get(As::Nobody, "/v1/jwks/public/other").await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json()["error"],
        "Public key not found for this environment"
    );
}
