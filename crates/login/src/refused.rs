//! Why a login was refused: exact for the log, nothing for the client.

use crate::token_context::Shown;
use crate::{BadUsername, Diagnosis, TokenContext};

/// Why nobody was proven. Its text is for the log; a client is told its [`Refusal`] only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// The request presents nothing that could prove anybody.
    #[error("no credentials presented")]
    NothingPresented,
    /// Logins are off, and a browser on this machine believes that it asks another.
    #[error("USE_AUTH=false, and the Host is neither localhost nor a loopback address")]
    ForeignHost,
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
    #[error("the {what} has {bytes} bytes, at most {most} are taken")]
    TooLong {
        /// The part.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
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
    #[error(
        "token version {version} is not taken: KMS_MINIMUM_TOKEN_VERSION is {minimum}, KMS_MAXIMUM_TOKEN_VERSION {maximum}"
    )]
    TokenVersion {
        /// What the username says.
        version: u32,
        /// The lowest taken.
        minimum: u32,
        /// The highest taken.
        maximum: u32,
    },
    /// The type in the username is not allowed, or one that no key can prove.
    #[error(
        "user_type {given} is not taken: KMS_AUTH_USER_TYPES has {allowed}, and only service and user have keys"
    )]
    UserType {
        /// What the username says, in quotes.
        given: String,
        /// What is allowed.
        allowed: String,
    },
    /// KMS cannot open the token under the context that the username says.
    #[error("the token does not open under {tried}: {}", told(.tried, .diagnosis))]
    DoesNotOpen {
        /// The context.
        tried: TokenContext,
        /// What differs, as far as it is known.
        diagnosis: Diagnosis,
    },
    /// The key that the token is under cannot be used, or not under this context; says how.
    #[error("the token's key cannot be used under {tried}: {why}")]
    KeyUnusable {
        /// What KMS said.
        why: String,
        /// The context.
        tried: TokenContext,
    },
    /// The token opens, but its key is not one that proves this type of caller.
    #[error("the token is under {under}, which proves no {kind}; expected is {expected}")]
    WrongKey {
        /// The key's ARN, as KMS reports it.
        under: String,
        /// `service` or `user`.
        kind: &'static str,
        /// The configured keys of that type with their ARNs.
        expected: String,
    },
    /// What the token holds is no JSON object, or names a key twice.
    #[error("the token opens but holds no proper JSON object")]
    NotJson,
    /// A date is missing or no date; names it.
    #[error("missing validity: {0} is not there or not of the form YYYYMMDDTHHMMSSZ")]
    MissingValidity(&'static str),
    /// Valid for longer than allowed (`AUTH_TOKEN_MAX_LIFETIME`).
    #[error("token lifetime exceeded: {seconds} s, AUTH_TOKEN_MAX_LIFETIME allows {allowed} s")]
    LifetimeExceeded {
        /// What the token asks for.
        seconds: i64,
        /// What is allowed.
        allowed: i64,
    },
    /// `not_after` lies before `not_before`.
    #[error("invalid time validity: it ends {seconds} s before it begins")]
    Reversed {
        /// How long before.
        seconds: i64,
    },
    /// Not valid yet: the client's clock is ahead, or ours behind.
    #[error(
        "invalid time validity: not valid for another {seconds} s (clocks differ? grace is {grace} s)"
    )]
    NotYetValid {
        /// How long, beyond the grace.
        seconds: i64,
        /// The grace.
        grace: u32,
    },
    /// Not valid any more.
    #[error("invalid time validity: expired {seconds} s ago (grace is {grace} s)")]
    Expired {
        /// How long ago, beyond the grace.
        seconds: i64,
        /// The grace.
        grace: u32,
    },

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
    #[error("the token is for another server: its `to` is {token}, AUTH_CONTEXT here is {here}")]
    WrongAudience {
        /// What the token says.
        token: String,
        /// What this server is called.
        here: String,
    },
    /// The username, the token and the registered key do not name one principal.
    #[error("{field} of the username is {claimed}, but of the {proof} {proven}")]
    NameMismatch {
        /// `name` or `user_type`.
        field: &'static str,
        /// What the username says.
        claimed: String,
        /// `token` or `registered key`.
        proof: &'static str,
        /// What that says.
        proven: String,
    },
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
    /// Not under this `Host` (403).
    ForeignHost,
    /// Too many refused tokens, later perhaps (429).
    Limited,
    /// Not now (503, with `Retry-After`).
    Unavailable,
}

impl Refusal {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Missing,
        Self::Refused,
        Self::ForeignHost,
        Self::Limited,
        Self::Unavailable,
    ];

    /// Its word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Refused => "refused",
            Self::ForeignHost => "foreign_host",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
        }
    }
}

impl LoginRefused {
    /// What the client may know.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NothingPresented | Self::UntrustedPeer | Self::NoLoginHeader(_) => {
                Refusal::Missing
            }
            Self::ForeignHost => Refusal::ForeignHost,
            Self::TooManyFailures => Refusal::Limited,
            Self::Unavailable(_) => Refusal::Unavailable,
            _ => Refusal::Refused,
        }
    }

    /// Whether the same token will be refused a moment later for the same reason.
    pub(crate) fn is_lasting(&self) -> bool {
        !matches!(
            self,
            Self::NotYetValid { .. } | Self::TooManyFailures | Self::Unavailable(_)
        )
    }
}

/// What is known of a token that does not open under `tried`. KMS itself only says that it does not.
fn told(tried: &TokenContext, diagnosis: &Diagnosis) -> String {
    match (diagnosis, &tried.user_type) {
        (Diagnosis::UserType(None), _) => {
            "it was encrypted without user_type, which the context of a version 2 token must have"
                .to_owned()
        }
        (Diagnosis::UserType(Some(kind)), Some(_)) => {
            format!("it was encrypted with user_type={}", Shown(kind))
        }
        (Diagnosis::UserType(Some(kind)), None) => {
            format!(
                "it was encrypted with user_type={}, so its username is {}",
                Shown(kind),
                Shown(&format!("2/{kind}/{}", tried.from))
            )
        }
        (Diagnosis::SomethingElse, _) => {
            "no other user_type opens it, so from, to, a further pair, the region or the token itself is wrong"
                .to_owned()
        }
        (Diagnosis::NotMade, Some(_)) => {
            "one of these differs (KMS does not say which); a version 2 token must be encrypted with user_type in its context"
                .to_owned()
        }
        (Diagnosis::NotMade, None) => {
            "one of these differs (KMS does not say which); a version 1 token must be encrypted with no user_type in its context"
                .to_owned()
        }
    }
}
