//! The console, asked as a client asks it, over SQLite.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests that fails must fail its test"
)]

mod client_keys;
mod world;
