//! The console's HTTP API: client keys for administrators, and who one is.
//!
//! JSON in and out under `/console/v1/`. Every answer carries `X-Request-Id`, every error the body
//! `{"error": ..., "request_id": ...}`; the log holds the rest under that id.

mod body;
mod caller;
mod client_keys;
mod errors;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, delete, get};
use domain::RequestId;
use keep::Keep;
use login::{ClientKeys, Login};

use crate::errors::{ConsoleError, DoorError};

/// What the console stands on.
#[derive(Clone)]
pub struct Door {
    /// The registered client keys.
    pub client_keys: Arc<ClientKeys>,
    /// Proves who asks.
    pub login: Arc<Login>,
    /// The kernel.
    pub keep: Arc<Keep>,
}

/// The whole door: mount it, nest it, or leave it out.
pub fn router(door: Door) -> Router {
    Router::new()
        // For everybody who can log in.
        .route("/console/v1/whoami", get(caller::whoami))
        // For administrators.
        .route(
            "/console/v1/client-keys",
            get(client_keys::list).post(client_keys::issue),
        )
        .route("/console/v1/client-keys/{id}", delete(client_keys::revoke))
        // Public: says only that there is nothing here.
        .route("/console", any(nothing_here))
        .route("/console/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&door.keep),
            name_request,
        ))
        .with_state(door)
}

/// Names the request, for its answer, its audit event and the log.
async fn name_request(State(keep): State<Arc<Keep>>, mut request: Request, next: Next) -> Response {
    let id = keep.request_id();
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert("x-request-id", id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn nothing_here(axum::Extension(request): axum::Extension<RequestId>) -> DoorError {
    DoorError {
        request,
        error: ConsoleError::NoSuchPath,
    }
}

async fn wrong_method(axum::Extension(request): axum::Extension<RequestId>) -> DoorError {
    DoorError {
        request,
        error: ConsoleError::WrongMethod,
    }
}

/// Bytes; the longest proper body has under 2 KiB.
const MAX_BODY: usize = 16 * 1024;
