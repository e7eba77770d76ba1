//! YAML as PyYAML 6 prints and reads it: version 1.1, where `yes` is a truth value and `0600` is octal.

mod date;
mod plain;
mod read;
mod scalar;
mod write;

pub use read::read;

pub(crate) use write::texts;
