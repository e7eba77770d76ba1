//! Makes, wraps and unwraps data keys. Never sees a secret value.

use std::fmt;

use seal::{DataKey, EncryptionContext, WrappedKey};

use crate::About;

/// A master key by its full name: an ARN on AWS KMS, `keyring:<id>` in a keyring file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MasterKey(pub String);

impl fmt::Display for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A data key, and the master key that its wrapped form turned out to be under.
pub struct Unwrapped {
    /// The opened data key.
    pub key: DataKey,
    /// What it was wrapped under.
    pub master: MasterKey,
}

/// Why a key operation did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Wrong context, foreign or damaged bytes: the service cannot tell which. Never retried.
    #[error("the wrapped key does not open under this encryption context")]
    DoesNotOpen,
    /// No such master key, or an alias that points nowhere.
    #[error("no master key {0}")]
    NoSuchKey(About),
    /// The key exists and cannot be used now (disabled, pending deletion).
    #[error("master key unusable: {0}")]
    Unusable(String),
    /// The caller's rights do not cover it; names the action that is missing.
    #[error("missing permission {0}")]
    Denied(About),
    /// Too many calls. Safe to retry later.
    #[error("the key service is throttling")]
    Throttled,
    /// Not reached in time. Safe to retry.
    #[error("the key service is unavailable: {0}")]
    Unavailable(String),
}

/// Makes, wraps and unwraps data keys.
///
/// `generate` and `wrap` are separate because deployed IAM policies allow what the old programs
/// called: Confidant asks for random bytes and encrypts them, credstash generates a data key.
#[async_trait::async_trait]
pub trait KeyService: Send + Sync {
    /// A fresh data key of `bytes` bytes and its wrapped form.
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError>;

    /// Wraps a data key made elsewhere.
    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError>;

    /// Opens a wrapped key under exactly this context.
    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError>;

    /// `bytes` random bytes from the service.
    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError>;

    /// The full name behind an alias, id or ARN.
    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError>;
}
