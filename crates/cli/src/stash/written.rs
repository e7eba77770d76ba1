//! Where values go: standard output, or a file that only its owner can read, whole or not at all.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use crate::exit::Outcome;
use crate::output;
use crate::placed_file::{Destination, Rights, place};

/// Writes the bytes as they are.
pub(super) fn bytes(file: Option<&Path>, bytes: &[u8]) -> Outcome {
    match file.filter(|path| path.as_os_str() != "-") {
        None => output::bytes(bytes),
        Some(path) => {
            let destination = Destination::File(path.to_owned());
            place(&destination, bytes, &Rights::private())
        }
    }
}

/// Writes a value as it is; on a terminal, where nobody counts bytes, it ends its line.
pub(super) fn value(file: Option<&Path>, value: &[u8]) -> Outcome {
    bytes(file, value)?;
    match file.is_none() && io::stdout().is_terminal() && !value.ends_with(b"\n") {
        true => bytes(None, b"\n"),
        false => Ok(()),
    }
}

/// Writes a document, which ends its last line.
pub(super) fn document(file: Option<&Path>, document: &[u8]) -> Outcome {
    if file.is_some() || document.is_empty() || document.ends_with(b"\n") {
        return bytes(file, document);
    }
    bytes(None, document)?;
    bytes(None, b"\n")
}
