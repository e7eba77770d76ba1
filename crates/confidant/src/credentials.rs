//! Operations on credentials.

use std::collections::BTreeSet;

use domain::{Action, Resource, Revision, Target, Timestamp, Verb};
use keep::{Consistency, Item, Key, PageStart, Permit};
use serde_json::Map;

use crate::attributes::{is_possible_id, kind_of};
use crate::confidant::failing;
use crate::names::{Claim, Named};
use crate::write::{Change, Draft, date_after, write};
use crate::{
    Asked, BadField, Caller, Confidant, CredentialRecord, Error, Listed, News, Pairs, Sealed, Want,
    conflicts, listing,
};

/// A credential, opened or not.
pub struct Credential {
    /// As stored.
    pub record: CredentialRecord,
    /// Its pairs; `None` where they were not opened.
    pub pairs: Option<Pairs>,
    /// When its values should be changed next.
    pub next_rotation_date: Option<Timestamp>,
}

/// What a caller may do with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Read everything but values.
    pub metadata: bool,
    /// Read values.
    pub get: bool,
    /// Write a further revision.
    pub update: bool,
}

/// One credential as it was asked for.
pub struct CredentialRead {
    /// The credential; its keys are always opened.
    pub credential: Credential,
    /// Whether its values may be shown: asked for, and allowed.
    pub values: bool,
    /// What the caller may do with it.
    pub permissions: Permissions,
}

/// The fields of a create or an update; absent ones of an update stay as they are.
pub struct CredentialFields {
    /// The name.
    pub name: Asked<String>,
    /// The pairs.
    pub pairs: Asked<Pairs>,
    /// Information only; true for a create without it.
    pub enabled: Asked<bool>,
    /// Free pairs.
    pub metadata: Asked<Map<String, serde_json::Value>>,
    /// What it is for.
    pub documentation: Asked<String>,
    /// Labels.
    pub tags: Asked<Vec<String>>,
    /// The request holds a `revision`, which excuses it from documentation, as old clients rely on.
    pub mentions_revision: bool,
}

impl Confidant {
    /// Creates a credential under a new id.
    ///
    /// Errors: `BadField`, `NameTaken`, `TooLarge`.
    pub async fn create_credential(
        &self,
        caller: &Caller,
        fields: CredentialFields,
    ) -> Result<Credential, Error> {
        let mut permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::Create),
            Target::All,
        )?;
        let id = hex::encode(self.keep.random().bytes::<16>());
        let mut change = match Create::new(self, caller, id, fields) {
            Ok(change) => change,
            Err(error) => return failing(permit, Err(error)),
        };
        let id = change.id.clone();
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
        Ok(self.credential(record, Some(change.pairs)))
    }

    /// One current credential. Values are in it when `want` asks for them and the caller may read
    /// them; a caller who may only see metadata gets that.
    ///
    /// Errors: `NotFound` also for ids of other things.
    pub async fn read_credential(
        &self,
        caller: &Caller,
        id: &str,
        want: Want,
    ) -> Result<CredentialRead, Error> {
        let target = Target::one(id);
        let may = |verb| self.may(caller, Resource::Credential, verb, &target);
        let permissions = Permissions {
            metadata: may(Verb::Metadata),
            get: may(Verb::Read),
            update: may(Verb::Update),
        };
        let values = want == Want::Values && permissions.metadata && permissions.get;
        let verb = if values { Verb::Read } else { Verb::Metadata };
        let permit = self.permit(caller, Action::new(Resource::Credential, verb), target)?;
        match self.current_credential(&permit, id).await {
            Ok((item, mut record, pairs)) => {
                if values {
                    self.note_decryption(&permit, &item, &mut record).await;
                }
                permit.read(Some(record.revision))?;
                let credential = self.credential(record, Some(pairs));
                Ok(CredentialRead {
                    credential,
                    values,
                    permissions,
                })
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Writes the next revision of a credential: given fields replace, absent ones stay. Given
    /// pairs are sealed under a new data key; else the stored ciphertext is used again.
    ///
    /// Errors: `NotFound`, `NotACredential`, `BadField`, `NameTaken`, `UpdateConflicts`,
    /// `TooLarge`, `TooBusy`.
    pub async fn update_credential(
        &self,
        caller: &Caller,
        id: &str,
        fields: CredentialFields,
    ) -> Result<Credential, Error> {
        let mut permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::Update),
            Target::one(id),
        )?;
        if !is_possible_id(id) {
            return failing(permit, Err(Error::NotFound));
        }
        let mut change = Update {
            confidant: self,
            caller,
            fields,
            sealed: None,
        };
        let done = write(
            &self.keep,
            &mut permit,
            &self.settings.table,
            id,
            &mut change,
        )
        .await;
        let record = match done {
            Ok(record) => record,
            Err(error) => return failing(permit, Err(error)),
        };
        self.directory.note(&record.item());
        let pairs = match change.fields.pairs {
            Ok(Some(pairs)) => Some(pairs),
            // Committed and recorded: an answer without values is better than none.
            _ => self.open(&permit, &record).await.ok(),
        };
        let credential = self.credential(record, pairs);
        self.tell(|| News::credential(&credential, false));
        Ok(credential)
    }

    /// Current credentials without their keys and values.
    ///
    /// Errors: `BadField` for a page that is none.
    pub async fn list_credentials(
        &self,
        caller: &Caller,
        limit: Option<usize>,
        start: Asked<PageStart>,
    ) -> Result<Listed<Credential>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::List),
            Target::All,
        )?;
        let listed = async {
            let (items, next) = listing::list(
                permit.items(),
                &self.settings.table,
                CredentialRecord::KIND,
                limit,
                start,
            )
            .await?;
            let mut page = listing::readable(&items, CredentialRecord::read);
            page.sort_by_cached_key(|record| record.name.to_lowercase());
            let page = page
                .into_iter()
                .map(|record| self.credential(record, None))
                .collect();
            Ok(Listed { page, next })
        };
        match listed.await {
            Ok(listed) => {
                permit.read(None)?;
                Ok(listed)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    pub(crate) fn credential(&self, record: CredentialRecord, pairs: Option<Pairs>) -> Credential {
        let next_rotation_date = self
            .settings
            .rotation
            .next(&record, self.keep.clock().now());
        Credential {
            record,
            pairs,
            next_rotation_date,
        }
    }

    async fn current_credential(
        &self,
        permit: &Permit<'_>,
        id: &str,
    ) -> Result<(Item, CredentialRecord, Pairs), Error> {
        if !is_possible_id(id) {
            return Err(Error::NotFound);
        }
        let item = permit
            .items()
            .get(&self.settings.table, &Key::id(id), Consistency::Eventual)
            .await?;
        let item = item
            .filter(|item| kind_of(item) == Some(CredentialRecord::KIND))
            .ok_or(Error::NotFound)?;
        let record = CredentialRecord::read(&item)?;
        let pairs = self.open(permit, &record).await?;
        Ok((item, record, pairs))
    }

    /// Finds a name free for `writer`, by the directory as it is now.
    pub(crate) async fn claim_name(
        &self,
        permit: &Permit<'_>,
        (of, name): (Named, &str),
        writer: &str,
        now: Timestamp,
    ) -> Result<Claim, Error> {
        self.directory
            .refresh_names(of, permit.items(), &**self.keep.clock())
            .await?;
        self.names(of).claim(name, writer, now).await
    }

    /// Refuses pairs whose keys others hold in a service that maps them beside `id`.
    pub(crate) async fn no_conflicts(
        &self,
        permit: &Permit<'_>,
        id: &str,
        pairs: &Pairs,
    ) -> Result<(), Error> {
        let keys = pairs.keys().iter().map(String::as_str).collect();
        self.no_shared_keys(permit, id, &keys).await
    }

    /// Refuses keys that others hold in a service that maps them beside the credential `id`, blind
    /// or not.
    pub(crate) async fn no_shared_keys(
        &self,
        permit: &Permit<'_>,
        id: &str,
        keys: &BTreeSet<&str>,
    ) -> Result<(), Error> {
        if self.settings.ignore_conflicts || keys.is_empty() {
            return Ok(());
        }
        self.directory
            .refresh_mappings(permit.items(), &**self.keep.clock())
            .await?;
        let mut found = conflicts::Conflicts::new();
        for mut service in self
            .services_now(permit, &self.directory.mapping(id))
            .await?
        {
            let is_mapped = service.credentials.remove(id);
            if !service.blind_credentials.remove(id) && !is_mapped {
                continue;
            }
            let credentials = self
                .mapped(permit, &service.credentials, Consistency::Strong)
                .await?;
            let blind = self
                .mapped_blind(permit, &service.blind_credentials, Consistency::Strong)
                .await?;
            conflicts::beside(
                &mut found,
                keys,
                &service.id,
                &conflicts::holders(&credentials, &blind),
            );
        }
        if found.is_empty() {
            Ok(())
        } else {
            Err(Error::UpdateConflicts(found))
        }
    }
}

struct Create<'a> {
    confidant: &'a Confidant,
    caller: &'a Caller,
    id: String,
    name: String,
    pairs: Pairs,
    enabled: bool,
    metadata: Option<Map<String, serde_json::Value>>,
    documentation: Option<String>,
    tags: Vec<String>,
    sealed: Option<Sealed>,
}

impl<'a> Create<'a> {
    /// Checks the fields in the order in which old servers did.
    fn new(
        confidant: &'a Confidant,
        caller: &'a Caller,
        id: String,
        fields: CredentialFields,
    ) -> Result<Self, Error> {
        let documentation = fields.documentation?;
        if confidant.settings.enforce_documentation
            && documentation.as_deref().is_none_or(str::is_empty)
        {
            return Err(BadField::DocumentationRequired.into());
        }
        let pairs = match fields.pairs {
            Ok(Some(pairs)) => Ok(pairs),
            Ok(None) | Err(BadField::PairsEmpty) => return Err(BadField::PairsRequired.into()),
            Err(fault) => Err(fault),
        };
        let metadata = fields.metadata?;
        let pairs = pairs?;
        let name = fields.name?.ok_or(BadField::NameRequired)?;
        let enabled = fields.enabled?.unwrap_or(true);
        let tags = fields.tags?.unwrap_or_default();
        Ok(Self {
            confidant,
            caller,
            id,
            name,
            pairs,
            enabled,
            metadata,
            documentation,
            tags,
            sealed: None,
        })
    }
}

impl Change for Create<'_> {
    type Made = CredentialRecord;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<CredentialRecord>, Error> {
        if current.is_some() {
            // Nobody draws the same 128 bits: the id was guessed in advance or the source is broken.
            return Err(Error::TooBusy);
        }
        let confidant = self.confidant;
        let now = confidant.keep.clock().now();
        let claim = confidant
            .claim_name(permit, (Named::Credential, &self.name), &self.id, now)
            .await?;
        let sealed = match &self.sealed {
            Some(sealed) => sealed.clone(),
            None => self
                .sealed
                .insert(confidant.seal(permit, &self.id, &self.pairs).await?)
                .clone(),
        };
        let record = CredentialRecord {
            id: self.id.clone(),
            revision,
            name: self.name.clone(),
            enabled: self.enabled,
            modified_date: now,
            modified_by: self.caller.who.name.clone(),
            documentation: self.documentation.clone(),
            metadata: self.metadata.clone(),
            tags: self.tags.clone(),
            last_rotation_date: Some(now),
            last_decrypted_date: None,
            sealed,
        };
        Ok(Draft {
            item: record.item(),
            claim: Some(claim),
            target: Some(Target::one(&self.id)),
            made: record,
        })
    }
}

struct Update<'a> {
    confidant: &'a Confidant,
    caller: &'a Caller,
    fields: CredentialFields,
    sealed: Option<Sealed>,
}

impl Change for Update<'_> {
    type Made = CredentialRecord;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<CredentialRecord>, Error> {
        let current = current.ok_or(Error::NotFound)?;
        if kind_of(current) != Some(CredentialRecord::KIND) {
            return Err(Error::NotACredential(
                permit.ask().target.id().unwrap_or_default().to_owned(),
            ));
        }
        let stored = CredentialRecord::read(current)?;
        let confidant = self.confidant;
        let now = confidant.keep.clock().now();

        let metadata = self
            .fields
            .metadata
            .clone()?
            .or_else(|| stored.metadata.clone())
            .unwrap_or_default();
        let name = self
            .fields
            .name
            .clone()?
            .unwrap_or_else(|| stored.name.clone());
        let claim = if name == stored.name {
            None
        } else {
            Some(
                confidant
                    .claim_name(permit, (Named::Credential, &name), &stored.id, now)
                    .await?,
            )
        };
        let documentation = self
            .fields
            .documentation
            .clone()?
            .or_else(|| stored.documentation.clone());
        if confidant.settings.enforce_documentation
            && documentation.as_deref().is_none_or(str::is_empty)
            && !self.fields.mentions_revision
        {
            return Err(BadField::DocumentationRequired.into());
        }
        let enabled = self.fields.enabled?.unwrap_or(stored.enabled);
        let tags = match &self.fields.tags {
            Ok(tags) => tags.clone().unwrap_or_else(|| stored.tags.clone()),
            Err(fault) => return Err((*fault).into()),
        };
        let (sealed, rotated) = match &self.fields.pairs {
            Err(fault) => return Err((*fault).into()),
            Ok(None) => (stored.sealed.clone(), false),
            Ok(Some(pairs)) => {
                confidant.no_conflicts(permit, &stored.id, pairs).await?;
                let rotated = match confidant.open(permit, &stored).await {
                    Ok(before) => !before.same_values(pairs),
                    // New values are how a damaged credential is mended.
                    Err(Error::Damaged { .. }) => true,
                    Err(error) => return Err(error),
                };
                let sealed = match &self.sealed {
                    Some(sealed) => sealed.clone(),
                    None => self
                        .sealed
                        .insert(confidant.seal(permit, &stored.id, pairs).await?)
                        .clone(),
                };
                (sealed, rotated)
            }
        };
        let record = CredentialRecord {
            id: stored.id,
            revision,
            name,
            enabled,
            modified_date: date_after(Some(stored.modified_date), now),
            modified_by: self.caller.who.name.clone(),
            documentation,
            metadata: Some(metadata),
            tags,
            last_rotation_date: if rotated {
                Some(now)
            } else {
                stored.last_rotation_date
            },
            // Old servers drop it too.
            last_decrypted_date: None,
            sealed,
        };
        Ok(Draft {
            item: record.item(),
            claim,
            target: None,
            made: record,
        })
    }
}
