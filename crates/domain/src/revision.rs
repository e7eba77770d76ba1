//! One numbered, immutable step in a history.

use std::fmt;

/// The number of a revision, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(u64);

/// A number that is no revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revisions count from 1")]
pub struct InvalidRevision;

impl Revision {
    /// The first step of every history.
    pub const FIRST: Self = Self(1);

    /// Errors: [`InvalidRevision`] for 0.
    pub fn new(number: u64) -> Result<Self, InvalidRevision> {
        if number == 0 {
            Err(InvalidRevision)
        } else {
            Ok(Self(number))
        }
    }

    /// The number itself.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The following number; stays at the greatest one, which no history reaches.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
