//! `null ADDRESS FILE`: the least that a server can be, as a measure of what the framework costs.
//!
//! An axum handler on tokio's default runtime that looks at nothing but the path, and answers with the same bytes and
//! headers that the measured server gave. FILE holds one JSON object a line: `id`, `headers`, `body`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    id: String,
    headers: Vec<(String, String)>,
    body: String,
}

type Answers = Arc<HashMap<String, (HeaderMap, Bytes)>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, file] = arguments.as_slice() else {
        anyhow::bail!("usage: null ADDRESS FILE")
    };
    let mut answers = HashMap::new();
    for line in std::fs::read_to_string(file)?.lines() {
        let Recorded { id, headers, body } = serde_json::from_str(line)?;
        let headers = headers
            .iter()
            .map(|(name, value)| Ok((HeaderName::try_from(name)?, HeaderValue::try_from(value)?)));
        answers.insert(
            id,
            (
                headers.collect::<anyhow::Result<HeaderMap>>()?,
                Bytes::from(body),
            ),
        );
    }
    let router = Router::new()
        .route("/healthcheck", get(|| async {}))
        .route("/v1/services/{id}", get(service))
        .with_state(Arc::new(answers));
    let listener = tokio::net::TcpListener::bind(address).await?;
    // As the measured server: an answer waits for no acknowledgement.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

async fn service(State(answers): State<Answers>, Path(id): Path<String>) -> Response {
    match answers.get(&id) {
        Some((headers, body)) => (headers.clone(), Body::from(body.clone())).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
