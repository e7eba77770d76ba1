//! Trying again is bounded, in number and in time.

use std::time::Duration;

use keep::contract::{Faulty as _, OrderedFault};
use keep::{AuditMode, Clock as _, Consistency, Key, TableError};

use crate::house::{House, numbered};

#[tokio::test]
async fn a_read_is_tried_six_times_within_620_milliseconds_of_waiting() {
    let house = House::new(AuditMode::Required).await;
    house.order(OrderedFault::ThrottleReads, 1_000);
    let before = (house.clock.monotonic(), house.world.trace().len());
    let answer = house
        .keep
        .items()
        .get(&house.name, &Key::id("a"), Consistency::Strong)
        .await;
    assert_eq!(answer, Err(TableError::Throttled));
    assert_eq!(house.world.trace().len() - before.1, 6);
    let waited = house.clock.monotonic() - before.0;
    // A call takes the simulator 0.4 ms, both ways.
    assert!(
        waited >= Duration::from_millis(310) && waited <= Duration::from_millis(620 + 3),
        "{waited:?}"
    );
}

#[tokio::test]
async fn a_batch_that_makes_no_headway_is_given_up_and_one_that_does_is_not() {
    let house = House::new(AuditMode::Required).await;
    let put = |n: u64| keep::Action::Put {
        table: house.name.clone(),
        item: numbered(&format!("i{n:03}"), n),
        condition: keep::Condition::always(),
    };
    for n in 0..20 {
        keep::Table::transact(&*house.table, &[put(n)])
            .await
            .unwrap();
    }
    let keys: Vec<Key> = (0..20).map(|n| Key::id(format!("i{n:03}"))).collect();
    // Stuck four times between every two steps: far more in all than it may be stuck at one place.
    for _ in 0..10 {
        house.order(OrderedFault::PartialBatch(0), 4);
        house.order(OrderedFault::PartialBatch(1), 1);
    }
    let found = house
        .keep
        .items()
        .batch_get(&house.name, &keys, Consistency::Strong)
        .await
        .unwrap();
    assert_eq!(found.len(), 20);
    house.table.heal();

    house.order(OrderedFault::PartialBatch(0), 1_000);
    let answer = house
        .keep
        .items()
        .batch_get(&house.name, &keys, Consistency::Strong)
        .await;
    assert_eq!(answer, Err(TableError::Throttled));
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    let house = House::new(AuditMode::Required).await;
    let before = house.world.trace().len();
    let answer = house
        .keep
        .items()
        .get(
            &keep::TableName::new("none"),
            &Key::id("a"),
            Consistency::Strong,
        )
        .await;
    assert!(
        matches!(answer, Err(TableError::NoSuchTable(_))),
        "{answer:?}"
    );
    assert_eq!(house.world.trace().len() - before, 1);
}
