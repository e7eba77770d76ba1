//! The operations on a table of versioned secrets, under the caller's own rights.

use std::sync::Arc;

use keep::{
    Action, Clock, Condition, Consistency, EncryptionContext, Key, KeyError, KeyService, Order,
    Plaintext, Query, Random, Schema, Table, TableName, Unwrapped, Value, WrappedKey,
};

use crate::patience::patiently;
use crate::{Binding, Error, Listed, Record, SecretName, Version};

/// What the operations stand on.
#[derive(Clone)]
pub struct Ports {
    /// Where the items are.
    pub table: Arc<dyn Table>,
    /// Who makes and opens data keys.
    pub keys: Arc<dyn KeyService>,
    /// For pauses.
    pub clock: Arc<dyn Clock>,
    /// For first counter blocks, initial vectors and jitter.
    pub random: Arc<dyn Random>,
}

/// A table of credstash's layout.
///
/// Nothing here decides who may: the caller calls DynamoDB and KMS with rights of their own, and
/// CloudTrail is the audit. What is refused for the moment is tried again, ten times in all.
#[derive(Clone)]
pub struct Secrets {
    pub(crate) ports: Ports,
    pub(crate) table: TableName,
    pub(crate) concurrency: usize,
    pub(crate) scans: Consistency,
    pub(crate) binding: Binding,
}

impl Secrets {
    /// The operations on this table.
    pub fn new(ports: Ports, table: TableName) -> Self {
        Self {
            ports,
            table,
            concurrency: 16,
            scans: Consistency::Strong,
            binding: Binding::default(),
        }
    }

    /// With at most so many calls of the key service at once.
    #[must_use]
    pub fn with_concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// With rows bound to their name and version, so.
    #[must_use]
    pub fn with_binding(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// How many calls run at once.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Reads the whole table so: eventual scans cost half, and may lack the writes of the last moment.
    #[must_use]
    pub fn with_scans(mut self, consistency: Consistency) -> Self {
        self.scans = consistency;
        self
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

    /// The table.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// The newest version, as of now; `None` when there is none.
    pub async fn newest(&self, name: &SecretName) -> Result<Option<Record>, Error> {
        let query = self.newest_query(name);
        let page = self
            .read("Query", || self.ports.table.query(&query))
            .await?;
        page.items.first().map(Record::of).transpose()
    }

    /// The version that is stored under exactly this text. May lack a write of the last moment.
    pub async fn version(
        &self,
        name: &SecretName,
        version: &Version,
    ) -> Result<Option<Record>, Error> {
        let item = self.item(name, version, Consistency::Eventual).await?;
        item.as_ref().map(Record::of).transpose()
    }

    /// Opens a value: one call of the key service, or two where [`Binding`] tries two contexts, then its HMAC or tag, then its cipher.
    ///
    /// Errors: `Key` with `DoesNotOpen` when the context is another; `Forged` and the like, see
    /// [`Record::open`].
    pub async fn open(
        &self,
        record: &Record,
        context: &EncryptionContext,
    ) -> Result<Plaintext, Error> {
        let unwrapped = self.unwrapped(record, context).await?;
        record.open(&unwrapped.key)
    }

    /// The data key of a version, and the master key it is under.
    pub async fn unwrapped(
        &self,
        record: &Record,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, Error> {
        let Ports { clock, random, .. } = &self.ports;
        patiently(&**clock, &**random, || self.unwrap_once(record, context)).await
    }

    /// The same with the encryption context that it turned out to be under.
    pub(crate) async fn unwrapped_under(
        &self,
        record: &Record,
        given: &EncryptionContext,
    ) -> Result<(Unwrapped, EncryptionContext), Error> {
        let Ports { clock, random, .. } = &self.ports;
        patiently(&**clock, &**random, || self.unwrap_under(record, given)).await
    }

    pub(crate) async fn unwrap_once(
        &self,
        record: &Record,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, Error> {
        Ok(self.unwrap_under(record, context).await?.0)
    }

    /// The data key, and the encryption context that it turned out to be under: the given one, or the
    /// one that binds the row to its place.
    ///
    /// Errors: of several contexts that do not fit, what was said to the first.
    pub(crate) async fn unwrap_under(
        &self,
        record: &Record,
        given: &EncryptionContext,
    ) -> Result<(Unwrapped, EncryptionContext), Error> {
        let wrapped = WrappedKey(record.sealed.key.clone());
        let mut refused = KeyError::DoesNotOpen;
        for (tried, context) in self.binding.contexts(given, record).into_iter().enumerate() {
            match self.ports.keys.unwrap(&wrapped, &context).await {
                Ok(unwrapped) => return Ok((unwrapped, context)),
                Err(error @ (KeyError::Throttled | KeyError::Unavailable(_))) => {
                    return Err(Error::key("Decrypt")(error));
                }
                Err(error) if tried == 0 => refused = error,
                Err(_) => {}
            }
        }
        Err(Error::key("Decrypt")(refused))
    }

    /// All versions of one secret, in their order, as of now.
    pub async fn versions(&self, name: &SecretName) -> Result<Vec<Listed>, Error> {
        let mut query = Query {
            order: Order::Ascending,
            limit: None,
            ..self.newest_query(name)
        };
        let mut listed = Vec::new();
        loop {
            let page = self
                .read("Query", || self.ports.table.query(&query))
                .await?;
            for item in &page.items {
                listed.push(Listed::of(item)?);
            }
            match page.next {
                Some(next) => query.start = Some(next),
                None => return Ok(listed),
            }
        }
    }

    /// Deletes the version that is stored under exactly this text; absent is no error.
    pub async fn delete(&self, name: &SecretName, version: &Version) -> Result<(), Error> {
        let delete = [Action::Delete {
            table: self.table.clone(),
            key: key(name, version),
            condition: Condition::always(),
        }];
        let Ports { clock, random, .. } = &self.ports;
        patiently(&**clock, &**random, || async {
            let deleted = self.ports.table.transact(&delete).await;
            // Twice deleted is deleted.
            deleted.map_err(|error| Error::table("DeleteItem")(settled(error)))
        })
        .await
    }

    pub(crate) async fn item(
        &self,
        name: &SecretName,
        version: &Version,
        consistency: Consistency,
    ) -> Result<Option<keep::Item>, Error> {
        let key = key(name, version);
        self.read("GetItem", || {
            self.ports.table.get(&self.table, &key, consistency)
        })
        .await
    }

    /// A call that changes nothing, tried again while it is refused for the moment.
    pub(crate) async fn read<T, F>(
        &self,
        operation: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, keep::TableError>>,
    {
        let Ports { clock, random, .. } = &self.ports;
        patiently(&**clock, &**random, || async {
            call().await.map_err(Error::table(operation))
        })
        .await
    }

    pub(crate) fn newest_query(&self, name: &SecretName) -> Query {
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
}

pub(crate) fn key(name: &SecretName, version: &Version) -> Key {
    Key::pair(("name", name.as_str()), ("version", version.as_str()))
}

/// A call that may be repeated without harm is not in doubt: it is only not answered yet.
fn settled(error: keep::TableError) -> keep::TableError {
    match error {
        keep::TableError::Ambiguous(why) => keep::TableError::Unavailable(why),
        error => error,
    }
}
