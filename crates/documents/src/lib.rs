//! Secrets as documents people keep in files: bytes in, bytes out.
//!
//! No I/O and no async. Values come and go as [`seal::Plaintext`]; a whole document is one too, since it is made of
//! values. No error shows a value: it has names, kinds and places.
//!
//! The way in is four functions over a [`Format`]:
//!
//! - [`write_one`], [`write_many`]: entries to a document, in the bytes that one of the [`Dialect`]s writes;
//! - [`read_one`], [`read_many`]: a document to entries, in the order of the file, of equal names the last one;
//! - [`read_tree`]: a document that holds more than texts, such as template variables or a manifest, as a [`Tree`].
//!
//! Beside them, what else the two old command lines read and print:
//!
//! - [`json`]: `json.dumps` and `json.loads` of Python, for any [`Tree`];
//! - [`dotenv`]: one line for each variable, quoted for dotenv readers or for a shell;
//! - [`ini`]: configuration files as Python's `RawConfigParser` reads them;
//! - [`pattern`]: names that fit a pattern, as Python's `fnmatch` or credstash sees it.
//!
//! Every reader has the limits of [`limits`].

#[cfg(any(test, feature = "agreement"))]
pub mod agreement;
pub mod csv;
pub mod dotenv;
mod error;
mod format;
pub mod ini;
pub mod json;
pub mod limits;
mod page;
pub mod pattern;
mod python;
mod secrets;
mod tree;
pub mod yaml;

pub use error::Error;
pub use format::{Dialect, Format};
pub use secrets::{NotText, Written, read_many, read_one, read_tree, write_many, write_one};
pub use tree::{Kind, Tree};
