//! Waiting longer after each failure, with jitter, for a bounded number of times.

use std::time::Duration;

use crate::{Clock, Random};

/// Pauses between tries: at most [`Backoff::TRIES`], each drawn between half and the whole of a
/// bound that doubles from 20 ms.
pub(crate) struct Backoff<'p> {
    clock: &'p dyn Clock,
    random: &'p dyn Random,
    failures: u32,
}

impl<'p> Backoff<'p> {
    /// With the first try: 1 + 5 tries, 620 ms of waiting at most.
    const TRIES: u32 = 5;

    pub(crate) fn new(clock: &'p dyn Clock, random: &'p dyn Random) -> Self {
        Self {
            clock,
            random,
            failures: 0,
        }
    }

    /// Waits for the next try; `false`, at once, when there is none left.
    pub(crate) async fn another(&mut self) -> bool {
        if self.failures >= Self::TRIES {
            return false;
        }
        let bound = 20_u64 << self.failures;
        self.failures += 1;
        let jitter =
            u64::from(u32::from_be_bytes(self.random.bytes())) * (bound / 2) / u64::from(u32::MAX);
        self.clock
            .sleep(Duration::from_millis(bound / 2 + jitter))
            .await;
        true
    }
}
