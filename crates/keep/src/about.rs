//! What an error of a port is about, with the words of the service that said so.

use std::fmt;

/// A thing that an error names, and what a service answered about it.
///
/// The name is the error's meaning. The words are for people, and for programs that imitate one that
/// prints them; two errors about the same thing are equal whatever was said.
#[derive(Clone, Debug)]
pub struct About {
    name: String,
    told: Option<Told>,
}

/// A service's own words: never a value, never a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The code of the error, for example `AccessDeniedException`.
    pub code: String,
    /// Its text.
    pub message: String,
}

impl About {
    /// With what the service said.
    #[must_use]
    pub fn told(mut self, code: &str, message: &str) -> Self {
        self.told = Some(Told {
            code: code.to_owned(),
            message: message.to_owned(),
        });
        self
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// What the service said, where one did.
    pub fn words(&self) -> Option<&Told> {
        self.told.as_ref()
    }
}

impl<T: Into<String>> From<T> for About {
    fn from(name: T) -> Self {
        Self {
            name: name.into(),
            told: None,
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for About {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for About {}
