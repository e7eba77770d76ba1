//! All routes of this door, and the headers of every answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use confidant::Confidant;
use keep::Keep;
use login::Login;

use crate::{credentials, pages, services};

/// What this door needs.
#[derive(Clone)]
pub struct Door {
    /// The operations.
    pub confidant: Arc<Confidant>,
    /// Who is asking.
    pub login: Arc<Login>,
    /// Names requests.
    pub keep: Arc<Keep>,
}

/// The greatest request body. Units: bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// The whole door: mount it, nest it, or leave it out.
pub fn router(door: Door) -> Router {
    Router::new()
        // Proven callers.
        .route(
            "/v1/credentials",
            methods(
                "GET, HEAD, OPTIONS, POST",
                get(credentials::list).post(credentials::create),
            ),
        )
        .route(
            "/v1/credentials/{id}",
            methods(
                "GET, HEAD, OPTIONS, PUT",
                get(credentials::read).put(credentials::update),
            ),
        )
        .route(
            "/v1/services",
            methods("GET, HEAD, OPTIONS", get(services::list)),
        )
        .route(
            "/v1/services/{id}",
            methods(
                "GET, HEAD, OPTIONS, PUT",
                get(services::read).put(services::map),
            ),
        )
        // Everybody.
        .route(
            "/healthcheck",
            methods("GET, HEAD, OPTIONS", get(pages::public_healthcheck)),
        )
        .route("/v1/{*other}", any(pages::public_not_found))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(door.clone(), name_request))
        .with_state(door)
}

/// A known path: says its methods without login, and 405 to others.
fn methods(allowed: &'static str, routes: MethodRouter<Door>) -> MethodRouter<Door> {
    routes
        .options(
            move || async move { ([(header::ALLOW, allowed)], pages::empty()).into_response() },
        )
        .fallback(move || async move {
            let page = pages::page(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            ([(header::ALLOW, allowed)], page).into_response()
        })
}

/// Gives the request its id, and the answer the headers that all answers have.
async fn name_request(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let id = door.keep.request_id();
    let told = HeaderValue::from_str(id.as_str());
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(told) = told {
        headers.insert(REQUEST_ID, told);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'";
