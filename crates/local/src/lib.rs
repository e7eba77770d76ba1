//! The ports with no cloud: SQLite, a keyring file, an audit directory, the machine's clock.
//!
//! One file is one port, named after it; [`DataDir`] says where they keep their files and that no
//! other process uses them. Everything on disk can be read by its owner only.

mod audit_file;
mod audit_segments;
mod audit_verify;
mod clock;
mod data_dir;
mod error;
mod key_service;
mod numbering;
mod private_file;
mod random;
mod table;

pub use audit_file::{AuditFile, ClosedSegment};
pub use audit_segments::{AuditSegments, SegmentError, signing_key};
pub use audit_verify::{Finding, Report, verify};
pub use clock::SystemClock;
pub use data_dir::DataDir;
pub use error::LocalError;
pub use key_service::Keyring;
pub use private_file::{look_at_directory, replace as replace_private_file};
pub use random::SystemRandom;
pub use table::SqliteTable;
