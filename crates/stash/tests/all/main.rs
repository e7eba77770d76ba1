//! The data model from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bank;
mod house;
mod operations;
mod races;
mod records;
mod simulated;
mod vectors;
