//! Who gets in: what happens before every operation, in the order of the original.
//!
//! Login, then the XSRF token of a browser's write, then maintenance mode; the access rule and
//! everything else come after, in the data model.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use confidant::Caller;
use domain::RequestId;
use keep::Step;
use login::{Proved, Session};

use crate::Door;
use crate::errors::DoorError;

/// A proven caller, with the request it sent. On a route that admits nobody it is refused.
pub(crate) struct Proven(pub(crate) Caller);

/// What the writes of a route are, apart from their login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// They change what is stored: XSRF token, and not while in maintenance.
    Store,
    /// They make something, and store nothing: XSRF token.
    Make,
    /// They only ask.
    Ask,
}

/// Proves the caller and lets the request through, or answers in its stead.
pub(crate) async fn admit(
    State((door, writes)): State<(Door, Writes)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let session = match enter(&door, writes, &mut parts).await {
        Ok(session) => session,
        Err(refused) => return refused.into_response(),
    };
    let https = claims_https(&parts.headers);
    let answer = |request| next.run(request);
    let mut response = match timed(&parts) {
        Some(step) => {
            let answer = answer(Request::from_parts(parts, body));
            door.keep.timed(step, answer).await
        }
        None => answer(Request::from_parts(parts, body)).await,
    };
    if let Some(session) = session {
        set_cookies(&mut response, &door, &session, https);
    }
    response
}

/// The step that Confidant times for this route, from after the login to the answer.
fn timed(parts: &Parts) -> Option<Step> {
    let route = parts.extensions.get::<MatchedPath>()?;
    match (&parts.method, route.as_str()) {
        (&Method::GET, "/v1/credentials") => Some(Step::ListCredentials),
        (&Method::GET, "/v1/credentials/{id}") => Some(Step::GetCredential),
        (&Method::POST, "/v1/credentials") => Some(Step::CreateCredential),
        (&Method::PUT, "/v1/credentials/{id}") => Some(Step::UpdateCredential),
        (&Method::GET, "/v1/services") => Some(Step::ListServices),
        (&Method::GET, "/v1/services/{id}") => Some(Step::GetService),
        _ => None,
    }
}

/// Proves who sends a request.
pub(crate) async fn prove(door: &Door, parts: &Parts) -> Result<Proved, DoorError> {
    let request = request_id(door, parts);
    // Without a known peer nobody's word counts.
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
            peer.ip()
        });
    let values = |name: &str| {
        parts
            .headers
            .get_all(name)
            .iter()
            .map(HeaderValue::as_bytes)
    };
    door.login
        .prove_request(values, peer, &request)
        .await
        .map_err(|refused| DoorError::Login {
            refusal: refused.refusal(),
            request,
        })
}

/// Gives a browser its session and its XSRF token.
pub(crate) fn set_cookies(response: &mut Response, door: &Door, session: &Session, https: bool) {
    for cookie in session.set_cookies(door.keep.clock().now(), https) {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}

/// Whether the browser is said to have come by https. Anybody may say so: it only makes cookies
/// stricter.
pub(crate) fn claims_https(headers: &HeaderMap) -> bool {
    headers
        .get(FORWARDED_PROTO)
        .is_some_and(|proto| proto == "https")
}

async fn enter(
    door: &Door,
    writes: Writes,
    parts: &mut Parts,
) -> Result<Option<Session>, DoorError> {
    let Proved { who, session } = prove(door, parts).await?;
    let request = request_id(door, parts);
    let is_write = !matches!(parts.method, Method::GET | Method::HEAD);
    if is_write && writes != Writes::Ask {
        let shown = parts.headers.get(XSRF_TOKEN).map(HeaderValue::as_bytes);
        if session
            .as_ref()
            .is_some_and(|session| !session.xsrf_matches(shown))
        {
            tracing::warn!(%request, name = ?who.name, "XSRF token missing or wrong");
            return Err(DoorError::Xsrf { request });
        }
        if writes == Writes::Store && door.settings.maintenance.is_on().await {
            return Err(DoorError::Maintenance);
        }
    }
    parts.extensions.insert(Admitted(Caller { who, request }));
    Ok(session)
}

fn request_id(door: &Door, parts: &Parts) -> RequestId {
    parts
        .extensions
        .get::<RequestId>()
        .cloned()
        .unwrap_or_else(|| door.keep.request_id())
}

#[derive(Clone)]
struct Admitted(Caller);

impl FromRequestParts<Door> for Proven {
    type Rejection = DoorError;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, DoorError> {
        match parts.extensions.get::<Admitted>() {
            Some(Admitted(caller)) => Ok(Self(caller.clone())),
            None => Err(DoorError::Login {
                refusal: login::Refusal::Missing,
                request: request_id(door, parts),
            }),
        }
    }
}

const XSRF_TOKEN: HeaderName = HeaderName::from_static("x-xsrf-token");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
