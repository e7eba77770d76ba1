//! Operations on the history of credentials: its lists, what differs, and going back.

use domain::{Action, Resource, Revision, Target, Verb};
use keep::{Item, PageStart, Permit};

use crate::attributes::{is_possible_id, kind_of};
use crate::confidant::failing;
use crate::names::Named;
use crate::write::{Change, Draft, date_after, write};
use crate::{
    Asked, Caller, Confidant, Credential, CredentialDiff, CredentialRecord, Error, Listed,
    NamedRevision, News, PageSize, ServiceRecord, history, listing,
};

impl Confidant {
    /// Revisions of all credentials, newest first, each page sorted by lower-cased name. Without
    /// their keys and values.
    ///
    /// Errors: `BadField` for a page that is none.
    pub async fn list_credential_history(
        &self,
        caller: &Caller,
        size: PageSize,
        start: Asked<PageStart>,
    ) -> Result<Listed<Credential>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::List),
            Target::All,
        )?;
        let listed = async {
            let size = (size, self.settings.history_page_limit);
            let (items, next) = history::list(
                permit.items(),
                &self.settings.table,
                CredentialRecord::ARCHIVE,
                size,
                start,
            )
            .await?;
            let mut page: Vec<_> = listing::readable(&items, CredentialRecord::read)
                .into_iter()
                .map(|record| self.credential(record, None))
                .collect();
            page.sort_by_cached_key(|credential| credential.record.name.to_lowercase());
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

    /// The revisions of one credential, ascending, without their keys and values. An archived
    /// revision is found too, and has none.
    ///
    /// Errors: `NotFound` also for ids of other things.
    pub async fn credential_revisions(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Vec<Credential>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::Metadata),
            Target::one(id),
        )?;
        let read = async {
            let kinds = [CredentialRecord::KIND, CredentialRecord::ARCHIVE];
            let (items, newest) =
                history::of(permit.items(), &self.settings.table, id, kinds).await?;
            Ok((self.unopened(&items)?, newest))
        };
        match read.await {
            Ok((revisions, newest)) => {
                permit.read(Some(newest))?;
                Ok(revisions)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// What differs between two revisions of a credential, in either order; `None` for one with
    /// itself. Names keys, never values.
    ///
    /// Errors: `NotFound` when there is no revision `one`, `NoSuchRevision` when there is no
    /// `other`; `NotACredential` when one is that of something else.
    pub async fn diff_credential(
        &self,
        caller: &Caller,
        id: &str,
        one: NamedRevision,
        other: NamedRevision,
    ) -> Result<Option<CredentialDiff>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::Metadata),
            Target::one(id),
        )?;
        let diff = async {
            let one = self.old_credential(&permit, id, one, None).await?;
            let one = one.ok_or(Error::NotFound)?;
            let other = self.old_credential(&permit, id, other, None).await?;
            let other = other.ok_or(Error::NoSuchRevision)?;
            let newest = one.revision.max(other.revision);
            if one.revision == other.revision {
                return Ok((None, newest));
            }
            let pairs = (
                self.open(&permit, &one).await?,
                self.open(&permit, &other).await?,
            );
            let diff = CredentialDiff::between((&one, &pairs.0), (&other, &pairs.1));
            Ok((diff, newest))
        };
        match diff.await {
            Ok((diff, newest)) => {
                permit.read(Some(newest))?;
                Ok(diff)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// The services that map a credential, oldest modification first; none for an unknown id.
    pub async fn services_of_credential(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Vec<ServiceRecord>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::Metadata),
            Target::one(id),
        )?;
        let mapping = self.services_mapping(&permit, id, |service| &service.credentials);
        match mapping.await {
            Ok(services) => {
                permit.read(None)?;
                Ok(services)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Writes an old revision of a credential anew, as the next one. Its ciphertext and its
    /// rotation date are copied; the answer has no keys and no values.
    ///
    /// Errors: `NotFound`, `NoSuchRevision`, `NotACredential`, `NoDifference`, `BadField` for
    /// pairs that would not be taken today, `UpdateConflicts`, `NameTaken`, `TooBusy`.
    pub async fn revert_credential(
        &self,
        caller: &Caller,
        id: &str,
        to: NamedRevision,
    ) -> Result<Credential, Error> {
        let mut permit = self.permit(
            caller,
            Action::new(Resource::Credential, Verb::Revert),
            Target::one(id),
        )?;
        if !is_possible_id(id) {
            return failing(permit, Err(Error::NotFound));
        }
        let mut change = Revert {
            confidant: self,
            caller,
            to,
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
        let credential = self.credential(record, None);
        self.tell(|| News::credential(&credential, true));
        Ok(credential)
    }

    /// An old revision, with the id of its credential, which is that of its encryption context.
    async fn old_credential(
        &self,
        permit: &Permit<'_>,
        id: &str,
        named: NamedRevision,
        current: Option<Revision>,
    ) -> Result<Option<CredentialRecord>, Error> {
        if !is_possible_id(id) {
            return Ok(None);
        }
        let of = (id, CredentialRecord::ARCHIVE);
        let item = history::one(permit.items(), &self.settings.table, of, named, current).await?;
        let Some(item) = item else { return Ok(None) };
        if kind_of(&item) != Some(CredentialRecord::ARCHIVE) {
            return Err(Error::NotACredential(id.to_owned()));
        }
        let record = CredentialRecord::read(&item)?;
        Ok(Some(CredentialRecord {
            id: id.to_owned(),
            ..record
        }))
    }

    fn unopened(&self, items: &[Item]) -> Result<Vec<Credential>, Error> {
        items
            .iter()
            .map(|item| Ok(self.credential(CredentialRecord::read(item)?, None)))
            .collect()
    }
}

struct Revert<'a> {
    confidant: &'a Confidant,
    caller: &'a Caller,
    to: NamedRevision,
}

impl Change for Revert<'_> {
    type Made = CredentialRecord;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<CredentialRecord>, Error> {
        let current = current.ok_or(Error::NotFound)?;
        if kind_of(current) != Some(CredentialRecord::KIND) {
            let id = permit.ask().target.id().unwrap_or_default();
            return Err(Error::NotACredential(id.to_owned()));
        }
        let stored = CredentialRecord::read(current)?;
        let confidant = self.confidant;
        let old = confidant
            .old_credential(permit, &stored.id, self.to, Some(stored.revision))
            .await?
            .ok_or(Error::NoSuchRevision)?;
        let pairs = confidant.open(permit, &old).await?;
        if same_but_for_values(&old, &stored) {
            match confidant.open(permit, &stored).await {
                Ok(now) if now.same_values(&pairs) => {
                    return Err(Error::NoDifference(Resource::Credential));
                }
                // Going back is how a damaged credential is mended.
                Ok(_) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(fault) = pairs.fault() {
            return Err(fault.into());
        }
        confidant.no_conflicts(permit, &stored.id, &pairs).await?;
        let now = confidant.keep.clock().now();
        let claim = if old.name == stored.name {
            None
        } else {
            // Old servers do not ask here, and so let two credentials have one name.
            Some(
                confidant
                    .claim_name(permit, (Named::Credential, &old.name), &stored.id, now)
                    .await?,
            )
        };
        let record = CredentialRecord {
            revision,
            modified_date: date_after(Some(stored.modified_date), now),
            modified_by: self.caller.who.name.clone(),
            metadata: Some(old.metadata.unwrap_or_default()),
            last_decrypted_date: None,
            ..old
        };
        Ok(Draft {
            item: record.item(),
            claim,
            target: None,
            made: record,
        })
    }
}

fn same_but_for_values(old: &CredentialRecord, current: &CredentialRecord) -> bool {
    let metadata = |record: &CredentialRecord| record.metadata.clone().unwrap_or_default();
    let tags = |record: &CredentialRecord| -> std::collections::BTreeSet<String> {
        record.tags.iter().cloned().collect()
    };
    old.name == current.name
        && old.enabled == current.enabled
        && old.documentation == current.documentation
        && metadata(old) == metadata(current)
        && tags(old) == tags(current)
}
