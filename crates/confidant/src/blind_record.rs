//! A blind credential as it rests in the table. Only read here: services show theirs.

use std::collections::BTreeSet;

use domain::{Revision, Timestamp};
use keep::Item;
use serde_json::Map;

use crate::Error;
use crate::attributes::Stored;

/// One stored blind credential: sealed by its clients, for its clients.
#[derive(Clone, Debug, PartialEq)]
pub struct BlindRecord {
    /// 32 lower-case hex digits.
    pub id: String,
    /// Its number.
    pub revision: Revision,
    /// Its name.
    pub name: String,
    /// Information only.
    pub enabled: bool,
    /// When it was written.
    pub modified_date: Timestamp,
    /// Who wrote it.
    pub modified_by: String,
    /// What it is for.
    pub documentation: Option<String>,
    /// Free pairs, and the clients' encryption contexts.
    pub metadata: Option<Map<String, serde_json::Value>>,
    /// The names of the sealed keys, when the client told them.
    pub credential_keys: BTreeSet<String>,
    /// The clients' word for the cipher.
    pub cipher_type: Option<String>,
    /// The clients' number for it.
    pub cipher_version: Option<u64>,
    /// Region to ciphertext.
    pub credential_pairs: Map<String, serde_json::Value>,
    /// Region to wrapped key.
    pub data_key: Map<String, serde_json::Value>,
}

impl BlindRecord {
    /// The `data_type` of a current blind credential.
    pub const KIND: &str = "blind-credential";

    /// Reads a stored blind credential.
    ///
    /// Errors: `Damaged`, naming the id and the attribute.
    pub fn read(item: &Item) -> Result<Self, Error> {
        let stored = Stored::new(item)?;
        let object = |name| stored.object(name)?.ok_or_else(|| stored.damaged(name));
        Ok(Self {
            id: stored.id.to_owned(),
            revision: stored.revision()?,
            name: stored.text("name")?,
            enabled: stored.boolean("enabled")?,
            modified_date: stored.date("modified_date")?,
            modified_by: stored.text("modified_by")?,
            documentation: stored.optional_text("documentation")?,
            metadata: stored.object("metadata")?,
            credential_keys: stored.texts("credential_keys")?,
            cipher_type: stored.optional_text("cipher_type")?,
            cipher_version: stored.optional_number("cipher_version")?,
            credential_pairs: object("credential_pairs")?,
            data_key: object("data_key")?,
        })
    }
}
