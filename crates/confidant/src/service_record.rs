//! A service as it rests in the table: which credentials it maps. Byte-compatible with Confidant 7.0.

use std::collections::BTreeSet;

use domain::{Revision, Timestamp};
use keep::{Item, Value};

use crate::Error;
use crate::attributes::{Stored, put_optional, put_set};

/// One stored revision of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRecord {
    /// Free text chosen by the caller; followed by `-<revision>` in the history.
    pub id: String,
    /// Its number.
    pub revision: Revision,
    /// Information only: disabled services are served too.
    pub enabled: bool,
    /// When it was written.
    pub modified_date: Timestamp,
    /// Who wrote it.
    pub modified_by: String,
    /// The only account that may read it, when it is scoped.
    pub account: Option<String>,
    /// Ids of the credentials it maps.
    pub credentials: BTreeSet<String>,
    /// Ids of the blind credentials it maps, known or not.
    pub blind_credentials: BTreeSet<String>,
}

impl ServiceRecord {
    /// The `data_type` of a current service.
    pub const KIND: &str = "service";
    /// The `data_type` of an old revision.
    pub const ARCHIVE: &str = "archive-service";

    /// Reads a stored service, current or archived, in current or older layout.
    ///
    /// Errors: `Damaged`, naming the id and the attribute.
    /// Source: spec/confidant.md section 4.2; vectors `confidant/dynamodb_items.json`.
    pub fn read(item: &Item) -> Result<Self, Error> {
        let stored = Stored::new(item)?;
        Ok(Self {
            id: stored.id.to_owned(),
            revision: stored.revision()?,
            enabled: stored.boolean("enabled")?,
            modified_date: stored.date("modified_date")?,
            modified_by: stored.text("modified_by")?,
            account: stored.optional_text("account")?,
            credentials: stored.texts("credentials")?,
            blind_credentials: stored.texts("blind_credentials")?,
        })
    }

    /// The item to store as the current one.
    pub fn item(&self) -> Item {
        let mut item = Item::from([
            ("id".to_owned(), Value::s(&self.id)),
            ("revision".to_owned(), Value::n(self.revision)),
            ("data_type".to_owned(), Value::s(Self::KIND)),
            ("enabled".to_owned(), Value::Bool(self.enabled)),
            (
                "modified_date".to_owned(),
                Value::S(self.modified_date.stored()),
            ),
            ("modified_by".to_owned(), Value::s(&self.modified_by)),
        ]);
        put_optional(&mut item, "account", self.account.as_ref().map(Value::s));
        put_set(&mut item, "credentials", &self.credentials);
        put_set(&mut item, "blind_credentials", &self.blind_credentials);
        item
    }
}
