//! Who asks: the login, by axum's extractor.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use domain::{Principal, RequestId};
use serde_json::{Value, json};

use crate::Door;
use crate::errors::{ConsoleError, DoorError};

/// The proven caller, and the name of the request.
pub(crate) struct Caller {
    pub(crate) who: Principal,
    pub(crate) request: RequestId,
}

impl FromRequestParts<Door> for Caller {
    type Rejection = DoorError;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, DoorError> {
        let request = parts
            .extensions
            .get::<RequestId>()
            .cloned()
            .unwrap_or_else(|| door.keep.request_id());
        // The server tells the peer of every connection; without one, all share one source.
        let source = match parts.extensions.get::<ConnectInfo<SocketAddr>>() {
            Some(ConnectInfo(peer)) => peer.ip(),
            None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let headers = |name| {
            parts
                .headers
                .get_all(name)
                .iter()
                .map(HeaderValue::as_bytes)
        };
        match door.login.prove_headers(headers, source, &request).await {
            Ok(who) => Ok(Self { who, request }),
            Err(refused) => Err(DoorError {
                request,
                error: ConsoleError::Login(refused.refusal()),
            }),
        }
    }
}

/// Who the caller is, as the login proved it. Reads nothing, so there is no audit event.
pub(crate) async fn whoami(Caller { who, .. }: Caller) -> Json<Value> {
    Json(json!({
        "kind": who.kind.word(),
        "name": who.name,
        "login": who.login.word(),
        "account": who.account,
    }))
}
