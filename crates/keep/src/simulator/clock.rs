//! The clock of a world.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;

use super::{Faults, World};
use crate::Clock;

/// Virtual time: it passes by calls and sleeps, and the time of day may jump.
pub struct SimClock(Arc<World>);

impl SimClock {
    pub(super) fn of(world: Arc<World>) -> Self {
        Self(world)
    }

    /// A clock of its own, which moves by sleeping and by [`SimClock::advance`] only.
    pub fn still() -> Self {
        Self(World::new(0, Faults::none()))
    }

    /// Lets time pass.
    pub fn advance(&self, pause: Duration) {
        self.0.state().elapsed += u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    }
}

#[async_trait::async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, pause: Duration) {
        self.0.pass(pause).await;
    }
}
