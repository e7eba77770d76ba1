//! Committed changes that somebody outside may want to hear of, and the services they touch.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Revision;
use keep::{Consistency, TableError};

use crate::{BlindRecord, Confidant, Credential, ServiceRecord};

/// Hears of changes. Never sees a value.
pub trait Listener: Send + Sync {
    /// Takes a change that is committed. It neither waits nor fails: a request is on its way.
    fn heard(&self, news: News);
}

/// A committed change to something that was there before, or to what a service maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A credential has a new revision.
    Credential {
        /// Its id.
        id: String,
        /// Its name now.
        name: String,
        /// The new revision.
        revision: Revision,
        /// Whether it went back to an old one.
        reverted: bool,
    },
    /// A blind credential has a new revision.
    BlindCredential {
        /// Its id.
        id: String,
        /// Its name now.
        name: String,
        /// The new revision.
        revision: Revision,
    },
    /// A service is new or has a new revision.
    Service {
        /// Its id.
        id: String,
        /// The new revision.
        revision: Revision,
        /// Ids of the credentials that it maps now, without blind ones.
        credentials: BTreeSet<String>,
        /// Those among them that it did not map before.
        added: BTreeSet<String>,
        /// Those that it does not map any more.
        removed: BTreeSet<String>,
    },
}

impl News {
    pub(crate) fn credential(credential: &Credential, reverted: bool) -> Self {
        let record = &credential.record;
        Self::Credential {
            id: record.id.clone(),
            name: record.name.clone(),
            revision: record.revision,
            reverted,
        }
    }

    pub(crate) fn blind_credential(record: &BlindRecord) -> Self {
        Self::BlindCredential {
            id: record.id.clone(),
            name: record.name.clone(),
            revision: record.revision,
        }
    }

    /// `before`: what the service mapped until now.
    pub(crate) fn service(record: &ServiceRecord, before: &BTreeSet<String>) -> Self {
        let now = &record.credentials;
        Self::Service {
            id: record.id.clone(),
            revision: record.revision,
            credentials: now.clone(),
            added: now.difference(before).cloned().collect(),
            removed: before.difference(now).cloned().collect(),
        }
    }
}

impl Confidant {
    /// The same operations, with changes told to `listener`.
    #[must_use]
    pub fn heard_by(mut self, listener: Arc<dyn Listener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// The services that a change touches, as they are now: itself, or those that map the credential,
    /// oldest modification first.
    ///
    /// Needs no permit: it reads no value, and tells the operator's own receivers.
    pub async fn services_touched(&self, news: &News) -> Result<Vec<String>, TableError> {
        let (id, map): (_, fn(&ServiceRecord) -> &BTreeSet<String>) = match news {
            News::Service { id, .. } => return Ok(vec![id.clone()]),
            News::Credential { id, .. } => (id, |service| &service.credentials),
            News::BlindCredential { id, .. } => (id, |service| &service.blind_credentials),
        };
        let items = self.keep.items();
        self.directory
            .refresh_mappings(items, &**self.keep.clock())
            .await?;
        let ids = self.directory.mapping(id);
        let found = self
            .items_of(items, &ids, ServiceRecord::KIND, Consistency::Strong)
            .await?;
        // One that is damaged cannot be fetched either, so nobody waits for its notice.
        let mut services: Vec<_> = found
            .iter()
            .filter_map(|item| ServiceRecord::read(item).ok())
            .filter(|service| map(service).contains(id))
            .collect();
        services.sort_by_key(|service| service.modified_date);
        Ok(services.into_iter().map(|service| service.id).collect())
    }

    pub(crate) fn tell(&self, news: impl FnOnce() -> News) {
        if let Some(listener) = &self.listener {
            listener.heard(news());
        }
    }
}
