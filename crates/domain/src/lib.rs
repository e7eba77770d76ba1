//! Nouns and pure rules of a secrets server: who asks, for what, and what is decided.
//!
//! Nothing here reads a clock, a file or a network, and nothing is serialised: each door and each
//! data model has its own shapes for that.

mod audit;
mod decide;
mod principal;
mod revision;
mod target;
mod timestamp;

pub use audit::{AuditEvent, EventId, Outcome, RequestId};
pub use decide::{
    BlindWriters, CertificateRule, ConfidantRules, Decision, NO_RULE, NearMiss, Rules, decide,
};
pub use principal::{LoginMethod, Principal, PrincipalKind};
pub use revision::{InvalidRevision, Revision};
pub use target::{Action, CertificateName, CertificateNames, Resource, Target, Verb};
pub use timestamp::Timestamp;
