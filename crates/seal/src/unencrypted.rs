//! Confidant's `USE_ENCRYPTION=false` form: base64 that anybody can read, for trials only.
//!
//! A value in this form is as open as the store it rests in. Its Fernet twin never opens it, nor
//! this one a Fernet token's plaintext: which form applies is a setting, not a guess.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::python_base64::{self, Alphabet};
use crate::{Plaintext, SealError};

/// Writes `plaintext` readable by anybody.
///
/// Shape: [`DANGER_MARK`], then standard base64.
/// Errors: `TooLong` when [`danger_read`] would refuse the text.
pub fn danger_write(plaintext: &Plaintext) -> Result<String, SealError> {
    let bytes = plaintext.expose();
    let size = bytes
        .len()
        .div_ceil(3)
        .saturating_mul(4)
        .saturating_add(DANGER_MARK.len());
    if size > MAX_TEXT {
        return Err(TOO_LONG);
    }
    let mut text = String::with_capacity(size);
    text.push_str(DANGER_MARK);
    STANDARD.encode_string(bytes, &mut text);
    Ok(text)
}

/// Reads what [`danger_write`] wrote, with or without its mark. Nothing shows who wrote it.
///
/// Errors: `TooLong`; `Malformed` when it is not base64.
/// Source: Confidant 7.0.0, `CipherManager`; vectors `confidant/fernet.json`, `plaintext_mode`.
pub fn danger_read(text: &str) -> Result<Plaintext, SealError> {
    if text.len() > MAX_TEXT {
        return Err(TOO_LONG);
    }
    let base64 = text.strip_prefix(DANGER_MARK).unwrap_or(text);
    let bytes = python_base64::decode(base64.as_bytes(), Alphabet::Standard)
        .ok_or(SealError::Malformed("an unencrypted value"))?;
    Ok(Plaintext::new(Box::from(bytes.as_slice())))
}

/// What Confidant writes before a value that is not encrypted.
pub const DANGER_MARK: &str = "DANGER_NOT_ENCRYPTED_";

/// The longest text read or written, in bytes: as much as a Fernet token may have.
pub const MAX_TEXT: usize = crate::fernet::MAX_TOKEN_TEXT;

const TOO_LONG: SealError = SealError::TooLong {
    what: "unencrypted value",
    limit: MAX_TEXT,
};
