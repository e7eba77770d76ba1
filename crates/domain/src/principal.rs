//! Who is asking, proven by a login.

/// What sort of caller a principal is; the rules speak of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A program that fetches its own secrets.
    Service,
    /// Any other user type that an operator allowed (`KMS_AUTH_USER_TYPES`); no rule grants it anything.
    Other,
}

impl PrincipalKind {
    /// The word used in tokens, logs and audit events.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Other => "other",
        }
    }
}

/// How the identity was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoginMethod {
    /// A token encrypted under an AWS KMS key.
    KmsToken,
    /// A token signed by a registered Ed25519 key.
    ClientKey,
    /// Headers of a proxy that is trusted to have asked.
    Header,
    /// Nothing: logins are switched off, and everybody is a user.
    Unproven,
}

impl LoginMethod {
    /// The word used in logs and audit events.
    pub fn word(self) -> &'static str {
        match self {
            Self::KmsToken => "kms-token",
            Self::ClientKey => "client-key",
            Self::Header => "header",
            Self::Unproven => "none",
        }
    }
}

/// Who is asking, proven.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// User or service.
    pub kind: PrincipalKind,
    /// The proven name: a user's or a service's.
    pub name: String,
    /// How it was proven.
    pub login: LoginMethod,
    /// The account whose key proved it, when keys are scoped to accounts.
    pub account: Option<String>,
}
