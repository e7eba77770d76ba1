//! Operations on blind credentials: sealed by clients, for clients. Nothing here opens them.

use std::collections::BTreeSet;

use domain::{Action, Resource, Revision, Target, Verb};
use keep::{Consistency, Item, Key, Permit};
use serde_json::Map;

use crate::attributes::{is_possible_id, kind_of};
use crate::confidant::failing;
use crate::names::Named;
use crate::write::{Change, Draft, date_after, write};
use crate::{Asked, BadField, BlindRecord, Caller, Confidant, Error, News, listing};

/// The fields of a create or an update; absent ones of an update stay as they are.
pub struct BlindFields {
    /// The name.
    pub name: Asked<String>,
    /// Region to ciphertext. With it come its data keys and cipher, in an update too.
    pub credential_pairs: Asked<Map<String, serde_json::Value>>,
    /// Region to wrapped key.
    pub data_key: Asked<Map<String, serde_json::Value>>,
    /// The clients' word for the cipher.
    pub cipher_type: Asked<String>,
    /// The clients' number for it.
    pub cipher_version: Asked<u64>,
    /// The names of the sealed keys; none when absent beside new pairs.
    pub credential_keys: Asked<BTreeSet<String>>,
    /// Information only; true for a create without it.
    pub enabled: Asked<bool>,
    /// Free pairs, and the clients' encryption contexts.
    pub metadata: Asked<Map<String, serde_json::Value>>,
    /// What it is for; `Some(None)` takes it away.
    pub documentation: Asked<Option<String>>,
    /// The request holds a `revision`, which excuses it from documentation, as old clients rely on.
    pub mentions_revision: bool,
}

impl Confidant {
    /// Creates a blind credential under a new id.
    ///
    /// Errors: `FieldsMissing`, `BadField`, `NameTaken`, `TooLarge`.
    pub async fn create_blind_credential(
        &self,
        caller: &Caller,
        fields: BlindFields,
    ) -> Result<BlindRecord, Error> {
        let mut permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::Create),
            Target::All,
        )?;
        let id = hex::encode(self.keep.random().bytes::<16>());
        let first = match self.first_blind(caller, &id, fields) {
            Ok(first) => first,
            Err(error) => return failing(permit, Err(error)),
        };
        let mut change = Create {
            confidant: self,
            first,
        };
        let done = write(
            &self.keep,
            &mut permit,
            &self.settings.table,
            &id,
            &mut change,
        )
        .await;
        let record = failing(permit, done)?;
        self.directory.note(&record.item());
        Ok(record)
    }

    /// One blind credential, or an old revision of one.
    ///
    /// Errors: `NotFound` also for ids of other things.
    pub async fn read_blind_credential(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<BlindRecord, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::Read),
            Target::one(id),
        )?;
        let read = async {
            if !is_possible_id(id) {
                return Err(Error::NotFound);
            }
            let item = permit
                .items()
                .get(&self.settings.table, &Key::id(id), Consistency::Eventual)
                .await?;
            let kinds = [Some(BlindRecord::KIND), Some(BlindRecord::ARCHIVE)];
            let item = item
                .filter(|item| kinds.contains(&kind_of(item)))
                .ok_or(Error::NotFound)?;
            BlindRecord::read(&item)
        };
        match read.await {
            Ok(record) => {
                permit.read(Some(record.revision))?;
                Ok(record)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Writes the next revision of a blind credential: given fields replace, absent ones stay.
    /// That its name is free is not asked, as in Confidant.
    ///
    /// Errors: `NotFound`, `NotABlindCredential`, `BadField`, `UpdateConflicts`, `TooLarge`,
    /// `TooBusy`.
    pub async fn update_blind_credential(
        &self,
        caller: &Caller,
        id: &str,
        fields: BlindFields,
    ) -> Result<BlindRecord, Error> {
        let mut permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::Update),
            Target::one(id),
        )?;
        if !is_possible_id(id) {
            return failing(permit, Err(Error::NotFound));
        }
        let mut change = Update {
            confidant: self,
            caller,
            fields,
        };
        let done = write(
            &self.keep,
            &mut permit,
            &self.settings.table,
            id,
            &mut change,
        )
        .await;
        let record = failing(permit, done)?;
        self.directory.note(&record.item());
        self.tell(|| News::blind_credential(&record));
        Ok(record)
    }

    /// All current blind credentials, oldest modification first.
    pub async fn list_blind_credentials(&self, caller: &Caller) -> Result<Vec<BlindRecord>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::List),
            Target::All,
        )?;
        let listed = async {
            let table = &self.settings.table;
            let all = listing::list(permit.items(), table, BlindRecord::KIND, None, Ok(None));
            let (items, _) = all.await?;
            Ok(listing::readable(&items, BlindRecord::read))
        };
        match listed.await {
            Ok(records) => {
                permit.read(None)?;
                Ok(records)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// The first revision, its fields checked in the order in which old servers did.
    fn first_blind(
        &self,
        caller: &Caller,
        id: &str,
        fields: BlindFields,
    ) -> Result<BlindRecord, Error> {
        let undocumented = matches!(&fields.documentation, Ok(text) if is_blank(text.as_ref()));
        let needed = [
            ("cipher_version", matches!(fields.cipher_version, Ok(None))),
            ("cipher_type", matches!(fields.cipher_type, Ok(None))),
            (
                "credential_pairs",
                matches!(fields.credential_pairs, Ok(None)),
            ),
            ("data_key", matches!(fields.data_key, Ok(None))),
            (
                "documentation",
                self.settings.enforce_documentation && undocumented,
            ),
        ];
        let missing: Vec<_> = needed
            .into_iter()
            .filter_map(|(name, is_missing)| is_missing.then_some(name))
            .collect();
        if !missing.is_empty() {
            return Err(Error::FieldsMissing(missing));
        }
        let data_key = fields.data_key?.unwrap_or_default();
        let credential_keys = fields.credential_keys?.unwrap_or_default();
        let metadata = fields.metadata?;
        Ok(BlindRecord {
            id: id.to_owned(),
            revision: Revision::FIRST,
            name: fields.name?.ok_or(BadField::NameRequired)?,
            credential_pairs: fields.credential_pairs?.unwrap_or_default(),
            cipher_type: fields.cipher_type?,
            cipher_version: fields.cipher_version?,
            documentation: fields.documentation?.flatten(),
            enabled: fields.enabled?.unwrap_or(true),
            modified_date: self.keep.clock().now(),
            modified_by: caller.who.name.clone(),
            metadata,
            credential_keys,
            data_key,
        })
    }
}

struct Create<'a> {
    confidant: &'a Confidant,
    first: BlindRecord,
}

impl Change for Create<'_> {
    type Made = BlindRecord;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<BlindRecord>, Error> {
        if current.is_some() {
            // The random id is taken, which happens to a broken random source alone.
            return Err(Error::TooBusy);
        }
        let now = self.confidant.keep.clock().now();
        let record = BlindRecord {
            revision,
            modified_date: now,
            ..self.first.clone()
        };
        let name = (Named::BlindCredential, record.name.as_str());
        let claim = self
            .confidant
            .claim_name(permit, name, &record.id, now)
            .await?;
        Ok(Draft {
            item: record.item(),
            claim: Some(claim),
            target: Some(Target::one(&record.id)),
            made: record,
        })
    }
}

struct Update<'a> {
    confidant: &'a Confidant,
    caller: &'a Caller,
    fields: BlindFields,
}

impl Change for Update<'_> {
    type Made = BlindRecord;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<BlindRecord>, Error> {
        let mut record = current_blind(permit, current)?;
        let fields = &self.fields;
        let confidant = self.confidant;

        record.enabled = fields.enabled?.unwrap_or(record.enabled);
        record.metadata = Some(
            fields
                .metadata
                .clone()?
                .or(record.metadata)
                .unwrap_or_default(),
        );
        if !matches!(fields.credential_pairs, Ok(None)) {
            for (is_missing, fault) in [
                (matches!(fields.data_key, Ok(None)), BadField::DataKeyNeeded),
                (
                    matches!(fields.cipher_type, Ok(None)),
                    BadField::CipherTypeNeeded,
                ),
                (
                    matches!(fields.cipher_version, Ok(None)),
                    BadField::CipherVersionNeeded,
                ),
            ] {
                if is_missing {
                    return Err(fault.into());
                }
            }
            record.credential_keys = fields.credential_keys.clone()?.unwrap_or_default();
            let keys = record.credential_keys.iter().map(String::as_str).collect();
            confidant.no_shared_keys(permit, &record.id, &keys).await?;
            record.data_key = fields.data_key.clone()?.unwrap_or_default();
            record.credential_pairs = fields.credential_pairs.clone()?.unwrap_or_default();
            record.cipher_type = fields.cipher_type.clone()?;
            record.cipher_version = fields.cipher_version?;
        }
        if let Some(documentation) = fields.documentation.clone()? {
            record.documentation = documentation;
        }
        if confidant.settings.enforce_documentation
            && is_blank(Some(&record.documentation))
            && !fields.mentions_revision
        {
            return Err(BadField::DocumentationRequired.into());
        }
        if let Some(name) = fields.name.clone()? {
            record.name = name;
        }
        record.revision = revision;
        record.modified_date = date_after(Some(record.modified_date), confidant.keep.clock().now());
        record.modified_by.clone_from(&self.caller.who.name);
        Ok(Draft {
            item: record.item(),
            claim: None,
            target: None,
            made: record,
        })
    }
}

/// The blind credential that a write replaces.
///
/// Errors: `NotFound`, `NotABlindCredential`, `Damaged`.
pub(crate) fn current_blind(
    permit: &Permit<'_>,
    current: Option<&Item>,
) -> Result<BlindRecord, Error> {
    let current = current.ok_or(Error::NotFound)?;
    if kind_of(current) != Some(BlindRecord::KIND) {
        let id = permit.ask().target.id().unwrap_or_default();
        return Err(Error::NotABlindCredential(id.to_owned()));
    }
    BlindRecord::read(current)
}

fn is_blank(documentation: Option<&Option<String>>) -> bool {
    documentation
        .and_then(|text| text.as_deref())
        .is_none_or(str::is_empty)
}
