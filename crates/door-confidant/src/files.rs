//! Files beside the API: the two that every server has, and an operator's own pages.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Door;
use crate::admission::Proven;
use crate::pages;
use crate::path::Path as Segments;

/// `GET /404.html`: public.
pub(crate) async fn public_not_found() -> Response {
    let mut page = pages::public_not_found().await;
    *page.status_mut() = StatusCode::OK;
    kept(page, PUBLIC)
}

/// `GET /robots.txt`: public; there is nothing here for a search engine.
pub(crate) async fn public_robots() -> Response {
    kept(answer("text/plain; charset=utf-8", ROBOTS.into()), PUBLIC)
}

/// `GET /custom/<folder>/<file>`, from `CUSTOM_FRONTEND_DIRECTORY`.
///
/// A module that is not there is an empty page, since the browser's UI asks for the documentation of
/// every kind of thing; other files that are not there are 404, empty.
pub(crate) async fn custom(
    State(door): State<Door>,
    Proven(_): Proven,
    Segments((folder, file)): Segments<(String, String)>,
) -> Response {
    if !FOLDERS.contains(&folder.as_str()) {
        return pages::public_not_found().await;
    }
    let read = match &door.settings.custom_frontend {
        Some(directory) => read(directory.join(&folder), file.clone()).await,
        None => None,
    };
    match read {
        // Who asks has logged in: no cache between may show it to others.
        Some(bytes) => kept(answer(kind_of(&file), bytes), PRIVATE),
        None if folder == MODULES => pages::empty(),
        None => (StatusCode::NOT_FOUND, pages::empty()).into_response(),
    }
}

/// The file at `path` below `folder`; `None` for what is not there, leads out, or is too large.
async fn read(folder: PathBuf, path: String) -> Option<Vec<u8>> {
    let relative = Path::new(&path);
    let is_plain = |part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
    if path.contains(['\\', '\0']) || !relative.components().all(is_plain) {
        return None;
    }
    let file = folder.join(relative);
    let read = move || {
        let root = folder.canonicalize()?;
        // After links, it must still be inside.
        let file = file.canonicalize()?;
        if !file.starts_with(&root) || !file.is_file() {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        let mut bytes = Vec::new();
        File::open(file)?
            .take(MAX_FILE + 1)
            .read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    let bytes = tokio::task::spawn_blocking(read).await.ok()?.ok()?;
    if bytes.len() as u64 > MAX_FILE {
        tracing::warn!(file = %path, "a custom page is larger than 4 MiB and not shown");
        return None;
    }
    Some(bytes)
}

fn answer(kind: &'static str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, bytes).into_response()
}

/// The answer, kept for half a day by whom `control` says.
fn kept(mut response: Response, control: &'static str) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(control));
    response
}

fn kind_of(file: &str) -> &'static str {
    let ending = file.rsplit('.').next().unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "ico" => "image/x-icon",
        _ => "application/octet-stream",
    }
}

const PUBLIC: &str = "public, max-age=43200";
const PRIVATE: &str = "private, max-age=43200";
const MODULES: &str = "modules";
const FOLDERS: [&str; 3] = [MODULES, "styles", "images"];
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";
/// Units: bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;
