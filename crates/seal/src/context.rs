//! The pairs bound to a wrapped key: it opens under the same pairs only.

use std::collections::BTreeMap;

/// An encryption context, as AWS KMS knows it: public pairs, order without meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EncryptionContext(BTreeMap<String, String>);

impl EncryptionContext {
    /// The context of these pairs; of equal names the last one wins.
    pub fn new<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// The pairs in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one pair.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The one byte form of these pairs, for use as associated data or in a cache key.
    ///
    /// Shape: for each pair in name order, name then value, each preceded by its length as
    /// 8 big-endian bytes; so no two contexts share a form.
    pub fn canonical(&self) -> Vec<u8> {
        let mut form = Vec::new();
        for (name, value) in &self.0 {
            for part in [name, value] {
                form.extend_from_slice(&(part.len() as u64).to_be_bytes());
                form.extend_from_slice(part.as_bytes());
            }
        }
        form
    }
}
