//! Answers that are no JSON: the health check and the pages of unknown paths and methods.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

/// Public: whether the process answers at all.
pub(crate) async fn public_healthcheck() -> Response {
    empty()
}

/// Public: no such path.
pub(crate) async fn public_not_found() -> Response {
    page(StatusCode::NOT_FOUND, "Not Found")
}

/// An empty page.
pub(crate) fn empty() -> Response {
    html(StatusCode::OK, String::new())
}

/// A page that only says its status.
pub(crate) fn page(status: StatusCode, says: &'static str) -> Response {
    let number = status.as_u16();
    html(
        status,
        format!(
            "<!doctype html>\n<html lang=en>\n<title>{number} {says}</title>\n<h1>{says}</h1>\n"
        ),
    )
}

fn html(status: StatusCode, text: String) -> Response {
    let mut response = (status, Html(text)).into_response();
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
