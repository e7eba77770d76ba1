//! Settings and the HTTP side, from outside the crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod confidant_settings;
mod http;
mod metrics;
mod notices;
mod settings;
