//! Conditions of writes.

use crate::contract::Ground;
use crate::contract::ground::{Layout, Rows, every_kind, item, numbered};
use crate::{Action, Clause, Item, Key, TableError, Value};

fn absent(name: &str) -> Clause {
    Clause::Absent(name.to_owned())
}

fn present(name: &str) -> Clause {
    Clause::Present(name.to_owned())
}

fn equals(name: &str, value: Value) -> Clause {
    Clause::Equals(name.to_owned(), value)
}

/// Every kind of action under one condition on one item.
fn each_action(rows: &Rows, id: &str, clauses: &[Clause]) -> [Action; 4] {
    let key = Key::id(id);
    [
        rows.putting_if(numbered(id, 99), clauses.to_vec()),
        rows.deleting_if(key.clone(), clauses.to_vec()),
        rows.updating_if(key.clone(), "number", Some(Value::n(99)), clauses.to_vec()),
        rows.checking(key, clauses.to_vec()),
    ]
}

/// Absence, presence and equality, of a present and an absent item, under every kind of action.
pub async fn conditions_hold_and_fail_as_they_say(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let cases = [
        // The clause, whether it holds of the item, whether it holds of no item.
        (absent("id"), false, true),
        (present("id"), true, false),
        (absent("number"), false, true),
        (absent("other"), true, true),
        (present("number"), true, false),
        (present("other"), false, false),
        (equals("number", Value::n(1)), true, false),
        (equals("number", Value::n(2)), false, false),
        (equals("other", Value::n(1)), false, false),
        (equals("id", Value::s("there")), true, false),
    ];
    for (clause, of_item, of_nothing) in cases {
        for position in 0..4 {
            rows.transact(vec![rows.deleting_if(Key::id("nowhere"), vec![])])
                .await
                .unwrap();
            rows.put(numbered("there", 1)).await;
            for (id, holds) in [("there", of_item), ("nowhere", of_nothing)] {
                let [a, b, c, d] = each_action(&rows, id, std::slice::from_ref(&clause));
                let action = [a, b, c, d].into_iter().nth(position).expect("four kinds");
                let told = format!("{action:?}");
                let expected = if holds {
                    Ok(())
                } else {
                    Err(TableError::ConditionFailed(vec![0]))
                };
                assert_eq!(rows.transact(vec![action]).await, expected, "{told}");
            }
        }
    }
}

/// A value equals itself and no other: text `1` is not number `1`, a set is not a list.
pub async fn equality_is_of_kind_and_value(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let kinds = every_kind();
    let mut stored: Item = item([("id", Value::s("a")), ("one", Value::s("1"))]);
    for (name, value) in &kinds {
        stored.insert((*name).to_owned(), value.clone());
    }
    rows.put(stored.clone()).await;
    let check = |clause: Clause| rows.transact(vec![rows.checking(Key::id("a"), vec![clause])]);
    let failed = Err(TableError::ConditionFailed(vec![0]));

    let values: Vec<&Value> = kinds.values().collect();
    for (position, (name, value)) in kinds.iter().enumerate() {
        assert_eq!(check(equals(name, value.clone())).await, Ok(()), "{name}");
        let other = values[(position + 1) % values.len()];
        assert_eq!(
            check(equals(name, other.clone())).await,
            failed,
            "{name} and {other:?}"
        );
    }
    assert_eq!(check(equals("one", Value::n(1))).await, failed);
    assert_eq!(check(equals("one", Value::B(b"1".to_vec()))).await, failed);
    assert_eq!(check(equals("null", Value::Bool(false))).await, failed);
    let as_list = Value::L(vec![Value::s("a"), Value::s("b"), Value::s("ä")]);
    assert_eq!(check(equals("texts", as_list)).await, failed);
}

/// Clauses are joined by "and".
pub async fn every_clause_must_hold(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put(numbered("a", 1)).await;
    let holds = [
        present("id"),
        equals("number", Value::n(1)),
        absent("other"),
    ];
    let fails = [
        absent("number"),
        equals("number", Value::n(2)),
        present("other"),
    ];
    let check = |clauses: Vec<Clause>| rows.transact(vec![rows.checking(Key::id("a"), clauses)]);
    assert_eq!(check(holds.to_vec()).await, Ok(()));
    for position in 0..3 {
        let mut clauses = holds.to_vec();
        clauses[position] = fails[position].clone();
        assert_eq!(
            check(clauses).await,
            Err(TableError::ConditionFailed(vec![0])),
            "position {position}"
        );
    }
}

/// Whatever the action, a failed condition leaves the item as it was.
pub async fn a_failed_condition_writes_nothing(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put(numbered("a", 1)).await;
    for (id, stored) in [("a", Some(numbered("a", 1))), ("b", None)] {
        for action in each_action(&rows, id, &[present("other")]) {
            assert_eq!(
                rows.transact(vec![action]).await,
                Err(TableError::ConditionFailed(vec![0]))
            );
            assert_eq!(rows.get(&Key::id(id)).await, stored);
        }
    }
}

/// All that failed are named, and only they.
pub async fn failed_conditions_are_named_by_position(ground: Ground) {
    let (rows, others) = (
        ground.rows(Layout::Plain).await,
        ground.rows(Layout::Plain).await,
    );
    rows.put_all(&[numbered("a", 1), numbered("b", 2)]).await;
    let actions = vec![
        others.putting_if(numbered("a", 9), vec![absent("id")]),
        rows.putting_if(numbered("a", 9), vec![absent("id")]),
        rows.updating_if(
            Key::id("b"),
            "number",
            Some(Value::n(9)),
            vec![equals("number", Value::n(2))],
        ),
        rows.checking(Key::id("c"), vec![present("id")]),
        others.deleting_if(Key::id("b"), vec![]),
    ];
    assert_eq!(
        rows.transact(actions).await,
        Err(TableError::ConditionFailed(vec![1, 3]))
    );
    assert_eq!(others.get(&Key::id("a")).await, None);
    assert_eq!(rows.get(&Key::id("b")).await, Some(numbered("b", 2)));
}
