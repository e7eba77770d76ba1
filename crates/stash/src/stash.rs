//! The operations on a table of versioned secrets.

use std::sync::Arc;

use domain::{Action, Principal, RequestId, Resource, Revision, Target, Verb};
use keep::{
    Ask, Clause, CommitError, Condition, Consistency, Keep, Order, Permit, Query, Scan, Schema,
    TableName, Value,
};

use crate::{Error, Record, Sealed, SecretName, Version};

/// A table of credstash's layout behind the kernel.
pub struct Stash {
    keep: Arc<Keep>,
    table: TableName,
}

/// Who asks, in which request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The proven caller.
    pub who: Principal,
    /// Names the request.
    pub request: RequestId,
}

/// One version in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The secret.
    pub name: SecretName,
    /// The version.
    pub version: Version,
    /// A remark for people.
    pub comment: Option<String>,
}

impl Stash {
    /// The operations on this table.
    pub fn new(keep: Arc<Keep>, table: TableName) -> Self {
        Self { keep, table }
    }

    /// How such a table is made: hash `name`, range `version`, no index.
    pub fn schema(table: &TableName) -> Schema {
        Schema {
            name: table.clone(),
            hash: "name".to_owned(),
            range: Some("version".to_owned()),
            indexes: vec![],
        }
    }

    /// Writes what is sealed as the next version, which nobody else wrote and nobody overwrites.
    ///
    /// Errors: `NoNextVersion` when the newest one cannot be counted on from.
    pub async fn put(
        &self,
        caller: &Caller,
        name: &SecretName,
        sealed: Sealed,
    ) -> Result<Version, Error> {
        let mut permit = self.permit(caller, Verb::Create, Target::one(name.as_str()))?;
        let written = self.write(&mut permit, name, sealed).await;
        ended(permit, written)
    }

    /// The newest version.
    ///
    /// Errors: `NotFound` when there is none.
    pub async fn newest(&self, caller: &Caller, name: &SecretName) -> Result<Record, Error> {
        let permit = self.permit(caller, Verb::Read, Target::one(name.as_str()))?;
        match self.read_newest(&permit, name).await {
            Ok(Some(record)) => {
                permit.read(revision(&record.version))?;
                Ok(record)
            }
            Ok(None) => ended(permit, Err(Error::NotFound(name.clone()))),
            Err(error) => ended(permit, Err(error)),
        }
    }

    /// All versions of all secrets, in order. May lack the latest writes.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Listed>, Error> {
        let permit = self.permit(caller, Verb::List, Target::All)?;
        match self.scan(&permit).await {
            Ok(listed) => {
                permit.read(None)?;
                Ok(listed)
            }
            Err(error) => ended(permit, Err(error)),
        }
    }

    fn permit(&self, caller: &Caller, verb: Verb, target: Target) -> Result<Permit<'_>, Error> {
        let Caller { who, request } = caller.clone();
        Ok(self.keep.permit(Ask {
            who,
            request,
            action: Action::new(Resource::Stash, verb),
            target,
        })?)
    }

    async fn write(
        &self,
        permit: &mut Permit<'_>,
        name: &SecretName,
        sealed: Sealed,
    ) -> Result<Version, Error> {
        let mut record = Record {
            name: name.clone(),
            version: Version::first(),
            sealed,
        };
        for _ in 0..TRIES {
            if let Some(newest) = self.newest_version(permit, name).await? {
                let next = newest.following();
                record.version = next.ok_or_else(|| Error::NoNextVersion {
                    name: name.clone(),
                    newest,
                })?;
            }
            let mut tx = permit.begin();
            // True of a pair of name and version that is new: the old programs' own condition.
            let new = Condition(vec![Clause::Absent("name".to_owned())]);
            tx.put(&self.table, record.item(), new);
            match tx.commit(revision(&record.version)).await {
                Ok(()) => return Ok(record.version),
                // Somebody wrote this version first; theirs is the newest now.
                Err(CommitError::Moved(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::TooBusy)
    }

    async fn read_newest(
        &self,
        permit: &Permit<'_>,
        name: &SecretName,
    ) -> Result<Option<Record>, Error> {
        let page = permit.items().query(&self.newest_query(name)).await?;
        page.items.first().map(Record::of).transpose()
    }

    /// Only the version, so that a damaged newest one does not keep a whole one from being written.
    async fn newest_version(
        &self,
        permit: &Permit<'_>,
        name: &SecretName,
    ) -> Result<Option<Version>, Error> {
        let page = permit.items().query(&self.newest_query(name)).await?;
        let version = page
            .items
            .first()
            .and_then(|item| item.get("version")?.as_s());
        Ok(version.map(Version::stored))
    }

    fn newest_query(&self, name: &SecretName) -> Query {
        Query {
            table: self.table.clone(),
            index: None,
            hash: ("name".to_owned(), Value::s(name.as_str())),
            from: None,
            order: Order::Descending,
            limit: Some(1),
            start: None,
            consistency: Consistency::Strong,
        }
    }

    async fn scan(&self, permit: &Permit<'_>) -> Result<Vec<Listed>, Error> {
        let attributes = ["name", "version", "comment"].map(str::to_owned).to_vec();
        let mut scan = Scan {
            table: self.table.clone(),
            attributes,
            limit: None,
            start: None,
        };
        let mut listed = Vec::new();
        loop {
            let page = permit.items().scan(&scan).await?;
            for item in page.items {
                let text = |attribute: &str| item.get(attribute).and_then(Value::as_s);
                let version = text("version").unwrap_or_default();
                let name = text("name").unwrap_or_default();
                listed.push(Listed {
                    name: name.parse().map_err(|_| Error::Damaged {
                        name: name.to_owned(),
                        version: version.to_owned(),
                        attribute: "name",
                    })?,
                    version: Version::stored(version),
                    comment: text("comment").map(str::to_owned),
                });
            }
            match page.next {
                Some(next) => scan.start = Some(next),
                None => break,
            }
        }
        listed.sort();
        Ok(listed)
    }
}

/// Gives the permit of a failed operation its event.
fn ended<T>(permit: Permit<'_>, result: Result<T, Error>) -> Result<T, Error> {
    if let Err(error) = &result {
        permit.failed(error.word());
    }
    result
}

fn revision(version: &Version) -> Option<Revision> {
    version
        .number()
        .and_then(|number| Revision::new(number).ok())
}

/// Every lost turn is one that another writer won.
const TRIES: usize = 100;
