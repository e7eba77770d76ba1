//! What a document may hold at most, so that none can exhaust memory or stack.

use crate::Error;

/// Bytes of one document, and of what its aliases expand to.
pub const MAX_BYTES: usize = 64 << 20;

/// Lists and maps inside each other.
pub const MAX_DEPTH: usize = 100;

/// Values of one document, aliases expanded.
pub const MAX_VALUES: usize = 1_000_000;

/// The text of a document.
///
/// Errors: `TooLarge`; `NotUtf8`, with the place of the first bad byte.
pub(crate) fn text(document: &[u8]) -> Result<&str, Error> {
    if document.len() > MAX_BYTES {
        return Err(Error::TooLarge);
    }
    std::str::from_utf8(document).map_err(|fault| Error::NotUtf8 {
        position: fault.valid_up_to(),
    })
}

/// What is left of the values and bytes that one document may hold.
pub(crate) struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            values: MAX_VALUES,
            bytes: MAX_BYTES,
        }
    }

    /// Errors: `TooMany` and `TooLarge`, when there is no room for one more value of so many bytes.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.values = self.values.checked_sub(1).ok_or(Error::TooMany)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Error::TooLarge)?;
        Ok(())
    }
}

/// Errors: `TooDeep`.
pub(crate) fn depth(depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    Ok(())
}
