//! Logins, tried from outside.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests that fails must fail its test"
)]

mod client_keys;
mod kms_vectors;
mod refusals;
mod security_cases;
mod world;
