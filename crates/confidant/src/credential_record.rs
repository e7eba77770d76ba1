//! A credential as it rests in the table, byte-compatible with Confidant 7.0.

use std::fmt;

use domain::{Revision, Timestamp};
use keep::{Item, Value};
use seal::unencrypted::DANGER_MARK;
use serde_json::Map;

use crate::attributes::{Stored, put_optional};
use crate::python_json::python_json_text;
use crate::{Encryption, Error};

/// One stored revision of a credential. Its values are sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialRecord {
    /// 32 lower-case hex digits; followed by `-<revision>` in the history.
    pub id: String,
    /// Its number.
    pub revision: Revision,
    /// Its name, unique among current ones.
    pub name: String,
    /// Information only: disabled credentials are served too.
    pub enabled: bool,
    /// When it was written.
    pub modified_date: Timestamp,
    /// Who wrote it.
    pub modified_by: String,
    /// What it is for; stored empty text is not the same as none.
    pub documentation: Option<String>,
    /// Free pairs; `None` only where a create sent none.
    pub metadata: Option<Map<String, serde_json::Value>>,
    /// Labels that set the rotation.
    pub tags: Vec<String>,
    /// When the values last changed.
    pub last_rotation_date: Option<Timestamp>,
    /// When the values were last read one by one.
    pub last_decrypted_date: Option<Timestamp>,
    /// The values.
    pub sealed: Sealed,
}

/// Sealed pairs and what opens them, as stored.
///
/// Without encryption (`USE_ENCRYPTION=false`) these are readable, so `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The Fernet token, or the form of `USE_ENCRYPTION=false`.
    pub credential_pairs: String,
    /// The stored bytes: the base64 text of the wrapped key.
    pub data_key: Vec<u8>,
    /// 2 is the only one ever public.
    pub cipher_version: Option<u64>,
}

impl Sealed {
    /// Whether the values rest in the form of this setting, as far as it shows without a key.
    pub(crate) fn looks_like(&self, encryption: Encryption) -> bool {
        let marked = self.credential_pairs.starts_with(DANGER_MARK);
        match encryption {
            Encryption::Fernet => !marked,
            // The mark is optional, but a token it is not.
            Encryption::DangerNone => marked || !self.credential_pairs.starts_with(TOKEN_BEGINS),
        }
    }
}

/// How the text of every Fernet token made before the year 2106 begins: version 0x80 and the
/// upper half of a 64-bit time.
const TOKEN_BEGINS: &str = "gAAAAA";

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl CredentialRecord {
    /// The `data_type` of a current credential.
    pub const KIND: &str = "credential";
    /// The `data_type` of an old revision.
    pub const ARCHIVE: &str = "archive-credential";

    /// Reads a stored credential, current or archived, in current or older layout.
    ///
    /// Errors: `Damaged`, naming the id and the attribute.
    /// Source: spec/confidant.md section 4.2; vectors `confidant/dynamodb_items.json`.
    pub fn read(item: &Item) -> Result<Self, Error> {
        let stored = Stored::new(item)?;
        Ok(Self {
            id: stored.id.to_owned(),
            revision: stored.revision()?,
            name: stored.text("name")?,
            enabled: stored.boolean("enabled")?,
            modified_date: stored.date("modified_date")?,
            modified_by: stored.text("modified_by")?,
            documentation: stored.optional_text("documentation")?,
            metadata: stored.object("metadata")?,
            tags: stored.list("tags")?,
            last_rotation_date: stored.optional_date("last_rotation_date")?,
            last_decrypted_date: stored.optional_date("last_decrypted_date")?,
            sealed: Sealed {
                credential_pairs: stored.text("credential_pairs")?,
                data_key: stored.bytes("data_key")?,
                cipher_version: stored.optional_number("cipher_version")?,
            },
        })
    }

    /// The item to store as the current one.
    ///
    /// Shape: as Confidant 7.0 writes it; tags always, absent things left out.
    pub fn item(&self) -> Item {
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
            (
                "tags".to_owned(),
                Value::L(self.tags.iter().map(Value::s).collect()),
            ),
            (
                "credential_pairs".to_owned(),
                Value::s(&self.sealed.credential_pairs),
            ),
            (
                "data_key".to_owned(),
                Value::B(self.sealed.data_key.clone()),
            ),
        ]);
        let date = |date: Option<Timestamp>| date.map(|date| Value::S(date.stored()));
        put_optional(
            &mut item,
            "cipher_version",
            self.sealed.cipher_version.map(Value::n),
        );
        put_optional(
            &mut item,
            "documentation",
            self.documentation.as_ref().map(Value::s),
        );
        put_optional(
            &mut item,
            "metadata",
            self.metadata
                .as_ref()
                .map(|map| Value::S(python_json_text(map))),
        );
        put_optional(
            &mut item,
            "last_rotation_date",
            date(self.last_rotation_date),
        );
        put_optional(
            &mut item,
            "last_decrypted_date",
            date(self.last_decrypted_date),
        );
        item
    }
}
