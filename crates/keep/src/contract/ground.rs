//! Where a law of tables is tried: tables of its own, and short words for what it does there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    Action, Condition, Consistency, IndexSchema, Item, Key, Order, Page, Query, Scan, Schema,
    Table, TableError, TableName, Value,
};

/// One adapter under one law.
pub struct Ground {
    table: Arc<dyn Table>,
    law: &'static str,
}

/// How a law's table is laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// Hash `id`.
    Plain,
    /// Hash `name`, range `version`.
    Pairs,
    /// Hash `id`; the index `by_kind` with hash `kind` and range `at`, and `by_owner` with hash
    /// `owner` and range `at`.
    Indexed,
}

/// One table of a law.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) table: Arc<dyn Table>,
    pub(crate) name: TableName,
}

impl Ground {
    /// The ground for `law` on this adapter.
    pub fn new(table: Arc<dyn Table>, law: &'static str) -> Self {
        Self { table, law }
    }

    /// A new table. Its name is told apart from all others of this process.
    pub(crate) async fn rows(&self, layout: Layout) -> Rows {
        let schema = self.schema(layout);
        self.table.create(&schema).await.expect("the table is made");
        Rows {
            table: Arc::clone(&self.table),
            name: schema.name,
        }
    }

    /// The schema of a table that is not made yet.
    pub(crate) fn schema(&self, layout: Layout) -> Schema {
        static TABLES: AtomicU64 = AtomicU64::new(1);
        let name = TableName::new(&format!(
            "{}-{}",
            self.law,
            TABLES.fetch_add(1, Ordering::Relaxed)
        ));
        let index = |name: &str, hash: &str| IndexSchema {
            name: name.to_owned(),
            hash: hash.to_owned(),
            range: "at".to_owned(),
        };
        let (hash, range, indexes) = match layout {
            Layout::Plain => ("id", None, vec![]),
            Layout::Pairs => ("name", Some("version".to_owned()), vec![]),
            Layout::Indexed => (
                "id",
                None,
                vec![index("by_kind", "kind"), index("by_owner", "owner")],
            ),
        };
        Schema {
            name,
            hash: hash.to_owned(),
            range,
            indexes,
        }
    }

    pub(crate) fn table(&self) -> &Arc<dyn Table> {
        &self.table
    }
}

impl Rows {
    pub(crate) async fn get(&self, key: &Key) -> Option<Item> {
        self.table
            .get(&self.name, key, Consistency::Strong)
            .await
            .expect("a read of an item")
    }

    pub(crate) async fn put(&self, item: Item) {
        self.transact(vec![self.putting(item)])
            .await
            .expect("a put");
    }

    /// Puts many, in transactions that are small in number and bytes.
    pub(crate) async fn put_all(&self, items: &[Item]) {
        for few in items.chunks(25) {
            self.transact(few.iter().cloned().map(|item| self.putting(item)).collect())
                .await
                .expect("puts");
        }
    }

    pub(crate) async fn transact(&self, actions: Vec<Action>) -> Result<(), TableError> {
        self.table.transact(&actions).await
    }

    pub(crate) fn putting(&self, item: Item) -> Action {
        self.putting_if(item, vec![])
    }

    pub(crate) fn putting_if(&self, item: Item, clauses: Vec<crate::Clause>) -> Action {
        Action::Put {
            table: self.name.clone(),
            item,
            condition: Condition(clauses),
        }
    }

    pub(crate) fn deleting_if(&self, key: Key, clauses: Vec<crate::Clause>) -> Action {
        Action::Delete {
            table: self.name.clone(),
            key,
            condition: Condition(clauses),
        }
    }

    pub(crate) fn checking(&self, key: Key, clauses: Vec<crate::Clause>) -> Action {
        Action::Check {
            table: self.name.clone(),
            key,
            condition: Condition(clauses),
        }
    }

    pub(crate) fn updating_if(
        &self,
        key: Key,
        attribute: &str,
        value: Option<Value>,
        clauses: Vec<crate::Clause>,
    ) -> Action {
        Action::Update {
            table: self.name.clone(),
            key,
            attribute: attribute.to_owned(),
            value,
            condition: Condition(clauses),
        }
    }

    pub(crate) fn query(&self, index: Option<&str>, hash: (&str, &str), order: Order) -> Query {
        Query {
            table: self.name.clone(),
            index: index.map(str::to_owned),
            hash: (hash.0.to_owned(), Value::s(hash.1)),
            from: None,
            order,
            limit: None,
            start: None,
            consistency: match index {
                Some(_) => Consistency::Eventual,
                None => Consistency::Strong,
            },
        }
    }

    pub(crate) fn scan(&self) -> Scan {
        Scan {
            table: self.name.clone(),
            attributes: vec![],
            limit: None,
            start: None,
            consistency: Consistency::Eventual,
        }
    }

    /// All pages of a query, each within its limit.
    pub(crate) async fn pages_of_query(&self, query: &Query) -> Vec<Page> {
        let mut query = query.clone();
        let mut pages = Vec::new();
        loop {
            let page = self.table.query(&query).await.expect("a page of a query");
            assert!(
                page.items.len() <= query.limit.unwrap_or(usize::MAX),
                "a page beyond its limit"
            );
            query.start = page.next.clone();
            pages.push(page);
            assert!(pages.len() < 1_000, "pages without end");
            if query.start.is_none() {
                return pages;
            }
        }
    }

    /// All pages of a scan, each within its limit.
    pub(crate) async fn pages_of_scan(&self, scan: &Scan) -> Vec<Page> {
        let mut scan = scan.clone();
        let mut pages = Vec::new();
        loop {
            let page = self.table.scan(&scan).await.expect("a page of a scan");
            assert!(
                page.items.len() <= scan.limit.unwrap_or(usize::MAX),
                "a page beyond its limit"
            );
            scan.start = page.next.clone();
            pages.push(page);
            assert!(pages.len() < 1_000, "pages without end");
            if scan.start.is_none() {
                return pages;
            }
        }
    }

    /// Waits until the index holds exactly these ids (sorted) under one hash value, [`STEADY`] looks
    /// in a row: eventual reads may take turns between old and new.
    ///
    /// Panics: when it does not get there within [`PATIENCE`] looks.
    pub(crate) async fn index_holds(&self, index: &str, hash: (&str, &str), ids: &[&str]) {
        let mut seen = Vec::new();
        let mut in_a_row = 0;
        for _ in 0..PATIENCE {
            let pages = self
                .pages_of_query(&self.query(Some(index), hash, Order::Ascending))
                .await;
            seen = texts(&all_items(pages), "id");
            seen.sort();
            in_a_row = if seen == ids { in_a_row + 1 } else { 0 };
            if in_a_row == STEADY {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("index {index} holds {seen:?} and not {ids:?} in the end");
    }
}

/// The items of all pages.
pub(crate) fn all_items(pages: Vec<Page>) -> Vec<Item> {
    pages.into_iter().flat_map(|page| page.items).collect()
}

/// One text attribute of each item.
pub(crate) fn texts(items: &[Item], attribute: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[attribute].as_s().expect("a text").to_owned())
        .collect()
}

/// An item of these attributes.
pub(crate) fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
    attributes
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// An item of a plain table, with one number in it.
pub(crate) fn numbered(id: &str, number: u64) -> Item {
    item([("id", Value::s(id)), ("number", Value::n(number))])
}

/// An item of a plain table of exactly `bytes` bytes (`item_bytes`).
pub(crate) fn of_size(id: &str, bytes: usize) -> Item {
    let mut item = item([("id", Value::s(id)), ("fill", Value::s(""))]);
    let fill = bytes - crate::item_bytes(&item);
    item.insert("fill".to_owned(), Value::S("x".repeat(fill)));
    item
}

/// One of every kind of value, in the form in which DynamoDB gives numbers back.
pub(crate) fn every_kind() -> BTreeMap<&'static str, Value> {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    BTreeMap::from([
        ("text", Value::s("grün 🗝 \u{0} \"quoted\"\n")),
        ("empty_text", Value::s("")),
        ("number", Value::n("-12.5")),
        ("zero", Value::n("0")),
        (
            "great_number",
            Value::n("12345678901234567890123456789012345678"),
        ),
        ("bytes", Value::B(vec![0, 255, 128, 10])),
        ("empty_bytes", Value::B(vec![])),
        ("yes", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("null", Value::Null),
        ("texts", Value::Ss(texts(&["a", "b", "ä"]))),
        ("numbers", Value::Ns(texts(&["1", "-2", "3.25"]))),
        ("many_bytes", Value::Bs([vec![1], vec![0, 0]].into())),
        (
            "list",
            Value::L(vec![
                Value::s("a"),
                Value::n(1),
                Value::L(vec![]),
                Value::Null,
            ]),
        ),
        (
            "map",
            Value::M(BTreeMap::from([
                ("a".to_owned(), Value::M(BTreeMap::new())),
                ("b.c#d:e".to_owned(), Value::L(vec![Value::Bool(false)])),
            ])),
        ),
    ])
}

/// How often a law looks before it gives up on something that must come in the end.
pub(crate) const PATIENCE: usize = 500;
/// How often in a row it must then be there.
const STEADY: usize = 20;
