//! credstash's data model: stored items and operations.
//!
//! A secret is a name with versions, each one item that is never changed; the newest is the one whose
//! version text is the greatest. [`Record`] is what an item holds, in every form that the programs
//! wrote; [`Secrets`] are the operations, under the caller's own rights on the table and the keys.

mod bulk;
mod error;
mod form;
mod name;
mod pace;
mod patience;
mod record;
mod secrets;
mod version;
mod writes;

pub use bulk::Listed;
pub use error::{AwsWords, Error};
pub use form::{Form, Sealing};
pub use name::{InvalidName, SecretName};
pub use record::{Proof, Record, Sealed};
pub use secrets::{Ports, Secrets};
pub use version::Version;
pub use writes::Stored;
