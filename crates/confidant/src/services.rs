//! Operations on services: mapping credentials to a caller, and the fetch that every service makes.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Action, PrincipalKind, Resource, Revision, Target, Verb};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use keep::{CacheName, Consistency, Fact, Item, Items, Key, PageStart, Permit, Step, TableError};

use crate::attributes::{is_possible_id, kind_of};
use crate::confidant::failing;
use crate::served::Served;
use crate::write::{Change, Draft, date_after, write};
use crate::{
    Asked, BadField, BlindRecord, Caller, Confidant, Credential, CredentialRecord, Error, Listed,
    News, ServiceRecord, ServiceView, Want, conflicts, listing,
};

/// A service and what it maps.
pub struct Service {
    /// As stored.
    pub record: ServiceRecord,
    /// Its credentials in the order of their ids; ids without one are left out.
    pub credentials: Vec<Credential>,
    /// Its blind credentials in the order of their ids; ids without one are left out.
    pub blind_credentials: Vec<BlindRecord>,
}

/// The fields of a service to be written; it is replaced as a whole.
pub struct ServiceFields {
    /// Ids of credentials; none when absent, unknown ones are dropped.
    pub credentials: Asked<Vec<String>>,
    /// Ids of blind credentials; none when absent, unknown ones are kept.
    pub blind_credentials: Asked<Vec<String>>,
    /// Information only; true when absent.
    pub enabled: Asked<bool>,
    /// The only account that may read it; none when absent.
    pub account: Asked<String>,
}

impl Confidant {
    /// Creates or replaces a service. Its credentials come opened, so that their keys can be shown.
    ///
    /// Errors: `NotAService`, `BadField`, `MappingConflicts`, `TooLarge`, `TooBusy`.
    pub async fn map_service(
        &self,
        caller: &Caller,
        id: &str,
        fields: ServiceFields,
    ) -> Result<Service, Error> {
        let target = Target::one(id);
        let action = |verb| Action::new(Resource::Service, verb);
        // Whether it is there decides what is asked for, so a failing table is told as an update.
        let there = if is_possible_id(id) {
            let item = self
                .keep
                .items()
                .get(&self.settings.table, &Key::id(id), Consistency::Strong)
                .await;
            item.map(|item| item.is_some())
        } else {
            Ok(true)
        };
        let is_new = matches!(there, Ok(false));
        let may_create = self.may(caller, Resource::Service, Verb::Create, &target);
        let may_update = self.may(caller, Resource::Service, Verb::Update, &target);
        // A first revision needs both rights; a refusal names the one that is missing.
        let verb = if is_new && (may_update || !may_create) {
            Verb::Create
        } else {
            Verb::Update
        };
        let mut permit = self.permit(caller, action(verb), target)?;
        if let Err(error) = there {
            return failing(permit, Err(error.into()));
        }
        if !is_possible_id(id) {
            return failing(permit, Err(BadField::ImpossibleId.into()));
        }
        let mut change = Map {
            confidant: self,
            caller,
            id,
            fields,
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

    /// A service, or an old revision of one, with its credentials as they are now.
    ///
    /// The decision is taken before any cache. Errors: `NotFound` also for ids of other things,
    /// `WrongAccount`, `Damaged`.
    pub async fn read_service(
        &self,
        caller: &Caller,
        id: &str,
        want: Want,
    ) -> Result<Arc<ServiceView>, Error> {
        let target = Target::one(id);
        let begun = self.keep.clock().monotonic();
        let may_update = caller.who.kind == PrincipalKind::User
            && self.may(caller, Resource::Service, Verb::Update, &target);
        self.keep.took(Step::AclCheckUpdateService, begun);
        let verb = match want {
            Want::Metadata => Verb::Metadata,
            Want::Values => Verb::Read,
        };
        let begun = self.keep.clock().monotonic();
        let permit = self.permit(caller, Action::new(Resource::Service, verb), target);
        self.keep.took(Step::AclCheckGetService, begun);
        let permit = permit?;
        match self
            .service_view(&permit, caller, id, want, may_update)
            .await
        {
            Ok(view) => {
                permit.read(Some(view.service.record.revision))?;
                Ok(view)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Current services without what they map.
    ///
    /// Errors: `BadField` for a page that is none.
    pub async fn list_services(
        &self,
        caller: &Caller,
        limit: Option<usize>,
        start: Asked<PageStart>,
    ) -> Result<Listed<ServiceRecord>, Error> {
        let permit = self.permit(
            caller,
            Action::new(Resource::Service, Verb::List),
            Target::All,
        )?;
        let listed = async {
            let (items, next) = listing::list(
                permit.items(),
                &self.settings.table,
                ServiceRecord::KIND,
                limit,
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

    async fn service_view(
        &self,
        permit: &Permit<'_>,
        caller: &Caller,
        id: &str,
        want: Want,
        may_update: bool,
    ) -> Result<Arc<ServiceView>, Error> {
        if !is_possible_id(id) {
            return Err(Error::NotFound);
        }
        // Read before the items: a later write makes this number old, never the view.
        let generation = permit
            .items()
            .generation()
            .filter(|_| self.keep.keeps_opened_values());
        let now = self.keep.clock().monotonic();
        let key = Served::key(id, want, may_update);
        if let Some(generation) = generation {
            let kept = self.served.get(&key, generation, now).await;
            let saved = kept.as_ref().map(|view| view.keys_needed());
            let cache = CacheName::ServiceViews;
            self.keep.watch().happened(Fact::Cache { cache, saved });
            if let Some(view) = kept {
                may_fetch(caller, &view.service.record)?;
                return Ok(view);
            }
        }
        let (items, stored) = (permit.items(), Key::id(id));
        let item = items.get(&self.settings.table, &stored, Consistency::Eventual);
        let item = self.keep.timed(Step::DbGetService, item).await?;
        let item = item.ok_or(Error::NotFound)?;
        // History is for people: its ids can be those of other services (`web-2` beside `web`).
        let is_current = match kind_of(&item) {
            Some(ServiceRecord::KIND) => true,
            Some(ServiceRecord::ARCHIVE) if caller.who.kind == PrincipalKind::User => false,
            _ => return Err(Error::NotFound),
        };
        let record = ServiceRecord::read(&item)?;
        may_fetch(caller, &record)?;
        let credentials = self.mapped(permit, &record.credentials, Consistency::Eventual);
        let credentials = self.keep.timed(Step::DbGetCredentials, credentials).await?;
        let blind = self.mapped_blind(permit, &record.blind_credentials, Consistency::Eventual);
        let blind_credentials = self.keep.timed(Step::DbGetBlindCredentials, blind).await?;
        let view = Arc::new(ServiceView::new(
            Service {
                record,
                credentials,
                blind_credentials,
            },
            want,
            may_update,
        ));
        if let Some(generation) = generation.filter(|_| is_current) {
            self.served
                .keep(key, generation, now, Arc::clone(&view))
                .await;
        }
        Ok(view)
    }

    /// The current credentials of these ids, opened. Metadata needs it too: it shows the keys.
    pub(crate) async fn mapped(
        &self,
        permit: &Permit<'_>,
        ids: &BTreeSet<String>,
        consistency: Consistency,
    ) -> Result<Vec<Credential>, Error> {
        let mut records = Vec::with_capacity(ids.len());
        let items = self.items_of(permit.items(), ids, CredentialRecord::KIND, consistency);
        for item in self.keep.timed(Step::BatchGetCredentials, items).await? {
            records.push(CredentialRecord::read(&item)?);
        }
        records.sort_by(|a, b| a.id.cmp(&b.id));
        stream::iter(records)
            .map(|record| async move {
                let pairs = self.open(permit, &record).await?;
                Ok(self.credential(record, Some(pairs)))
            })
            .buffered(OPENED_AT_ONCE)
            .try_collect()
            .await
    }

    /// The current blind credentials of these ids.
    pub(crate) async fn mapped_blind(
        &self,
        permit: &Permit<'_>,
        ids: &BTreeSet<String>,
        consistency: Consistency,
    ) -> Result<Vec<BlindRecord>, Error> {
        let items = self.items_of(permit.items(), ids, BlindRecord::KIND, consistency);
        let items = self.keep.timed(Step::BatchGetBlindCredentials, items);
        let mut records = items
            .await?
            .iter()
            .map(BlindRecord::read)
            .collect::<Result<Vec<_>, _>>()?;
        records.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(records)
    }

    /// The current services of these ids.
    pub(crate) async fn services_now(
        &self,
        permit: &Permit<'_>,
        ids: &BTreeSet<String>,
    ) -> Result<Vec<ServiceRecord>, Error> {
        let items = self
            .items_of(
                permit.items(),
                ids,
                ServiceRecord::KIND,
                Consistency::Strong,
            )
            .await?;
        items.iter().map(ServiceRecord::read).collect()
    }

    /// The services that hold `id` in what they `map`, oldest modification first.
    pub(crate) async fn services_mapping(
        &self,
        permit: &Permit<'_>,
        id: &str,
        map: fn(&ServiceRecord) -> &BTreeSet<String>,
    ) -> Result<Vec<ServiceRecord>, Error> {
        self.directory
            .refresh_mappings(permit.items(), &**self.keep.clock())
            .await?;
        let mut services = self
            .services_now(permit, &self.directory.mapping(id))
            .await?;
        services.retain(|service| map(service).contains(id));
        services.sort_by_key(|service| service.modified_date);
        Ok(services)
    }

    pub(crate) async fn items_of(
        &self,
        items: Items<'_>,
        ids: &BTreeSet<String>,
        kind: &str,
        consistency: Consistency,
    ) -> Result<Vec<Item>, TableError> {
        let keys: Vec<Key> = ids
            .iter()
            .filter(|id| is_possible_id(id))
            .map(Key::id)
            .collect();
        let mut items = items
            .batch_get(&self.settings.table, &keys, consistency)
            .await?;
        items.retain(|item| kind_of(item) == Some(kind));
        Ok(items)
    }
}

/// A service scoped to an account is read with that account's key only; people are let through,
/// since no account is ever set for them.
fn may_fetch(caller: &Caller, record: &ServiceRecord) -> Result<(), Error> {
    match record.account.as_deref() {
        None | Some("") => Ok(()),
        _ if caller.who.kind == PrincipalKind::User => Ok(()),
        account if account == caller.who.account.as_deref() => Ok(()),
        Some(_) => Err(Error::WrongAccount),
    }
}

struct Map<'a> {
    confidant: &'a Confidant,
    caller: &'a Caller,
    id: &'a str,
    fields: ServiceFields,
    /// What the service maps until now.
    before: BTreeSet<String>,
}

impl Change for Map<'_> {
    type Made = Service;

    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<Service>, Error> {
        if current.is_some_and(|item| kind_of(item) != Some(ServiceRecord::KIND)) {
            return Err(Error::NotAService(self.id.to_owned()));
        }
        let replaced = current.map(ServiceRecord::read).transpose()?;
        self.before = replaced
            .as_ref()
            .map(|replaced| replaced.credentials.clone())
            .unwrap_or_default();
        let ids = |asked: &Asked<Vec<String>>| -> Result<BTreeSet<String>, Error> {
            let given = asked.clone()?.unwrap_or_default();
            Ok(given.into_iter().filter(|id| is_possible_id(id)).collect())
        };
        let wanted = ids(&self.fields.credentials)?;
        let blind = ids(&self.fields.blind_credentials)?;
        let enabled = self.fields.enabled?.unwrap_or(true);
        let account = self
            .fields
            .account
            .clone()?
            .filter(|account| !account.is_empty());

        let confidant = self.confidant;
        let credentials = confidant
            .mapped(permit, &wanted, Consistency::Strong)
            .await?;
        let blind_credentials = confidant
            .mapped_blind(permit, &blind, Consistency::Strong)
            .await?;
        if !confidant.settings.ignore_conflicts {
            let found = conflicts::among(&conflicts::holders(&credentials, &blind_credentials));
            if !found.is_empty() {
                return Err(Error::MappingConflicts(found));
            }
        }
        if account
            .as_ref()
            .is_some_and(|account| !confidant.settings.accounts.contains(account))
        {
            return Err(BadField::UnknownAccount.into());
        }
        let record = ServiceRecord {
            id: self.id.to_owned(),
            revision,
            enabled,
            modified_date: date_after(
                replaced.map(|replaced| replaced.modified_date),
                confidant.keep.clock().now(),
            ),
            modified_by: self.caller.who.name.clone(),
            account,
            credentials: credentials
                .iter()
                .map(|credential| credential.record.id.clone())
                .collect(),
            blind_credentials: blind,
        };
        let item = record.item();
        Ok(Draft {
            item,
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

/// Key service calls of one request under way at once.
const OPENED_AT_ONCE: usize = 16;
