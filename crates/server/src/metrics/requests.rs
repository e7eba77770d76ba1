//! Counts every request that is answered, by its route's pattern.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use keep::Clock;

use super::Metrics;

/// Who counts, and by which clock.
pub(crate) type Counting = (Arc<Metrics>, Arc<dyn Clock>);

pub(crate) async fn count(
    State((metrics, clock)): State<Counting>,
    request: Request,
    next: Next,
) -> Response {
    let begun = clock.monotonic();
    let method = word(request.method());
    // The pattern, never the path, which holds what callers chose.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|route| Arc::from(route.as_str()));
    let response = next.run(request).await;
    let took = clock.monotonic().saturating_sub(begun);
    metrics.answered(method, route, response.status().as_u16(), took);
    response
}

/// A caller may send any word as a method.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
