//! A setting that nobody may see: a password, a private key, a signing secret.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

/// A secret text, shared by its copies and wiped with the last of them.
#[derive(Clone)]
pub struct SecretText(Arc<SecretString>);

impl SecretText {
    /// Takes a text.
    pub fn new(text: String) -> Self {
        Self(Arc::new(text.into()))
    }

    /// The only way to the text: grep `expose` to audit every reader.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}
