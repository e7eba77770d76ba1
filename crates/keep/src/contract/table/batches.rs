//! Batch reads.

use crate::contract::Ground;
use crate::contract::ground::{Layout, numbered, of_size};
use crate::simulator::{SimClock, SimRandom};
use crate::{Consistency, Items, Key, Value};

/// Each item once, in any order; none for a key without an item.
pub async fn a_batch_leaves_out_absent_items_and_reads_duplicates_once(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put_all(&[numbered("a", 1), numbered("b", 2), numbered("c", 3)])
        .await;
    let keys = ["b", "absent", "a", "b", "b", "absent"].map(Key::id);
    let got = rows
        .table
        .batch_get(&rows.name, &keys, Consistency::Strong)
        .await
        .unwrap();
    let mut items = got.items;
    items.sort();
    assert_eq!(items, [numbered("a", 1), numbered("b", 2)]);
    assert_eq!(got.unprocessed, []);
    let none = rows
        .table
        .batch_get(&rows.name, &[], Consistency::Strong)
        .await;
    assert_eq!(none, Ok(Default::default()));
}

/// 2 MB in one batch: what does not fit comes back as unprocessed, and is all read in the end.
pub async fn a_batch_larger_than_a_page_is_completed_by_asking_again(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let ids: Vec<String> = (0..20).map(|n| format!("i{n:02}")).collect();
    for id in &ids {
        rows.put(of_size(id, 100_000)).await;
    }
    let keys: Vec<Key> = ids.iter().map(Key::id).collect();
    let once = rows
        .table
        .batch_get(&rows.name, &keys, Consistency::Strong)
        .await
        .unwrap();
    assert_eq!(once.items.len() + once.unprocessed.len(), keys.len());
    assert!(!once.items.is_empty());

    let (clock, random) = (SimClock::still(), SimRandom::new(1));
    let items = Items {
        table: &*rows.table,
        clock: &clock,
        random: &random,
    };
    let mut found = items
        .batch_get(&rows.name, &keys, Consistency::Strong)
        .await
        .unwrap();
    found.sort_by_key(|item| item["id"].clone());
    assert!(
        found.iter().map(|item| &item["id"]).eq(ids
            .iter()
            .map(Value::s)
            .collect::<Vec<_>>()
            .iter())
    );
}
