//! Why bytes were not sealed, opened, wrapped or unwrapped.

/// What went wrong, in words that hold no byte of what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A key whose length or encoding is not the one its format sets.
    #[error("not a {0}")]
    Key(&'static str),
    /// Bytes that are not of the named format at all.
    #[error("not {0}")]
    Malformed(&'static str),
    /// Bytes whose MAC or tag is not the one that this key and context give.
    #[error("the {0} does not authenticate under this key")]
    Forged(&'static str),
    /// More bytes than the format's limit.
    #[error("the {what} is longer than {limit} bytes")]
    TooLong {
        /// What was too long.
        what: &'static str,
        /// The most bytes it may have.
        limit: usize,
    },
    /// The crypto library refused work that it never refuses for well-shaped input.
    #[error("the crypto library failed")]
    Library,
}

impl From<aws_lc_rs::error::Unspecified> for SealError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Library
    }
}
