//! What time it is, and waiting for a later one.

use std::time::Duration;

use domain::Timestamp;

/// The only source of time.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// The time of day. May jump in either direction.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process. Never goes back; for lifetimes of cached things.
    fn monotonic(&self) -> Duration;

    /// Returns after `pause` at the earliest.
    async fn sleep(&self, pause: Duration);
}
