//! Items in one SQLite file as a [`Table`].
//!
//! One thread writes and commits in groups ([`writer`]); reads run on the caller's own thread
//! against a snapshot that is kept until something was committed ([`readers`]). The file is
//! DynamoDB JSON in two SQL tables ([`file`]), so that the `sqlite3` tool can look inside.

mod catalogue;
mod change;
mod file;
mod json;
mod limits;
mod pages;
mod readers;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keep::{
    Action, BatchGot, Consistency, Item, Key, MAX_BATCH_GET, MAX_PAGE_BYTES, Page, Query, Scan,
    Schema, Table, TableError, TableName, item_bytes,
};

use self::catalogue::Catalogue;
use self::readers::Readers;
use self::writer::Writer;
use crate::{LocalError, private_file};

/// Items in one SQLite file of mode 0600, used by this process alone.
///
/// Every read sees every acknowledged write, indexes included: stronger than the port asks.
///
/// [`Table::generation`] counts commits. Whoever caches must read it *before* the data and keep
/// the data under that number: the number changes after a commit can be seen and before its
/// `transact` returns, so data that lacks an acknowledged write is never under the newest number.
pub struct SqliteTable {
    readers: Arc<Readers>,
    writer: Writer,
    catalogue: Arc<Catalogue>,
    epoch: Arc<AtomicU64>,
    /// Last, so that it is released after the connections are closed.
    _lock: File,
}

impl SqliteTable {
    /// Opens the database at `path`, or makes it with mode 0600.
    ///
    /// Errors: `Unavailable` when it cannot be used, saying why: in use by another process, made
    /// by a newer version, damaged, disk full.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        Self::open_limited(path, None)
    }

    /// Like [`SqliteTable::open`], with a quota: the file grows to `pages` pages of 4 KB at most,
    /// after which the disk counts as full.
    pub fn open_with_at_most(path: &Path, pages: u32) -> Result<Self, TableError> {
        Self::open_limited(path, Some(pages))
    }

    fn open_limited(path: &Path, pages: Option<u32>) -> Result<Self, TableError> {
        let unusable = |error: LocalError| TableError::Unavailable(error.to_string());
        // A kept snapshot is right only if nobody else writes, so nobody else may.
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock = private_file::lock(Path::new(&lock_path)).map_err(unusable)?;
        match private_file::create(path, File::options().write(true)) {
            Ok(_) => private_file::sync_directory_of(path).map_err(unusable)?,
            Err(LocalError::Exists(_)) => {}
            Err(error) => return Err(unusable(error)),
        }

        let connection = file::connect_writer(path, pages)?;
        let catalogue = Arc::new(Catalogue::load(&connection)?);
        let epoch = Arc::new(AtomicU64::new(0));
        let readers = Arc::new(Readers::open(path, Arc::clone(&epoch))?);
        let writer = Writer::start(
            connection,
            Arc::clone(&catalogue),
            Arc::clone(&readers),
            Arc::clone(&epoch),
        )?;
        Ok(Self {
            readers,
            writer,
            catalogue,
            epoch,
            _lock: lock,
        })
    }

    /// Runs a read that may take milliseconds away from the threads that serve requests.
    async fn at_leisure<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Readers) -> Result<T, TableError> + Send + 'static,
    ) -> Result<T, TableError> {
        let readers = Arc::clone(&self.readers);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime
                .spawn_blocking(move || read(&readers))
                .await
                .unwrap_or_else(|_| {
                    Err(TableError::Unavailable("the read was stopped".to_owned()))
                }),
            Err(_) => read(&readers),
        }
    }
}

#[async_trait::async_trait]
impl Table for SqliteTable {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.writer.create(schema).await
    }

    // On the caller's thread: a read of a row in memory takes some microseconds and waits for no
    // lock that is held over I/O, and a trip to another thread costs more than that.
    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        _: Consistency,
    ) -> Result<Option<Item>, TableError> {
        let table = self.catalogue.table(table)?;
        let (hash, range) = table.key(key)?;
        self.readers
            .read(|connection| file::item(connection, &table, hash, range))
    }

    // Likewise. It ends at the size of a page, so that it holds its thread no longer than one.
    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        _: Consistency,
    ) -> Result<BatchGot, TableError> {
        if keys.len() > MAX_BATCH_GET {
            return Err(TableError::Limit(format!(
                "{} keys in one batch, at most {MAX_BATCH_GET}",
                keys.len()
            )));
        }
        let table = self.catalogue.table(table)?;
        let mut wanted = Vec::with_capacity(keys.len());
        for key in keys {
            wanted.push((table.key(key)?, key));
        }
        wanted.sort_unstable();
        wanted.dedup_by(|(one, _), (other, _)| one == other);
        self.readers.read(|connection| {
            let mut got = BatchGot::default();
            let mut bytes = 0;
            for ((hash, range), key) in wanted {
                if bytes >= MAX_PAGE_BYTES {
                    got.unprocessed.push(key.clone());
                } else if let Some(item) = file::item(connection, &table, hash, range)? {
                    bytes += item_bytes(&item);
                    got.items.push(item);
                }
            }
            Ok(got)
        })
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        let table = self.catalogue.table(&query.table)?;
        let plan = pages::Plan::of_query(&table, query)?;
        self.at_leisure(move |readers| readers.read(|connection| plan.page(connection)))
            .await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        let table = self.catalogue.table(&scan.table)?;
        let plan = pages::Plan::of_scan(&table, scan)?;
        self.at_leisure(move |readers| readers.read(|connection| plan.page(connection)))
            .await
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        let changes = change::prepare(&self.catalogue, actions)?;
        self.writer.transact(changes).await
    }

    fn generation(&self) -> Option<u64> {
        // Two steps of the epoch are one group of commits; see `readers`.
        Some(self.epoch.load(Ordering::SeqCst) / 2)
    }
}
