//! Why a login was refused: exact for the log, nothing for the client.

use crate::BadUsername;

/// Why nobody was proven. Its text is for the log; a client is told its [`Refusal`] only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// The request presents nothing that could prove anybody.
    #[error("no credentials presented")]
    NothingPresented,
    /// Login headers from a peer that is no trusted proxy.
    #[error("login headers from a peer that is not in FORWARDED_ALLOW_IPS")]
    UntrustedPeer,
    /// A trusted proxy sent one login header and not the other; names the missing one.
    #[error("no {0} header")]
    NoLoginHeader(String),
    /// A header cannot be read; says which and why.
    #[error("{0}")]
    BadHeader(&'static str),
    /// Basic credentials and the `X-Auth-` headers say different things.
    #[error("Basic credentials and X-Auth headers differ")]
    TwoIdentities,
    /// No token.
    #[error("the token is empty")]
    EmptyToken,
    /// A part is longer than any real one; names it.
    #[error("the {0} is too long")]
    TooLong(&'static str),
    /// The username does not parse.
    #[error(transparent)]
    BadUsername(#[from] BadUsername),
    /// The token is not base64.
    #[error("the token is not base64")]
    NotBase64,

    /// A token that is no client key's, and this server takes no KMS tokens.
    #[error("not a client key's token, and KMS tokens are not configured (AUTH_KEY, AUTH_CONTEXT)")]
    KmsNotConfigured,
    /// The version in the username is outside the configured range.
    #[error("unacceptable token version {0}")]
    TokenVersion(u32),
    /// The type in the username is not allowed (`KMS_AUTH_USER_TYPES`).
    #[error("unsupported user_type")]
    UserType,
    /// KMS cannot open the token under the context that the username says.
    #[error("the token does not open under this context{}", if *.hint_user_type { USER_TYPE_HINT } else { "" })]
    DoesNotOpen {
        /// A version 2 username: the usual mistake is a context without `user_type`.
        hint_user_type: bool,
    },
    /// The key that the token is under cannot be used; says how.
    #[error("the token's key cannot be used: {0}")]
    KeyUnusable(String),
    /// The token opens, but its key is not one that proves this type of caller.
    #[error("wrong KMS key")]
    WrongKey,
    /// What the token holds is no JSON object, or names a key twice.
    #[error("the token holds no proper JSON object")]
    NotJson,
    /// `not_before` or `not_after` is missing or no date.
    #[error("missing validity")]
    MissingValidity,
    /// Valid for longer than allowed (`AUTH_TOKEN_MAX_LIFETIME`).
    #[error("token lifetime exceeded: {seconds} s, allowed are {allowed} s")]
    LifetimeExceeded {
        /// What the token asks for.
        seconds: i64,
        /// What is allowed.
        allowed: i64,
    },
    /// `not_after` lies before `not_before`.
    #[error("invalid time validity: it ends before it begins")]
    Reversed,
    /// Not valid yet: the client's clock is ahead, or ours behind.
    #[error("invalid time validity: not valid for another {0} s")]
    NotYetValid(i64),
    /// Not valid any more.
    #[error("invalid time validity: expired {0} s ago")]
    Expired(i64),

    /// A client key's token that cannot be read; says why.
    #[error("a client key's token is malformed: {0}")]
    MalformedToken(&'static str),
    /// No such client key, or revoked.
    #[error("client key {0} is unknown or revoked")]
    UnknownClientKey(String),
    /// The client key's own time is over.
    #[error("client key {0} expired")]
    ClientKeyExpired(String),
    /// The stored client key is damaged.
    #[error("client key {0} is damaged in the store")]
    ClientKeyDamaged(String),
    /// Made for another server.
    #[error("the token is for another server")]
    WrongAudience,
    /// The username, the token and the registered key do not name one principal.
    #[error("the token is not of this name and type")]
    NameMismatch,
    /// Not signed by the registered key.
    #[error("the signature is not of the registered key")]
    BadSignature,

    /// This source, or all sources together, had too many tokens refused; not even looked at.
    #[error("too many refused tokens from this source, not looked at")]
    TooManyFailures,
    /// What proves identities cannot be reached; names it and why.
    #[error("cannot prove anybody now: {0}")]
    Unavailable(String),
}

/// As much as a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Log in first (401 where there are logins, else 403).
    Missing,
    /// No (403).
    Refused,
    /// Too many refused tokens, later perhaps (429).
    Limited,
    /// Not now (503, with `Retry-After`).
    Unavailable,
}

impl LoginRefused {
    /// What the client may know.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NothingPresented | Self::UntrustedPeer | Self::NoLoginHeader(_) => {
                Refusal::Missing
            }
            Self::TooManyFailures => Refusal::Limited,
            Self::Unavailable(_) => Refusal::Unavailable,
            _ => Refusal::Refused,
        }
    }

    /// Whether the same token will be refused a moment later for the same reason.
    pub(crate) fn is_lasting(&self) -> bool {
        !matches!(
            self,
            Self::NotYetValid(_) | Self::TooManyFailures | Self::Unavailable(_)
        )
    }
}

const USER_TYPE_HINT: &str = "; a version 2 token must be encrypted with user_type in its context";
