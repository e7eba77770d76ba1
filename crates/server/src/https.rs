//! Where https is wanted (`SSLIFY`): the way there, and the word that browsers keep.
//!
//! We speak plain HTTP behind a proxy that has the certificate; `X-Forwarded-Proto` is its word on
//! how a client came.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use login::TrustedPeers;

/// What is asked of requests that did not come by https.
#[derive(Clone, Debug, Default)]
pub struct Https {
    /// They are sent there, but for the health check.
    pub redirect: bool,
    /// Whose word is good enough to bind browsers to https for a year.
    pub trusted: TrustedPeers,
}

/// Sends who came without https there, and tells browsers to remember.
///
/// As in the original, anybody's word that it was https spares the way there: who lies harms only
/// himself. A browser is bound by a trusted proxy's word alone.
pub(crate) async fn insist(
    State(https): State<Arc<Https>>,
    request: Request,
    next: Next,
) -> Response {
    if !https.redirect || request.uri().path().starts_with("/healthcheck") {
        return next.run(request).await;
    }
    let said = request.headers().get(FORWARDED_PROTO);
    if said.is_none_or(|proto| proto != "https") {
        return redirect(&request);
    }
    let trusted = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .is_some_and(|ConnectInfo(peer)| https.trusted.contains(peer.ip()));
    let mut response = next.run(request).await;
    if trusted {
        response
            .headers_mut()
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(A_YEAR);
    }
    response
}

fn redirect(request: &Request) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.parse::<Authority>().ok())
        .filter(|host| !host.as_str().contains('@'));
    let Some(host) = host else {
        return told(StatusCode::BAD_REQUEST, NO_HOST);
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let there = format!("https://{host}{path}");
    (
        [(header::LOCATION, there)],
        told(StatusCode::FOUND, HTTPS_ONLY),
    )
        .into_response()
}

fn told(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

const NO_HOST: &str = r#"{"error": "the request has no usable Host header"}"#;
const HTTPS_ONLY: &str = r#"{"error": "this server takes https alone: use its https address, or set SSLIFY=false where it is tried without"}"#;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");
