//! Real peers for tests: starts and steers them. For tests only: whatever goes wrong here panics.
#![expect(
    clippy::panic,
    reason = "a test that cannot have its peer fails, loudly and at once"
)]

mod moto;
mod receiver;
mod redis;
mod settings;

pub use moto::{Call, Fault, Moto};
pub use receiver::Receiver;
pub use redis::Redis;
pub use settings::{confidant, long, python, seed, stash_tools};
