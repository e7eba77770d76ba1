//! The ports on AWS: [`DynamoTable`] is [`keep::Table`], [`AwsKms`] is [`keep::KeyService`].
//!
//! `aws-admin` has the ports that a server rarely needs; no other crate names AWS SDK crates. [`Connection::open`] makes what both share; a call of
//! an adapter ends within the bounds of [`Settings`], and every way in which AWS can fail becomes
//! one of the port's errors.

mod attributes;
mod connect;
mod create;
mod expressions;
mod failure;
mod identity;
mod inspect;
mod key_service;
mod settings;
mod table;
mod table_errors;

pub use connect::Connection;
pub use failure::{Failure, Refusal, missing_action};
pub use identity::{has_profile, region};
pub use inspect::Inspected;
pub use key_service::AwsKms;
pub use settings::{Endpoint, Identity, Keys, Settings};
pub use table::DynamoTable;
