//! Why an operation on credentials and services did not happen. Says nothing about HTTP.

use std::collections::{BTreeMap, BTreeSet};

use domain::Resource;
use keep::{AuditUnavailable, CommitError, KeyError, Refused, TableError};
use pki::PkiError;

use crate::AuthorityError;

/// Why an operation did not happen. Holds names, ids and numbers, never a value.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No rule allowed it; recorded already.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// The caller's account is not the one that the service is scoped to.
    #[error("the caller's account may not read this service")]
    WrongAccount,
    /// The read could not be recorded, so it is not answered.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// The thing has no such revision.
    #[error("no such revision")]
    NoSuchRevision,
    /// The revision to go back to is what is there already.
    #[error("no difference between the revisions of the {}", .0.word())]
    NoDifference(Resource),
    /// The id is that of something else than a current credential.
    #[error("{0} is not a credential")]
    NotACredential(String),
    /// The id is that of something else than a current blind credential.
    #[error("{0} is not a blind credential")]
    NotABlindCredential(String),
    /// The revision is that of something else than a blind credential.
    #[error("{0} has a revision that is no blind credential")]
    NotABlindRevision(String),
    /// The id is that of something else than a current service.
    #[error("{0} is not a service")]
    NotAService(String),
    /// Fields without which nothing can be made, in the order in which old servers name them.
    #[error("missing fields: {}", .0.join(", "))]
    FieldsMissing(Vec<&'static str>),
    /// What was sent cannot be taken.
    #[error(transparent)]
    BadField(#[from] BadField),
    /// Another current credential has this name.
    #[error("the name is taken by credential {owner}")]
    NameTaken {
        /// The id of the other one.
        owner: String,
    },
    /// Credentials to be mapped together share keys.
    #[error("mapped credentials share keys")]
    MappingConflicts(Conflicts),
    /// The new keys of a credential are those of others mapped beside it.
    #[error("credentials mapped to a common service share keys")]
    UpdateConflicts(Conflicts),
    /// It would not fit into one stored item; the number is its size in bytes.
    #[error("too large to store: {0} bytes")]
    TooLarge(usize),
    /// A stored attribute is not what it must be. Never retried.
    #[error("{what} of {id} is damaged in the store")]
    Damaged {
        /// The id of the stored item.
        id: String,
        /// The attribute.
        what: &'static str,
    },
    /// Other writers were faster for too long. Safe to retry.
    #[error("too many writers at once")]
    TooBusy,
    /// The table said no or could not be reached.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The key service said no or could not be reached.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No key signs tokens of this environment.
    #[error("no key signs tokens of this environment")]
    NoSigningKey,
    /// A certificate authority said no or could not be reached.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A key of ours did not sign.
    #[error(transparent)]
    Signing(PkiError),
}

impl Error {
    /// The fixed word that the audit event of a failed operation gives as its reason.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::WrongAccount => "wrong-account",
            Self::Audit(_) => "audit-unavailable",
            Self::NotFound => "not-found",
            Self::NoSuchRevision => "no-such-revision",
            Self::NoDifference(_) => "no-difference",
            Self::NotACredential(_) => "not-a-credential",
            Self::NotABlindCredential(_) | Self::NotABlindRevision(_) => "not-a-blind-credential",
            Self::NotAService(_) => "not-a-service",
            Self::FieldsMissing(_) | Self::BadField(_) => "bad-field",
            Self::NameTaken { .. } => "name-taken",
            Self::MappingConflicts(_) | Self::UpdateConflicts(_) => "key-conflict",
            Self::TooLarge(_) => "too-large",
            Self::Damaged { .. } => "damaged",
            Self::TooBusy => "too-busy",
            Self::Table(TableError::Ambiguous(_)) => "in-doubt",
            Self::Table(_) => "table",
            Self::Key(_) => "key-service",
            Self::NoSigningKey => "no-signing-key",
            Self::Authority(_) => "authority",
            Self::Signing(_) => "signing",
        }
    }

    pub(crate) fn damaged(id: &str, what: &'static str) -> Self {
        Self::Damaged {
            id: id.to_owned(),
            what,
        }
    }
}

impl From<Box<Refused>> for Error {
    fn from(refused: Box<Refused>) -> Self {
        Self::Refused(refused)
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

/// What was wrong with something sent; each names its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadField {
    /// The request has no body of the type that could be read.
    #[error("no JSON body")]
    NoBody,
    /// The body is not JSON, or nested too deeply.
    #[error("the body is not JSON")]
    NotJson,
    /// The body is JSON, but no object.
    #[error("the body must be an object")]
    NotObject,
    /// `name` is missing.
    #[error("name is a required field")]
    NameRequired,
    /// `name` is not text.
    #[error("name must be text")]
    NameNotText,
    /// `credential_pairs` is missing.
    #[error("credential_pairs is a required field")]
    PairsRequired,
    /// `credential_pairs` is given and empty.
    #[error("credential_pairs is empty")]
    PairsEmpty,
    /// `credential_pairs` is not an object.
    #[error("credential_pairs must be an object")]
    PairsNotObject,
    /// A value of `credential_pairs` is an object or an array.
    #[error("credential_pairs values must be single values")]
    PairNotScalar,
    /// A number of `credential_pairs` that would be stored as a different one.
    #[error("a number in credential_pairs is too large to keep exactly")]
    PairNumberTooLarge,
    /// A key of `credential_pairs` holds whitespace.
    #[error("credential_pairs keys must not hold whitespace")]
    PairKeyWhitespace,
    /// `metadata` is not an object.
    #[error("metadata must be an object")]
    MetadataNotObject,
    /// `documentation` is not text.
    #[error("documentation must be text")]
    DocumentationNotText,
    /// `documentation` is empty, and the settings ask for it.
    #[error("documentation is a required field")]
    DocumentationRequired,
    /// `tags` is not a list of texts.
    #[error("tags must be a list of texts")]
    TagsNotTexts,
    /// `enabled` is not a boolean.
    #[error("enabled must be a boolean")]
    EnabledNotBoolean,
    /// `credentials` is not a list of texts.
    #[error("credentials must be a list of ids")]
    CredentialsNotIds,
    /// `blind_credentials` is not a list of texts.
    #[error("blind_credentials must be a list of ids")]
    BlindCredentialsNotIds,
    /// `data_key` is not an object.
    #[error("data_key must be an object")]
    DataKeyNotObject,
    /// `credential_pairs` is given without `data_key`.
    #[error("credential_pairs needs its data_key")]
    DataKeyNeeded,
    /// `cipher_type` is not text.
    #[error("cipher_type must be text")]
    CipherTypeNotText,
    /// `credential_pairs` is given without `cipher_type`.
    #[error("credential_pairs needs its cipher_type")]
    CipherTypeNeeded,
    /// `cipher_version` is not a whole number.
    #[error("cipher_version must be a whole number")]
    CipherVersionNotNumber,
    /// `credential_pairs` is given without `cipher_version`.
    #[error("credential_pairs needs its cipher_version")]
    CipherVersionNeeded,
    /// `credential_keys` is not a list.
    #[error("credential_keys must be a list")]
    KeysNotList,
    /// Something in `credential_keys` is not text.
    #[error("credential_keys must be a list of texts")]
    KeysNotTexts,
    /// `account` is neither text nor null.
    #[error("account must be text")]
    AccountNotText,
    /// `account` is none of the configured ones.
    #[error("account is not a valid one")]
    UnknownAccount,
    /// The page token is no key of the list.
    #[error("no such page")]
    BadPage,
    /// The id is empty, longer than 1,024 bytes or holds a slash.
    #[error("id is not a possible one")]
    ImpossibleId,
    /// `environment` is missing.
    #[error("environment is a required parameter")]
    EnvironmentRequired,
    /// `csr` is missing.
    #[error("csr is a required field")]
    RequestRequired,
    /// `csr` is no certificate request.
    #[error("csr cannot be read")]
    RequestUnreadable,
    /// The names of `csr` cannot be judged, or there are none.
    #[error("csr must have one common name at most, and alternative names")]
    RequestNames,
    /// `csr` is not signed by its own key.
    #[error("csr is not signed by its key")]
    RequestUnsigned,
    /// `validity` is no number of days.
    #[error("validity must be a whole number of days")]
    ValidityNotDays,
    /// A name that cannot stand in a certificate.
    #[error("a name cannot stand in a certificate")]
    CertificateName,
    /// More `san` than fit.
    #[error("too many alternative names")]
    TooManyNames,
    /// The authority signs requests only.
    #[error("the authority signs requests only")]
    RequestsOnly,
    /// The authority takes no requests.
    #[error("the authority takes no requests")]
    KeysOnly,
}

/// The keys that several mapped things hold, and which.
pub type Conflicts = BTreeMap<String, Conflict>;

/// Who holds one conflicting key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    /// Ids of credentials.
    pub credentials: BTreeSet<String>,
    /// Ids of blind credentials.
    pub blind_credentials: BTreeSet<String>,
    /// Ids of the services that map them together; empty when one service is being written.
    pub services: BTreeSet<String>,
}
