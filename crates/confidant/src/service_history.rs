//! Operations on the history of services: its lists, what differs, and going back.

use std::collections::BTreeSet;

use domain::{Action, Resource, Revision, Target, Verb};
use keep::{Consistency, Item, PageStart, Permit};

use crate::attributes::{is_possible_id, kind_of};
use crate::confidant::failing;
use crate::write::{Change, Draft, date_after, write};
use crate::{
    Asked, Caller, Confidant, Error, Listed, NamedRevision, News, PageSize, Service, ServiceDiff,
    ServiceRecord, conflicts, history, listing,
};

impl Confidant {
    /// Revisions of all services, newest first, each page sorted by lower-cased id.
    ///
    /// Errors: `BadField` for a page that is none.
    pub async fn list_service_history(
        &self,
        caller: &Caller,
        size: PageSize,
        start: Asked<PageStart>,
    ) -> Result<Listed<ServiceRecord>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Service, Verb::List),
            Target::All,
        )?;
        let listed = async {
            let size = (size, self.settings.history_page_limit);
            let (items, next) = history::list(
                permit.items(),
                &self.settings.table,
                ServiceRecord::ARCHIVE,
                size,
                start,
            )
            .await?;
            let mut page = listing::readable(&items, ServiceRecord::read);
            page.sort_by_cached_key(|record| record.id.to_lowercase());
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

    /// The revisions of one service, ascending. An archived revision is found too, and has none.
    ///
    /// Errors: `NotFound` also for ids of other things.
    pub async fn service_revisions(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Vec<ServiceRecord>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Service, Verb::Metadata),
            Target::one(id),
        )?;
        let read = async {
            let kinds = [ServiceRecord::KIND, ServiceRecord::ARCHIVE];
            let (items, newest) =
                history::of(permit.items(), &self.settings.table, id, kinds).await?;
            Ok((all(&items)?, newest))
        };
        match read.await {
            Ok((revisions, newest)) => {
                permit.read(Some(newest))?;
                Ok(revisions)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// What differs between two revisions of a service, in either order; `None` for one with itself.
    ///
    /// Errors: `NotFound` when there is no revision `one`, `NoSuchRevision` when there is no
    /// `other`; `NotAService` when one is that of something else.
    pub async fn diff_service(
        &self,
        caller: &Caller,
        id: &str,
        one: NamedRevision,
        other: NamedRevision,
    ) -> Result<Option<ServiceDiff>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Service, Verb::Metadata),
            Target::one(id),
        )?;
        let diff = async {
            let one = self.old_service(&permit, id, one, None).await?;
            let one = one.ok_or(Error::NotFound)?;
            let other = self.old_service(&permit, id, other, None).await?;
            let other = other.ok_or(Error::NoSuchRevision)?;
            let newest = one.revision.max(other.revision);
            Ok((ServiceDiff::between(&one, &other), newest))
        };
        match diff.await {
            Ok((diff, newest)) => {
                permit.read(Some(newest))?;
                Ok(diff)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Writes an old revision of a service anew, as the next one, without the credentials that
    /// are not there any more.
    ///
    /// Whether it is enabled makes no difference, as in old servers.
    /// Errors: `NotFound`, `NoSuchRevision`, `NotAService`, `MappingConflicts`, `NoDifference`,
    /// `TooBusy`.
    pub async fn revert_service(
        &self,
        caller: &Caller,
        id: &str,
        to: NamedRevision,
    ) -> Result<Service, Error> {
        let mut permit = self.permit(
            caller,
            Action::new(Resource::Service, Verb::Revert),
            Target::one(id),
        )?;
        if !is_possible_id(id) {
            return failing(permit, Err(Error::NotFound));
        }
        let mut change = Revert {
            confidant: self,
            caller,
            to,
            before: BTreeSet::new(),
        };
        let done = write(
            &self.keep,
            &mut permit,
            &self.settings.table,
            id,
            &mut change,
        )
        .await;
        let service = failing(permit, done)?;
        self.directory.note(&service.record.item());
        self.tell(|| News::service(&service.record, &change.before));
        Ok(service)
    }

    /// An old revision, with the id of its service.
    async fn old_service(
        &self,
        permit: &Permit<'_>,
        id: &str,
        named: NamedRevision,
        current: Option<Revision>,
    ) -> Result<Option<ServiceRecord>, Error> {
        if !is_possible_id(id) {
            return Ok(None);
        }
        let of = (id, ServiceRecord::ARCHIVE);
        let item = history::one(permit.items(), &self.settings.table, of, named, current).await?;
        let Some(item) = item else { return Ok(None) };
        if kind_of(&item) != Some(ServiceRecord::ARCHIVE) {
            return Err(Error::NotAService(id.to_owned()));
        }
        let record = ServiceRecord::read(&item)?;
        Ok(Some(ServiceRecord {
            id: id.to_owned(),
            ..record
        }))
    }
}

fn all(items: &[Item]) -> Result<Vec<ServiceRecord>, Error> {
    items.iter().map(ServiceRecord::read).collect()
}

struct Revert<'a> {
    confidant: &'a Confidant,
    caller: &'a Caller,
    to: NamedRevision,
    /// What the service maps until now.
    before: BTreeSet<String>,
}

impl Change for Revert<'_> {
    type Made = Service;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<Service>, Error> {
        let current = current.ok_or(Error::NotFound)?;
        if kind_of(current) != Some(ServiceRecord::KIND) {
            let id = permit.ask().target.id().unwrap_or_default();
            return Err(Error::NotAService(id.to_owned()));
        }
        let stored = ServiceRecord::read(current)?;
        self.before.clone_from(&stored.credentials);
        let confidant = self.confidant;
        let old = confidant
            .old_service(permit, &stored.id, self.to, Some(stored.revision))
            .await?
            .ok_or(Error::NoSuchRevision)?;
        let credentials = confidant
            .mapped(permit, &old.credentials, Consistency::Strong)
            .await?;
        let blind_credentials = confidant
            .mapped_blind(permit, &old.blind_credentials, Consistency::Strong)
            .await?;
        if !confidant.settings.ignore_conflicts {
            let found = conflicts::among(&conflicts::holders(&credentials, &blind_credentials));
            if !found.is_empty() {
                return Err(Error::MappingConflicts(found));
            }
        }
        let record = ServiceRecord {
            revision,
            modified_date: date_after(Some(stored.modified_date), confidant.keep.clock().now()),
            modified_by: self.caller.who.name.clone(),
            credentials: credentials
                .iter()
                .map(|credential| credential.record.id.clone())
                .collect(),
            ..old
        };
        let same = record.credentials == stored.credentials
            && record.blind_credentials == stored.blind_credentials
            && record.account == stored.account;
        if same {
            return Err(Error::NoDifference(Resource::Service));
        }
        Ok(Draft {
            item: record.item(),
            claim: None,
            target: None,
            made: Service {
                record,
                credentials,
                blind_credentials,
            },
        })
    }
}
