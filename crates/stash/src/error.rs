//! Why an operation on a stash did not happen.

use std::fmt;

use keep::{About, KeyError, TableError};

use crate::{SecretName, Version};

/// Why an operation did not happen. Holds names and versions, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no version of it.
    #[error("no secret named {0}")]
    NotFound(SecretName),
    /// This version is there already, and versions are never changed.
    #[error("version {version} of {name} is there already")]
    Taken {
        /// The secret.
        name: SecretName,
        /// The version.
        version: Version,
    },
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
    /// A stored item names a cipher that none of the programs has.
    #[error("version {version} of {name} is sealed with {algorithm}, which no program here knows")]
    UnknownAlgorithm {
        /// The secret.
        name: SecretName,
        /// The version.
        version: Version,
        /// The name of the cipher.
        algorithm: String,
    },
    /// A stored item names a hash that none of the programs has.
    #[error("version {version} of {name} is proven with {digest}, which no program here knows")]
    UnknownDigest {
        /// The secret.
        name: SecretName,
        /// The version.
        version: Version,
        /// The name of the hash.
        digest: String,
    },
    /// The HMAC or tag is not that of the ciphertext. Never retried.
    #[error("version {version} of {name} is not what was written: its {proof} differs")]
    Forged {
        /// The secret.
        name: SecretName,
        /// The version.
        version: Version,
        /// `HMAC` or `tag`.
        proof: &'static str,
    },
    /// The data key is not one for this cipher.
    #[error(
        "the data key of version {version} of {name} does not fit its cipher: it takes a {takes}"
    )]
    WrongKey {
        /// The secret.
        name: SecretName,
        /// The version.
        version: Version,
        /// What the cipher takes.
        takes: &'static str,
    },
    /// Others wrote so often that this write never got its turn. Safe to retry.
    #[error("too many writers of {0}")]
    TooBusy(SecretName),
    /// The table said no, or could not be reached; when ambiguous, the write may have happened.
    #[error("{source}")]
    Table {
        /// DynamoDB's name of the call, for example `Query`.
        operation: &'static str,
        /// What it said.
        source: TableError,
    },
    /// The key service said no, or could not be reached.
    #[error("{source}")]
    Key {
        /// KMS's name of the call: `Decrypt`, `GenerateDataKey`.
        operation: &'static str,
        /// What it said.
        source: KeyError,
    },
}

/// A refusal as AWS's own tools print it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsWords {
    /// The error's code.
    pub code: String,
    /// The call.
    pub operation: &'static str,
    /// The text.
    pub message: String,
}

impl fmt::Display for AwsWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            operation,
            message,
        } = self;
        write!(
            f,
            "An error occurred ({code}) when calling the {operation} operation: {message}"
        )
    }
}

impl Error {
    /// For `map_err`: what the table said to this call.
    pub(crate) fn table(operation: &'static str) -> impl Fn(TableError) -> Self + Copy {
        move |source| Self::Table { operation, source }
    }

    /// For `map_err`: what the key service said to this call.
    pub(crate) fn key(operation: &'static str) -> impl Fn(KeyError) -> Self + Copy {
        move |source| Self::Key { operation, source }
    }

    /// Whether the same call may be answered otherwise in a moment, and nothing was done by it.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Table {
                source: TableError::Throttled | TableError::Unavailable(_) | TableError::Conflict,
                ..
            } | Self::Key {
                source: KeyError::Throttled | KeyError::Unavailable(_),
                ..
            }
        )
    }

    /// How often a call that ends so is worth making, the first time included. A service that throttles
    /// gets time; one that cannot be reached is soon given up, since each try waits for it.
    pub(crate) fn most_tries(&self) -> u32 {
        match self {
            Self::Table {
                source: TableError::Throttled,
                ..
            }
            | Self::Key {
                source: KeyError::Throttled,
                ..
            } => THROTTLED_TRIES,
            error if error.may_pass() => OTHER_TRIES,
            _ => 1,
        }
    }

    /// Whether it is about one row and says nothing of others: about what is stored or does not fit, or the
    /// master key that it is under.
    pub fn is_of_the_row(&self) -> bool {
        match self {
            Self::Damaged { .. }
            | Self::UnknownAlgorithm { .. }
            | Self::UnknownDigest { .. }
            | Self::Forged { .. }
            | Self::WrongKey { .. }
            | Self::TooBusy(_) => true,
            Self::Key { operation, .. } => *operation == "Decrypt" && !self.may_pass(),
            Self::Table { source, .. } => matches!(source, TableError::Limit(_)),
            Self::NotFound(_) | Self::Taken { .. } | Self::NoNextVersion { .. } => false,
        }
    }

    /// AWS's words, when AWS answered and said no; also for a table and keys that are not on AWS.
    pub fn aws(&self) -> Option<AwsWords> {
        let (operation, (code, message)) = match self {
            Self::Taken { .. } => ("PutItem", condition_failed()),
            Self::Table { operation, source } => (*operation, of_table(source)?),
            Self::Key { operation, source } => (*operation, of_key(source)?),
            _ => return None,
        };
        Some(AwsWords {
            code,
            operation,
            message,
        })
    }
}

/// Some 25 seconds of pauses, as the SDK of the old programs took on DynamoDB.
const THROTTLED_TRIES: u32 = 13;
const OTHER_TRIES: u32 = 4;

fn of_table(error: &TableError) -> Option<(String, String)> {
    Some(match error {
        TableError::ConditionFailed(_) => condition_failed(),
        TableError::NoSuchTable(_) => {
            fixed("ResourceNotFoundException", "Requested resource not found")
        }
        TableError::Throttled => fixed(
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded.",
        ),
        TableError::Denied(about) => said("AccessDeniedException", about),
        TableError::Limit(text) | TableError::Invalid(text) => coded("ValidationException", text),
        TableError::Conflict | TableError::Unavailable(_) | TableError::Ambiguous(_) => {
            return None;
        }
    })
}

fn of_key(error: &KeyError) -> Option<(String, String)> {
    Some(match error {
        KeyError::DoesNotOpen => fixed("InvalidCiphertextException", ""),
        KeyError::NoSuchKey(about) => said("NotFoundException", about),
        KeyError::Denied(about) => said("AccessDeniedException", about),
        KeyError::Unusable(text) => coded("KMSInvalidStateException", text),
        KeyError::Throttled => fixed("ThrottlingException", "Rate exceeded"),
        KeyError::Unavailable(_) => return None,
    })
}

fn condition_failed() -> (String, String) {
    fixed(
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
}

fn fixed(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

/// `usual` where no service spoke.
fn said(usual: &str, about: &About) -> (String, String) {
    match about.words() {
        Some(told) => (told.code.clone(), told.message.clone()),
        None => fixed(usual, about.as_str()),
    }
}

/// Some errors carry their code before a colon.
fn coded(usual: &str, text: &str) -> (String, String) {
    match text.split_once(": ") {
        Some((code, message)) if code.ends_with("Exception") => fixed(code, message),
        _ => fixed(usual, text),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn table(source: TableError) -> Error {
        Error::Table {
            operation: "Scan",
            source,
        }
    }

    fn key(source: KeyError) -> Error {
        Error::Key {
            operation: "Decrypt",
            source,
        }
    }

    #[rstest]
    #[case::denied(
        table(TableError::Denied(About::from("dynamodb:Scan").told("AccessDeniedException", "no scan"))),
        "An error occurred (AccessDeniedException) when calling the Scan operation: no scan"
    )]
    #[case::no_table(
        table(TableError::NoSuchTable("t".into())),
        "An error occurred (ResourceNotFoundException) when calling the Scan operation: Requested resource not found"
    )]
    #[case::disabled_key(
        key(KeyError::Unusable("DisabledException: key/1 is disabled.".into())),
        "An error occurred (DisabledException) when calling the Decrypt operation: key/1 is disabled."
    )]
    #[case::local_key(
        key(KeyError::NoSuchKey("keyring:1".into())),
        "An error occurred (NotFoundException) when calling the Decrypt operation: keyring:1"
    )]
    fn says_what_aws_said(#[case] error: Error, #[case] words: &str) {
        assert_eq!(error.aws().unwrap().to_string(), words);
    }

    #[test]
    fn a_service_that_did_not_answer_has_no_words() {
        assert_eq!(table(TableError::Unavailable("x".into())).aws(), None);
        assert_eq!(key(KeyError::Unavailable("x".into())).aws(), None);
    }
}
