//! Connections that read, each holding its snapshot until something was committed.
//!
//! Beginning a read in WAL mode takes locks by system calls, which costs as much as the read. So a
//! connection stays in its read transaction, and a read begins a new one only if the *epoch* has
//! moved. The writer moves the epoch twice around each commit: to an odd number before, to the next
//! even one after the commit can be seen and before any `transact` of it returns. Hence:
//!
//! - A snapshot begun at an even epoch holds every write acknowledged at that epoch, so at the same
//!   epoch it may be used again.
//! - While the epoch is odd a commit may be seen already or not yet. Then every read begins anew,
//!   so that no read goes back behind what an earlier read saw.
//!
//! All this holds because no other process can write: [`super::SqliteTable`] holds a lock file.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keep::TableError;
use rusqlite::Connection;

use super::file::{connect_reader, unavailable};

/// A few connections; a read takes the first one that is free.
pub(super) struct Readers {
    connections: Vec<Mutex<Reader>>,
    /// For reads that find all of them taken.
    crowded: Mutex<Reader>,
    epoch: Arc<AtomicU64>,
}

struct Reader {
    connection: Connection,
    /// The even epoch at which the open snapshot was begun.
    snapshot: Option<u64>,
}

impl Readers {
    /// One connection for each processor, so that one is nearly always free.
    pub(super) fn open(path: &Path, epoch: Arc<AtomicU64>) -> Result<Self, TableError> {
        let count = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 8);
        let open = || {
            Ok(Mutex::new(Reader {
                connection: connect_reader(path)?,
                snapshot: None,
            }))
        };
        let connections = (0..count)
            .map(|_| open())
            .collect::<Result<_, TableError>>()?;
        Ok(Self {
            connections,
            crowded: open()?,
            epoch,
        })
    }

    /// Runs one read on a snapshot that holds every acknowledged write.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        let mut reader = self.free();
        reader.refresh(&self.epoch)?;
        let done = read(&reader.connection);
        if done.is_err() {
            reader.release();
        }
        done
    }

    /// Ends all snapshots, so that a checkpoint can let go of the log behind them.
    pub(super) fn release(&self) {
        for reader in self.connections.iter().chain([&self.crowded]) {
            locked(reader).release();
        }
    }

    /// Always from the front: fewest connections to refresh after a commit.
    fn free(&self) -> MutexGuard<'_, Reader> {
        for reader in &self.connections {
            match reader.try_lock() {
                Ok(reader) => return reader,
                Err(std::sync::TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(std::sync::TryLockError::WouldBlock) => {}
            }
        }
        locked(&self.crowded)
    }
}

impl Reader {
    fn refresh(&mut self, epoch: &AtomicU64) -> Result<(), TableError> {
        // Before the snapshot begins: it may hold more than this epoch promises, never less.
        let now = epoch.load(Ordering::SeqCst);
        if self.snapshot == Some(now) {
            return Ok(());
        }
        self.release();
        self.connection
            .prepare_cached("BEGIN")
            .and_then(|mut begin| begin.execute([]))
            .map_err(unavailable)?;
        self.snapshot = now.is_multiple_of(2).then_some(now);
        Ok(())
    }

    fn release(&mut self) {
        self.snapshot = None;
        if !self.connection.is_autocommit() {
            // A failed end leaves the transaction open, and the next `BEGIN` reports it.
            let _ended = self
                .connection
                .prepare_cached("ROLLBACK")
                .and_then(|mut end| end.execute([]));
        }
    }
}

/// A reader whose last user panicked is as good as any: each read begins by looking at its state.
fn locked(reader: &Mutex<Reader>) -> MutexGuard<'_, Reader> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::file::connect_writer;

    /// A database with one number in it, the writing connection and two reading ones.
    fn ground(place: &tempfile::TempDir) -> (Connection, Readers, Arc<AtomicU64>) {
        let path = place.path().join("table.sqlite");
        std::fs::write(&path, "").unwrap();
        let writer = connect_writer(&path, None).unwrap();
        writer
            .execute_batch("CREATE TABLE number (value); INSERT INTO number VALUES (1)")
            .unwrap();
        let epoch = Arc::new(AtomicU64::new(0));
        let mut readers = Readers::open(&path, Arc::clone(&epoch)).unwrap();
        readers.connections.truncate(2);
        (writer, readers, epoch)
    }

    fn seen(readers: &Readers) -> i64 {
        let number = |connection: &Connection| {
            connection
                .query_row("SELECT value FROM number", [], |row| row.get(0))
                .map_err(unavailable)
        };
        readers.read(number).unwrap()
    }

    #[test]
    fn a_snapshot_is_kept_until_the_epoch_moves() {
        let place = tempfile::tempdir().unwrap();
        let (writer, readers, epoch) = ground(&place);
        assert_eq!(seen(&readers), 1);
        writer.execute_batch("UPDATE number SET value = 2").unwrap();
        assert_eq!(
            seen(&readers),
            1,
            "nothing was announced, so the snapshot is used again"
        );
        epoch.store(2, Ordering::SeqCst);
        assert_eq!(seen(&readers), 2);
    }

    #[test]
    fn while_a_commit_is_under_way_no_read_goes_back_behind_another() {
        let place = tempfile::tempdir().unwrap();
        let (writer, readers, epoch) = ground(&place);
        epoch.store(1, Ordering::SeqCst);
        let first = readers.connections[0].lock().unwrap();
        assert_eq!(
            seen(&readers),
            1,
            "on the second connection, before the commit can be seen"
        );
        writer.execute_batch("UPDATE number SET value = 2").unwrap();
        drop(first);
        assert_eq!(
            seen(&readers),
            2,
            "on the first connection, after the commit can be seen"
        );
        let _first = readers.connections[0].lock().unwrap();
        assert_eq!(seen(&readers), 2, "on the second connection again");
    }

    #[test]
    fn a_read_that_fails_lets_go_of_its_snapshot() {
        let place = tempfile::tempdir().unwrap();
        let (_, readers, _) = ground(&place);
        let failed: Result<(), _> = readers.read(|_| Err(TableError::Throttled));
        assert_eq!(failed, Err(TableError::Throttled));
        assert!(
            readers.connections[0]
                .lock()
                .unwrap()
                .connection
                .is_autocommit()
        );
        assert_eq!(seen(&readers), 1);
    }
}
