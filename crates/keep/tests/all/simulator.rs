//! The simulator: the same again from the same seed, and faults that are what they are called.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keep::simulator::{Client, Faults, MemoryTable, SimTable, World};
use keep::{
    Action, Clause, Clock as _, Condition, Consistency, IndexSchema, Item, Key, Order, Query,
    Schema, Table, TableError, TableName, Value,
};

use crate::house::numbered;

fn name() -> TableName {
    TableName::new("t")
}

fn schema() -> Schema {
    let index = IndexSchema {
        name: "by_kind".to_owned(),
        hash: "kind".to_owned(),
        range: "at".to_owned(),
    };
    Schema {
        name: name(),
        hash: "id".to_owned(),
        range: None,
        indexes: vec![index],
    }
}

fn put(item: Item) -> Action {
    Action::Put {
        table: name(),
        item,
        condition: Condition::always(),
    }
}

async fn table(world: &Arc<World>) -> Arc<SimTable> {
    let table = world.table(Arc::new(MemoryTable::default()));
    table.create(&schema()).await.unwrap();
    table
}

/// Four clients that write, read and sleep; what they saw in which order, and the world's trace.
async fn run(seed: u64, faults: Faults) -> (Vec<String>, Vec<String>) {
    let world = World::new(seed, faults);
    let (table, clock) = (table(&world).await, world.clock());
    let seen = RefCell::new(Vec::new());
    let clients = (0..4_u64).map(|client| -> Client<'_, ()> {
        let (table, clock, seen) = (&table, &clock, &seen);
        Box::pin(async move {
            for step in 0..5 {
                let written = table
                    .transact(&[put(numbered("a", client * 10 + step))])
                    .await;
                let read = table
                    .get(&name(), &Key::id("a"), Consistency::Eventual)
                    .await;
                clock.sleep(Duration::from_millis(client)).await;
                seen.borrow_mut().push(format!(
                    "{client} {step} {written:?} {read:?} {:?}",
                    clock.now()
                ));
            }
        })
    });
    world.run(clients.collect()).await;
    (seen.into_inner(), world.trace())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seed_is_one_history_and_another_is_another() {
    for seed in 1..=20 {
        assert_eq!(
            run(seed, Faults::harsh()).await,
            run(seed, Faults::harsh()).await,
            "seed {seed}"
        );
    }
    let histories: BTreeSet<_> = {
        let mut histories = BTreeSet::new();
        for seed in 1..=20 {
            histories.insert(run(seed, Faults::harsh()).await);
        }
        histories
    };
    assert_eq!(histories.len(), 20);
}

#[tokio::test]
async fn every_fault_strikes_and_leaves_what_its_name_says() {
    let mut struck = BTreeSet::new();
    for seed in 1..=400 {
        let world = World::new(
            seed,
            Faults {
                throttle: 100,
                unavailable: 100,
                conflict: 100,
                drop_reply: 100,
                drop_request: 100,
                late: 100,
                ..Faults::none()
            },
        );
        let table = table(&world).await;
        let answer = table
            .transact(&[put(numbered("a", 1)), put(numbered("b", 1))])
            .await;
        let there = table
            .inner()
            .get(&name(), &Key::id("a"), Consistency::Strong)
            .await
            .unwrap()
            .is_some();
        world.calm().await;
        let in_the_end = table
            .inner()
            .get(&name(), &Key::id("a"), Consistency::Strong)
            .await
            .unwrap()
            .is_some();
        match answer {
            Ok(()) => assert!(there),
            Err(TableError::Throttled | TableError::Unavailable(_) | TableError::Conflict) => {
                assert!(!in_the_end)
            }
            Err(TableError::Ambiguous(_)) => {}
            Err(ref other) => panic!("{other:?}"),
        }
        let kind = format!("{answer:?}").split('(').next().map(str::to_owned);
        struck.insert((kind, there, in_the_end));
    }
    let is = |kind: &str, there, in_the_end| {
        struck.contains(&(Some(kind.to_owned()), there, in_the_end))
    };
    assert!(is("Ok", true, true));
    assert!(
        is("Err", false, false),
        "throttled, unavailable, conflict or lost on the way"
    );
    assert!(is("Err", true, true), "lost on the way back");
    assert!(is("Err", false, true), "late");
    assert_eq!(struck.len(), 4, "{struck:?}");
}

fn by_kind(kind: &str) -> Query {
    Query {
        table: name(),
        index: Some("by_kind".to_owned()),
        hash: ("kind".to_owned(), Value::s(kind)),
        from: None,
        order: Order::Ascending,
        limit: None,
        start: None,
        consistency: Consistency::Eventual,
    }
}

#[tokio::test]
async fn an_index_is_old_for_a_while_and_never_when_calm() {
    let mut old = 0;
    for seed in 1..=50 {
        let world = World::new(seed, Faults::reordering());
        let table = table(&world).await;
        let mut item = numbered("a", 1);
        item.insert("kind".to_owned(), Value::s("k"));
        item.insert("at".to_owned(), Value::s("1"));
        table.transact(&[put(item.clone())]).await.unwrap();
        let seen = table.query(&by_kind("k")).await.unwrap().items;
        assert!(seen.is_empty() || seen == std::slice::from_ref(&item));
        old += usize::from(seen.is_empty());
        // What must be strong is.
        assert_eq!(
            table.get(&name(), &Key::id("a"), Consistency::Strong).await,
            Ok(Some(item.clone()))
        );
        world.calm().await;
        assert_eq!(table.query(&by_kind("k")).await.unwrap().items, [item]);
    }
    assert!(old > 5 && old < 45, "{old} of 50 were old");
}

#[tokio::test]
async fn the_time_of_day_jumps_and_monotonic_time_does_not() {
    let world = World::new(
        3,
        Faults {
            clock_jump: 500,
            ..Faults::none()
        },
    );
    let (table, clock) = (table(&world).await, world.clock());
    let (mut backwards, mut last) = (0, (clock.now(), clock.monotonic()));
    for _ in 0..50 {
        let _found = table.get(&name(), &Key::id("a"), Consistency::Strong).await;
        let now = (clock.now(), clock.monotonic());
        backwards += usize::from(now.0 < last.0);
        assert!(now.1 > last.1);
        last = now;
    }
    assert!(backwards > 0);
    let before = clock.monotonic();
    clock.sleep(Duration::from_secs(60)).await;
    assert!(clock.monotonic() - before >= Duration::from_secs(60));
}

#[tokio::test]
async fn a_trace_shows_keys_and_no_value() {
    let world = World::new(1, Faults::none());
    let table = table(&world).await;
    let mut item = numbered("a", 1);
    item.insert("secret".to_owned(), Value::s("hunter2"));
    table.transact(&[put(item)]).await.unwrap();
    let clause = Clause::Equals("secret".to_owned(), Value::s("hunter3"));
    let check = Action::Check {
        table: name(),
        key: Key::id("a"),
        condition: Condition(vec![clause]),
    };
    table.transact(&[check]).await.unwrap_err();
    let trace = world.trace().join("\n");
    assert!(
        trace.contains("put t/a") && trace.contains("check t/a"),
        "{trace}"
    );
    assert!(!trace.contains("hunter"), "{trace}");
}

/// Two writers that forget to look whether somebody was faster: the simulator must show it.
#[tokio::test]
async fn a_lost_update_is_found_by_some_seed() {
    let mut lost = 0;
    for seed in 1..=50 {
        let world = World::new(seed, Faults::reordering());
        let table = table(&world).await;
        table.transact(&[put(numbered("a", 0))]).await.unwrap();
        let clients = (0..2).map(|_| -> Client<'_, ()> {
            Box::pin(async {
                let seen = table
                    .get(&name(), &Key::id("a"), Consistency::Strong)
                    .await
                    .unwrap()
                    .unwrap();
                table
                    .transact(&[put(numbered("a", seen["number"].as_u64().unwrap() + 1))])
                    .await
                    .unwrap();
            })
        });
        world.run(clients.collect()).await;
        let number = table
            .inner()
            .get(&name(), &Key::id("a"), Consistency::Strong)
            .await
            .unwrap()
            .unwrap();
        lost += usize::from(number["number"] == Value::n(1));
    }
    assert!(lost > 5 && lost < 50, "{lost} of 50");
}
