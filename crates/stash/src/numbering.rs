//! What a version's text says of its place among the others.

use std::cmp::Ordering;

use crate::Version;

/// How a version is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// A number, padded as both programs write it today: sorts as it counts.
    Padded(i128),
    /// A number that is not padded, as credstash wrote it before 1.8: sorts above every padded one.
    Unpadded(i128),
    /// No number that we count with.
    Text,
}

impl Numbering {
    /// How this version is written.
    pub fn of(version: &Version) -> Self {
        match version.number() {
            Some(number) if Version::of(number) == *version => Self::Padded(number),
            Some(number) => Self::Unpadded(number),
            None => Self::Text,
        }
    }

    /// The number, where it is one.
    pub fn number(self) -> Option<i128> {
        match self {
            Self::Padded(number) | Self::Unpadded(number) => Some(number),
            Self::Text => None,
        }
    }
}

/// The order in which versions were meant: by number, and texts after all numbers, by their bytes.
pub fn meant_order(one: &Version, other: &Version) -> Ordering {
    let number = |version| Numbering::of(version).number();
    match (number(one), number(other)) {
        // Of two texts of one number readers take the greater.
        (Some(a), Some(b)) => a.cmp(&b).then_with(|| one.cmp(other)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::padded("0000000000000000012", Numbering::Padded(12))]
    #[case::zero("0000000000000000000", Numbering::Padded(0))]
    #[case::negative("-000000000000000005", Numbering::Padded(-5))]
    #[case::unpadded("2", Numbering::Unpadded(2))]
    #[case::spaces_as_python_takes_them("  2", Numbering::Unpadded(2))]
    #[case::padded_to_less("0002", Numbering::Unpadded(2))]
    #[case::padded_to_more("00000000000000000002", Numbering::Unpadded(2))]
    #[case::release("00000000000000rel-1", Numbering::Text)]
    #[case::twenty_digits("10000000000000000000", Numbering::Padded(10_000_000_000_000_000_000))]
    #[case::empty("", Numbering::Text)]
    fn tells_how_a_version_is_written(#[case] text: &str, #[case] expected: Numbering) {
        assert_eq!(Numbering::of(&Version::stored(text)), expected);
    }

    #[test]
    fn the_order_that_was_meant_is_by_number() {
        let mut versions =
            ["9", "10", "0000000000000000002", "rel", "-5", "2"].map(Version::stored);
        versions.sort_by(meant_order);
        let texts: Vec<_> = versions.iter().map(Version::as_str).collect();
        assert_eq!(texts, ["-5", "0000000000000000002", "2", "9", "10", "rel"]);
    }
}
