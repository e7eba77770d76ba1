//! The routes of JSON web tokens.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use confidant::{Rendered, python_json_text};
use serde_json::json;

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::errors::{DoorError, Words};
use crate::path::Path;
use crate::query::Parameters;

/// `GET /v1/jwks/token`
pub(crate) async fn own(
    State(door): State<Door>,
    Proven(caller): Proven,
    uri: Uri,
) -> Result<Response, DoorError> {
    issue(&door, &caller, None, &uri).await
}

/// `GET /v1/jwks/token/<id>`
pub(crate) async fn of(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(user): Path<String>,
    uri: Uri,
) -> Result<Response, DoorError> {
    issue(&door, &caller, Some(&user), &uri).await
}

/// `GET /v1/jwks/public/<environment>`: public.
pub(crate) async fn public_keys(
    State(door): State<Door>,
    Path(environment): Path<String>,
) -> Result<Response, DoorError> {
    let keys: Vec<_> = door
        .confidant
        .token_keys(&environment)
        .into_iter()
        .map(|key| {
            json!({
                "kty": "RSA",
                "kid": key.kid,
                "n": key.parts.modulus,
                "e": key.parts.exponent,
                "alg": "RS256",
            })
        })
        .collect();
    if keys.is_empty() {
        let words = Words {
            missing: Some("Public key not found for this environment"),
            ..Words::default()
        };
        return Err(words.of()(confidant::Error::NotFound));
    }
    Ok(answers::json(python_json_text(&json!({ "keys": keys }))))
}

async fn issue(
    door: &Door,
    caller: &confidant::Caller,
    user: Option<&str>,
    uri: &Uri,
) -> Result<Response, DoorError> {
    let asked = Parameters::of(uri);
    let environment = asked.text("environment").filter(|text| !text.is_empty());
    let words = Words {
        no_reference: true,
        ..Words::default()
    };
    let token = door
        .confidant
        .issue_token(caller, environment, user)
        .await
        .map_err(words.of())?;
    // A token is letters, digits, `-`, `_` and dots: nothing to escape.
    let whole = ["{\"token\": \"", token.expose(), "\"}"].concat();
    Ok(answers::json(Rendered::new(
        whole.into_bytes().into_boxed_slice(),
    )))
}
