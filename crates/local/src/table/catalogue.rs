//! The tables and indexes of the database, and what they make of keys.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use keep::{IndexSchema, Item, Key, Schema, TableError, TableName, Value};
use rusqlite::{Connection, params};

use super::file::unavailable;
use super::json;

/// All tables, by name. Kept in memory; changed by the writer alone, after the database was.
pub(super) struct Catalogue(RwLock<HashMap<TableName, Arc<TableInfo>>>);

/// One table.
#[derive(Debug)]
pub(super) struct TableInfo {
    pub(super) number: i64,
    pub(super) name: TableName,
    pub(super) hash: String,
    pub(super) range: Option<String>,
    pub(super) indexes: Vec<IndexInfo>,
}

/// One index of a table.
#[derive(Debug)]
pub(super) struct IndexInfo {
    pub(super) number: i64,
    pub(super) schema: IndexSchema,
}

/// The row of one item in one index: the index's number and the item's two values there.
pub(super) type Entry = (i64, Vec<u8>, Vec<u8>);

impl Catalogue {
    /// The catalogue of this database.
    pub(super) fn load(connection: &Connection) -> Result<Self, TableError> {
        let catalogue = Self(RwLock::default());
        let names: Vec<String> = connection
            .prepare("SELECT name FROM tables")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(unavailable)?;
        for name in names {
            catalogue.reload(connection, &TableName::new(&name))?;
        }
        Ok(catalogue)
    }

    /// The table of this name.
    pub(super) fn table(&self, name: &TableName) -> Result<Arc<TableInfo>, TableError> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tables
            .get(name)
            .map(Arc::clone)
            .ok_or_else(|| TableError::NoSuchTable(name.to_string()))
    }

    /// Makes the table and its indexes in the database where missing. Runs inside a transaction.
    pub(super) fn create(connection: &Connection, schema: &Schema) -> Result<(), TableError> {
        checked(schema)?;
        let name = schema.name.as_str();
        let existing = load_table(connection, &schema.name)?;
        let table = match existing {
            Some(table) => {
                if (&table.hash, &table.range) != (&schema.hash, &schema.range) {
                    return Err(TableError::Invalid(format!(
                        "table {name} exists with another key"
                    )));
                }
                table
            }
            None => {
                connection
                    .execute(
                        "INSERT INTO tables (name, hash, range) VALUES (?1, ?2, ?3)",
                        params![name, schema.hash, schema.range],
                    )
                    .map_err(unavailable)?;
                load_table(connection, &schema.name)?
                    .ok_or_else(|| TableError::NoSuchTable(name.to_owned()))?
            }
        };
        for index in &schema.indexes {
            match table
                .indexes
                .iter()
                .find(|existing| existing.schema.name == index.name)
            {
                Some(existing) if existing.schema == *index => {}
                Some(_) => {
                    let index = &index.name;
                    return Err(TableError::Invalid(format!(
                        "index {index} of table {name} exists with another key"
                    )));
                }
                None => add_index(connection, &table, index)?,
            }
        }
        Ok(())
    }

    /// Takes what the database says about one table.
    pub(super) fn reload(
        &self,
        connection: &Connection,
        name: &TableName,
    ) -> Result<(), TableError> {
        if let Some(table) = load_table(connection, name)? {
            self.0
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name.clone(), Arc::new(table));
        }
        Ok(())
    }
}

impl TableInfo {
    /// The two key values of a key, in the form that orders them. No range is the empty one.
    pub(super) fn key<'k>(&self, key: &'k Key) -> Result<(&'k [u8], &'k [u8]), TableError> {
        let wrong = || {
            Err(TableError::Invalid(format!(
                "a key that is not the one of table {}",
                self.name
            )))
        };
        if key.hash.0 != self.hash {
            return wrong();
        }
        let hash = key_text(&key.hash.0, Some(&key.hash.1), MAX_HASH)?;
        let range = match (&self.range, &key.range) {
            (None, None) => &[],
            (Some(name), Some((given, value))) if name == given => {
                key_text(name, Some(value), MAX_RANGE)?
            }
            _ => return wrong(),
        };
        Ok((hash, range))
    }

    /// The two key values of an item that is to be stored, which it must have.
    pub(super) fn key_of<'i>(&self, item: &'i Item) -> Result<(&'i [u8], &'i [u8]), TableError> {
        let hash = key_text(&self.hash, item.get(&self.hash), MAX_HASH)?;
        let range = match &self.range {
            Some(name) => key_text(name, item.get(name), MAX_RANGE)?,
            None => &[],
        };
        Ok((hash, range))
    }

    /// Whether an attribute is part of the key.
    pub(super) fn has_key_attribute(&self, name: &str) -> bool {
        self.hash == name || self.range.as_deref() == Some(name)
    }

    /// Whether the attributes that indexes cover may be stored so: absent, or right for a key.
    pub(super) fn check_index_attributes(&self, item: &Item) -> Result<(), TableError> {
        for IndexInfo { schema, .. } in &self.indexes {
            for (name, longest) in [(&schema.hash, MAX_HASH), (&schema.range, MAX_RANGE)] {
                if let Some(value) = item.get(name) {
                    key_text(name, Some(value), longest)?;
                }
            }
        }
        Ok(())
    }

    /// The rows of this item in the indexes: one in each whose two attributes it has.
    pub(super) fn entries(&self, item: &Item) -> Vec<Entry> {
        self.indexes
            .iter()
            .filter_map(|index| index.entry(item))
            .collect()
    }

    /// The index of this name.
    pub(super) fn index(&self, name: &str) -> Result<&IndexInfo, TableError> {
        self.indexes
            .iter()
            .find(|index| index.schema.name == name)
            .ok_or_else(|| TableError::NoSuchTable(format!("{} with index {name}", self.name)))
    }
}

impl IndexInfo {
    /// An item that was stored before the index was made may have other types there; like in
    /// DynamoDB it is not in the index.
    fn entry(&self, item: &Item) -> Option<Entry> {
        let hash = key_text(&self.schema.hash, item.get(&self.schema.hash), MAX_HASH).ok()?;
        let range = key_text(&self.schema.range, item.get(&self.schema.range), MAX_RANGE).ok()?;
        Some((self.number, hash.to_owned(), range.to_owned()))
    }
}

/// The bytes of a key attribute: a text, not empty, not too long.
pub(super) fn key_text<'v>(
    name: &str,
    value: Option<&'v Value>,
    longest: usize,
) -> Result<&'v [u8], TableError> {
    match value {
        Some(Value::S(text)) if text.is_empty() => Err(TableError::Invalid(format!(
            "key attribute {name} is empty"
        ))),
        Some(Value::S(text)) if text.len() > longest => Err(TableError::Limit(format!(
            "key attribute {name} has {} bytes, at most {longest}",
            text.len()
        ))),
        Some(Value::S(text)) => Ok(text.as_bytes()),
        Some(_) => Err(TableError::Invalid(format!(
            "key attribute {name} is not of type S"
        ))),
        None => Err(TableError::Invalid(format!(
            "key attribute {name} is missing"
        ))),
    }
}

fn checked(schema: &Schema) -> Result<(), TableError> {
    let names = [
        Some(schema.name.as_str()),
        Some(&schema.hash),
        schema.range.as_deref(),
    ]
    .into_iter()
    .flatten();
    let of_indexes = schema
        .indexes
        .iter()
        .flat_map(|index| [&index.name, &index.hash, &index.range]);
    if names
        .chain(of_indexes.map(String::as_str))
        .any(str::is_empty)
    {
        return Err(TableError::Invalid(
            "a table, index or key attribute without a name".to_owned(),
        ));
    }
    if schema.range.as_ref() == Some(&schema.hash) {
        return Err(TableError::Invalid(
            "hash and range are one attribute".to_owned(),
        ));
    }
    Ok(())
}

fn load_table(connection: &Connection, name: &TableName) -> Result<Option<TableInfo>, TableError> {
    let found = connection
        .prepare("SELECT number, hash, range FROM tables WHERE name = ?1")
        .and_then(|mut statement| {
            statement
                .query_map([name.as_str()], |row| {
                    Ok(TableInfo {
                        number: row.get(0)?,
                        name: name.clone(),
                        hash: row.get(1)?,
                        range: row.get(2)?,
                        indexes: Vec::new(),
                    })
                })?
                .next()
                .transpose()
        })
        .map_err(unavailable)?;
    let Some(mut table) = found else {
        return Ok(None);
    };
    table.indexes = connection
        .prepare(
            "SELECT number, name, hash, range FROM indexes WHERE table_number = ?1 ORDER BY number",
        )
        .and_then(|mut statement| {
            statement
                .query_map([table.number], |row| {
                    let schema = IndexSchema {
                        name: row.get(1)?,
                        hash: row.get(2)?,
                        range: row.get(3)?,
                    };
                    Ok(IndexInfo {
                        number: row.get(0)?,
                        schema,
                    })
                })?
                .collect()
        })
        .map_err(unavailable)?;
    Ok(Some(table))
}

/// Makes the index and enters the items that are there already.
fn add_index(
    connection: &Connection,
    table: &TableInfo,
    schema: &IndexSchema,
) -> Result<(), TableError> {
    connection
        .execute(
            "INSERT INTO indexes (table_number, name, hash, range) VALUES (?1, ?2, ?3, ?4)",
            params![table.number, schema.name, schema.hash, schema.range],
        )
        .map_err(unavailable)?;
    let index = IndexInfo {
        number: connection.last_insert_rowid(),
        schema: schema.clone(),
    };
    let mut statement = connection
        .prepare("SELECT number, hash, range, item FROM items WHERE table_number = ?1")
        .map_err(unavailable)?;
    let mut rows = statement.query([table.number]).map_err(unavailable)?;
    while let Some(row) = rows.next().map_err(unavailable)? {
        let item = json::parse(row.get_ref(3).map_err(unavailable)?)?;
        if let Some(entry) = index.entry(&item) {
            let read = || Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let (number, hash, range): (i64, Vec<u8>, Vec<u8>) = read().map_err(unavailable)?;
            insert_entry(connection, &entry, &hash, &range, number)?;
        }
    }
    Ok(())
}

/// Enters one item in one index.
pub(super) fn insert_entry(
    connection: &Connection,
    (index, hash, range): &Entry,
    table_hash: &[u8],
    table_range: &[u8],
    item: i64,
) -> Result<(), TableError> {
    connection
        .prepare_cached(
            "INSERT INTO entries (index_number, hash, range, table_hash, table_range, item)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut statement| {
            statement.execute(params![index, hash, range, table_hash, table_range, item])
        })
        .map(|_| ())
        .map_err(unavailable)
}

/// The longest hash attribute DynamoDB takes, in bytes.
pub(super) const MAX_HASH: usize = 2048;
/// The longest range attribute DynamoDB takes, in bytes.
pub(super) const MAX_RANGE: usize = 1024;
