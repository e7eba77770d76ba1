//! What a transaction does to the rows: all its checks first, then all its writes.

use std::borrow::Cow;
use std::collections::HashSet;

use keep::{
    Action, Condition, Item, Key, MAX_ACTIONS, MAX_TRANSACTION_BYTES, TableError, TableName, Value,
    item_bytes,
};
use rusqlite::{Connection, params};

use super::catalogue::{Catalogue, Entry, TableInfo, insert_entry};
use super::file::{self, unavailable};
use super::{json, limits};

/// One action, its limits checked and its table known.
pub(super) struct Change {
    table: TableName,
    hash: Vec<u8>,
    range: Vec<u8>,
    condition: Condition,
    what: What,
}

enum What {
    Put {
        item: Item,
        text: String,
        bytes: usize,
    },
    Delete,
    Update {
        key: Key,
        attribute: String,
        value: Option<Value>,
    },
    Check,
}

/// Checks everything that can be checked without the stored items.
///
/// Errors: `NoSuchTable`, `Invalid`, `Limit`.
pub(super) fn prepare(
    catalogue: &Catalogue,
    actions: &[Action],
) -> Result<Vec<Change>, TableError> {
    if actions.is_empty() {
        return Err(TableError::Invalid(
            "a transaction without actions".to_owned(),
        ));
    }
    if actions.len() > MAX_ACTIONS {
        return Err(TableError::Limit(format!(
            "{} actions, at most {MAX_ACTIONS}",
            actions.len()
        )));
    }
    let changes = actions
        .iter()
        .map(|action| prepare_one(catalogue, action))
        .collect::<Result<Vec<_>, _>>()?;
    let mut items = HashSet::with_capacity(changes.len());
    if !changes
        .iter()
        .all(|change| items.insert((&change.table, &change.hash, &change.range)))
    {
        return Err(TableError::Invalid("two actions on one item".to_owned()));
    }
    Ok(changes)
}

fn prepare_one(catalogue: &Catalogue, action: &Action) -> Result<Change, TableError> {
    let (table, condition) = match action {
        Action::Put {
            table, condition, ..
        }
        | Action::Delete {
            table, condition, ..
        }
        | Action::Update {
            table, condition, ..
        }
        | Action::Check {
            table, condition, ..
        } => (table, condition),
    };
    let info = catalogue.table(table)?;
    limits::checked_condition(condition)?;
    let ((hash, range), what) = match action {
        Action::Put { item, .. } => {
            let bytes = limits::checked_item(item)?;
            info.check_index_attributes(item)?;
            (
                info.key_of(item)?,
                What::Put {
                    item: item.clone(),
                    text: json::print(item)?,
                    bytes,
                },
            )
        }
        Action::Delete { key, .. } => (info.key(key)?, What::Delete),
        Action::Check { key, .. } => (info.key(key)?, What::Check),
        Action::Update {
            key,
            attribute,
            value,
            ..
        } => {
            limits::checked_name(attribute)?;
            if info.has_key_attribute(attribute) {
                return Err(TableError::Invalid(format!(
                    "{attribute} is part of the key and cannot be updated"
                )));
            }
            if let Some(value) = value {
                limits::checked_value(value)?;
            }
            let (attribute, value) = (attribute.clone(), value.clone());
            (
                info.key(key)?,
                What::Update {
                    key: key.clone(),
                    attribute,
                    value,
                },
            )
        }
    };
    let (hash, range) = (hash.to_owned(), range.to_owned());
    Ok(Change {
        table: table.clone(),
        hash,
        range,
        condition: condition.clone(),
        what,
    })
}

/// Why a transaction was not applied.
pub(super) enum Failure {
    /// This transaction cannot be; nothing of it was written.
    Refused(TableError),
    /// The database cannot; part of it may be written, so roll back.
    Database(TableError),
}

/// Checks all conditions and limits first, then writes.
pub(super) fn apply(
    connection: &Connection,
    catalogue: &Catalogue,
    changes: &[Change],
) -> Result<(), Failure> {
    let mut rows = Vec::with_capacity(changes.len());
    let mut failed = Vec::new();
    let mut bytes = 0;
    for (position, change) in changes.iter().enumerate() {
        // Asked again here: an index may have been made since the change was prepared.
        let table = catalogue.table(&change.table).map_err(Failure::Refused)?;
        let old = match (
            &change.what,
            change.condition.0.is_empty(),
            table.indexes.is_empty(),
        ) {
            (What::Put { .. }, true, true) => None,
            _ => file::row(connection, &table, &change.hash, &change.range)
                .map_err(Failure::Database)?,
        };
        if !change.condition.holds(old.as_ref().map(|(_, item)| item)) {
            failed.push(position);
        }
        rows.push((change, table, old));
    }
    if !failed.is_empty() {
        return Err(Failure::Refused(TableError::ConditionFailed(failed)));
    }

    let mut writes = Vec::with_capacity(rows.len());
    for (change, table, old) in &rows {
        let write = Write::of(change, table, old.as_ref()).map_err(Failure::Refused)?;
        bytes += write.bytes;
        writes.push(write);
    }
    if bytes > MAX_TRANSACTION_BYTES {
        let why = format!("a transaction of {bytes} bytes, at most {MAX_TRANSACTION_BYTES}");
        return Err(Failure::Refused(TableError::Limit(why)));
    }
    for write in writes {
        write.write(connection).map_err(Failure::Database)?;
    }
    Ok(())
}

/// What one change does to the rows.
struct Write<'c> {
    table: &'c TableInfo,
    hash: &'c [u8],
    range: &'c [u8],
    /// The row as it is, when it was looked at.
    old: Option<i64>,
    text: Text<'c>,
    remove: Vec<Entry>,
    add: Vec<Entry>,
    /// What it counts for in the size of the transaction: the item that is written, or else the
    /// one that is looked at or removed.
    bytes: usize,
}

enum Text<'c> {
    Keep,
    Remove,
    Put(Cow<'c, str>),
}

impl<'c> Write<'c> {
    fn of(
        change: &'c Change,
        table: &'c TableInfo,
        old: Option<&(i64, Item)>,
    ) -> Result<Self, TableError> {
        let entries =
            |item: Option<&Item>| item.map(|item| table.entries(item)).unwrap_or_default();
        let stored = old.map(|(_, item)| item);
        let stored_bytes = || stored.map(item_bytes).unwrap_or_default();
        let (text, new, bytes) = match &change.what {
            What::Check => (Text::Keep, entries(stored), stored_bytes()),
            What::Delete => (Text::Remove, Vec::new(), stored_bytes()),
            What::Put { item, text, bytes } => {
                (Text::Put(text.as_str().into()), entries(Some(item)), *bytes)
            }
            // Like DynamoDB: taking an attribute from an item that is not there makes none.
            What::Update { value: None, .. } if stored.is_none() => (Text::Keep, Vec::new(), 0),
            What::Update {
                key,
                attribute,
                value,
            } => {
                let mut item = stored.cloned().unwrap_or_else(|| {
                    std::iter::once(key.hash.clone())
                        .chain(key.range.clone())
                        .collect()
                });
                match value {
                    Some(value) => item.insert(attribute.clone(), value.clone()),
                    None => item.remove(attribute),
                };
                let bytes = limits::checked_item(&item)?;
                table.check_index_attributes(&item)?;
                (
                    Text::Put(json::print(&item)?.into()),
                    entries(Some(&item)),
                    bytes,
                )
            }
        };
        let before = entries(stored);
        Ok(Self {
            table,
            hash: &change.hash,
            range: &change.range,
            old: old.map(|(number, _)| *number),
            text,
            remove: before
                .iter()
                .filter(|entry| !new.contains(entry))
                .cloned()
                .collect(),
            add: new
                .iter()
                .filter(|entry| !before.contains(entry))
                .cloned()
                .collect(),
            bytes,
        })
    }

    fn write(self, connection: &Connection) -> Result<(), TableError> {
        let Self {
            table, hash, range, ..
        } = self;
        for (index, entry_hash, entry_range) in &self.remove {
            connection
                .prepare_cached(
                    "DELETE FROM entries WHERE index_number = ?1 AND hash = ?2 AND range = ?3
                     AND table_hash = ?4 AND table_range = ?5",
                )
                .and_then(|mut delete| {
                    delete.execute(params![index, entry_hash, entry_range, hash, range])
                })
                .map_err(unavailable)?;
        }
        let number = match (self.text, self.old) {
            (Text::Keep, _) | (Text::Remove, None) => return Ok(()),
            (Text::Remove, Some(number)) => {
                connection
                    .prepare_cached("DELETE FROM items WHERE number = ?1")
                    .and_then(|mut delete| delete.execute([number]))
                    .map_err(unavailable)?;
                return Ok(());
            }
            // The row keeps its number, by which the indexes know it.
            (Text::Put(text), Some(number)) => {
                connection
                    .prepare_cached("UPDATE items SET item = ?2 WHERE number = ?1")
                    .and_then(|mut update| update.execute(params![number, text]))
                    .map_err(unavailable)?;
                number
            }
            (Text::Put(text), None) => connection
                .prepare_cached(
                    "INSERT INTO items (table_number, hash, range, item) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (table_number, hash, range) DO UPDATE SET item = excluded.item
                     RETURNING number",
                )
                .and_then(|mut insert| {
                    insert.query_row(params![table.number, hash, range, text], |row| row.get(0))
                })
                .map_err(unavailable)?,
        };
        for entry in &self.add {
            insert_entry(connection, entry, hash, range, number)?;
        }
        Ok(())
    }
}
