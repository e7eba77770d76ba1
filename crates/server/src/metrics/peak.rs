//! The most calls in any one second of the last minute.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Calls by second, for the last minute.
#[derive(Debug)]
pub(super) struct Peak {
    seconds: Mutex<[Second; MINUTE]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    /// Which, by the clock that does not jump.
    at: u64,
    calls: u64,
}

impl Peak {
    pub(super) fn new() -> Self {
        Self {
            seconds: Mutex::new([Second::default(); MINUTE]),
        }
    }

    /// Counts one call at `now`.
    pub(super) fn count(&self, now: Duration) {
        let at = now.as_secs();
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(at % MINUTE as u64).unwrap_or(0);
        if let Some(second) = seconds.get_mut(place) {
            if second.at != at {
                *second = Second { at, calls: 0 };
            }
            second.calls = second.calls.saturating_add(1);
        }
    }

    /// The most calls in one second of the minute before `now`.
    pub(super) fn most(&self, now: Duration) -> u64 {
        let seconds = *self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.as_secs().saturating_sub(MINUTE as u64 - 1);
        seconds
            .iter()
            .filter(|second| second.at >= since)
            .map(|second| second.calls)
            .max()
            .unwrap_or(0)
    }
}

const MINUTE: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_of_the_last_minute_counts_and_an_older_one_is_forgotten() {
        let peak = Peak::new();
        let at = Duration::from_secs;
        assert_eq!(peak.most(at(0)), 0);
        for (second, calls) in [(10, 3), (11, 5), (12, 1)] {
            for _ in 0..calls {
                peak.count(at(second));
            }
        }
        assert_eq!(peak.most(at(12)), 5);
        assert_eq!(peak.most(at(70)), 5, "the 60th second still counts");
        assert_eq!(peak.most(at(71)), 1);
        assert_eq!(peak.most(at(200)), 0);
        peak.count(at(131));
        assert_eq!(peak.most(at(131)), 1, "a place is begun anew");
    }
}
