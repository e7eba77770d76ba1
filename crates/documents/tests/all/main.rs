//! The crate from outside: what Python wrote and read, and what no document may do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod hygiene;
mod limits;
mod secrets;
mod vectors;
