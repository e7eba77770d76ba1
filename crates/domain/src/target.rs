//! What is asked for: an action on a target.

use std::fmt;

/// The kinds of thing a principal can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// Confidant's secret.
    Credential,
    /// Confidant's mapping of credentials to a caller.
    Service,
    /// A credential whose values only clients can open.
    BlindCredential,
    /// An issued certificate.
    Certificate,
    /// A certificate authority.
    CertificateAuthority,
    /// A JSON web token.
    Jwt,
    /// A registered login key.
    ClientKey,
    /// A versioned secret of a credstash table.
    Stash,
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// See which ones exist.
    List,
    /// Read everything but values.
    Metadata,
    /// Read values.
    Read,
    /// Write the first revision.
    Create,
    /// Write a further revision.
    Update,
    /// Write an old revision anew.
    Revert,
    /// Move a history to the archive.
    Archive,
    /// Remove.
    Delete,
}

/// One action, for example "read a credential".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action {
    /// On what kind of thing.
    pub resource: Resource,
    /// What is done.
    pub verb: Verb,
}

impl Action {
    /// The action of doing `verb` to a `resource`.
    pub const fn new(resource: Resource, verb: Verb) -> Self {
        Self { resource, verb }
    }
}

impl Resource {
    /// The word used in audit events and policies.
    pub fn word(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Service => "service",
            Self::BlindCredential => "blind_credential",
            Self::Certificate => "certificate",
            Self::CertificateAuthority => "ca",
            Self::Jwt => "jwt",
            Self::ClientKey => "client_key",
            Self::Stash => "stash",
        }
    }
}

impl Verb {
    /// The word used in audit events and policies.
    pub fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Metadata => "metadata",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Revert => "revert",
            Self::Archive => "archive",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Action {
    /// Shape: `credential.read`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.resource.word(), self.verb.word())
    }
}

/// Which one: an id, or the whole collection when the action names no single thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The collection (a list, a create before the id exists).
    All,
    /// One thing by its id.
    One(String),
    /// A certificate that is to be issued.
    Certificate(CertificateNames),
}

/// The names that a certificate would speak for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CertificateNames {
    /// The name in its subject; `None` when it has only alternative names.
    pub common: Option<CertificateName>,
    /// The alternative names.
    pub alternative: Vec<CertificateName>,
}

/// One name of a certificate, and whose it is by the pattern of the authority.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateName {
    /// The name as text.
    pub name: String,
    /// The service that the pattern finds in the whole name.
    pub service: Option<String>,
    /// The service that the pattern finds when whatever follows does not count.
    pub service_at_start: Option<String>,
}

impl CertificateNames {
    /// Every name, the common one first.
    pub fn all(&self) -> impl Iterator<Item = &CertificateName> {
        self.common.iter().chain(&self.alternative)
    }
}

impl Target {
    /// The target with this id.
    pub fn one(id: impl Into<String>) -> Self {
        Self::One(id.into())
    }

    /// The id, when one thing is meant.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::One(id) => Some(id),
            // What it is called by: clients and the audit log see one name.
            Self::Certificate(names) => names.all().next().map(|name| name.name.as_str()),
        }
    }
}
