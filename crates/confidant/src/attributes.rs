//! Reading and writing single attributes of stored items, in every form that Confidant wrote.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{Revision, Timestamp};
use keep::{Item, Value};
use seal::WrappedKey;
use serde_json::Map;

use crate::Error;

/// One stored item being read; every fault names its id and the attribute.
pub(crate) struct Stored<'i> {
    pub(crate) id: &'i str,
    item: &'i Item,
}

/// What kind of thing an item is, by its `data_type`.
pub(crate) fn kind_of(item: &Item) -> Option<&str> {
    item.get("data_type").and_then(Value::as_s)
}

impl<'i> Stored<'i> {
    pub(crate) fn new(item: &'i Item) -> Result<Self, Error> {
        let id = item
            .get("id")
            .and_then(Value::as_s)
            .ok_or_else(|| Error::damaged("?", "id"))?;
        Ok(Self { id, item })
    }

    pub(crate) fn damaged(&self, what: &'static str) -> Error {
        Error::damaged(self.id, what)
    }

    /// The value; other tools store an absent one as NULL.
    fn value(&self, name: &str) -> Option<&'i Value> {
        self.item.get(name).filter(|value| **value != Value::Null)
    }

    fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'i Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.damaged(name)),
        }
    }

    fn required<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'i Value) -> Option<T>,
    ) -> Result<T, Error> {
        self.optional(name, read)?.ok_or_else(|| self.damaged(name))
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<String, Error> {
        self.required(name, |value| value.as_s().map(str::to_owned))
    }

    pub(crate) fn optional_text(&self, name: &'static str) -> Result<Option<String>, Error> {
        self.optional(name, |value| value.as_s().map(str::to_owned))
    }

    pub(crate) fn optional_number(&self, name: &'static str) -> Result<Option<u64>, Error> {
        self.optional(name, Value::as_u64)
    }

    pub(crate) fn bytes(&self, name: &'static str) -> Result<Vec<u8>, Error> {
        self.required(name, |value| match value {
            Value::B(bytes) => Some(bytes.clone()),
            _ => None,
        })
    }

    pub(crate) fn revision(&self) -> Result<Revision, Error> {
        self.required("revision", |value| Revision::new(value.as_u64()?).ok())
    }

    /// A boolean; before 4.0 it was the number 1 or 0.
    pub(crate) fn boolean(&self, name: &'static str) -> Result<bool, Error> {
        self.required(name, |value| match value {
            Value::Bool(held) => Some(*held),
            Value::N(number) => match number.as_str() {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
            _ => None,
        })
    }

    pub(crate) fn date(&self, name: &'static str) -> Result<Timestamp, Error> {
        self.required(name, |value| Timestamp::from_stored(value.as_s()?))
    }

    pub(crate) fn optional_date(&self, name: &'static str) -> Result<Option<Timestamp>, Error> {
        self.optional(name, |value| Timestamp::from_stored(value.as_s()?))
    }

    /// A set of texts, absent when empty; before 2.0 each was quoted as JSON.
    pub(crate) fn texts(&self, name: &'static str) -> Result<BTreeSet<String>, Error> {
        let set = self.optional(name, |value| match value {
            Value::Ss(set) => Some(set.iter().map(|text| unquoted(text)).collect()),
            _ => None,
        })?;
        Ok(set.unwrap_or_default())
    }

    /// A list of texts; absent before 6.3.
    pub(crate) fn list(&self, name: &'static str) -> Result<Vec<String>, Error> {
        let list = self.optional(name, |value| match value {
            Value::L(list) => list
                .iter()
                .map(|value| value.as_s().map(str::to_owned))
                .collect(),
            _ => None,
        })?;
        Ok(list.unwrap_or_default())
    }

    /// The text of a JSON object.
    pub(crate) fn object(
        &self,
        name: &'static str,
    ) -> Result<Option<Map<String, serde_json::Value>>, Error> {
        self.optional(name, |value| serde_json::from_str(value.as_s()?).ok())
    }
}

/// A text without the quotes of its JSON form, when it is one.
pub(crate) fn unquoted(text: &str) -> String {
    let quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
    let inner = if quoted {
        serde_json::from_str(text).ok()
    } else {
        None
    };
    inner.unwrap_or_else(|| text.to_owned())
}

/// A wrapped key from the bytes of `data_key`, which are the base64 text of the key service's
/// answer; bytes that are no such text are taken as they are.
pub(crate) fn wrapped_of(data_key: &[u8]) -> WrappedKey {
    WrappedKey(
        STANDARD
            .decode(data_key)
            .unwrap_or_else(|_| data_key.to_vec()),
    )
}

/// Whether stored bytes of `data_key` are base64 text, as they are written today.
pub(crate) fn is_base64(data_key: &[u8]) -> bool {
    STANDARD.decode(data_key).is_ok()
}

/// The bytes to store under `data_key`: the base64 text of the wrapped key, as old servers read it.
pub(crate) fn data_key_of(wrapped: &WrappedKey) -> Vec<u8> {
    STANDARD.encode(&wrapped.0).into_bytes()
}

/// Adds a set of texts, which must be absent when empty.
pub(crate) fn put_set(item: &mut Item, name: &str, set: &BTreeSet<String>) {
    if !set.is_empty() {
        item.insert(name.to_owned(), Value::Ss(set.clone()));
    }
}

/// Adds an attribute that is absent when there is nothing to say.
pub(crate) fn put_optional(item: &mut Item, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        item.insert(name.to_owned(), value);
    }
}

/// Whether an id can be that of a credential or service: our own items have slashes in theirs.
pub(crate) fn is_possible_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 1_024 && !id.contains('/')
}
