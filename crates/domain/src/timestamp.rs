//! A point in time, as stored and audited.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Microseconds since 1970-01-01T00:00:00 UTC, leap seconds ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time moved by `seconds`, which may be negative.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The only date form that Confidant can read.
    ///
    /// Shape: 31 characters, `2026-11-22T05:10:43.426215+0000`, always UTC.
    /// Source: spec/confidant.md section 4.2.
    pub fn stored(self) -> String {
        self.print(STORED)
    }

    /// Reads the form of [`Timestamp::stored`]; the offset must be `+0000`, as every writer puts it.
    pub fn from_stored(text: &str) -> Option<Self> {
        if text.len() != 31 {
            return None;
        }
        let parsed = PrimitiveDateTime::parse(text, STORED).ok()?;
        Some(Self::of(parsed.assume_utc()))
    }

    /// ISO 8601 with the fraction left out when it is zero, as Confidant answers it.
    ///
    /// Shape: `2026-11-22T05:10:43.426215+00:00` or `2026-11-22T05:10:43+00:00`.
    pub fn iso(self) -> String {
        self.print(if self.0.rem_euclid(1_000_000) == 0 {
            ISO_WHOLE
        } else {
            ISO
        })
    }

    /// The date form of HTTP headers, whole seconds.
    ///
    /// Shape: `Sun, 22 Nov 2026 05:10:43 GMT`.
    pub fn http(self) -> String {
        self.print(HTTP)
    }

    /// Reads the form of [`Timestamp::http`].
    pub fn from_http(text: &str) -> Option<Self> {
        if text.len() != 29 {
            return None;
        }
        Some(Self::of(
            PrimitiveDateTime::parse(text, HTTP).ok()?.assume_utc(),
        ))
    }

    /// The compact form of a KMS token's limits: `20261122T051043Z`, whole seconds.
    pub fn compact(self) -> String {
        self.print(COMPACT)
    }

    /// Reads the form of [`Timestamp::compact`].
    pub fn from_compact(text: &str) -> Option<Self> {
        if text.len() != 16 {
            return None;
        }
        Some(Self::of(
            PrimitiveDateTime::parse(text, COMPACT).ok()?.assume_utc(),
        ))
    }

    fn of(moment: OffsetDateTime) -> Self {
        Self(i64::try_from(moment.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
    }

    fn print(self, format: &[BorrowedFormatItem<'_>]) -> String {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        moment
            .to_offset(UtcOffset::UTC)
            .format(format)
            .unwrap_or_default()
    }
}

const STORED: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+0000");
const ISO: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");
const ISO_WHOLE: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
const HTTP: &[BorrowedFormatItem<'static>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);
const COMPACT: &[BorrowedFormatItem<'static>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_the_forms_of_the_reference() {
        let moment = Timestamp::from_stored("2026-11-22T05:10:43.426215+0000").unwrap();
        assert_eq!(moment.iso(), "2026-11-22T05:10:43.426215+00:00");
        assert_eq!(moment.compact(), "20261122T051043Z");
        assert_eq!(moment.http(), "Sun, 22 Nov 2026 05:10:43 GMT");
        assert_eq!(
            Timestamp::from_seconds(moment.seconds()).iso(),
            "2026-11-22T05:10:43+00:00"
        );
    }

    #[rstest::rstest]
    #[case::no_fraction("2026-11-22T05:10:43+0000")]
    #[case::other_offset("2026-11-22T05:10:43.426215+0100")]
    #[case::not_a_day("2026-02-30T05:10:43.426215+0000")]
    #[case::letters("2026-11-22T05:10:43.42621é+0000")]
    fn refuses_other_stored_forms(#[case] text: &str) {
        assert_eq!(Timestamp::from_stored(text), None);
    }

    #[rstest::rstest]
    #[case::iso("2026-11-22T05:10:43.42621+0000")]
    #[case::not_a_day("Sun, 30 Feb 2026 05:10:43 GMT")]
    #[case::other_zone("Sun, 22 Nov 2026 05:10:43 CET")]
    #[case::empty("")]
    fn refuses_other_http_dates(#[case] text: &str) {
        assert_eq!(Timestamp::from_http(text), None);
    }

    proptest! {
        #[test]
        fn http_dates_round_trip(seconds in 0_i64..4_102_444_800) {
            let moment = Timestamp::from_seconds(seconds);
            prop_assert_eq!(Timestamp::from_http(&moment.http()), Some(moment));
        }

        #[test]
        fn stored_form_round_trips_and_orders_like_time(a in 0_i64..4_102_444_800_000_000, b in 0_i64..4_102_444_800_000_000) {
            let (a, b) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
            prop_assert_eq!(Timestamp::from_stored(&a.stored()), Some(a));
            prop_assert_eq!(a.cmp(&b), a.stored().cmp(&b.stored()));
        }
    }
}
