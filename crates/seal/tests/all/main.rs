//! The crate from outside: recorded vectors, laws, second opinions, and what must not compile.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod confidant;
mod envelope;
mod fernet_spec;
mod laws;
mod python;
mod second_opinion;
mod secret_types;
mod signature;
mod unencrypted;
mod vectors;
