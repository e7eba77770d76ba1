//! The machine's clocks as a [`Clock`].

use std::time::{Duration, Instant, SystemTime};

use domain::Timestamp;
use keep::Clock;

/// The wall clock, the monotonic clock and the timer of the runtime.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time counts from now.
    #[expect(
        clippy::new_without_default,
        reason = "a default that reads the clock would surprise"
    )]
    #[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
            }
        };
        Timestamp::from_micros(micros)
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeps_at_least_as_long_as_asked_and_its_monotonic_time_counts_that() {
        let clock = SystemClock::new();
        let before = (clock.monotonic(), clock.now());
        clock.sleep(Duration::from_millis(3)).await;
        assert!(clock.monotonic() - before.0 >= Duration::from_millis(3));
        // After the day this was written, and going on: the unit is right.
        assert!(before.1 > Timestamp::from_seconds(1_760_000_000));
        assert!(before.1 < Timestamp::from_seconds(5_000_000_000));
    }
}
