//! Items in tables: the small part of DynamoDB that we use, and the one port for storage.
//!
//! The systems we succeed publish their item layouts, so the port is at the level of items, and
//! DynamoDB's limits are the port's limits; every adapter enforces them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::About;

/// The greatest size of one item ([`item_bytes`]).
pub const MAX_ITEM_BYTES: usize = 400 * 1024;
/// The most actions in one transaction.
pub const MAX_ACTIONS: usize = 100;
/// The greatest size of all items in one transaction.
pub const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
/// The size of the items of one page, after which it ends.
pub const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// The most keys of one batch read.
pub const MAX_BATCH_GET: usize = 100;

/// One attribute value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Text; empty text is allowed except in keys.
    S(String),
    /// A decimal number as text, for example `12` or `-0.5`.
    N(String),
    /// Bytes.
    B(Vec<u8>),
    /// True or false.
    Bool(bool),
    /// Present without a value.
    Null,
    /// A set of texts, never empty.
    Ss(BTreeSet<String>),
    /// A set of numbers, never empty.
    Ns(BTreeSet<String>),
    /// A set of byte strings, never empty.
    Bs(BTreeSet<Vec<u8>>),
    /// A list.
    L(Vec<Value>),
    /// A map.
    M(BTreeMap<String, Value>),
}

impl Value {
    /// A text value.
    pub fn s(text: impl Into<String>) -> Self {
        Self::S(text.into())
    }

    /// A number value.
    pub fn n(number: impl fmt::Display) -> Self {
        Self::N(number.to_string())
    }

    /// The text of an `S`.
    pub fn as_s(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an `N`, when it is a whole one.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::N(number) => number.parse().ok(),
            _ => None,
        }
    }
}

/// One item: attribute names and values.
pub type Item = BTreeMap<String, Value>;

/// The size that DynamoDB charges: names and values as UTF-8 or bytes, one byte for a boolean or
/// null, three plus one per element for lists and maps.
pub fn item_bytes(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        // Two digits a byte, one byte for exponent and one for sign at most.
        Value::N(number) => number.len().div_ceil(2) + 2,
        Value::B(bytes) => bytes.len(),
        Value::Bool(_) | Value::Null => 1,
        Value::Ss(set) => set.iter().map(String::len).sum(),
        Value::Ns(set) => set.iter().map(|number| number.len().div_ceil(2) + 2).sum(),
        Value::Bs(set) => set.iter().map(Vec::len).sum(),
        Value::L(list) => {
            3 + list
                .iter()
                .map(|value| 1 + value_bytes(value))
                .sum::<usize>()
        }
        Value::M(map) => {
            3 + map
                .iter()
                .map(|(name, value)| 1 + name.len() + value_bytes(value))
                .sum::<usize>()
        }
    }
}

/// A table's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName(pub Arc<str>);

impl TableName {
    /// The table called `name`.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The primary key of one item: a hash attribute and, in some tables, a range attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Name and value of the hash attribute.
    pub hash: (String, Value),
    /// Name and value of the range attribute, in tables that have one.
    pub range: Option<(String, Value)>,
}

impl Key {
    /// The key `id = text`: all tables of Confidant's layout.
    pub fn id(text: impl Into<String>) -> Self {
        Self {
            hash: ("id".to_owned(), Value::S(text.into())),
            range: None,
        }
    }

    /// The key with a text hash and a text range attribute.
    pub fn pair(hash: (&str, &str), range: (&str, &str)) -> Self {
        Self {
            hash: (hash.0.to_owned(), Value::s(hash.1)),
            range: Some((range.0.to_owned(), Value::s(range.1))),
        }
    }

    /// Whether this is the key of `item`.
    pub fn is_of(&self, item: &Item) -> bool {
        item.get(&self.hash.0) == Some(&self.hash.1)
            && self
                .range
                .as_ref()
                .is_none_or(|(name, value)| item.get(name) == Some(value))
    }
}

/// How a table is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its name.
    pub name: TableName,
    /// The hash attribute, of type S.
    pub hash: String,
    /// The range attribute, of type S.
    pub range: Option<String>,
    /// Further orders in which its items can be read; all attributes are projected.
    pub indexes: Vec<IndexSchema>,
}

/// One further order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSchema {
    /// Its name.
    pub name: String,
    /// The hash attribute, of type S. Items without it are not in the index.
    pub hash: String,
    /// The range attribute, of type S. Items without it are not in the index.
    pub range: String,
}

/// What a new table is paid for and labelled with, where that means something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Read and write units a second; `None` leaves them to the adapter.
    pub units: Option<(i64, i64)>,
    /// Names and values of labels.
    pub tags: Vec<(String, String)>,
}

/// Whether a read must see every acknowledged write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Sees every write acknowledged before the read began.
    Strong,
    /// May be a little old; half the price.
    Eventual,
}

/// The direction of the range attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// Where the next page starts: the key attributes of the last item seen (DynamoDB's
/// `LastEvaluatedKey`), of the table and, for an index, of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageStart(pub BTreeMap<String, Value>);

/// Items of one hash value in the order of the range attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The table.
    pub table: TableName,
    /// One of its indexes, or the table itself.
    pub index: Option<String>,
    /// Name and value of the hash attribute.
    pub hash: (String, Value),
    /// Only range values at or after this one (name and value).
    pub from: Option<(String, Value)>,
    /// The direction.
    pub order: Order,
    /// At most so many items a page; pages end at [`MAX_PAGE_BYTES`] too.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub start: Option<PageStart>,
    /// `Strong` on the table only; indexes are always eventual.
    pub consistency: Consistency,
}

/// All items of a table, in no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The table.
    pub table: TableName,
    /// Only these attributes of each item; empty for all.
    pub attributes: Vec<String>,
    /// At most so many items a page.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub start: Option<PageStart>,
    /// `Strong` sees every write acknowledged before its page was read, at twice the price.
    pub consistency: Consistency,
}

/// One page of a query or scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The items, in order for a query.
    pub items: Vec<Item>,
    /// Where the next page starts. Set does not promise that there is one more item.
    pub next: Option<PageStart>,
}

/// A batch read: what was found, and the keys that were not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchGot {
    /// The items found, in any order.
    pub items: Vec<Item>,
    /// Ask again for these; [`crate::Items::batch_get`] does.
    pub unprocessed: Vec<Key>,
}

/// What must hold for an action to be done; all clauses must. No clauses: always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition(pub Vec<Clause>);

/// One thing that must hold of the item as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// The attribute is absent. On a key attribute: there is no such item.
    Absent(String),
    /// The attribute is there.
    Present(String),
    /// The attribute has exactly this value.
    Equals(String, Value),
}

impl Condition {
    /// Always done.
    pub fn always() -> Self {
        Self::default()
    }

    /// The item does not exist yet; `hash` is the name of the table's hash attribute.
    pub fn new_item(hash: &str) -> Self {
        Self(vec![Clause::Absent(hash.to_owned())])
    }

    /// These attributes are as they are in `seen`: equal where present, absent where absent.
    pub fn unchanged(seen: &Item, attributes: &[&str]) -> Self {
        Self(
            attributes
                .iter()
                .map(|name| match seen.get(*name) {
                    Some(value) => Clause::Equals((*name).to_owned(), value.clone()),
                    None => Clause::Absent((*name).to_owned()),
                })
                .collect(),
        )
    }

    /// Whether it holds of this stored item.
    pub fn holds(&self, stored: Option<&Item>) -> bool {
        let value = |name: &str| stored.and_then(|item| item.get(name));
        self.0.iter().all(|clause| match clause {
            Clause::Absent(name) => value(name).is_none(),
            Clause::Present(name) => value(name).is_some(),
            Clause::Equals(name, expected) => value(name) == Some(expected),
        })
    }
}

/// One part of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Writes the whole item, replacing one of the same key.
    Put {
        /// Where.
        table: TableName,
        /// The whole item, key included.
        item: Item,
        /// When.
        condition: Condition,
    },
    /// Removes the item; absent is no error.
    Delete {
        /// Where.
        table: TableName,
        /// Which.
        key: Key,
        /// When.
        condition: Condition,
    },
    /// Sets or removes one attribute and leaves the others alone. Makes the item when absent,
    /// unless the condition says otherwise.
    Update {
        /// Where.
        table: TableName,
        /// Which.
        key: Key,
        /// The attribute.
        attribute: String,
        /// Its new value, or `None` to remove it.
        value: Option<Value>,
        /// When.
        condition: Condition,
    },
    /// Only checks.
    Check {
        /// Where.
        table: TableName,
        /// Which.
        key: Key,
        /// What must hold.
        condition: Condition,
    },
}

/// Why a storage operation did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Nothing was written: the conditions of these actions (by position) did not hold.
    #[error("a condition did not hold")]
    ConditionFailed(Vec<usize>),
    /// Nothing was written: another transaction held one of the items. Safe to retry.
    #[error("another writer was faster")]
    Conflict,
    /// Nothing was done: too many calls. Safe to retry later.
    #[error("the table is throttling")]
    Throttled,
    /// Not reached in time, and nothing was written. Safe to retry.
    #[error("the table is unavailable: {0}")]
    Unavailable(String),
    /// No answer came: the write may have been done, or may be done yet.
    #[error("the table did not answer, the write may have happened: {0}")]
    Ambiguous(String),
    /// The request breaks one of the port's limits; says which.
    #[error("too large: {0}")]
    Limit(String),
    /// The request is not well-formed (empty set, key of the wrong type, bad page start).
    #[error("bad request: {0}")]
    Invalid(String),
    /// The table or index does not exist.
    #[error("no table {0}")]
    NoSuchTable(String),
    /// The caller's rights do not cover it; names the action that is missing.
    #[error("missing permission {0}")]
    Denied(About),
}

/// Items in tables.
#[async_trait::async_trait]
pub trait Table: Send + Sync {
    /// Makes the table and its indexes when missing; `Ok` when all is there already. Returns when
    /// it can be used.
    async fn create(&self, schema: &Schema) -> Result<(), TableError>;

    /// As [`Table::create`], under these terms when it has to be made. An adapter to which terms mean
    /// nothing ignores them.
    async fn create_under(&self, schema: &Schema, _terms: &Terms) -> Result<(), TableError> {
        self.create(schema).await
    }

    /// Whether there is such a table, ready or not.
    async fn exists(&self, table: &TableName) -> Result<bool, TableError> {
        let first = Scan {
            table: table.clone(),
            attributes: vec![],
            limit: Some(1),
            start: None,
            consistency: Consistency::Eventual,
        };
        match self.scan(&first).await {
            Ok(_) => Ok(true),
            Err(TableError::NoSuchTable(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One item by its key; `None` when there is none.
    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError>;

    /// Up to [`MAX_BATCH_GET`] items by their keys. Absent ones are left out; duplicate keys are
    /// read once. Keys not looked at come back as `unprocessed`.
    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError>;

    /// One page of a query.
    async fn query(&self, query: &Query) -> Result<Page, TableError>;

    /// One page of a scan.
    async fn scan(&self, scan: &Scan) -> Result<Page, TableError>;

    /// Does all actions or none. No two actions on one item. A single action goes out as a plain
    /// conditional call.
    async fn transact(&self, actions: &[Action]) -> Result<(), TableError>;

    /// A number that grows with every committed write, when nobody else can write to these tables;
    /// `None` when others may. Lets a cache be exact.
    fn generation(&self) -> Option<u64> {
        None
    }
}
