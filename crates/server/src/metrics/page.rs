//! `GET /metrics`, for a collector; public to whoever reaches the address that it is served on.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Metrics;

/// The route, to be mounted beside the doors or served on an address of its own.
pub fn metrics_page(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(public_metrics))
        .with_state(metrics)
}

async fn public_metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, OPEN_METRICS),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, metrics.text()).into_response()
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
