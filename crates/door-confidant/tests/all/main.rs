//! The door, as its clients see it: over SQLite and a keyring, with client keys.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells counts"
)]

mod answers;
mod blind;
mod browsers;
mod certificates;
mod exchanges;
mod files;
mod history;
mod house;
mod login;
mod malformed;
mod mutants;
mod mutation;
mod recorded;
mod refusals;
mod repaired_answers;
mod repairs;
mod token_keys;
mod web_tokens;
