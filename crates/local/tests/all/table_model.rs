//! Random operations on a SQLite table and on a plain map: every answer is the same.

use std::collections::BTreeMap;

use keep::{
    Action, Clause, Condition, Consistency, IndexSchema, Item, Key, Order, Query, Scan, Schema,
    Table, TableError, TableName, Value,
};
use local::SqliteTable;
use proptest::prelude::*;

/// Two tables as maps from hash and range.
#[derive(Default)]
struct Model(BTreeMap<(String, String), Item>);

#[derive(Clone, Debug)]
enum Step {
    Transact(Vec<(Do, Vec<Clause>, String, String)>),
    Get(String, String),
    Batch(Vec<(String, String)>),
    Query {
        index: bool,
        hash: String,
        from: Option<String>,
        descending: bool,
        limit: Option<usize>,
    },
    Scan {
        limit: Option<usize>,
    },
    Reopen,
}

#[derive(Clone, Debug)]
enum Do {
    Put(Item),
    Delete,
    Update(String, Option<Value>),
    Check,
}

fn name() -> TableName {
    TableName::new("pairs")
}

fn schema() -> Schema {
    let index = IndexSchema {
        name: "by_date".to_owned(),
        hash: "kind".to_owned(),
        range: "date".to_owned(),
    };
    Schema {
        name: name(),
        hash: "h".to_owned(),
        range: Some("r".to_owned()),
        indexes: vec![index],
    }
}

fn key(hash: &str, range: &str) -> Key {
    Key::pair(("h", hash), ("r", range))
}

impl Model {
    fn transact(&mut self, actions: &[Action]) -> Result<(), TableError> {
        let mut next = self.0.clone();
        let mut failed = Vec::new();
        for (position, action) in actions.iter().enumerate() {
            let (at, condition) = match action {
                Action::Put {
                    item, condition, ..
                } => (place(item), condition),
                Action::Delete { key, condition, .. }
                | Action::Update { key, condition, .. }
                | Action::Check { key, condition, .. } => (place_of(key), condition),
            };
            if !condition.holds(self.0.get(&at)) {
                failed.push(position);
            }
            match action {
                Action::Put { item, .. } => {
                    next.insert(at, item.clone());
                }
                Action::Delete { .. } => {
                    next.remove(&at);
                }
                Action::Update {
                    attribute,
                    value: Some(value),
                    ..
                } => {
                    let fresh = || {
                        Item::from([
                            ("h".to_owned(), Value::s(&at.0)),
                            ("r".to_owned(), Value::s(&at.1)),
                        ])
                    };
                    next.entry(at.clone())
                        .or_insert_with(fresh)
                        .insert(attribute.clone(), value.clone());
                }
                Action::Update {
                    attribute,
                    value: None,
                    ..
                } => {
                    next.entry(at).and_modify(|item| {
                        item.remove(attribute);
                    });
                }
                Action::Check { .. } => {}
            }
        }
        if failed.is_empty() {
            self.0 = next;
            Ok(())
        } else {
            Err(TableError::ConditionFailed(failed))
        }
    }

    fn query(&self, query: &Query) -> Vec<Item> {
        let (hash, range) = if query.index.is_some() {
            ("kind", "date")
        } else {
            ("h", "r")
        };
        let text =
            |item: &Item, name: &str| item.get(name).and_then(Value::as_s).map(str::to_owned);
        let mut found: Vec<_> = self
            .0
            .values()
            .filter(|item| item.get(hash) == Some(&query.hash.1) && item.contains_key(range))
            .filter(|item| {
                query
                    .from
                    .as_ref()
                    .is_none_or(|(_, from)| text(item, range).as_deref() >= from.as_s())
            })
            .cloned()
            .collect();
        found.sort_by_key(|item| (text(item, range), text(item, "h"), text(item, "r")));
        if query.order == Order::Descending {
            found.reverse();
        }
        found
    }
}

fn place(item: &Item) -> (String, String) {
    (
        item["h"].as_s().unwrap().to_owned(),
        item["r"].as_s().unwrap().to_owned(),
    )
}

fn place_of(key: &Key) -> (String, String) {
    let text = |value: &Value| value.as_s().unwrap().to_owned();
    (text(&key.hash.1), text(&key.range.as_ref().unwrap().1))
}

/// Few, so that operations meet; with letters whose UTF-8 and UTF-16 orders differ, and NUL.
fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a",
        "b",
        "aa",
        "a\u{0}",
        "\u{ff61}",
        "\u{1f600}",
        "B",
        "é",
    ])
    .prop_map(str::to_owned)
}

fn attributes() -> impl Strategy<Value = Item> {
    let value = prop_oneof![
        any::<i32>().prop_map(Value::n),
        Just(Value::Null),
        text().prop_map(Value::S),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::B)
    ];
    (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(value),
    )
        .prop_map(|(kind, date, value)| {
            let named = [
                ("kind", kind.map(Value::S)),
                ("date", date.map(Value::S)),
                ("value", value),
            ];
            named
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect()
        })
}

fn clauses() -> impl Strategy<Value = Vec<Clause>> {
    let attribute =
        || prop::sample::select(vec!["h", "kind", "date", "value"]).prop_map(str::to_owned);
    let clause = prop_oneof![
        attribute().prop_map(Clause::Absent),
        attribute().prop_map(Clause::Present),
        (attribute(), text()).prop_map(|(name, text)| Clause::Equals(name, Value::S(text))),
    ];
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(clause, 1..3)]
}

fn what() -> impl Strategy<Value = Do> {
    let update = (
        prop::sample::select(vec!["kind", "date", "value"]),
        prop::option::of(text()),
    );
    prop_oneof![
        4 => attributes().prop_map(Do::Put),
        1 => Just(Do::Delete),
        2 => update.prop_map(|(name, value)| Do::Update(name.to_owned(), value.map(Value::S))),
        1 => Just(Do::Check),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let limit = || prop::option::of(1_usize..4);
    prop_oneof![
        8 => prop::collection::vec((what(), clauses(), text(), text()), 1..6).prop_map(Step::Transact),
        2 => (text(), text()).prop_map(|(hash, range)| Step::Get(hash, range)),
        1 => prop::collection::vec((text(), text()), 1..9).prop_map(Step::Batch),
        4 => (any::<bool>(), text(), prop::option::of(text()), any::<bool>(), limit())
            .prop_map(|(index, hash, from, descending, limit)| Step::Query { index, hash, from, descending, limit }),
        1 => limit().prop_map(|limit| Step::Scan { limit }),
        1 => Just(Step::Reopen),
    ]
}

async fn run(steps: Vec<Step>) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("table.sqlite");
    let mut table = SqliteTable::open(&path).unwrap();
    table.create(&schema()).await.unwrap();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Transact(parts) => {
                let mut taken = std::collections::BTreeSet::new();
                let actions: Vec<_> = parts
                    .into_iter()
                    .filter(|(_, _, hash, range)| taken.insert((hash.clone(), range.clone())))
                    .map(|(what, clauses, hash, range)| {
                        let (table, key, condition) =
                            (name(), key(&hash, &range), Condition(clauses));
                        match what {
                            Do::Put(mut item) => {
                                item.insert("h".to_owned(), Value::S(hash));
                                item.insert("r".to_owned(), Value::S(range));
                                Action::Put {
                                    table,
                                    item,
                                    condition,
                                }
                            }
                            Do::Delete => Action::Delete {
                                table,
                                key,
                                condition,
                            },
                            Do::Update(attribute, value) => Action::Update {
                                table,
                                key,
                                attribute,
                                value,
                                condition,
                            },
                            Do::Check => Action::Check {
                                table,
                                key,
                                condition,
                            },
                        }
                    })
                    .collect();
                assert_eq!(table.transact(&actions).await, model.transact(&actions));
            }
            Step::Get(hash, range) => {
                let got = table
                    .get(&name(), &key(&hash, &range), Consistency::Strong)
                    .await
                    .unwrap();
                assert_eq!(got.as_ref(), model.0.get(&(hash, range)));
            }
            Step::Batch(wanted) => {
                let keys: Vec<_> = wanted
                    .iter()
                    .map(|(hash, range)| key(hash, range))
                    .collect();
                let mut got = table
                    .batch_get(&name(), &keys, Consistency::Strong)
                    .await
                    .unwrap()
                    .items;
                let wanted: std::collections::BTreeSet<_> = wanted.into_iter().collect();
                let mut expected: Vec<_> = wanted
                    .iter()
                    .filter_map(|at| model.0.get(at).cloned())
                    .collect();
                got.sort();
                expected.sort();
                assert_eq!(got, expected);
            }
            Step::Query {
                index,
                hash,
                from,
                descending,
                limit,
            } => {
                let (hash_name, range_name) = if index { ("kind", "date") } else { ("h", "r") };
                let mut query = Query {
                    table: name(),
                    index: index.then(|| "by_date".to_owned()),
                    hash: (hash_name.to_owned(), Value::S(hash)),
                    from: from.map(|from| (range_name.to_owned(), Value::S(from))),
                    order: if descending {
                        Order::Descending
                    } else {
                        Order::Ascending
                    },
                    limit,
                    start: None,
                    consistency: Consistency::Eventual,
                };
                let expected = model.query(&query);
                let mut found = Vec::new();
                loop {
                    let page = table.query(&query).await.unwrap();
                    assert!(page.items.len() <= limit.unwrap_or(usize::MAX));
                    found.extend(page.items);
                    let Some(next) = page.next else { break };
                    query.start = Some(next);
                }
                assert_eq!(found, expected);
            }
            Step::Scan { limit } => {
                let mut scan = Scan {
                    table: name(),
                    attributes: Vec::new(),
                    limit,
                    start: None,
                    consistency: Consistency::Eventual,
                };
                let mut found = Vec::new();
                loop {
                    let page = table.scan(&scan).await.unwrap();
                    found.extend(page.items);
                    let Some(next) = page.next else { break };
                    scan.start = Some(next);
                }
                found.sort();
                let mut expected: Vec<_> = model.0.values().cloned().collect();
                expected.sort();
                assert_eq!(found, expected);
            }
            Step::Reopen => {
                drop(table);
                table = SqliteTable::open(&path).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_answers_like_a_map(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
