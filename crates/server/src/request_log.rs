//! One line in the log for each request: what was asked and how it ended, never a value.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use keep::Clock;

/// At `debug`: the record of operations is the audit log. Logs method, route pattern (never the path, which holds ids), status, request id and time.
pub(crate) async fn log(
    State(clock): State<Arc<dyn Clock>>,
    request: Request,
    next: Next,
) -> Response {
    if !tracing::enabled!(target: "keepward::request", tracing::Level::DEBUG) {
        return next.run(request).await;
    }
    let begun = clock.monotonic();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let micros =
        u64::try_from(clock.monotonic().saturating_sub(begun).as_micros()).unwrap_or(u64::MAX);
    let id = response
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or("");
    tracing::debug!(
        target: "keepward::request",
        method = method.as_str().get(..16).unwrap_or(method.as_str()),
        route = route.as_ref().map_or("", MatchedPath::as_str),
        status = response.status().as_u16(),
        request = id,
        micros,
    );
    response
}
