//! One row of the table: a secret and one of its versions.

use std::fmt;

use keep::{Item, Key, Value};
use serde::{Serialize, Serializer};

use crate::{Error, SecretName, Version};

/// A row, by its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The secret.
    pub name: SecretName,
    /// The version, as stored.
    pub version: Version,
}

impl Place {
    /// Where this item lies.
    ///
    /// Errors: `Damaged`, when its name is none.
    pub fn of(item: &Item) -> Result<Self, Error> {
        let text = |attribute: &str| item.get(attribute).and_then(Value::as_s);
        let (name, version) = (text("name").unwrap_or_default(), text("version"));
        match (name.parse(), version) {
            (Ok(name), Some(version)) => Ok(Self {
                name,
                version: Version::stored(version),
            }),
            (parsed, version) => Err(Error::Damaged {
                name: name.to_owned(),
                version: version.unwrap_or_default().to_owned(),
                attribute: if parsed.is_ok() { "version" } else { "name" },
            }),
        }
    }

    /// Where this item lies, as far as it can be told.
    pub(crate) fn told(item: &Item) -> String {
        match Self::of(item) {
            Ok(place) => place.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Its key in the table.
    pub(crate) fn key(&self) -> Key {
        crate::secrets::key(&self.name, &self.version)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.name, self.version)
    }
}

/// `{"name": ..., "version": ...}`.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut place = serializer.serialize_struct("Place", 2)?;
        place.serialize_field("name", self.name.as_str())?;
        place.serialize_field("version", self.version.as_str())?;
        place.end()
    }
}
