//! Table and key service with every call told to a [`Watch`].

use std::sync::Arc;

use seal::{DataKey, EncryptionContext, WrappedKey};

use crate::{
    Action, BatchGot, Clock, Consistency, Ended, Fact, Item, Key, KeyCall, KeyError, KeyService,
    MasterKey, Page, Purpose, Query, Scan, Schema, Table, TableCall, TableError, TableName, Terms,
    Unwrapped, Watch,
};

/// A key service with its calls counted, each as one whatever the adapter's own retries.
pub struct WatchedKeys {
    inner: Arc<dyn KeyService>,
    watch: Arc<dyn Watch>,
    clock: Arc<dyn Clock>,
    purpose: Purpose,
}

impl WatchedKeys {
    /// Tells `watch` of each call to `inner`.
    pub fn new(
        inner: Arc<dyn KeyService>,
        watch: Arc<dyn Watch>,
        clock: Arc<dyn Clock>,
        purpose: Purpose,
    ) -> Self {
        Self {
            inner,
            watch,
            clock,
            purpose,
        }
    }

    async fn tell<T>(
        &self,
        call: KeyCall,
        answer: impl Future<Output = Result<T, KeyError>>,
    ) -> Result<T, KeyError> {
        let begun = self.clock.monotonic();
        let answer = answer.await;
        self.watch.happened(Fact::KeyCall {
            purpose: self.purpose,
            call,
            ended: answer.as_ref().map_or_else(Ended::of_keys, |_| Ended::Done),
            took: self.clock.monotonic().saturating_sub(begun),
        });
        answer
    }
}

#[async_trait::async_trait]
impl KeyService for WatchedKeys {
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        let answer = self.inner.generate(master, bytes, context);
        self.tell(KeyCall::Generate, answer).await
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        let answer = self.inner.wrap(master, key, context);
        self.tell(KeyCall::Wrap, answer).await
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        let answer = self.inner.unwrap(wrapped, context);
        self.tell(KeyCall::Unwrap, answer).await
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.tell(KeyCall::Random, self.inner.random(bytes)).await
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        let answer = self.inner.describe(master);
        self.tell(KeyCall::Describe, answer).await
    }
}

/// A table with its calls counted, each as one whatever the adapter's own retries.
pub struct WatchedTable {
    inner: Arc<dyn Table>,
    watch: Arc<dyn Watch>,
    clock: Arc<dyn Clock>,
}

impl WatchedTable {
    /// Tells `watch` of each call to `inner`.
    pub fn new(inner: Arc<dyn Table>, watch: Arc<dyn Watch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            watch,
            clock,
        }
    }

    async fn tell<T>(
        &self,
        call: TableCall,
        answer: impl Future<Output = Result<T, TableError>>,
    ) -> Result<T, TableError> {
        let begun = self.clock.monotonic();
        let answer = answer.await;
        self.watch.happened(Fact::TableCall {
            call,
            ended: answer
                .as_ref()
                .map_or_else(Ended::of_table, |_| Ended::Done),
            took: self.clock.monotonic().saturating_sub(begun),
        });
        answer
    }
}

#[async_trait::async_trait]
impl Table for WatchedTable {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.tell(TableCall::Create, self.inner.create(schema))
            .await
    }

    async fn create_under(&self, schema: &Schema, terms: &Terms) -> Result<(), TableError> {
        let answer = self.inner.create_under(schema, terms);
        self.tell(TableCall::Create, answer).await
    }

    async fn exists(&self, table: &TableName) -> Result<bool, TableError> {
        self.inner.exists(table).await
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        let answer = self.inner.get(table, key, consistency);
        self.tell(TableCall::Get, answer).await
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        let answer = self.inner.batch_get(table, keys, consistency);
        self.tell(TableCall::BatchGet, answer).await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.tell(TableCall::Query, self.inner.query(query)).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.tell(TableCall::Scan, self.inner.scan(scan)).await
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        let answer = self.inner.transact(actions);
        self.tell(TableCall::Transact, answer).await
    }

    fn generation(&self) -> Option<u64> {
        self.inner.generation()
    }
}

impl Ended {
    fn of_keys(error: &KeyError) -> Self {
        match error {
            KeyError::Throttled => Self::Throttled,
            KeyError::Unavailable(_) => Self::Unavailable,
            KeyError::DoesNotOpen
            | KeyError::NoSuchKey(_)
            | KeyError::Unusable(_)
            | KeyError::Denied(_) => Self::Refused,
        }
    }

    fn of_table(error: &TableError) -> Self {
        match error {
            TableError::ConditionFailed(_) | TableError::Conflict => Self::Conflict,
            TableError::Throttled => Self::Throttled,
            TableError::Unavailable(_) | TableError::Ambiguous(_) => Self::Unavailable,
            TableError::Limit(_)
            | TableError::Invalid(_)
            | TableError::NoSuchTable(_)
            | TableError::Denied(_) => Self::Refused,
        }
    }
}
