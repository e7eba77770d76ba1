//! Operations on the history of blind credentials: its lists, who maps them, and going back.

use domain::{Action, Resource, Revision, Target, Verb};
use keep::{Item, PageStart, Permit};

use crate::attributes::{is_possible_id, kind_of};
use crate::blind_credentials::current_blind;
use crate::confidant::failing;
use crate::write::{Change, Draft, date_after, write};
use crate::{
    Asked, BlindRecord, Caller, Confidant, Error, Listed, NamedRevision, News, PageSize,
    ServiceRecord, history, listing,
};

impl Confidant {
    /// Revisions of all blind credentials, newest first.
    ///
    /// Errors: `BadField` for a page that is none.
    pub async fn list_blind_history(
        &self,
        caller: &Caller,
        size: PageSize,
        start: Asked<PageStart>,
    ) -> Result<Listed<BlindRecord>, Error> {
        // It shows all that is sealed, which a mere list does not.
        let permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::Read),
            Target::All,
        )?;
        let listed = async {
            let size = (size, self.settings.history_page_limit);
            let (items, next) = history::list(
                permit.items(),
                &self.settings.table,
                BlindRecord::ARCHIVE,
                size,
                start,
            )
            .await?;
            let page = listing::readable(&items, BlindRecord::read);
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

    /// The revisions of one blind credential, newest first. An archived revision is found too, and
    /// has none.
    ///
    /// Errors: `NotFound` also for ids of other things.
    pub async fn blind_revisions(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Vec<BlindRecord>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::Read),
            Target::one(id),
        )?;
        let read = async {
            let kinds = [BlindRecord::KIND, BlindRecord::ARCHIVE];
            let (items, newest) =
                history::of(permit.items(), &self.settings.table, id, kinds).await?;
            let ascending = items
                .iter()
                .map(BlindRecord::read)
                .collect::<Result<Vec<_>, _>>()?;
            Ok((ascending.into_iter().rev().collect(), newest))
        };
        match read.await {
            Ok((revisions, newest)) => {
                permit.read(Some(newest))?;
                Ok(revisions)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// The services that map a blind credential, oldest modification first; none for an unknown id.
    pub async fn services_of_blind_credential(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Vec<ServiceRecord>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::Metadata),
            Target::one(id),
        )?;
        let mapping = self.services_mapping(&permit, id, |service| &service.blind_credentials);
        match mapping.await {
            Ok(services) => {
                permit.read(None)?;
                Ok(services)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Writes an old revision of a blind credential anew, as the next one, with all that it was.
    /// That its name is free is not asked, as in Confidant.
    ///
    /// Errors: `NotFound`, `NoSuchRevision`, `NotABlindCredential`, `NotABlindRevision`,
    /// `NoDifference`, `UpdateConflicts`, `TooBusy`.
    pub async fn revert_blind_credential(
        &self,
        caller: &Caller,
        id: &str,
        to: NamedRevision,
    ) -> Result<BlindRecord, Error> {
        let mut permit = self.permit(
            caller,
            Action::new(Resource::BlindCredential, Verb::Revert),
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
        self.tell(|| News::blind_credential(&record));
        Ok(record)
    }
}

struct Revert<'a> {
    confidant: &'a Confidant,
    caller: &'a Caller,
    to: NamedRevision,
}

impl Change for Revert<'_> {
    type Made = BlindRecord;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<BlindRecord>, Error> {
        let stored = current_blind(permit, current)?;
        let confidant = self.confidant;
        let of = (stored.id.as_str(), BlindRecord::ARCHIVE);
        let table = &confidant.settings.table;
        let item = history::one(permit.items(), table, of, self.to, Some(stored.revision))
            .await?
            .ok_or(Error::NoSuchRevision)?;
        if kind_of(&item) != Some(BlindRecord::ARCHIVE) {
            return Err(Error::NotABlindRevision(stored.id));
        }
        let old = BlindRecord::read(&item)?;
        let record = BlindRecord {
            id: stored.id.clone(),
            revision,
            modified_date: date_after(Some(stored.modified_date), confidant.keep.clock().now()),
            modified_by: self.caller.who.name.clone(),
            metadata: Some(old.metadata.clone().unwrap_or_default()),
            ..old
        };
        let as_it_is = BlindRecord {
            revision,
            modified_date: record.modified_date,
            modified_by: record.modified_by.clone(),
            metadata: Some(stored.metadata.clone().unwrap_or_default()),
            ..stored
        };
        if record == as_it_is {
            return Err(Error::NoDifference(Resource::BlindCredential));
        }
        let keys = record.credential_keys.iter().map(String::as_str).collect();
        confidant.no_shared_keys(permit, &record.id, &keys).await?;
        Ok(Draft {
            item: record.item(),
            claim: None,
            target: None,
            made: record,
        })
    }
}
