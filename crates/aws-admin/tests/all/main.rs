//! The adapter against real moto, and against one that refuses.
#![expect(clippy::unwrap_used, reason = "tests")]

mod private_ca;
