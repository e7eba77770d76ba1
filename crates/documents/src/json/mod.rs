//! JSON as Python's `json` prints and reads it.

mod read;
mod write;

pub use read::read;
pub use write::{line, pretty};

pub(crate) use write::texts;
