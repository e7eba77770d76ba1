//! Reading stored items: the table port with bounded retries and whole batches.

use std::future::Future;

use crate::backoff::Backoff;
use crate::{
    Clock, Consistency, Item, Key, MAX_BATCH_GET, Page, PageStart, Query, Random, Scan, Table,
    TableError, TableName,
};

/// Read access to stored items, which hold ciphertext only.
#[derive(Clone, Copy)]
pub struct Items<'k> {
    pub(crate) table: &'k dyn Table,
    pub(crate) clock: &'k dyn Clock,
    pub(crate) random: &'k dyn Random,
}

impl<'k> Items<'k> {
    /// Read access for a command that looks at tables without a kernel.
    pub fn new(table: &'k dyn Table, clock: &'k dyn Clock, random: &'k dyn Random) -> Self {
        Self {
            table,
            clock,
            random,
        }
    }
}

impl Items<'_> {
    /// One item by its key.
    pub async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.retrying(|| self.table.get(table, key, consistency))
            .await
    }

    /// Any number of items by their keys, asked in batches until none is left unprocessed.
    ///
    /// Absent ones are left out, duplicates are read once; the order is that of no promise.
    pub async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Item>, TableError> {
        let mut wanted: Vec<Key> = keys.to_vec();
        wanted.sort();
        wanted.dedup();
        let mut found = Vec::with_capacity(wanted.len());
        let mut backoff = Backoff::new(self.clock, self.random);
        while !wanted.is_empty() {
            let rest = wanted.split_off(wanted.len().min(MAX_BATCH_GET));
            let asked = wanted.len();
            let got = self
                .retrying(|| self.table.batch_get(table, &wanted, consistency))
                .await?;
            found.extend(got.items);
            let stuck = got.unprocessed.len() == asked;
            wanted = got.unprocessed;
            wanted.extend(rest);
            if !stuck {
                backoff = Backoff::new(self.clock, self.random);
            } else if !backoff.another().await {
                return Err(TableError::Throttled);
            }
        }
        Ok(found)
    }

    /// One page of a query.
    pub async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.retrying(|| self.table.query(query)).await
    }

    /// All pages of a query.
    pub async fn query_all(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        let mut query = query.clone();
        let mut items = Vec::new();
        loop {
            let page = self.query(&query).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => query.start = Some(next),
                None => return Ok(items),
            }
        }
    }

    /// One page of a scan.
    pub async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.retrying(|| self.table.scan(scan)).await
    }

    /// See [`Table::generation`].
    pub fn generation(&self) -> Option<u64> {
        self.table.generation()
    }

    async fn retrying<T, F>(&self, call: impl Fn() -> F) -> Result<T, TableError>
    where
        F: Future<Output = Result<T, TableError>>,
    {
        let mut backoff = Backoff::new(self.clock, self.random);
        loop {
            match call().await {
                Err(error @ (TableError::Throttled | TableError::Unavailable(_))) => {
                    if !backoff.another().await {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }
}

impl PageStart {
    /// The start after `item`, from these key attributes.
    pub fn after(item: &Item, attributes: &[&str]) -> Self {
        Self(
            attributes
                .iter()
                .filter_map(|name| {
                    item.get(*name)
                        .map(|value| ((*name).to_owned(), value.clone()))
                })
                .collect(),
        )
    }
}
