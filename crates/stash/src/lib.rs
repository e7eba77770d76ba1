//! credstash's data model: stored items and operations.
//!
//! A secret is a name with versions, each one item that is never changed; the newest is the one whose
//! version text is the greatest. Here items are read and written through the kernel, for a server; what
//! is inside a version (wrapped key, ciphertext and what proves it) is opaque bytes that the caller
//! brings and takes, since sealing and opening these formats is not built yet.

mod error;
mod name;
mod record;
mod stash;
mod version;

pub use error::Error;
pub use name::{InvalidName, SecretName};
pub use record::{Proof, Record, Sealed};
pub use stash::{Caller, Listed, Stash};
pub use version::Version;
