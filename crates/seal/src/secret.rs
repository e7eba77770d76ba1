//! The bytes nobody may print: data keys and plaintexts, and the public twin of a data key.
//!
//! The secret ones have no `Debug`, `Display`, `Serialize`, `Clone` or `PartialEq`, so that a log
//! line, an error or an assertion that would show one does not compile.

use secrecy::{ExposeSecret, SecretSlice};

/// Plaintext of one data key, on the heap and wiped on drop.
///
/// Shape: the bytes the key service wrapped. credstash: 64 bytes, cipher key then HMAC key.
/// Confidant: 44 ASCII bytes, since it wraps the base64url text of a Fernet key.
pub struct DataKey(SecretSlice<u8>);

impl DataKey {
    /// Takes bytes of exact size, so that no growing buffer leaves an unwiped copy.
    pub fn new(bytes: Box<[u8]>) -> Self {
        Self(bytes.into())
    }

    /// The only way to the bytes: grep `expose` to audit every reader.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

/// A data key as the key service returned it: ciphertext, safe to store and log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WrappedKey(pub Vec<u8>);

/// The opened bytes of one value, wiped on drop.
pub struct Plaintext(SecretSlice<u8>);

impl Plaintext {
    /// Takes bytes of exact size, so that no growing buffer leaves an unwiped copy.
    pub fn new(bytes: Box<[u8]>) -> Self {
        Self(bytes.into())
    }

    /// The only way to the bytes: grep `expose` to audit every reader.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}
