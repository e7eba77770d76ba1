//! From when to when a token holds, and how long it may.

use domain::Timestamp;

use crate::LoginRefused;

/// A token's own limits, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

impl Validity {
    /// Refuses a reversed window and one longer than `minutes`.
    ///
    /// Confidant compares only the seconds within a day, and so lets a token of ten days and ten
    /// minutes pass; here the whole length counts.
    pub fn check_length(self, minutes: u32) -> Result<(), LoginRefused> {
        let seconds = self
            .not_after
            .seconds()
            .saturating_sub(self.not_before.seconds());
        let allowed = i64::from(minutes) * 60;
        match seconds {
            ..0 => Err(LoginRefused::Reversed {
                seconds: seconds.saturating_neg(),
            }),
            _ if seconds > allowed => Err(LoginRefused::LifetimeExceeded { seconds, allowed }),
            _ => Ok(()),
        }
    }

    /// Whether it passes as Confidant judges: by the seconds beyond whole days, and no reversed one.
    pub(crate) fn fits_without_days(self, minutes: u32) -> bool {
        let seconds = self
            .not_after
            .seconds()
            .saturating_sub(self.not_before.seconds());
        seconds >= 0 && seconds % SECONDS_A_DAY <= i64::from(minutes) * 60
    }

    /// Refuses outside the window, with `skew` seconds of grace at both ends.
    pub fn check_now(self, now: Timestamp, skew: u32) -> Result<(), LoginRefused> {
        let begin = self.not_before.plus_seconds(-i64::from(skew));
        let end = self.not_after.plus_seconds(i64::from(skew));
        if now < begin {
            return Err(LoginRefused::NotYetValid {
                seconds: whole_seconds(now, begin),
                grace: skew,
            });
        }
        if now > end {
            return Err(LoginRefused::Expired {
                seconds: whole_seconds(end, now),
                grace: skew,
            });
        }
        Ok(())
    }
}

const SECONDS_A_DAY: i64 = 86_400;

fn whole_seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.micros().saturating_sub(from.micros()) / 1_000_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn of(not_before: i64, not_after: i64) -> Validity {
        Validity {
            not_before: Timestamp::from_seconds(not_before),
            not_after: Timestamp::from_seconds(not_after),
        }
    }

    const DAY: i64 = SECONDS_A_DAY;

    #[rstest]
    #[case::a_day_and_10_minutes(DAY + 600, true)]
    #[case::exactly_a_day(DAY, true)]
    #[case::ten_years_and_an_hour(3_650 * DAY + 3_600, true)]
    #[case::a_day_and_61_minutes(DAY + 61 * 60, false)]
    #[case::hours_23(23 * 3_600, false)]
    #[case::end_before_begin(-600, false)]
    #[case::a_day_backwards(-DAY, false)]
    fn without_days_the_rest_counts(#[case] seconds: i64, #[case] passes: bool) {
        assert_eq!(of(1_000, 1_000 + seconds).fits_without_days(60), passes);
    }

    #[rstest]
    #[case::nothing(0, true)]
    #[case::minutes_59(59 * 60, true)]
    #[case::exactly(60 * 60, true)]
    #[case::one_second_more(60 * 60 + 1, false)]
    #[case::minutes_61(61 * 60, false)]
    #[case::a_day_and_10_minutes(DAY + 600, false)]
    #[case::exactly_a_day(DAY, false)]
    #[case::ten_years(3_650 * DAY, false)]
    #[case::end_before_begin(-1, false)]
    fn the_whole_length_counts(#[case] seconds: i64, #[case] passes: bool) {
        assert_eq!(of(1_000, 1_000 + seconds).check_length(60).is_ok(), passes);
    }

    #[rstest]
    #[case::first_moment(0, 1_000_000_000, Ok(()))]
    #[case::before(0, 999_999_999, Err(LoginRefused::NotYetValid { seconds: 0, grace: 0 }))]
    #[case::last_moment(0, 2_000_000_000, Ok(()))]
    #[case::a_microsecond_late(0, 2_000_000_001, Err(LoginRefused::Expired { seconds: 0, grace: 0 }))]
    #[case::a_second_late(0, 2_001_000_000, Err(LoginRefused::Expired { seconds: 1, grace: 0 }))]
    #[case::first_moment_of_grace(30, 970_000_000, Ok(()))]
    #[case::before_the_grace(30, 969_999_999, Err(LoginRefused::NotYetValid { seconds: 0, grace: 30 }))]
    #[case::last_moment_of_grace(30, 2_030_000_000, Ok(()))]
    #[case::after_the_grace(30, 2_030_000_001, Err(LoginRefused::Expired { seconds: 0, grace: 30 }))]
    fn both_edges_are_inside(
        #[case] skew: u32,
        #[case] micros: i64,
        #[case] expected: Result<(), LoginRefused>,
    ) {
        assert_eq!(
            of(1_000, 2_000).check_now(Timestamp::from_micros(micros), skew),
            expected
        );
    }

    proptest! {
        #[test]
        fn any_times_are_judged_without_overflow(a: i64, b: i64, now: i64, minutes: u32, skew: u32) {
            let validity = Validity { not_before: Timestamp::from_micros(a), not_after: Timestamp::from_micros(b) };
            let _any = (validity.check_length(minutes), validity.check_now(Timestamp::from_micros(now), skew));
            prop_assert!(a <= b || validity.check_length(minutes).is_err() || a.div_euclid(1_000_000) == b.div_euclid(1_000_000));
        }
    }
}
