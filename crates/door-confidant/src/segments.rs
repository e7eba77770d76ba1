//! Path segments as the original cut them: percent-decoded first, so that `%2F` ends a segment.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, Uri};
use axum::middleware::Next;
use axum::response::Response;
use domain::RequestId;
use tower::ServiceExt as _;

/// Gives a request whose path has an encoded slash to the routes once more, with a plain one.
pub(crate) async fn split_at_encoded_slashes(
    routes: Router,
    request: Request,
    next: Next,
) -> Response {
    let Some(uri) = split(request.uri()) else {
        return next.run(request).await;
    };
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    // Everything but the parameters of the route that matched the unsplit path.
    let mut known = Extensions::new();
    if let Some(peer) = parts.extensions.remove::<ConnectInfo<SocketAddr>>() {
        known.insert(peer);
    }
    if let Some(id) = parts.extensions.remove::<RequestId>() {
        known.insert(id);
    }
    parts.extensions = known;
    match routes.oneshot(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The address with its encoded slashes decoded, when it has any.
fn split(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("%2F") && !path.contains("%2f") {
        return None;
    }
    let path = path.replace("%2F", "/").replace("%2f", "/");
    let query = uri.query();
    let whole = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::upper("/v1/services/a%2Fb", Some("/v1/services/a/b"))]
    #[case::lower("/v1/services/a%2fb?limit=1", Some("/v1/services/a/b?limit=1"))]
    #[case::encoded_twice("/v1/services/a%252Fb", None)]
    #[case::in_the_query("/v1/services/a?page=%2F", None)]
    #[case::none("/v1/services/a", None)]
    fn an_encoded_slash_of_the_path_becomes_one(
        #[case] given: &str,
        #[case] expected: Option<&str>,
    ) {
        let split = split(&given.parse().unwrap());
        assert_eq!(split.map(|uri| uri.to_string()).as_deref(), expected);
    }
}
