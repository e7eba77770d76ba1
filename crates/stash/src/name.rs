//! The name of a secret in a credstash table.

use std::fmt;
use std::str::FromStr;

/// A name: any text that a hash attribute takes, told apart byte by byte.
///
/// Shape: 1 to 2048 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(String);

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing.
    #[error("a name has at least one letter")]
    Empty,
    /// So many bytes.
    #[error("a name has at most 2048 bytes, this one has {0}")]
    TooLong(usize),
}

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.len() {
            0 => Err(InvalidName::Empty),
            1..=2048 => Ok(Self(text.to_owned())),
            bytes => Err(InvalidName::TooLong(bytes)),
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty("", Err(InvalidName::Empty))]
    #[case::longest(&"x".repeat(2048), Ok(()))]
    #[case::one_byte_too_long(&"x".repeat(2049), Err(InvalidName::TooLong(2049)))]
    #[case::counts_bytes_not_letters(&"é".repeat(1025), Err(InvalidName::TooLong(2050)))]
    #[case::spaces_and_slashes(" db / prod ", Ok(()))]
    fn takes_what_a_table_takes(#[case] text: &str, #[case] expected: Result<(), InvalidName>) {
        assert_eq!(text.parse::<SecretName>().map(|_| ()), expected);
    }
}
