//! What is particular to the SQLite table; the contract of the port is tested apart.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use keep::{
    Action, Clause, Condition, Consistency, IndexSchema, Key, MAX_ITEM_BYTES, Order, Query, Scan,
    Schema, Table, TableError, TableName, Value,
};
use local::SqliteTable;
use rstest::rstest;

use crate::{item, put};

fn things() -> Schema {
    Schema {
        name: TableName::new("things"),
        hash: "id".to_owned(),
        range: None,
        indexes: vec![by_date()],
    }
}

fn by_date() -> IndexSchema {
    IndexSchema {
        name: "by_date".to_owned(),
        hash: "kind".to_owned(),
        range: "date".to_owned(),
    }
}

async fn table(place: &tempfile::TempDir) -> SqliteTable {
    let table = SqliteTable::open(&place.path().join("table.sqlite")).unwrap();
    table.create(&things()).await.unwrap();
    table
}

async fn get(table: &SqliteTable, id: &str) -> Option<keep::Item> {
    table
        .get(&TableName::new("things"), &Key::id(id), Consistency::Strong)
        .await
        .unwrap()
}

fn all_of(kind: &str) -> Query {
    Query {
        table: TableName::new("things"),
        index: Some("by_date".to_owned()),
        hash: ("kind".to_owned(), Value::s(kind)),
        from: None,
        order: Order::Ascending,
        limit: None,
        start: None,
        consistency: Consistency::Eventual,
    }
}

#[tokio::test]
async fn items_and_their_tables_are_there_after_a_restart_and_readable_by_the_owner_only() {
    let place = tempfile::tempdir().unwrap();
    let stored = item([
        ("id", Value::s("a")),
        ("raw", Value::B(vec![0, 1])),
        ("kind", Value::s("k")),
    ]);
    {
        let table = table(&place).await;
        table
            .transact(&[put("things", stored.clone())])
            .await
            .unwrap();
        for entry in fs::read_dir(place.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{entry:?}"
            );
        }
    }
    let reopened = SqliteTable::open(&place.path().join("table.sqlite")).unwrap();
    assert_eq!(get(&reopened, "a").await, Some(stored));
}

#[tokio::test]
async fn a_database_is_open_once_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let first = table(&place).await;
    let Err(TableError::Unavailable(told)) = SqliteTable::open(&place.path().join("table.sqlite"))
    else {
        panic!("opened twice");
    };
    assert!(
        told.contains(place.path().to_str().unwrap()) && told.contains("pid "),
        "{told}"
    );
    drop(first);
    SqliteTable::open(&place.path().join("table.sqlite")).unwrap();
}

#[tokio::test]
async fn the_generation_moves_once_with_each_write_and_not_with_reads_or_refusals() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    let before = table.generation().unwrap();
    assert_eq!(get(&table, "a").await, None);
    let missing = Condition(vec![Clause::Present("id".to_owned())]);
    let refused = Action::Delete {
        table: TableName::new("things"),
        key: Key::id("a"),
        condition: missing,
    };
    assert_eq!(
        table.transact(&[refused]).await,
        Err(TableError::ConditionFailed(vec![0]))
    );
    assert_eq!(table.generation(), Some(before));
    table
        .transact(&[put("things", item([("id", Value::s("a"))]))])
        .await
        .unwrap();
    assert_eq!(table.generation(), Some(before + 1));
}

/// What was read under the newest generation lacks no acknowledged write, whatever the writers do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cache_that_reads_the_generation_first_is_never_stale() {
    let place = tempfile::tempdir().unwrap();
    let table = Arc::new(table(&place).await);
    let acknowledged = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let writer = {
        let (table, acknowledged) = (Arc::clone(&table), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            for n in 1..=300 {
                table
                    .transact(&[put(
                        "things",
                        item([("id", Value::s("n")), ("n", Value::n(n))]),
                    )])
                    .await
                    .unwrap();
                acknowledged.store(n, std::sync::atomic::Ordering::SeqCst);
            }
        })
    };
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (table, acknowledged) = (Arc::clone(&table), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut cached = (None, 0);
                let mut last = 0;
                let mut hits = 0;
                while last < 300 {
                    let least = acknowledged.load(std::sync::atomic::Ordering::SeqCst);
                    let generation = table.generation();
                    if cached.0 == generation {
                        hits += 1;
                    } else {
                        let read = get(&table, "n").await;
                        cached = (
                            generation,
                            read.and_then(|item| item["n"].as_u64()).unwrap_or(0),
                        );
                    }
                    assert!(
                        cached.1 >= least,
                        "read {} after {least} was acknowledged",
                        cached.1
                    );
                    assert!(cached.1 >= last, "read {} after {last} was read", cached.1);
                    last = cached.1;
                    tokio::task::yield_now().await;
                }
                hits
            })
        })
        .collect();
    writer.await.unwrap();
    let mut hits = 0;
    for reader in readers {
        hits += reader.await.unwrap();
    }
    assert!(hits > 0, "the cache was never used");
}

/// Reads on different connections never go back in time, even while a commit is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_readers_never_see_an_older_state_than_one_seen_before() {
    let place = tempfile::tempdir().unwrap();
    let table = Arc::new(table(&place).await);
    let seen = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (table, seen) = (Arc::clone(&table), Arc::clone(&seen));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                loop {
                    let least = seen.load(std::sync::atomic::Ordering::SeqCst);
                    let n = runtime
                        .block_on(get(&table, "n"))
                        .and_then(|item| item["n"].as_u64())
                        .unwrap_or(0);
                    assert!(n >= least, "{n} after {least}");
                    seen.fetch_max(n, std::sync::atomic::Ordering::SeqCst);
                    if n == 500 {
                        break;
                    }
                }
            })
        })
        .collect();
    for n in 1..=500 {
        table
            .transact(&[put(
                "things",
                item([("id", Value::s("n")), ("n", Value::n(n))]),
            )])
            .await
            .unwrap();
    }
    for reader in readers {
        reader.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_on_one_condition_exactly_one_wins() {
    let place = tempfile::tempdir().unwrap();
    let table = Arc::new(table(&place).await);
    for round in 0..50 {
        let tries: Vec<_> = (0..8)
            .map(|writer| {
                let table = Arc::clone(&table);
                let item = item([
                    ("id", Value::s(format!("round {round}"))),
                    ("by", Value::n(writer)),
                ]);
                let action = Action::Put {
                    table: TableName::new("things"),
                    item,
                    condition: Condition::new_item("id"),
                };
                tokio::spawn(async move { table.transact(&[action]).await })
            })
            .collect();
        let mut won = 0;
        for tried in tries {
            match tried.await.unwrap() {
                Ok(()) => won += 1,
                Err(error) => assert_eq!(error, TableError::ConditionFailed(vec![0])),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

#[tokio::test]
async fn the_log_does_not_grow_while_an_idle_reader_holds_a_snapshot() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    let mut greatest = 0;
    for n in 0..4_000 {
        // One read opens a snapshot that then lies idle.
        if n == 10 {
            get(&table, "0").await;
        }
        let id = Value::s(format!("{}", n % 50));
        table
            .transact(&[put(
                "things",
                // Another text each time: SQLite writes no page that stays as it is.
                item([("id", id), ("filler", Value::s(format!("{n:01000}")))]),
            )])
            .await
            .unwrap();
        let log = fs::metadata(place.path().join("table.sqlite-wal"))
            .unwrap()
            .size();
        greatest = greatest.max(log);
    }
    assert!(greatest < 12 * 1024 * 1024, "{greatest} bytes");
}

#[tokio::test]
async fn an_index_made_later_has_the_items_that_were_there() {
    let place = tempfile::tempdir().unwrap();
    let table = SqliteTable::open(&place.path().join("table.sqlite")).unwrap();
    table
        .create(&Schema {
            indexes: Vec::new(),
            ..things()
        })
        .await
        .unwrap();
    let dated = |id: &str, date: &str| {
        item([
            ("id", Value::s(id)),
            ("kind", Value::s("k")),
            ("date", Value::s(date)),
        ])
    };
    // Types that no index takes may be stored as long as there is none.
    let odd = item([
        ("id", Value::s("odd")),
        ("kind", Value::s("k")),
        ("date", Value::n(1)),
    ]);
    table
        .transact(&[
            put("things", dated("a", "2")),
            put("things", dated("b", "1")),
            put("things", odd.clone()),
        ])
        .await
        .unwrap();
    assert!(matches!(
        table.query(&all_of("k")).await,
        Err(TableError::NoSuchTable(_))
    ));
    table.create(&things()).await.unwrap();
    table.create(&things()).await.unwrap();
    assert_eq!(
        table.query(&all_of("k")).await.unwrap().items,
        [dated("b", "1"), dated("a", "2")]
    );
    assert!(matches!(
        table.transact(&[put("things", odd)]).await,
        Err(TableError::Invalid(_))
    ));
    let other = Schema {
        hash: "name".to_owned(),
        ..things()
    };
    assert!(matches!(
        table.create(&other).await,
        Err(TableError::Invalid(_))
    ));
}

#[tokio::test]
async fn the_index_follows_puts_updates_and_deletes() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    let dates = async |kind: &str| -> Vec<String> {
        let items = table.query(&all_of(kind)).await.unwrap().items;
        items
            .iter()
            .map(|item| {
                format!(
                    "{}@{}",
                    item["id"].as_s().unwrap(),
                    item["date"].as_s().unwrap()
                )
            })
            .collect()
    };
    let dated = |id: &str, date: &str| {
        item([
            ("id", Value::s(id)),
            ("kind", Value::s("k")),
            ("date", Value::s(date)),
        ])
    };
    table
        .transact(&[
            put("things", dated("a", "2")),
            put("things", dated("b", "2")),
        ])
        .await
        .unwrap();
    assert_eq!(dates("k").await, ["a@2", "b@2"]);
    table
        .transact(&[put("things", dated("a", "3"))])
        .await
        .unwrap();
    assert_eq!(dates("k").await, ["b@2", "a@3"]);
    let update = |id: &str, attribute: &str, value: Option<Value>| Action::Update {
        table: TableName::new("things"),
        key: Key::id(id),
        attribute: attribute.to_owned(),
        value,
        condition: Condition::always(),
    };
    table
        .transact(&[
            update("a", "kind", Some(Value::s("other"))),
            update("b", "date", None),
        ])
        .await
        .unwrap();
    assert_eq!(dates("k").await, [""; 0]);
    assert_eq!(dates("other").await, ["a@3"]);
    let delete = Action::Delete {
        table: TableName::new("things"),
        key: Key::id("a"),
        condition: Condition::always(),
    };
    table.transact(&[delete]).await.unwrap();
    assert_eq!(dates("other").await, [""; 0]);
}

#[tokio::test]
async fn an_update_makes_the_item_unless_it_only_takes_an_attribute_away() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    let update = |id: &str, value: Option<Value>| Action::Update {
        table: TableName::new("things"),
        key: Key::id(id),
        attribute: "seen".to_owned(),
        value,
        condition: Condition::always(),
    };
    table
        .transact(&[update("a", Some(Value::n(1))), update("b", None)])
        .await
        .unwrap();
    assert_eq!(
        get(&table, "a").await,
        Some(item([("id", Value::s("a")), ("seen", Value::n(1))]))
    );
    assert_eq!(get(&table, "b").await, None);
}

#[rstest]
#[case::empty_set(item([("id", Value::s("a")), ("v", Value::Ss(BTreeSet::new()))]))]
#[case::empty_set_inside(item([("id", Value::s("a")), ("v", Value::L(vec![Value::Bs(BTreeSet::new())]))]))]
#[case::no_number(item([("id", Value::s("a")), ("v", Value::N("one".to_owned()))]))]
#[case::no_key(item([("v", Value::s("a"))]))]
#[case::empty_key(item([("id", Value::s(""))]))]
#[case::key_of_another_type(item([("id", Value::n(1))]))]
#[case::index_key_of_another_type(item([("id", Value::s("a")), ("date", Value::n(1))]))]
#[case::index_key_empty(item([("id", Value::s("a")), ("kind", Value::s(""))]))]
#[case::attribute_without_a_name(item([("id", Value::s("a")), ("", Value::s("x"))]))]
#[tokio::test]
async fn refuses_an_item_that_dynamodb_would_refuse(#[case] refused: keep::Item) {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    let fine = put("things", item([("id", Value::s("fine"))]));
    let done = table.transact(&[fine, put("things", refused)]).await;
    assert!(matches!(done, Err(TableError::Invalid(_))), "{done:?}");
    assert_eq!(get(&table, "fine").await, None, "half of it was written");
}

#[tokio::test]
async fn limits_hold_to_the_byte() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    let sized = |id: &str, bytes: usize| {
        item([
            ("id", Value::s(id)),
            (
                "v",
                Value::s("x".repeat(bytes - "id".len() - id.len() - "v".len())),
            ),
        ])
    };
    let is_limit = |done: Result<(), TableError>| {
        assert!(matches!(done, Err(TableError::Limit(_))), "{done:?}")
    };

    table
        .transact(&[put("things", sized("a", MAX_ITEM_BYTES))])
        .await
        .unwrap();
    is_limit(
        table
            .transact(&[put("things", sized("a", MAX_ITEM_BYTES + 1))])
            .await,
    );
    let grow = Action::Update {
        table: TableName::new("things"),
        key: Key::id("a"),
        attribute: "w".to_owned(),
        value: Some(Value::s("")),
        condition: Condition::always(),
    };
    is_limit(table.transact(&[grow]).await);

    let many = |count: usize| -> Vec<_> {
        (0..count)
            .map(|n| put("things", item([("id", Value::s(format!("{n}")))])))
            .collect()
    };
    table.transact(&many(100)).await.unwrap();
    is_limit(table.transact(&many(101)).await);

    // Ten items of 400 KB and one of 96 KB are 4 MB.
    let mut four_megabytes: Vec<_> = (0..10)
        .map(|n| put("things", sized(&format!("big{n}"), MAX_ITEM_BYTES)))
        .collect();
    four_megabytes.push(put("things", sized("rest", 96 * 1024)));
    table.transact(&four_megabytes).await.unwrap();
    four_megabytes[10] = put("things", sized("rest", 96 * 1024 + 1));
    is_limit(table.transact(&four_megabytes).await);

    let keys = |count: usize| -> Vec<_> { (0..count).map(|n| Key::id(format!("{n}"))).collect() };
    let things = TableName::new("things");
    assert_eq!(
        table
            .batch_get(&things, &keys(100), Consistency::Strong)
            .await
            .unwrap()
            .items
            .len(),
        100
    );
    assert!(matches!(
        table
            .batch_get(&things, &keys(101), Consistency::Strong)
            .await,
        Err(TableError::Limit(_))
    ));
    assert!(matches!(
        table.transact(&[]).await,
        Err(TableError::Invalid(_))
    ));
    let twice = [
        many(1).remove(0),
        Action::Check {
            table: things,
            key: Key::id("0"),
            condition: Condition::always(),
        },
    ];
    assert!(matches!(
        table.transact(&twice).await,
        Err(TableError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_large_batch_comes_in_parts_and_names_what_is_left() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    for n in 0..5 {
        let big = item([
            ("id", Value::s(format!("{n}"))),
            ("v", Value::s("x".repeat(400_000))),
        ]);
        table.transact(&[put("things", big)]).await.unwrap();
    }
    let mut wanted: Vec<_> = (0..5).map(|n| Key::id(format!("{n}"))).collect();
    let mut found = 0;
    let mut parts = 0;
    while !wanted.is_empty() {
        let got = table
            .batch_get(&TableName::new("things"), &wanted, Consistency::Strong)
            .await
            .unwrap();
        assert!(got.unprocessed.len() < wanted.len());
        (found, parts, wanted) = (found + got.items.len(), parts + 1, got.unprocessed);
    }
    assert_eq!((found, parts), (5, 2));
}

#[tokio::test]
async fn pages_end_at_their_limits_and_go_on_where_they_ended() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    for n in 0..7 {
        let big = item([
            ("id", Value::s(format!("{n}"))),
            ("kind", Value::s("k")),
            // Ties, so that the table's key decides.
            ("date", Value::s(format!("{}", n / 3))),
            ("v", Value::s("x".repeat(300_000))),
        ]);
        table.transact(&[put("things", big)]).await.unwrap();
    }
    for order in [Order::Ascending, Order::Descending] {
        let mut query = Query {
            order,
            ..all_of("k")
        };
        let mut ids = Vec::new();
        let mut pages = 0;
        loop {
            let page = table.query(&query).await.unwrap();
            pages += 1;
            ids.extend(
                page.items
                    .iter()
                    .map(|item| item["id"].as_s().unwrap().to_owned()),
            );
            match page.next {
                Some(next) => {
                    assert_eq!(next.0.keys().collect::<Vec<_>>(), ["date", "id", "kind"]);
                    query.start = Some(next);
                }
                None => break,
            }
        }
        assert_eq!(pages, 2);
        if order == Order::Descending {
            ids.reverse();
        }
        assert_eq!(ids, ["0", "1", "2", "3", "4", "5", "6"]);
    }
    let scan = Scan {
        table: TableName::new("things"),
        attributes: vec!["id".to_owned()],
        limit: None,
        start: None,
        consistency: Consistency::Eventual,
    };
    let page = table.scan(&scan).await.unwrap();
    assert_eq!(
        page.items.len(),
        4,
        "a page counts whole items, also when parts are asked for"
    );
    assert_eq!(page.items[0], item([("id", Value::s("0"))]));
}

#[rstest]
#[case::limit_of_none(Query { limit: Some(0), ..all_of("k") })]
#[case::strong_on_an_index(Query { consistency: Consistency::Strong, ..all_of("k") })]
#[case::other_hash_attribute(Query { hash: ("date".to_owned(), Value::s("k")), ..all_of("k") })]
#[case::hash_of_another_type(Query { hash: ("kind".to_owned(), Value::n(1)), ..all_of("k") })]
#[case::from_on_another_attribute(Query { from: Some(("id".to_owned(), Value::s("k"))), ..all_of("k") })]
#[case::start_of_another_read(Query { start: Some(keep::PageStart(item([("id", Value::s("a"))]))), ..all_of("k") })]
#[case::start_of_another_hash(Query {
    start: Some(keep::PageStart(item([("id", Value::s("a")), ("kind", Value::s("x")), ("date", Value::s("1"))]))),
    ..all_of("k")
})]
#[tokio::test]
async fn refuses_a_query_that_dynamodb_would_refuse(#[case] query: Query) {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    assert!(matches!(
        table.query(&query).await,
        Err(TableError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_damaged_database_is_unavailable_and_says_so() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("table.sqlite");
    drop(table(&place).await);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4_096].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let Err(TableError::Unavailable(told)) = SqliteTable::open(&path) else {
        panic!("opened")
    };
    assert!(
        told.contains("damaged") && told.contains("backup"),
        "{told}"
    );
}

#[rstest]
#[case::newer("PRAGMA user_version = 2", "newer version")]
#[case::foreign("PRAGMA application_id = 7", "another program")]
#[tokio::test]
async fn a_database_that_is_not_ours_is_left_alone(#[case] change: &str, #[case] told: &str) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("table.sqlite");
    drop(table(&place).await);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(change)
        .unwrap();
    let Err(TableError::Unavailable(why)) = SqliteTable::open(&path) else {
        panic!("opened")
    };
    assert!(why.contains(told), "{why}");
}

#[tokio::test]
async fn a_full_disk_refuses_the_write_and_keeps_what_was_there() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("table.sqlite");
    {
        let table = table(&place).await;
        table
            .transact(&[put("things", item([("id", Value::s("before"))]))])
            .await
            .unwrap();
    }
    // SQLite's own stand-in for a full disk, kept in no file: so it is asked of the open table.
    let table = SqliteTable::open_with_at_most(&path, 24).unwrap();
    let mut refused = None;
    for n in 0..64 {
        let big = item([
            ("id", Value::s(format!("{n}"))),
            ("v", Value::s("x".repeat(10_000))),
        ]);
        if let Err(error) = table.transact(&[put("things", big)]).await {
            refused = Some(error);
            break;
        }
    }
    assert_eq!(
        refused,
        Some(TableError::Unavailable(
            "the disk with the database is full".to_owned()
        ))
    );
    assert!(get(&table, "before").await.is_some());
    // Room is made, and writes go on.
    for n in 0..2 {
        let delete = Action::Delete {
            table: TableName::new("things"),
            key: Key::id(format!("{n}")),
            condition: Condition::always(),
        };
        table.transact(&[delete]).await.unwrap();
    }
    table
        .transact(&[put("things", item([("id", Value::s("after"))]))])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_foreign_lock_is_unavailable_and_says_so() {
    let place = tempfile::tempdir().unwrap();
    let table = table(&place).await;
    let other = rusqlite::Connection::open(place.path().join("table.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let told = table
        .transact(&[put("things", item([("id", Value::s("a"))]))])
        .await;
    assert_eq!(
        told,
        Err(TableError::Unavailable(
            "the database is locked by another process".to_owned()
        ))
    );
    // Reads do not wait for it.
    assert_eq!(get(&table, "a").await, None);
    other.execute_batch("ROLLBACK").unwrap();
    table
        .transact(&[put("things", item([("id", Value::s("a"))]))])
        .await
        .unwrap();
    assert!(get(&table, "a").await.is_some());
}

#[tokio::test]
async fn a_path_that_cannot_be_is_unavailable_and_names_it() {
    let Err(TableError::Unavailable(told)) =
        SqliteTable::open(Path::new("/nonexistent/table.sqlite"))
    else {
        panic!("opened");
    };
    assert!(told.contains("/nonexistent"), "{told}");
}
