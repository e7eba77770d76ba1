//! A blind credential as it rests in the table, byte-compatible with Confidant 7.0.

use std::collections::BTreeSet;

use domain::{Revision, Timestamp};
use keep::{Item, Value};
use serde_json::Map;

use crate::Error;
use crate::attributes::{Stored, put_optional, put_set};
use crate::python_json::python_json_text;

/// One stored blind credential: sealed by its clients, for its clients.
#[derive(Clone, Debug, PartialEq)]
pub struct BlindRecord {
    /// 32 lower-case hex digits; followed by `-<revision>` in the history.
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
    /// Free pairs, and the clients' encryption contexts; `None` only where a create sent none.
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
    /// The `data_type` of an old revision.
    pub const ARCHIVE: &str = "archive-blind-credential";

    /// Reads a stored blind credential, current or archived, in current or older layout.
    ///
    /// Errors: `Damaged`, naming the id and the attribute.
    /// Source: spec/confidant.md section 4.2; vectors `confidant/dynamodb_items.json`.
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
    /// The item to store as the current one.
    ///
    /// Shape: as Confidant 7.0 writes it; objects as Python prints JSON, absent things left out.
    pub fn item(&self) -> Item {
        let json = |map: &Map<String, serde_json::Value>| Value::S(python_json_text(map));
        let mut item = Item::from([
            ("id".to_owned(), Value::s(&self.id)),
            ("revision".to_owned(), Value::n(self.revision)),
            ("data_type".to_owned(), Value::s(Self::KIND)),
            ("name".to_owned(), Value::s(&self.name)),
            ("enabled".to_owned(), Value::Bool(self.enabled)),
            (
                "modified_date".to_owned(),
                Value::S(self.modified_date.stored()),
            ),
            ("modified_by".to_owned(), Value::s(&self.modified_by)),
            ("credential_pairs".to_owned(), json(&self.credential_pairs)),
            ("data_key".to_owned(), json(&self.data_key)),
        ]);
        let text = |text: &Option<String>| text.as_ref().map(Value::s);
        put_optional(&mut item, "cipher_type", text(&self.cipher_type));
        put_optional(
            &mut item,
            "cipher_version",
            self.cipher_version.map(Value::n),
        );
        put_optional(&mut item, "documentation", text(&self.documentation));
        put_optional(&mut item, "metadata", self.metadata.as_ref().map(json));
        put_set(&mut item, "credential_keys", &self.credential_keys);
        item
    }
}
