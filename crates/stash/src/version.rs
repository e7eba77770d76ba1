//! The text that numbers a version and orders it.

use std::fmt;

/// A version as stored: any text. The newest of a secret is the greatest in byte order.
///
/// Shape: ours are 19 ASCII digits, zero-padded on the left; others wrote any text.
/// Source: credstash 1.17.1, `PAD_LEN`; CredSmash 3.0.2.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(String);

impl Version {
    /// The text as stored.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// This number, as both programs write it; the sign of a negative one is one of the 19.
    pub fn of(number: i128) -> Self {
        Self(format!("{number:019}"))
    }

    /// This text as credstash writes it: filled with zeros on the left.
    pub fn padded(text: &str) -> Self {
        Self(format!("{text:0>19}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its number; `None` when it is text or beyond counting.
    pub fn number(&self) -> Option<i128> {
        // Python's `int` takes spaces around the digits.
        self.0.trim().parse().ok()
    }

    /// The version to write after this newest one; `None` when it is no number, or when the next one
    /// would not be the newest because this one is not padded (`2` is greater than `0000000000000000003`).
    pub fn following(&self) -> Option<Self> {
        let next = Self::of(self.number()?.checked_add(1)?);
        (next > *self).then_some(next)
    }

    /// The first version of a secret.
    pub fn first() -> Self {
        Self::of(1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::first("0000000000000000001", Some("0000000000000000002"))]
    #[case::zero("0000000000000000000", Some("0000000000000000001"))]
    #[case::carries("0000000000000000009", Some("0000000000000000010"))]
    #[case::unpadded_hides_the_next("2", None)]
    #[case::unpadded_zero("0", Some("0000000000000000001"))]
    #[case::text("00000000000000rel-1", None)]
    #[case::negative("-000000000000000005", None)]
    #[case::last_of_19_digits("9999999999999999999", None)]
    #[case::minus_one("-000000000000000001", Some("0000000000000000000"))]
    #[case::twenty_digits("18446744073709551615", Some("18446744073709551616"))]
    #[case::more_than_counts("999999999999999999999999999999999999999999", None)]
    #[case::empty("", None)]
    fn the_next_version_is_newer_or_there_is_none(
        #[case] newest: &str,
        #[case] next: Option<&str>,
    ) {
        assert_eq!(
            Version::stored(newest).following(),
            next.map(Version::stored)
        );
    }
}
