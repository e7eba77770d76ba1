//! Request bodies: from JSON to fields, each right or with its fault.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use confidant::{Asked, BadField, BlindFields, CredentialFields, Pairs, ServiceFields};
use serde_json::{Map, Value};

use crate::Door;
use crate::errors::DoorError;

/// The object sent, or why there is none: told in its turn, after the access rule.
pub(crate) struct Sent(Result<Map<String, Value>, BadField>);

impl FromRequest<Door> for Sent {
    type Rejection = DoorError;

    async fn from_request(request: Request, door: &Door) -> Result<Self, DoorError> {
        let is_json = is_json(request.headers());
        let body = Bytes::from_request(request, door)
            .await
            .map_err(|_| DoorError::BodyTooLarge)?;
        if !is_json {
            return Ok(Self(Err(BadField::NoBody)));
        }
        Ok(Self::read(&body))
    }
}

/// Whether the content type is `application/json` or `application/*+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = declared
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

impl Sent {
    /// Reads JSON; serde_json stops at a depth of 128.
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(BadField::NotObject),
            Err(_) => Err(BadField::NotJson),
        })
    }

    /// The fields of a create: `enabled` is anything that Python calls true.
    pub(crate) fn for_create(self) -> CredentialFields {
        self.credential(|value| Ok(Some(truthy(&value))))
    }

    /// The fields of an update: `enabled` must be a boolean.
    pub(crate) fn for_update(self) -> CredentialFields {
        self.credential(boolean)
    }

    fn credential(self, enabled: impl FnOnce(Value) -> Asked<bool>) -> CredentialFields {
        let mut sent = match self.0 {
            Ok(sent) => sent,
            Err(fault) => {
                return CredentialFields {
                    name: Err(fault),
                    pairs: Err(fault),
                    enabled: Err(fault),
                    metadata: Err(fault),
                    documentation: Err(fault),
                    tags: Err(fault),
                    mentions_revision: false,
                };
            }
        };
        CredentialFields {
            name: text(&mut sent, "name", BadField::NameNotText),
            pairs: match sent.shift_remove("credential_pairs") {
                None | Some(Value::Null) => Ok(None),
                Some(Value::Object(pairs)) => Pairs::draft(pairs).map(Some),
                Some(_) => Err(BadField::PairsNotObject),
            },
            enabled: sent.shift_remove("enabled").map_or(Ok(None), enabled),
            metadata: object(&mut sent, "metadata", BadField::MetadataNotObject),
            documentation: text(&mut sent, "documentation", BadField::DocumentationNotText),
            tags: texts(&mut sent, "tags", BadField::TagsNotTexts),
            mentions_revision: sent.contains_key("revision"),
        }
    }

    /// The fields of a create of a blind credential: what Python calls false counts as not sent.
    pub(crate) fn for_blind_create(mut self) -> BlindFields {
        if let Ok(sent) = &mut self.0 {
            for name in [
                "cipher_version",
                "cipher_type",
                "credential_pairs",
                "data_key",
            ] {
                if sent.get(name).is_some_and(|value| !holds_something(value)) {
                    sent.shift_remove(name);
                }
            }
        }
        self.blind(|value| Ok(Some(truthy(&value))))
    }

    /// The fields of an update of a blind credential.
    pub(crate) fn for_blind_update(self) -> BlindFields {
        self.blind(boolean)
    }

    fn blind(self, enabled: impl FnOnce(Value) -> Asked<bool>) -> BlindFields {
        let mut sent = match self.0 {
            Ok(sent) => sent,
            Err(fault) => {
                return BlindFields {
                    name: Err(fault),
                    credential_pairs: Err(fault),
                    data_key: Err(fault),
                    cipher_type: Err(fault),
                    cipher_version: Err(fault),
                    credential_keys: Err(fault),
                    enabled: Err(fault),
                    metadata: Err(fault),
                    documentation: Err(fault),
                    mentions_revision: false,
                };
            }
        };
        BlindFields {
            name: text(&mut sent, "name", BadField::NameNotText),
            credential_pairs: object(&mut sent, "credential_pairs", BadField::PairsNotObject),
            data_key: object(&mut sent, "data_key", BadField::DataKeyNotObject),
            cipher_type: match sent.shift_remove("cipher_type") {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(text)),
                Some(_) => Err(BadField::CipherTypeNotText),
            },
            cipher_version: sent
                .shift_remove("cipher_version")
                .map_or(Ok(None), cipher_version),
            credential_keys: match sent.shift_remove("credential_keys") {
                None => Ok(None),
                Some(Value::Array(keys)) => keys
                    .into_iter()
                    .map(key)
                    .collect::<Result<_, _>>()
                    .map(Some),
                Some(_) => Err(BadField::KeysNotList),
            },
            enabled: sent.shift_remove("enabled").map_or(Ok(None), enabled),
            metadata: object(&mut sent, "metadata", BadField::MetadataNotObject),
            documentation: match sent.shift_remove("documentation") {
                None => Ok(None),
                Some(Value::Null) => Ok(Some(None)),
                Some(Value::String(text)) => Ok(Some(Some(text))),
                Some(_) => Err(BadField::DocumentationNotText),
            },
            mentions_revision: sent.contains_key("revision"),
        }
    }

    /// A certificate request, and for how many days it asks. What Python calls false counts as not sent.
    pub(crate) fn for_certificate(self) -> (Result<String, BadField>, Asked<i64>) {
        let mut sent = match self.0 {
            Ok(sent) => sent,
            Err(fault) => return (Err(fault), Err(fault)),
        };
        let request = match sent.shift_remove("csr") {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            Some(value) if holds_something(&value) => Err(BadField::RequestUnreadable),
            _ => Err(BadField::RequestRequired),
        };
        let days = match sent.shift_remove("validity") {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or(BadField::ValidityNotDays),
        };
        (request, days)
    }

    /// The fields of a service.
    pub(crate) fn for_service(self) -> ServiceFields {
        let mut sent = match self.0 {
            Ok(sent) => sent,
            Err(fault) => {
                return ServiceFields {
                    credentials: Err(fault),
                    blind_credentials: Err(fault),
                    enabled: Err(fault),
                    account: Err(fault),
                };
            }
        };
        ServiceFields {
            credentials: texts(&mut sent, "credentials", BadField::CredentialsNotIds),
            blind_credentials: texts(
                &mut sent,
                "blind_credentials",
                BadField::BlindCredentialsNotIds,
            ),
            enabled: match sent.shift_remove("enabled") {
                None | Some(Value::Null) => Ok(None),
                Some(Value::Bool(enabled)) => Ok(Some(enabled)),
                Some(_) => Err(BadField::EnabledNotBoolean),
            },
            account: text(&mut sent, "account", BadField::AccountNotText),
        }
    }
}

fn text(sent: &mut Map<String, Value>, name: &str, fault: BadField) -> Asked<String> {
    match sent.shift_remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(fault),
    }
}

fn texts(sent: &mut Map<String, Value>, name: &str, fault: BadField) -> Asked<Vec<String>> {
    match sent.shift_remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => values
            .into_iter()
            .map(|value| match value {
                Value::String(text) => Ok(text),
                _ => Err(fault),
            })
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(fault),
    }
}

fn object(sent: &mut Map<String, Value>, name: &str, fault: BadField) -> Asked<Map<String, Value>> {
    match sent.shift_remove(name) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(fault),
    }
}

fn boolean(value: Value) -> Asked<bool> {
    value.as_bool().map(Some).ok_or(BadField::EnabledNotBoolean)
}

/// A number, or its digits: the Python client sends `--cipher-version 2` as text.
fn cipher_version(value: Value) -> Asked<u64> {
    let number = match &value {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()
        }
        _ => None,
    };
    number.map(Some).ok_or(BadField::CipherVersionNotNumber)
}

fn key(value: Value) -> Result<String, BadField> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(BadField::KeysNotTexts),
    }
}

/// What Python calls true; null is as if nothing was sent, which means true.
fn truthy(value: &Value) -> bool {
    value.is_null() || holds_something(value)
}

/// What Python calls true.
fn holds_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(held) => *held,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[rstest::rstest]
    #[case::plain("application/json", true)]
    #[case::charset("application/json; charset=utf-8", true)]
    #[case::upper("Application/JSON", true)]
    #[case::suffix("application/vnd.api+json", true)]
    #[case::text("text/plain", false)]
    #[case::text_json("text/json", false)]
    #[case::empty("", false)]
    fn reads_json_content_types_only(#[case] kind: &'static str, #[case] expected: bool) {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        assert_eq!(is_json(&headers), expected);
    }
}
