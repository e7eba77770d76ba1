//! Path parameters: a path whose parameters cannot be read leads nowhere.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use crate::{Door, pages};

/// The parameters of a path. Rejection: the page of an unknown path, where axum would tell its own
/// text as 400.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Door> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Response> {
        axum::extract::Path::from_request_parts(parts, door)
            .await
            .map(|axum::extract::Path(parameters)| Self(parameters))
            .map_err(|_| pages::page(StatusCode::NOT_FOUND, "Not Found"))
    }
}
