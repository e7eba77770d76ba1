//! Single items.

use crate::contract::Ground;
use crate::contract::ground::{Layout, PATIENCE, every_kind, item, numbered};
use crate::{Clause, Consistency, Item, Key, Value};

/// What was never written is `None`.
pub async fn an_absent_item_is_none(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put(numbered("a", 1)).await;
    for consistency in [Consistency::Strong, Consistency::Eventual] {
        assert_eq!(
            rows.table.get(&rows.name, &Key::id("b"), consistency).await,
            Ok(None)
        );
    }
}

/// A strong read after an acknowledged write sees it.
pub async fn a_put_item_is_read_back_whole(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    for number in 0..20 {
        rows.put(numbered("a", number)).await;
        assert_eq!(rows.get(&Key::id("a")).await, Some(numbered("a", number)));
    }
}

/// Attributes that the new item lacks are gone.
pub async fn a_put_replaces_the_whole_item(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put(item([
        ("id", Value::s("a")),
        ("old", Value::s("x")),
        ("both", Value::s("y")),
    ]))
    .await;
    let new = item([
        ("id", Value::s("a")),
        ("both", Value::n(1)),
        ("new", Value::Null),
    ]);
    rows.put(new.clone()).await;
    assert_eq!(rows.get(&Key::id("a")).await, Some(new));
}

/// All kinds of value round-trip, through a put, an update and every way of reading.
pub async fn every_kind_of_value_comes_back_as_it_was(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let mut whole = item([("id", Value::s("a"))]);
    for (name, value) in every_kind() {
        whole.insert(name.to_owned(), value.clone());
        rows.transact(vec![rows.updating_if(
            Key::id("b"),
            name,
            Some(value),
            vec![],
        )])
        .await
        .unwrap();
    }
    rows.put(whole.clone()).await;
    let mut updated = whole.clone();
    updated.insert("id".to_owned(), Value::s("b"));

    assert_eq!(rows.get(&Key::id("a")).await, Some(whole.clone()));
    assert_eq!(rows.get(&Key::id("b")).await, Some(updated));
    let got = rows
        .table
        .batch_get(&rows.name, &[Key::id("a")], Consistency::Strong)
        .await
        .unwrap();
    assert_eq!(got.items, std::slice::from_ref(&whole));
    let queried = rows
        .table
        .query(&rows.query(None, ("id", "a"), crate::Order::Ascending))
        .await
        .unwrap();
    assert_eq!(queried.items, std::slice::from_ref(&whole));
}

/// An eventual read may be old, and is not old for ever.
pub async fn an_eventual_read_catches_up(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put(numbered("a", 1)).await;
    rows.put(numbered("a", 2)).await;
    for _ in 0..PATIENCE {
        let seen = rows
            .table
            .get(&rows.name, &Key::id("a"), Consistency::Eventual)
            .await
            .unwrap();
        if seen == Some(numbered("a", 2)) {
            return;
        }
        assert!(
            seen.is_none() || seen == Some(numbered("a", 1)),
            "{seen:?} was never written"
        );
    }
    panic!("still old after {PATIENCE} reads");
}

/// A delete takes one item; deleting nothing is no error.
pub async fn a_delete_removes_one_item_and_an_absent_one_is_no_error(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put_all(&[numbered("a", 1), numbered("b", 2)]).await;
    for _ in 0..2 {
        rows.transact(vec![rows.deleting_if(Key::id("a"), vec![])])
            .await
            .unwrap();
        assert_eq!(rows.get(&Key::id("a")).await, None);
    }
    assert_eq!(rows.get(&Key::id("b")).await, Some(numbered("b", 2)));
}

/// An update changes its attribute alone.
pub async fn an_update_sets_one_attribute_and_leaves_the_others(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let mut expected: Item = item([
        ("id", Value::s("a")),
        ("kept", Value::B(vec![1])),
        ("name", Value::s("x")),
    ]);
    rows.put(expected.clone()).await;
    // `name` is a word that DynamoDB reserves; `b.c#d` would be a path, were it not quoted.
    for (attribute, value) in [
        ("name", Value::n(7)),
        ("b.c#d", Value::Bool(true)),
        ("new", Value::Null),
    ] {
        rows.transact(vec![rows.updating_if(
            Key::id("a"),
            attribute,
            Some(value.clone()),
            vec![],
        )])
        .await
        .unwrap();
        expected.insert(attribute.to_owned(), value);
        assert_eq!(rows.get(&Key::id("a")).await, Some(expected.clone()));
    }
}

/// Removing an attribute leaves the others; removing one that is not there changes nothing.
pub async fn an_update_removes_one_attribute(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put(item([
        ("id", Value::s("a")),
        ("kept", Value::n(1)),
        ("gone", Value::n(2)),
    ]))
    .await;
    for _ in 0..2 {
        rows.transact(vec![rows.updating_if(Key::id("a"), "gone", None, vec![])])
            .await
            .unwrap();
        let expected = item([("id", Value::s("a")), ("kept", Value::n(1))]);
        assert_eq!(rows.get(&Key::id("a")).await, Some(expected));
    }
}

/// An update of nothing makes the item, unless its condition wants one.
pub async fn an_update_makes_an_absent_item(ground: Ground) {
    let rows = ground.rows(Layout::Pairs).await;
    let key = Key::pair(("name", "a"), ("version", "1"));
    let wanted = vec![Clause::Present("name".to_owned())];
    let refused = rows
        .transact(vec![rows.updating_if(
            key.clone(),
            "x",
            Some(Value::n(1)),
            wanted,
        )])
        .await;
    assert_eq!(refused, Err(crate::TableError::ConditionFailed(vec![0])));
    assert_eq!(rows.get(&key).await, None);

    rows.transact(vec![rows.updating_if(
        key.clone(),
        "x",
        Some(Value::n(1)),
        vec![],
    )])
    .await
    .unwrap();
    let expected = item([
        ("name", Value::s("a")),
        ("version", Value::s("1")),
        ("x", Value::n(1)),
    ]);
    assert_eq!(rows.get(&key).await, Some(expected));
}

/// With a range attribute, items of one hash value are told apart by it.
pub async fn items_differ_by_range_alone(ground: Ground) {
    let rows = ground.rows(Layout::Pairs).await;
    let version = |version: &str, x: u64| {
        item([
            ("name", Value::s("a")),
            ("version", Value::s(version)),
            ("x", Value::n(x)),
        ])
    };
    let key = |text: &str| Key::pair(("name", "a"), ("version", text));
    rows.put_all(&[version("1", 1), version("2", 2)]).await;
    rows.put(version("1", 3)).await;
    assert_eq!(rows.get(&key("1")).await, Some(version("1", 3)));
    assert_eq!(rows.get(&key("2")).await, Some(version("2", 2)));
    rows.transact(vec![rows.deleting_if(key("1"), vec![])])
        .await
        .unwrap();
    assert_eq!(rows.get(&key("1")).await, None);
    assert_eq!(rows.get(&key("2")).await, Some(version("2", 2)));
}

/// No folding of case, spaces or Unicode forms.
pub async fn keys_are_compared_byte_by_byte(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let ids = [
        "a", "A", " a", "a ", "a\u{0}", "\u{e9}", "e\u{301}", "a/b", "%", "_",
    ];
    for (number, id) in (0..).zip(ids) {
        assert_eq!(rows.get(&Key::id(id)).await, None, "{id:?}");
        rows.put(numbered(id, number)).await;
    }
    for (number, id) in (0..).zip(ids) {
        assert_eq!(
            rows.get(&Key::id(id)).await,
            Some(numbered(id, number)),
            "{id:?}"
        );
    }
}

/// A table that counts its writes counts every one.
pub async fn the_generation_grows_with_every_write(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    for number in 0..3 {
        let before = rows.table.generation();
        rows.put(numbered("a", number)).await;
        let after = rows.table.generation();
        assert_eq!(before.is_some(), after.is_some());
        assert!(
            before.is_none() || after > before,
            "{before:?} then {after:?}"
        );
    }
}
