//! What the console answers when something is not done. Never 500.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::RequestId;
use login::{BadClientKeyId, ClientKeyError, Refusal};
use serde_json::json;

/// Why a request to the console was not done.
#[derive(Debug)]
pub(crate) enum ConsoleError {
    /// Nobody was proven; the log says why.
    Login(Refusal),
    /// An operation on client keys did not happen.
    ClientKey(ClientKeyError),
    /// The path holds no id.
    BadId(BadClientKeyId),
    /// A field is wrong.
    Field {
        field: &'static str,
        must: &'static str,
    },
    /// A field that is none of these.
    UnknownField(&'static [&'static str]),
    /// The body is no JSON object.
    NotJson,
    /// The body does not say that it is JSON.
    NotJsonType,
    /// The body is too large.
    TooLarge,
    /// No such path below `/console`.
    NoSuchPath,
    /// The path exists, for other methods.
    WrongMethod,
}

/// An error and the request that it answers.
pub(crate) struct DoorError {
    pub(crate) request: RequestId,
    pub(crate) error: ConsoleError,
}

impl IntoResponse for DoorError {
    fn into_response(self) -> Response {
        let (status, told) = answer(&self.error);
        if status.is_server_error() {
            tracing::error!(request = %self.request, error = ?self.error, "console answer");
        }
        let body = json!({ "error": told, "request_id": self.request.as_str() });
        let mut response = (status, Json(body)).into_response();
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn answer(error: &ConsoleError) -> (StatusCode, String) {
    let (status, told) = match error {
        ConsoleError::Login(Refusal::Missing) => (
            StatusCode::UNAUTHORIZED,
            "log in: Basic, or X-Auth-From and X-Auth-Token",
        ),
        ConsoleError::Login(Refusal::Refused | Refusal::ForeignHost) => {
            (StatusCode::FORBIDDEN, "login refused")
        }
        ConsoleError::Login(Refusal::Limited) => (
            StatusCode::TOO_MANY_REQUESTS,
            "too many refused logins, try again later",
        ),
        ConsoleError::Login(Refusal::Unavailable) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "logins cannot be checked now, try again",
        ),
        ConsoleError::NotJson => (StatusCode::BAD_REQUEST, "the body must be one JSON object"),
        ConsoleError::NotJsonType => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type must be application/json",
        ),
        ConsoleError::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body may have 16 KiB at most",
        ),
        ConsoleError::NoSuchPath => (StatusCode::NOT_FOUND, "no such path"),
        ConsoleError::WrongMethod => (
            StatusCode::METHOD_NOT_ALLOWED,
            "no such method for this path",
        ),
        ConsoleError::BadId(bad) => return (StatusCode::BAD_REQUEST, format!("id: {bad}")),
        ConsoleError::Field { field, must } => {
            return (StatusCode::BAD_REQUEST, format!("{field}: {must}"));
        }
        ConsoleError::UnknownField(known) => {
            return (
                StatusCode::BAD_REQUEST,
                format!("unknown field; known are {}", known.join(", ")),
            );
        }
        ConsoleError::ClientKey(error) => return client_key_answer(error),
    };
    (status, told.to_owned())
}

fn client_key_answer(error: &ClientKeyError) -> (StatusCode, String) {
    let status = match error {
        ClientKeyError::Refused(_) => StatusCode::FORBIDDEN,
        ClientKeyError::Invalid { .. } => StatusCode::BAD_REQUEST,
        ClientKeyError::AlreadyRegistered(_) => StatusCode::CONFLICT,
        ClientKeyError::NotFound(_) => StatusCode::NOT_FOUND,
        ClientKeyError::Damaged(_) => StatusCode::BAD_GATEWAY,
        ClientKeyError::Contended => StatusCode::SERVICE_UNAVAILABLE,
        // What failed goes to the log, not to the client.
        ClientKeyError::Unavailable(_) => {
            return (
                StatusCode::SERVICE_UNAVAILABLE,
                "the table is unavailable, try again".to_owned(),
            );
        }
        ClientKeyError::Audit(_) => {
            return (
                StatusCode::SERVICE_UNAVAILABLE,
                "the audit log is unavailable, try again".to_owned(),
            );
        }
    };
    (status, error.to_string())
}
