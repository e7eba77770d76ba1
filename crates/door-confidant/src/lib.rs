//! Confidant's HTTP API, as its clients know it: credentials, services, their histories, certificates, web tokens and the
//! health check.
//!
//! Answers come in the two styles of the original: what is told of credentials and services is
//! rendered in [`answers`], errors in [`errors`]. Nothing is ever answered 500.

mod admission;
mod answers;
mod blind_credentials;
mod blind_history;
mod certificates;
mod credential_history;
mod credentials;
mod differences;
mod errors;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod identity;
mod not_yet;
mod pages;
mod path;
mod plain;
mod query;
mod requests;
mod router;
mod segments;
mod service_history;
mod services;
mod settings;
mod web_tokens;

pub use router::{Door, MAX_BODY, router};
pub use settings::{ClientConfig, DoorSettings, Maintenance};
