//! The time of a log line as Python's `logging` writes it: local, to the millisecond.

use keep::{Clock, Timestamp};
use local::SystemClock;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// A clock that knows the local time zone.
pub(crate) struct LogTime {
    clock: SystemClock,
    offset: UtcOffset,
}

impl LogTime {
    /// To be made before there is a second thread, since the time zone is a part of the environment; it
    /// is UTC otherwise, and where the system does not tell.
    pub(crate) fn new() -> Self {
        let clock = SystemClock::new();
        let offset = UtcOffset::local_offset_at(point(clock.now())).unwrap_or(UtcOffset::UTC);
        Self { clock, offset }
    }

    /// Now.
    pub(crate) fn now(&self) -> String {
        shown(self.clock.now(), self.offset)
    }
}

/// Shape: `2026-11-26 09:05:01,042`.
fn shown(now: Timestamp, offset: UtcOffset) -> String {
    let local = point(now).to_offset(offset);
    local.format(TIME).unwrap_or_default()
}

fn point(now: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(now.micros()) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second],[subsecond digits:3]");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_local_and_cut_to_the_millisecond() {
        let offset = UtcOffset::from_hms(2, 0, 0).unwrap();
        let now = Timestamp::from_micros(1_795_680_301_042_999);
        assert_eq!(shown(now, offset), "2026-11-26 10:05:01,042");
    }
}
