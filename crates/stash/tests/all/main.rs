//! The data model from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bank;
mod binding;
mod copy;
mod doctor;
mod ground;
mod house;
mod le_counter;
mod migrate;
mod operations;
mod races;
mod records;
mod rewrap;
mod simulated;
mod vectors;
