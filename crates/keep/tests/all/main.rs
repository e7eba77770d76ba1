//! The kernel and its ports from outside.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod caches;
mod contract;
mod house;
mod permits;
mod simulator;
mod transactions;
mod waiting;
mod watching;
