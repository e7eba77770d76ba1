//! Items in memory as a [`Table`]: small, exact, and for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    Action, BatchGot, Condition, Consistency, IndexSchema, Item, Key, MAX_PAGE_BYTES, Order, Page,
    PageStart, Query, Scan, Schema, Table, TableError, TableName, Value, check_batch, check_item,
    check_key, check_query, check_scan, check_transaction, item_bytes,
};

/// Items in memory. Every read sees every acknowledged write.
#[derive(Default)]
pub struct MemoryTable(Mutex<State>);

#[derive(Default)]
struct State {
    tables: BTreeMap<TableName, Rows>,
    generation: u64,
}

struct Rows {
    schema: Schema,
    items: BTreeMap<RowKey, Item>,
}

/// Hash and range text; no range is the empty one.
type RowKey = (String, String);

impl MemoryTable {
    pub(super) fn create_now(&self, schema: &Schema) -> Result<(), TableError> {
        let mut state = self.state();
        let name = &schema.name;
        let Some(rows) = state.tables.get_mut(name) else {
            let rows = Rows {
                schema: schema.clone(),
                items: BTreeMap::new(),
            };
            state.tables.insert(name.clone(), rows);
            return Ok(());
        };
        let known = &rows.schema;
        let same_key = (&known.hash, &known.range) == (&schema.hash, &schema.range);
        let clash = |index: &IndexSchema| {
            known
                .indexes
                .iter()
                .any(|known| known.name == index.name && known != index)
        };
        if !same_key || schema.indexes.iter().any(clash) {
            return Err(TableError::Invalid(format!(
                "table {name} exists with another key or index"
            )));
        }
        for index in &schema.indexes {
            if !rows.schema.indexes.contains(index) {
                rows.schema.indexes.push(index.clone());
            }
        }
        Ok(())
    }

    /// The key of what this action is about; `None` when its table is not known.
    pub(super) fn key_of(&self, action: &Action) -> Option<Key> {
        match action {
            Action::Put { table, item, .. } => {
                let state = self.state();
                let schema = &state.tables.get(table)?.schema;
                let part = |name: &String| Some((name.clone(), item.get(name)?.clone()));
                let range = schema.range.as_ref().map(part);
                Some(Key {
                    hash: part(&schema.hash)?,
                    range: range.unwrap_or_default(),
                })
            }
            Action::Delete { table, key, .. }
            | Action::Update { table, key, .. }
            | Action::Check { table, key, .. } => {
                self.state().tables.contains_key(table).then(|| key.clone())
            }
        }
    }

    pub(super) fn get_now(&self, table: &TableName, key: &Key) -> Result<Option<Item>, TableError> {
        check_key(key)?;
        let state = self.state();
        let rows = state.rows(table)?;
        Ok(rows.items.get(&rows.key(key)?).cloned())
    }

    pub(super) fn batch_get_now(
        &self,
        table: &TableName,
        keys: &[Key],
    ) -> Result<BatchGot, TableError> {
        check_batch(keys)?;
        let state = self.state();
        let rows = state.rows(table)?;
        let mut wanted: BTreeMap<RowKey, &Key> = BTreeMap::new();
        for key in keys {
            wanted.insert(rows.key(key)?, key);
        }
        let mut got = BatchGot::default();
        let mut bytes = 0;
        for (row_key, key) in wanted {
            if bytes >= MAX_PAGE_BYTES {
                got.unprocessed.push(key.clone());
            } else if let Some(item) = rows.items.get(&row_key) {
                bytes += item_bytes(item);
                got.items.push(item.clone());
            }
        }
        Ok(got)
    }

    pub(super) fn query_now(&self, query: &Query) -> Result<Page, TableError> {
        check_query(query)?;
        let state = self.state();
        let rows = state.rows(&query.table)?;
        let index = query
            .index
            .as_deref()
            .map(|name| rows.index(name))
            .transpose()?;
        let (hash_name, range_name) = match index {
            Some(index) => (&index.hash, Some(&index.range)),
            None => (&rows.schema.hash, rows.schema.range.as_ref()),
        };
        if query.hash.0 != *hash_name
            || query
                .from
                .as_ref()
                .is_some_and(|(name, _)| Some(name) != range_name)
        {
            return Err(TableError::Invalid(format!(
                "the order is by {hash_name} and {range_name:?}"
            )));
        }
        let hash = text(hash_name, Some(&query.hash.1))?;
        let from = query
            .from
            .as_ref()
            .map(|(name, value)| text(name, Some(value)))
            .transpose()?;
        let start = query
            .start
            .as_ref()
            .map(|start| rows.start(index, start))
            .transpose()?;

        // In the order of the range, then of the table's key, which alone tells equal ones apart.
        let place = |row_key: &RowKey, item: &Item| match index {
            Some(index) => {
                let [of_hash, of_range] =
                    [&index.hash, &index.range].map(|name| text(name, item.get(name)).ok());
                (of_hash? == hash).then_some((of_range?, row_key.clone()))
            }
            None => (row_key.0 == hash).then(|| (row_key.1.clone(), row_key.clone())),
        };
        let mut found: BTreeMap<(String, RowKey), &Item> = rows
            .items
            .iter()
            .filter_map(|(key, item)| Some((place(key, item)?, item)))
            .collect();
        found.retain(|(range, _), _| from.as_ref().is_none_or(|from| range >= from));
        if let Some(start) = start {
            found.retain(|place, _| match query.order {
                Order::Ascending => *place > start,
                Order::Descending => *place < start,
            });
        }
        let items: Box<dyn Iterator<Item = &Item>> = match query.order {
            Order::Ascending => Box::new(found.into_values()),
            Order::Descending => Box::new(found.into_values().rev()),
        };
        Ok(page(items, query.limit, &rows.start_names(index), &[]))
    }

    pub(super) fn scan_now(&self, scan: &Scan) -> Result<Page, TableError> {
        check_scan(scan)?;
        let state = self.state();
        let rows = state.rows(&scan.table)?;
        let start = scan
            .start
            .as_ref()
            .map(|start| rows.start(None, start))
            .transpose()?;
        let after = |key: &RowKey| start.as_ref().is_none_or(|(_, start)| key > start);
        let items = rows
            .items
            .iter()
            .filter(|(key, _)| after(key))
            .map(|(_, item)| item);
        Ok(page(
            items,
            scan.limit,
            &rows.start_names(None),
            &scan.attributes,
        ))
    }

    pub(super) fn transact_now(&self, actions: &[Action]) -> Result<(), TableError> {
        check_transaction(actions)?;
        let mut state = self.state();
        let mut writes = Vec::new();
        let mut failed = Vec::new();
        for (position, action) in actions.iter().enumerate() {
            let (write, holds) = state.plan(action)?;
            if writes
                .iter()
                .any(|other: &Write| other.table == write.table && other.key == write.key)
            {
                return Err(TableError::Invalid("two actions on one item".to_owned()));
            }
            if !holds {
                failed.push(position);
            }
            writes.push(write);
        }
        if !failed.is_empty() {
            return Err(TableError::ConditionFailed(failed));
        }
        for write in &writes {
            if let Some(Some(item)) = &write.item {
                check_item(item)?;
                state.rows(&write.table)?.check_index_attributes(item)?;
            }
        }
        for write in writes {
            let Some(rows) = state.tables.get_mut(&write.table) else {
                continue;
            };
            match write.item {
                None => {}
                Some(None) => drop(rows.items.remove(&write.key)),
                Some(Some(item)) => drop(rows.items.insert(write.key, item)),
            }
        }
        state.generation += 1;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Table for MemoryTable {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.create_now(schema)
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        _: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.get_now(table, key)
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        _: Consistency,
    ) -> Result<BatchGot, TableError> {
        self.batch_get_now(table, keys)
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.query_now(query)
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.scan_now(scan)
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        self.transact_now(actions)
    }

    fn generation(&self) -> Option<u64> {
        Some(self.state().generation)
    }
}

/// What an action does to its row: nothing, or the item that it leaves there.
struct Write {
    table: TableName,
    key: RowKey,
    item: Option<Option<Item>>,
}

impl State {
    fn rows(&self, table: &TableName) -> Result<&Rows, TableError> {
        self.tables
            .get(table)
            .ok_or_else(|| TableError::NoSuchTable(table.to_string()))
    }

    /// What this action would do, and whether its condition holds.
    fn plan(&self, action: &Action) -> Result<(Write, bool), TableError> {
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
        let rows = self.rows(table)?;
        let key = match action {
            Action::Put { item, .. } => rows.key_of(item)?,
            Action::Delete { key, .. } | Action::Update { key, .. } | Action::Check { key, .. } => {
                rows.key(key)?
            }
        };
        let stored = rows.items.get(&key);
        let item = match action {
            Action::Check { .. } => None,
            Action::Delete { .. } => Some(None),
            Action::Put { item, .. } => Some(Some(item.clone())),
            Action::Update { value: None, .. } if stored.is_none() => None,
            Action::Update {
                key,
                attribute,
                value,
                ..
            } => {
                let made = || {
                    std::iter::once(&key.hash)
                        .chain(&key.range)
                        .cloned()
                        .collect()
                };
                let mut item = stored.cloned().unwrap_or_else(made);
                match value {
                    Some(value) => item.insert(attribute.clone(), value.clone()),
                    None => item.remove(attribute),
                };
                Some(Some(item))
            }
        };
        Ok((
            Write {
                table: table.clone(),
                key,
                item,
            },
            Condition::holds(condition, stored),
        ))
    }
}

impl Rows {
    fn key(&self, key: &Key) -> Result<RowKey, TableError> {
        let names = (&key.hash.0, key.range.as_ref().map(|(name, _)| name));
        if names != (&self.schema.hash, self.schema.range.as_ref()) {
            return Err(TableError::Invalid(format!(
                "a key that is not the one of table {}",
                self.schema.name
            )));
        }
        let range = key
            .range
            .as_ref()
            .map(|(name, value)| text(name, Some(value)))
            .transpose()?;
        Ok((
            text(&key.hash.0, Some(&key.hash.1))?,
            range.unwrap_or_default(),
        ))
    }

    fn key_of(&self, item: &Item) -> Result<RowKey, TableError> {
        let part = |name: &String| Some((name.clone(), item.get(name)?.clone()));
        let missing = || {
            TableError::Invalid(format!(
                "an item without the key of table {}",
                self.schema.name
            ))
        };
        let range = self
            .schema
            .range
            .as_ref()
            .map(|name| part(name).ok_or_else(missing))
            .transpose()?;
        let key = Key {
            hash: part(&self.schema.hash).ok_or_else(missing)?,
            range,
        };
        check_key(&key)?;
        self.key(&key)
    }

    fn index(&self, name: &str) -> Result<&IndexSchema, TableError> {
        let missing = || TableError::NoSuchTable(format!("{} with index {name}", self.schema.name));
        self.schema
            .indexes
            .iter()
            .find(|index| index.name == name)
            .ok_or_else(missing)
    }

    fn check_index_attributes(&self, item: &Item) -> Result<(), TableError> {
        let names = self
            .schema
            .indexes
            .iter()
            .flat_map(|index| [&index.hash, &index.range]);
        names
            .filter_map(|name| Some((name, item.get(name)?)))
            .try_for_each(|(name, value)| match text(name, Some(value))?.is_empty() {
                true => Err(TableError::Invalid(format!(
                    "the key attribute {name} is empty"
                ))),
                false => Ok(()),
            })
    }

    /// The attributes of which a page start is made.
    fn start_names(&self, index: Option<&IndexSchema>) -> Vec<String> {
        let mut names: Vec<String> = std::iter::once(&self.schema.hash)
            .chain(&self.schema.range)
            .cloned()
            .collect();
        for name in index
            .into_iter()
            .flat_map(|index| [&index.hash, &index.range])
        {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The place in the order that a page start means.
    fn start(
        &self,
        index: Option<&IndexSchema>,
        start: &PageStart,
    ) -> Result<(String, RowKey), TableError> {
        let names = self.start_names(index);
        let value = |name: &String| text(name, start.0.get(name));
        if start.0.len() != names.len() || names.iter().any(|name| value(name).is_err()) {
            return Err(TableError::Invalid(
                "a page start that this read did not give".to_owned(),
            ));
        }
        let range = self
            .schema
            .range
            .as_ref()
            .map(value)
            .transpose()?
            .unwrap_or_default();
        let key = (value(&self.schema.hash)?, range.clone());
        Ok((
            index
                .map(|index| value(&index.range))
                .transpose()?
                .unwrap_or(range),
            key,
        ))
    }
}

fn text(name: &str, value: Option<&Value>) -> Result<String, TableError> {
    let text = value.and_then(Value::as_s).map(str::to_owned);
    text.ok_or_else(|| TableError::Invalid(format!("the key attribute {name} has the wrong type")))
}

fn page<'i>(
    items: impl Iterator<Item = &'i Item>,
    limit: Option<usize>,
    start_names: &[String],
    attributes: &[String],
) -> Page {
    let names: Vec<&str> = start_names.iter().map(String::as_str).collect();
    let mut page = Page::default();
    let mut bytes = 0;
    for item in items {
        bytes += item_bytes(item);
        let mut given = item.clone();
        if !attributes.is_empty() {
            given.retain(|name, _| attributes.contains(name));
        }
        page.items.push(given);
        if bytes >= MAX_PAGE_BYTES || Some(page.items.len()) == limit {
            page.next = Some(PageStart::after(item, &names));
            break;
        }
    }
    page
}
