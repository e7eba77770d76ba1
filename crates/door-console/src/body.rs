//! The body of a registration, field by field, so that an error names the field.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::PrincipalKind;
use login::NewClientKey;
use serde_json::{Map, Value};

use crate::errors::ConsoleError;

/// Reads `{"public_key", "kind", "name", "days"}` and, where given, `account`.
///
/// A field that is unknown is refused: a misspelt one would be dropped in silence.
pub(crate) fn new_client_key(
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<NewClientKey, ConsoleError> {
    if !is_json(headers) {
        return Err(ConsoleError::NotJsonType);
    }
    let fields: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| ConsoleError::NotJson)?;
    if fields.keys().any(|name| !FIELDS.contains(&name.as_str())) {
        return Err(ConsoleError::UnknownField(FIELDS));
    }
    let text = |field: &'static str| match fields.get(field) {
        Some(Value::String(text)) => Ok(text.as_str()),
        _ => Err(ConsoleError::Field {
            field,
            must: "must be a text",
        }),
    };
    let kind = match text("kind")? {
        "user" => PrincipalKind::User,
        "service" => PrincipalKind::Service,
        _ => {
            return Err(ConsoleError::Field {
                field: "kind",
                must: "must be user or service",
            });
        }
    };
    let days = fields
        .get("days")
        .and_then(Value::as_u64)
        .and_then(|days| u32::try_from(days).ok());
    let days = days.ok_or(ConsoleError::Field {
        field: "days",
        must: "must be a whole number from 1 to 3650",
    })?;
    let account = match fields.get("account") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text("account")?.to_owned()),
    };
    let public_key = STANDARD
        .decode(text("public_key")?)
        .map_err(|_| ConsoleError::Field {
            field: "public_key",
            must: "must be base64 of the 32 bytes of an Ed25519 public key",
        })?;
    Ok(NewClientKey {
        public_key,
        kind,
        name: text("name")?.to_owned(),
        account,
        days,
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    content_type
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

const FIELDS: &[&str] = &["public_key", "kind", "name", "account", "days"];
