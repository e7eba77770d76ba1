//! Confidant's data model, as its callers see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells counts"
)]

mod blind;
mod certificates;
mod events;
mod history;
mod house;
mod last_decrypted;
mod model;
mod operations;
mod preflight;
mod records;
mod secrets_bootstrap;
mod simulated;
mod web_tokens;
