//! The pure rules, against what the reference does.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod certificates;
mod deciding;
mod default_acl;
mod near_misses;
mod nouns;
