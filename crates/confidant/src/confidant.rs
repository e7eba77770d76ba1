//! The object that offers the operations.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Action, Principal, RequestId, Resource, Target, Verb};
use keep::{Ask, IndexSchema, Keep, Permit, Schema, TableError, TableName};

use crate::directory::Directory;
use crate::names::{Named, Names};
use crate::served::Served;
use crate::{
    Authorities, CredentialRecord, Encryption, Error, Listener, Pairs, Rotation, Sealed, WebTokens,
    sealing,
};

/// What an operator decides about this data model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `DYNAMODB_TABLE`.
    pub table: TableName,
    /// `KMS_MASTER_KEY`: wraps the data keys.
    pub master_key: String,
    /// `USE_ENCRYPTION`.
    pub encryption: Encryption,
    /// `IGNORE_CONFLICTS`: mapped credentials may share keys.
    pub ignore_conflicts: bool,
    /// `ENFORCE_DOCUMENTATION`.
    pub enforce_documentation: bool,
    /// `HISTORY_PAGE_LIMIT`: how much a history list gives at once when not told.
    pub history_page_limit: Option<usize>,
    /// `ENABLE_SAVE_LAST_DECRYPTION_TIME`: reading a credential's values notes when.
    pub save_last_decryption_time: bool,
    /// When values should be changed.
    pub rotation: Rotation,
    /// The accounts that services may be scoped to (values of `SCOPED_AUTH_KEYS`).
    pub accounts: BTreeSet<String>,
}

/// Who asks, and in which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The proven caller.
    pub who: Principal,
    /// The request it came with.
    pub request: RequestId,
}

/// Credentials and services.
pub struct Confidant {
    pub(crate) keep: Arc<Keep>,
    pub(crate) settings: Settings,
    pub(crate) directory: Directory,
    pub(crate) served: Served,
    pub(crate) listener: Option<Arc<dyn Listener>>,
    pub(crate) authorities: Authorities,
    pub(crate) web_tokens: WebTokens,
}

impl Confidant {
    /// The operations on the table of these settings.
    pub fn new(keep: Arc<Keep>, settings: Settings) -> Self {
        Self {
            keep,
            directory: Directory::new(settings.table.clone()),
            served: Served::new(),
            listener: None,
            authorities: Authorities::default(),
            web_tokens: WebTokens::default(),
            settings,
        }
    }

    /// With these certificate authorities; without them there is none.
    #[must_use]
    pub fn with_authorities(self, authorities: Authorities) -> Self {
        Self {
            authorities,
            ..self
        }
    }

    /// With these keys of web tokens; without them there is none.
    #[must_use]
    pub fn with_web_tokens(self, web_tokens: WebTokens) -> Self {
        Self { web_tokens, ..self }
    }

    /// How the table is made.
    ///
    /// Source: spec/confidant.md section 4.1; vectors `confidant/dynamodb_table.json`.
    pub fn schema(table: &TableName) -> Schema {
        Schema {
            name: table.clone(),
            hash: "id".to_owned(),
            range: None,
            indexes: vec![IndexSchema {
                name: crate::listing::DATE_INDEX.to_owned(),
                hash: "data_type".to_owned(),
                range: "modified_date".to_owned(),
            }],
        }
    }

    /// Brings the directory up to date and drops expired views. Call it at start and then every
    /// few seconds; the first call reads the whole index.
    pub async fn refresh(&self) -> Result<(), TableError> {
        self.served.sweep().await;
        self.directory
            .keep_up(self.keep.items(), &**self.keep.clock())
            .await
    }

    pub(crate) fn permit(
        &self,
        caller: &Caller,
        action: Action,
        target: Target,
    ) -> Result<Permit<'_>, Error> {
        let ask = Ask {
            who: caller.who.clone(),
            request: caller.request.clone(),
            action,
            target,
        };
        Ok(self.keep.permit(ask)?)
    }

    pub(crate) fn may(
        &self,
        caller: &Caller,
        resource: Resource,
        verb: Verb,
        target: &Target,
    ) -> bool {
        self.keep
            .would(&caller.who, Action::new(resource, verb), target)
            .allowed
    }

    pub(crate) fn names(&self, of: Named) -> Names<'_> {
        Names {
            of,
            items: self.keep.items(),
            own: self.keep.own_table(),
            table: &self.settings.table,
            directory: &self.directory,
        }
    }

    pub(crate) async fn seal(
        &self,
        permit: &Permit<'_>,
        id: &str,
        pairs: &Pairs,
    ) -> Result<Sealed, Error> {
        let form = (self.settings.encryption, self.settings.master_key.as_str());
        sealing::seal(
            permit,
            form,
            (&**self.keep.clock(), &**self.keep.random()),
            id,
            pairs,
        )
        .await
    }

    pub(crate) async fn open(
        &self,
        permit: &Permit<'_>,
        record: &CredentialRecord,
    ) -> Result<Pairs, Error> {
        sealing::open(permit, self.settings.encryption, &record.id, &record.sealed).await
    }
}

/// Records the failure of an operation that did not commit.
pub(crate) fn failing<T>(permit: Permit<'_>, done: Result<T, Error>) -> Result<T, Error> {
    match done {
        // Its commit has recorded it.
        Ok(done) => Ok(done),
        Err(error) => {
            permit.failed(error.word());
            Err(error)
        }
    }
}
