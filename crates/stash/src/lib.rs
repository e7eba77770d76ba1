//! credstash's data model: stored items and operations.
//!
//! A secret is a name with versions, each one item that is never changed; the newest is the one whose
//! version text is the greatest. [`Record`] is what an item holds, in every form that the programs
//! wrote; [`Secrets`] are the operations, under the caller's own rights on the table and the keys.

mod binding;
mod bulk;
mod copy;
mod doctor;
mod error;
mod finding;
mod form;
mod le_counter;
mod manifest;
mod migrate;
mod name;
mod numbering;
mod pace;
mod patience;
mod place;
mod record;
mod rewrap;
mod row_write;
mod secrets;
mod table_pages;
mod version;
mod writes;

pub use binding::{BOUND_NAME, BOUND_VERSION, Binding, bound};
pub use bulk::Listed;
pub use copy::{Copied, Copy, copy};
pub use doctor::{Examine, Examined, examine};
pub use error::{AwsWords, Error};
pub use finding::Finding;
pub use form::{Form, Sealing};
pub use manifest::{InvalidManifest, Manifest};
pub use migrate::{Left, Migrated, Migration, Move, migrate, plan_migration};
pub use name::{InvalidName, SecretName};
pub use numbering::{Numbering, meant_order};
pub use place::Place;
pub use record::{Proof, Record, Sealed};
pub use rewrap::{Rewrap, Rewrapped, rewrap};
pub use secrets::{Ports, Secrets};
pub use version::Version;
pub use writes::Stored;
