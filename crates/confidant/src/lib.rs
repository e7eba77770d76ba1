//! Confidant's data model: credentials, services that map them, and how both rest in the table; certificates and web
//! tokens, which rest nowhere.
//!
//! [`Confidant`] offers the operations; every one is decided, does its work and leaves exactly one
//! audit event. Items are byte-compatible with Confidant 7.0, so old servers may go on beside us:
//! `write.rs` says what that takes, `protocol.rs` holds its decisions, `names.rs` and
//! `directory.rs` keep names unique without a scan.

mod attributes;
mod authorities;
mod blind_credentials;
mod blind_history;
mod blind_record;
mod certificates;
mod confidant;
mod conflicts;
mod credential_history;
mod credential_record;
mod credentials;
mod diff;
mod directory;
mod error;
mod generated_value;
mod history;
mod last_decrypted;
mod listing;
mod names;
mod news;
mod pairs;
pub mod preflight;
mod private_ca;
pub mod protocol;
mod python_json;
mod rotation;
mod sealing;
mod secrets_bootstrap;
mod served;
mod service_history;
mod service_record;
mod services;
mod token_cache;
mod web_tokens;
#[cfg(feature = "workload")]
pub mod workload;
mod write;

pub use authorities::{
    Authorities, Authority, BadPattern, CertificateCache, CertificateWithKey, CustomSigner,
    MadeKeys, NamePattern, PrivateSigner, Signer,
};
pub use blind_credentials::BlindFields;
pub use blind_record::BlindRecord;
pub use certificates::{AuthorityView, CertificateAsk};
pub use confidant::{Caller, Confidant, Settings};
pub use credential_record::{CredentialRecord, Sealed};
pub use credentials::{Credential, CredentialFields, CredentialRead, Permissions};
pub use diff::{Changed, ChangedNames, CredentialDiff, ServiceDiff};
pub use error::{BadField, Conflict, Conflicts, Error};
pub use generated_value::GeneratedValue;
pub use history::{NamedRevision, PageSize};
pub use listing::Listed;
pub use names::{Named, guard_key};
pub use news::{Listener, News};
pub use pairs::Pairs;
pub use private_ca::{AboutAuthority, AuthorityError, IssueOrder, IssuedCertificate, PrivateCa};
pub use python_json::python_json_text;
pub use rotation::Rotation;
pub use sealing::Encryption;
pub use secrets_bootstrap::{MAX_SEALED_SECRETS, SealedSecrets};
pub use served::{Rendered, ServiceView};
pub use service_record::ServiceRecord;
pub use services::{Service, ServiceFields};
pub use token_cache::{LocalTokenCache, TokenCache};
pub use web_tokens::{PublicTokenKey, WebTokens};

pub(crate) use listing::date_index_query;

/// How much of a thing is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// Everything but values.
    Metadata,
    /// Values too.
    Values,
}

/// One field of a request, read at the edge: given, absent, or not what it must be.
///
/// The fault is kept until its turn, because a missing thing is told before a bad field.
pub type Asked<T> = Result<Option<T>, BadField>;
