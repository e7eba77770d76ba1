//! Tokens, between kmsauth and us.

use rstest::rstest;
use serde_json::json;

use super::Stage;
use crate::world;

#[rstest]
#[case::of_a_service("service", "web", "alias/authnz")]
#[case::of_a_user("user", "ops", "alias/authnz-user")]
fn kmsauth_accepts_the_tokens_that_we_make(
    #[case] kind: &str,
    #[case] name: &str,
    #[case] key: &str,
) {
    let mut stage = Stage::set(&format!("clients-tokens-{kind}"));
    let login = world::kms_login(&stage.program, kind, name);
    let validate = |to: &str| {
        json!({
            "validate": { "username": login.username, "token": login.token },
            "settings": { "auth_key": "alias/authnz", "user_auth_key": "alias/authnz-user", "to_auth_context": to,
                "region": "us-east-1" },
        })
    };
    let told = stage.clients.order(&validate("confidant-testing"));
    assert_eq!(told["returned"]["key_alias"], key, "{told}");
    let payload = &told["returned"]["payload"];
    assert!(
        payload["not_before"].is_string() && payload["not_after"].is_string(),
        "{told}"
    );
    let told = stage.clients.order(&validate("another-server"));
    assert!(
        world::text(&told, "raised").starts_with("TokenValidationError"),
        "{told}"
    );
    stage.end();
}
