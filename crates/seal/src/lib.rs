//! Ciphertext formats and secret types: bytes in, bytes out.
//!
//! No I/O and no async: whoever seals brings the key, the time and the random bytes.
//! One file is one format:
//!
//! - [`fernet`]: Confidant's credential pairs (cipher version 2);
//! - [`ctr_hmac`]: credstash's values and CredSmash's `aes-ctr`, under a [`Hash`];
//! - [`gcm`]: CredSmash's `aes-gcm`;
//! - [`unencrypted`]: Confidant's `USE_ENCRYPTION=false` form;
//! - [`envelope`]: our wrapped data keys (keyring file), AES-256-GCM bound to a context;
//! - [`signature`]: Ed25519, for client keys and audit segments.

mod context;
pub mod ctr_hmac;
pub mod digest;
pub mod envelope;
mod error;
pub mod fernet;
pub mod gcm;
mod hash;
mod python_base64;
mod secret;
pub mod signature;
pub mod unencrypted;
#[cfg(test)]
mod wycheproof;

pub use context::EncryptionContext;
pub use error::SealError;
pub use hash::{Hash, UnknownHash};
pub use secret::{DataKey, Plaintext, WrappedKey};
