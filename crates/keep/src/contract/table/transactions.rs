//! Several writes at once.

use crate::contract::Ground;
use crate::contract::ground::{Layout, item, numbered};
use crate::{Action, Clause, Condition, Key, MAX_ACTIONS, TableError, Value};

fn new_item() -> Vec<Clause> {
    Condition::new_item("id").0
}

/// Every kind of action, in two tables; one failed condition and none of it happened.
pub async fn a_transaction_over_two_tables_happens_whole_or_not_at_all(ground: Ground) {
    let (rows, pairs) = (
        ground.rows(Layout::Plain).await,
        ground.rows(Layout::Pairs).await,
    );
    let version = item([
        ("name", Value::s("n")),
        ("version", Value::s("1")),
        ("x", Value::n(1)),
    ]);
    let version_key = Key::pair(("name", "n"), ("version", "1"));
    rows.put_all(&[
        numbered("deleted", 1),
        numbered("updated", 1),
        numbered("checked", 1),
    ])
    .await;
    let actions = |checked: u64| {
        vec![
            rows.putting_if(numbered("put", 2), new_item()),
            pairs.putting_if(version.clone(), vec![Clause::Absent("name".to_owned())]),
            rows.deleting_if(Key::id("deleted"), vec![Clause::Present("id".to_owned())]),
            rows.updating_if(Key::id("updated"), "number", Some(Value::n(2)), vec![]),
            rows.checking(
                Key::id("checked"),
                vec![Clause::Equals("number".to_owned(), Value::n(checked))],
            ),
        ]
    };
    assert_eq!(
        rows.transact(actions(7)).await,
        Err(TableError::ConditionFailed(vec![4]))
    );
    assert_eq!(rows.get(&Key::id("put")).await, None);
    assert_eq!(pairs.get(&version_key).await, None);
    assert_eq!(
        rows.get(&Key::id("deleted")).await,
        Some(numbered("deleted", 1))
    );
    assert_eq!(
        rows.get(&Key::id("updated")).await,
        Some(numbered("updated", 1))
    );

    assert_eq!(rows.transact(actions(1)).await, Ok(()));
    assert_eq!(rows.get(&Key::id("put")).await, Some(numbered("put", 2)));
    assert_eq!(pairs.get(&version_key).await, Some(version.clone()));
    assert_eq!(rows.get(&Key::id("deleted")).await, None);
    assert_eq!(
        rows.get(&Key::id("updated")).await,
        Some(numbered("updated", 2))
    );
    assert_eq!(
        rows.get(&Key::id("checked")).await,
        Some(numbered("checked", 1))
    );
}

/// The same with as many actions as there may be, the last of which fails.
pub async fn a_hundred_actions_over_two_tables_happen_whole_or_not_at_all(ground: Ground) {
    let (rows, others) = (
        ground.rows(Layout::Plain).await,
        ground.rows(Layout::Plain).await,
    );
    let last = MAX_ACTIONS - 1;
    let actions = || -> Vec<Action> {
        (0..MAX_ACTIONS)
            .map(|n| {
                let table = if n % 2 == 0 { &rows } else { &others };
                table.putting_if(numbered(&format!("i{n}"), 1), new_item())
            })
            .collect()
    };
    others.put(numbered(&format!("i{last}"), 7)).await;
    assert_eq!(
        rows.transact(actions()).await,
        Err(TableError::ConditionFailed(vec![last]))
    );
    assert_eq!(
        rows.pages_of_scan(&rows.scan())
            .await
            .iter()
            .map(|page| page.items.len())
            .sum::<usize>(),
        0
    );
    assert_eq!(
        others
            .pages_of_scan(&others.scan())
            .await
            .iter()
            .map(|page| page.items.len())
            .sum::<usize>(),
        1
    );

    others
        .transact(vec![
            others.deleting_if(Key::id(format!("i{last}")), vec![]),
        ])
        .await
        .unwrap();
    assert_eq!(rows.transact(actions()).await, Ok(()));
    for n in 0..MAX_ACTIONS {
        let table = if n % 2 == 0 { &rows } else { &others };
        assert_eq!(
            table.get(&Key::id(format!("i{n}"))).await,
            Some(numbered(&format!("i{n}"), 1))
        );
    }
}

/// One check alone answers, and writes nothing.
pub async fn a_check_alone_is_a_transaction(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    assert_eq!(
        rows.transact(vec![rows.checking(Key::id("a"), new_item())])
            .await,
        Ok(())
    );
    assert_eq!(rows.get(&Key::id("a")).await, None);
    rows.put(numbered("a", 1)).await;
    let refused = rows
        .transact(vec![rows.checking(Key::id("a"), new_item())])
        .await;
    assert_eq!(refused, Err(TableError::ConditionFailed(vec![0])));
}

/// Whatever the two are.
pub async fn two_actions_on_one_item_are_refused(ground: Ground) {
    let (rows, others) = (
        ground.rows(Layout::Plain).await,
        ground.rows(Layout::Plain).await,
    );
    let key = Key::id("a");
    let all = [
        rows.putting(numbered("a", 1)),
        rows.deleting_if(key.clone(), vec![]),
        rows.updating_if(key.clone(), "number", Some(Value::n(1)), vec![]),
        rows.checking(key.clone(), vec![Clause::Absent("id".to_owned())]),
    ];
    for one in &all {
        for other in &all {
            let refused = rows.transact(vec![one.clone(), other.clone()]).await;
            assert!(
                matches!(refused, Err(TableError::Invalid(_))),
                "{refused:?} for {one:?} and {other:?}"
            );
        }
    }
    let twice = rows
        .transact(vec![
            rows.putting(numbered("a", 1)),
            rows.putting(numbered("a", 2)),
        ])
        .await;
    assert!(
        matches!(twice, Err(TableError::Invalid(_))),
        "{twice:?} for two puts of different items"
    );
    assert_eq!(rows.get(&key).await, None);
    // The same key in another table is another item.
    rows.transact(vec![
        rows.putting(numbered("a", 1)),
        others.putting(numbered("a", 2)),
    ])
    .await
    .unwrap();
}
