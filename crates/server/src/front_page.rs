//! The plain page at `/` until the browser UI comes.

/// What runs here and where its documentation is. No script, no third-party request.
pub const FRONT_PAGE: &str = include_str!("front_page.html");
