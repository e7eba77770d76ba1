//! Who is asking: the extractor that every handler with a caller takes first.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use confidant::Caller;
use domain::RequestId;

use crate::Door;
use crate::errors::DoorError;

/// A proven caller, with the request it sent.
pub(crate) struct Proven(pub(crate) Caller);

impl FromRequestParts<Door> for Proven {
    type Rejection = DoorError;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, DoorError> {
        let request = match parts.extensions.get::<RequestId>() {
            Some(request) => request.clone(),
            None => door.keep.request_id(),
        };
        let source = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| {
                peer.ip()
            });
        let values = |name| {
            parts
                .headers
                .get_all(name)
                .iter()
                .map(HeaderValue::as_bytes)
        };
        match door.login.prove_headers(values, source, &request).await {
            Ok(who) => Ok(Self(Caller { who, request })),
            Err(refused) => Err(DoorError::Login {
                refusal: refused.refusal(),
                request,
            }),
        }
    }
}
