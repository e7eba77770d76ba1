//! Why an operation on a stash did not happen. Says nothing about HTTP.

use keep::{AuditUnavailable, CommitError, Refused, TableError};

use crate::{SecretName, Version};

/// Why an operation did not happen. Holds names and versions, never a value.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No rule allowed it; recorded already.
    #[error(transparent)]
    Refused(#[from] Box<Refused>),
    /// The read could not be recorded, so it is not answered.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// There is no version of it.
    #[error("no secret named {0}")]
    NotFound(SecretName),
    /// The newest version is no number or not padded, so no number after it would be the newest.
    #[error("{name} has the version {newest}, after which none can be counted: name the next one")]
    NoNextVersion {
        /// The secret.
        name: SecretName,
        /// Its newest version.
        newest: Version,
    },
    /// A stored attribute is not what it must be. Never retried.
    #[error("{attribute} of version {version} of {name} is damaged in the store")]
    Damaged {
        /// The secret.
        name: String,
        /// The version, empty when that is what is damaged.
        version: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// Others wrote so often that this write never got its turn. Safe to retry.
    #[error("too many writers of this secret")]
    TooBusy,
    /// The table said no, or could not be reached; when ambiguous, the write may have happened.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Error {
    /// The word for the audit event of an operation that ended so.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Audit(_) => "audit",
            Self::NotFound(_) => "not-found",
            Self::NoNextVersion { .. } => "no-next-version",
            Self::Damaged { .. } => "damaged",
            Self::TooBusy => "too-busy",
            Self::Table(TableError::Ambiguous(_)) => "in-doubt",
            Self::Table(_) => "table",
        }
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Moved(_) => Self::TooBusy,
            CommitError::Table(error) => Self::Table(error),
        }
    }
}
