//! The clock: the one place that reads it or waits.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// The clock for measuring.
#[expect(clippy::disallowed_methods, reason = "the bench's only clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The clock for dates, UTC.
#[expect(clippy::disallowed_methods, reason = "the bench's only clock")]
pub(crate) fn today() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Waits.
#[expect(clippy::disallowed_methods, reason = "the bench's only clock")]
pub(crate) fn wait(duration: Duration) {
    std::thread::sleep(duration);
}
