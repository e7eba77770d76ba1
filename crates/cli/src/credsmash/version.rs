//! Versions as CredSmash sees them: numbers, where the stored text is one.

use std::fmt;

use crate::python_text;

/// A stored version. Numbers come before texts, which CredSmash itself cannot read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Number {
    /// What `int` makes of the text.
    Whole(i128),
    /// Anything else, as it is.
    Text(String),
}

impl Number {
    /// What a stored text amounts to.
    pub(crate) fn of(stored: &str) -> Self {
        python_text::int(stored).map_or_else(|| Self::Text(stored.to_owned()), Self::Whole)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_order_and_texts_come_after_them() {
        let mut versions: Vec<_> = [
            "rel-2",
            "0000000000000000010",
            "9",
            "-000000000000000005",
            "a",
        ]
        .into_iter()
        .map(Number::of)
        .collect();
        versions.sort();
        let shown: Vec<_> = versions.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["-5", "9", "10", "a", "rel-2"]);
    }
}
