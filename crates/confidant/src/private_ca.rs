//! A certificate authority that keeps its key to itself: AWS Private CA.

use std::collections::BTreeMap;

use keep::About;

/// What such an authority is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueOrder<'o> {
    /// The authority.
    pub authority: &'o str,
    /// The request, as PEM.
    pub request: &'o str,
    /// Its signature, in AWS's words.
    pub signing_algorithm: &'o str,
    /// How long the certificate is valid. Units: days.
    pub days: u32,
    /// Equal orders with equal tokens are one. Shape: at most 36 letters.
    pub token: &'o str,
}

/// A certificate and what vouches for it, as PEM; public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate.
    pub certificate: String,
    /// The chain up to the root; empty for a root.
    pub chain: String,
}

/// What an authority says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AboutAuthority {
    /// Its certificate and chain.
    pub certificate: IssuedCertificate,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Why an authority did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The request cannot be taken.
    #[error("the authority does not take the request: {0}")]
    Refused(String),
    /// There is no such authority, or it cannot be used now.
    #[error("the authority cannot be used: {0}")]
    Unusable(String),
    /// The caller's rights do not cover it; names the action that is missing.
    #[error("missing permission {0}")]
    Denied(About),
    /// Too many calls. Safe to retry later.
    #[error("the authority is throttling")]
    Throttled,
    /// Not reached in time. Safe to retry.
    #[error("the authority is unavailable: {0}")]
    Unavailable(String),
}

/// Issues certificates with keys that nobody sees. Never sees a private key of ours.
#[async_trait::async_trait]
pub trait PrivateCa: Send + Sync {
    /// Orders a certificate, and gives the name under which it will be found.
    async fn order(&self, order: &IssueOrder<'_>) -> Result<String, AuthorityError>;

    /// An ordered certificate; `None` while it is being made.
    async fn issued(
        &self,
        authority: &str,
        name: &str,
    ) -> Result<Option<IssuedCertificate>, AuthorityError>;

    /// What the authority says of itself.
    async fn about(&self, authority: &str) -> Result<AboutAuthority, AuthorityError>;
}
