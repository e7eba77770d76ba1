//! The SQLite file: its tables, its settings, its statements and what its errors mean.
//!
//! `items` holds each item as DynamoDB JSON under its key, `entries` one row for each item in each
//! index. Key attributes are texts, so their UTF-8 bytes as they are give DynamoDB's order; they
//! are blobs since SQLite leaves comparisons of texts with NUL letters undefined. For a look
//! inside: `select * from readable`.

use std::path::Path;
use std::time::Duration;

use keep::{Item, TableError};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};

use super::catalogue::TableInfo;
use super::json;

/// The connection that writes; makes the tables when missing. The file grows to so many pages at
/// most.
pub(super) fn connect_writer(path: &Path, pages: Option<u32>) -> Result<Connection, TableError> {
    let connection = connect(path)?;
    // FULL: a commit returns after its bytes are on the disk. The writer checkpoints by itself.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON; PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
        )
        .map_err(unavailable)?;
    let (ours, version): (i64, i64) = connection
        .query_row(
            "SELECT * FROM pragma_application_id, pragma_user_version",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(unavailable)?;
    match (ours, version) {
        (0, 0) => connection.execute_batch(TABLES).map_err(unavailable)?,
        (APPLICATION, VERSION) => {}
        (APPLICATION, _) => {
            return Err(TableError::Unavailable(format!(
                "{} was made by a newer version",
                path.display()
            )));
        }
        _ => {
            return Err(TableError::Unavailable(format!(
                "{} is a database of another program",
                path.display()
            )));
        }
    }
    if let Some(pages) = pages {
        connection
            .execute_batch(&format!("PRAGMA max_page_count = {pages};"))
            .map_err(unavailable)?;
    }
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn connect_reader(path: &Path) -> Result<Connection, TableError> {
    let connection = connect(path)?;
    connection
        .execute_batch("PRAGMA query_only = ON;")
        .map_err(unavailable)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, TableError> {
    // No mutex: each connection is behind one of ours or on its own thread.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
    connection.busy_timeout(BUSY).map_err(unavailable)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")
        .map_err(unavailable)?;
    Ok(connection)
}

/// One item by its key.
pub(super) fn item(
    connection: &Connection,
    table: &TableInfo,
    hash: &[u8],
    range: &[u8],
) -> Result<Option<Item>, TableError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT item FROM items WHERE table_number = ?1 AND hash = ?2 AND range = ?3",
        )
        .map_err(unavailable)?;
    let mut rows = statement
        .query(params![table.number, hash, range])
        .map_err(unavailable)?;
    match rows.next().map_err(unavailable)? {
        Some(row) => json::parse(row.get_ref(0).map_err(unavailable)?).map(Some),
        None => Ok(None),
    }
}

/// One item by its key, with the number of its row.
pub(super) fn row(
    connection: &Connection,
    table: &TableInfo,
    hash: &[u8],
    range: &[u8],
) -> Result<Option<(i64, Item)>, TableError> {
    let found = connection
        .prepare_cached(
            "SELECT number, item FROM items WHERE table_number = ?1 AND hash = ?2 AND range = ?3",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![table.number, hash, range], |row| {
                    Ok((row.get(0)?, json::parse(row.get_ref(1)?)))
                })
                .optional()
        })
        .map_err(unavailable)?;
    match found {
        Some((number, item)) => Ok(Some((number, item?))),
        None => Ok(None),
    }
}

/// What an error of SQLite before a commit means: nothing was written.
pub(super) fn unavailable(error: rusqlite::Error) -> TableError {
    TableError::Unavailable(match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk with the database is full".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "the database is locked by another process".to_owned()
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            format!("the database file is damaged ({error}); restore it from a backup")
        }
        _ => error.to_string(),
    })
}

/// What an error of the commit itself means. A full disk cut the commit record short; after any
/// other error it may be on the disk, and a restart would find it.
pub(super) fn uncommitted(error: rusqlite::Error) -> TableError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            unavailable(error)
        }
        _ => TableError::Ambiguous(error.to_string()),
    }
}

/// How long a statement waits for a lock; only a look by the `sqlite3` tool ever holds one.
const BUSY: Duration = Duration::from_secs(5);

/// "Keep", in the header of the file.
const APPLICATION: i64 = 0x4b65_6570;
const VERSION: i64 = 1;

const TABLES: &str = "
BEGIN IMMEDIATE;
CREATE TABLE tables (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, range TEXT
) STRICT;
CREATE TABLE indexes (
  number INTEGER PRIMARY KEY, table_number INTEGER NOT NULL, name TEXT NOT NULL,
  hash TEXT NOT NULL, range TEXT NOT NULL, UNIQUE (table_number, name)
) STRICT;
CREATE TABLE items (
  number INTEGER PRIMARY KEY, table_number INTEGER NOT NULL, hash BLOB NOT NULL, range BLOB NOT NULL,
  item TEXT NOT NULL, UNIQUE (table_number, hash, range)
) STRICT;
CREATE TABLE entries (
  index_number INTEGER NOT NULL, hash BLOB NOT NULL, range BLOB NOT NULL,
  table_hash BLOB NOT NULL, table_range BLOB NOT NULL, item INTEGER NOT NULL,
  PRIMARY KEY (index_number, hash, range, table_hash, table_range)
) STRICT, WITHOUT ROWID;
CREATE VIEW readable AS
  SELECT name, CAST(items.hash AS TEXT) AS hash, CAST(items.range AS TEXT) AS range, item
  FROM items JOIN tables ON tables.number = table_number;
PRAGMA application_id = 0x4b656570;
PRAGMA user_version = 1;
COMMIT;
";
