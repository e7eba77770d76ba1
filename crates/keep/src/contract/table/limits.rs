//! DynamoDB's limits, exactly at the edge and one past it, and what no table takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Ground;
use crate::contract::ground::{Layout, Rows, item, numbered, of_size};
use crate::{
    Clause, Consistency, Item, Key, MAX_ACTIONS, MAX_BATCH_GET, MAX_ITEM_BYTES,
    MAX_TRANSACTION_BYTES, Order, TableError, Value, item_bytes,
};

fn is_limit(refused: Result<(), TableError>) {
    assert!(matches!(refused, Err(TableError::Limit(_))), "{refused:?}");
}

async fn is_invalid(rows: &Rows, what: &str, action: crate::Action) {
    let alone = rows.transact(vec![action.clone()]).await;
    assert!(
        matches!(alone, Err(TableError::Invalid(_))),
        "{what}: {alone:?}"
    );
    let with_another = rows
        .transact(vec![rows.putting(numbered("bystander", 1)), action])
        .await;
    assert!(
        matches!(with_another, Err(TableError::Invalid(_))),
        "{what} in a transaction: {with_another:?}"
    );
    assert_eq!(rows.get(&Key::id("bystander")).await, None, "{what}");
}

/// Attribute names count, multi-byte letters count their bytes.
pub async fn an_item_of_400_kilobytes_is_taken_and_one_byte_more_is_refused(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let greatest = of_size("a", MAX_ITEM_BYTES);
    rows.put(greatest.clone()).await;
    assert_eq!(rows.get(&Key::id("a")).await, Some(greatest));

    is_limit(
        rows.transact(vec![rows.putting(of_size("b", MAX_ITEM_BYTES + 1))])
            .await,
    );
    let mut letters = of_size("b", MAX_ITEM_BYTES - 1);
    let Some(Value::S(fill)) = letters.get_mut("fill") else {
        panic!("no fill")
    };
    fill.push('é');
    assert_eq!(item_bytes(&letters), MAX_ITEM_BYTES + 1);
    is_limit(rows.transact(vec![rows.putting(letters)]).await);
    assert_eq!(rows.get(&Key::id("b")).await, None);
}

/// The whole item counts, not only what is set.
pub async fn an_update_does_not_grow_an_item_past_400_kilobytes(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let before = of_size("a", MAX_ITEM_BYTES - 100);
    rows.put(before.clone()).await;
    let grow = |bytes: usize| {
        rows.updating_if(
            Key::id("a"),
            "more",
            Some(Value::S("x".repeat(bytes))),
            vec![],
        )
    };
    is_limit(rows.transact(vec![grow(100_000)]).await);
    assert_eq!(rows.get(&Key::id("a")).await, Some(before));
    rows.transact(vec![grow(96)]).await.unwrap();
    let grown = rows.get(&Key::id("a")).await.expect("the item");
    assert_eq!(item_bytes(&grown), MAX_ITEM_BYTES);
}

/// None is `Invalid`, too many is `Limit`.
pub async fn a_transaction_takes_100_actions_and_neither_101_nor_none(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let puts = |count: usize| {
        (0..count)
            .map(|n| rows.putting(numbered(&format!("i{n}"), 1)))
            .collect::<Vec<_>>()
    };
    is_limit(rows.transact(puts(MAX_ACTIONS + 1)).await);
    assert_eq!(rows.get(&Key::id("i0")).await, None);
    assert_eq!(rows.transact(puts(MAX_ACTIONS)).await, Ok(()));
    assert_eq!(rows.get(&Key::id("i99")).await, Some(numbered("i99", 1)));
    let none = rows.transact(vec![]).await;
    assert!(matches!(none, Err(TableError::Invalid(_))), "{none:?}");
}

/// All items of a transaction together.
pub async fn a_transaction_takes_4_megabytes_and_not_one_byte_more(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let puts = |bytes: usize| {
        let whole = bytes / MAX_ITEM_BYTES;
        let mut items: Vec<Item> = (0..whole)
            .map(|n| of_size(&format!("i{n:02}"), MAX_ITEM_BYTES))
            .collect();
        items.push(of_size("rest", bytes - whole * MAX_ITEM_BYTES));
        items
    };
    let actions = |items: &[Item]| {
        items
            .iter()
            .cloned()
            .map(|item| rows.putting(item))
            .collect::<Vec<_>>()
    };
    is_limit(
        rows.transact(actions(&puts(MAX_TRANSACTION_BYTES + 1)))
            .await,
    );
    assert_eq!(rows.get(&Key::id("rest")).await, None);
    let items = puts(MAX_TRANSACTION_BYTES);
    assert_eq!(rows.transact(actions(&items)).await, Ok(()));
    assert_eq!(rows.get(&Key::id("rest")).await.as_ref(), items.last());
    assert_eq!(rows.get(&Key::id("i00")).await.as_ref(), items.first());
}

/// Duplicates count.
pub async fn a_batch_takes_100_keys_and_not_101(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    rows.put_all(
        &(0..=MAX_BATCH_GET)
            .map(|n| numbered(&format!("i{n}"), 1))
            .collect::<Vec<_>>(),
    )
    .await;
    let keys: Vec<Key> = (0..=MAX_BATCH_GET)
        .map(|n| Key::id(format!("i{n}")))
        .collect();
    let refused = rows
        .table
        .batch_get(&rows.name, &keys, Consistency::Strong)
        .await;
    assert!(matches!(refused, Err(TableError::Limit(_))), "{refused:?}");
    let got = rows
        .table
        .batch_get(&rows.name, &keys[..MAX_BATCH_GET], Consistency::Strong)
        .await
        .unwrap();
    assert_eq!(got.items.len() + got.unprocessed.len(), MAX_BATCH_GET);
}

/// In bytes; 1024 for a range attribute.
pub async fn a_key_of_2048_bytes_is_taken_and_one_byte_more_is_refused(ground: Ground) {
    let (rows, pairs) = (
        ground.rows(Layout::Plain).await,
        ground.rows(Layout::Pairs).await,
    );
    let longest = "é".repeat(1024);
    rows.put(numbered(&longest, 1)).await;
    assert_eq!(
        rows.get(&Key::id(longest.clone())).await,
        Some(numbered(&longest, 1))
    );
    let longer = format!("{longest}x");
    is_limit(
        rows.transact(vec![rows.checking(
            Key::id(longer.clone()),
            vec![Clause::Absent("id".to_owned())],
        )])
        .await,
    );
    is_limit(
        rows.table
            .get(&rows.name, &Key::id(longer), Consistency::Strong)
            .await
            .map(drop),
    );

    let version = |version: &str| item([("name", Value::s("a")), ("version", Value::s(version))]);
    let longest = "1".repeat(1024);
    pairs.put(version(&longest)).await;
    assert_eq!(
        pairs
            .get(&Key::pair(("name", "a"), ("version", &longest)))
            .await,
        Some(version(&longest))
    );
    let longer = "1".repeat(1025);
    let key = Key::pair(("name", "a"), ("version", &longer));
    is_limit(pairs.transact(vec![pairs.deleting_if(key, vec![])]).await);
}

/// Lists and maps inside each other.
pub async fn values_nest_32_levels_and_no_more(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::L(vec![inner]));
    let deepest = item([("id", Value::s("a")), ("deep", nested(32))]);
    rows.put(deepest.clone()).await;
    assert_eq!(rows.get(&Key::id("a")).await, Some(deepest));
    let deeper = item([("id", Value::s("b")), ("deep", nested(33))]);
    is_limit(rows.transact(vec![rows.putting(deeper)]).await);
    assert_eq!(rows.get(&Key::id("b")).await, None);
}

/// Empty sets, malformed numbers, attributes without a name; in items, updates and conditions.
pub async fn what_no_table_takes_is_refused(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    let inside = Value::M(BTreeMap::from([(
        "a".to_owned(),
        Value::L(vec![Value::Ss(BTreeSet::new())]),
    )]));
    for (what, value) in [
        ("an empty set of texts", Value::Ss(BTreeSet::new())),
        ("an empty set of numbers", Value::Ns(BTreeSet::new())),
        ("an empty set of bytes", Value::Bs(BTreeSet::new())),
        ("an empty set inside", inside),
        ("a malformed number", Value::n("one")),
        ("a number of 39 digits", Value::n("1".repeat(39))),
        (
            "a malformed number in a set",
            Value::Ns(["1".to_owned(), "x".to_owned()].into()),
        ),
    ] {
        is_invalid(
            &rows,
            what,
            rows.putting(item([("id", Value::s("a")), ("x", value.clone())])),
        )
        .await;
        is_invalid(
            &rows,
            what,
            rows.updating_if(Key::id("a"), "x", Some(value.clone()), vec![]),
        )
        .await;
        let clause = Clause::Equals("x".to_owned(), value);
        is_invalid(&rows, what, rows.checking(Key::id("a"), vec![clause])).await;
    }
    let nameless = item([("id", Value::s("a")), ("", Value::Null)]);
    is_invalid(&rows, "an attribute without a name", rows.putting(nameless)).await;
    is_invalid(
        &rows,
        "an update without a name",
        rows.updating_if(Key::id("a"), "", Some(Value::Null), vec![]),
    )
    .await;
    assert_eq!(rows.get(&Key::id("a")).await, None);

    for limit in [Some(0)] {
        let page = rows
            .table
            .scan(&crate::Scan {
                limit,
                ..rows.scan()
            })
            .await;
        assert!(
            matches!(page, Err(TableError::Invalid(_))),
            "a page of no items: {page:?}"
        );
        let query = crate::Query {
            limit,
            ..rows.query(None, ("id", "a"), Order::Ascending)
        };
        let page = rows.table.query(&query).await;
        assert!(
            matches!(page, Err(TableError::Invalid(_))),
            "a page of no items: {page:?}"
        );
    }
}

/// Keys that are empty, of another type, of another name, too short or too long for the table.
pub async fn what_is_no_key_of_the_table_is_refused(ground: Ground) {
    let (rows, pairs) = (
        ground.rows(Layout::Plain).await,
        ground.rows(Layout::Pairs).await,
    );
    let invalid = |what: &str, result: Result<(), TableError>| {
        assert!(
            matches!(result, Err(TableError::Invalid(_))),
            "{what}: {result:?}"
        );
    };
    let wrong_type = Key {
        hash: ("id".to_owned(), Value::n(1)),
        range: None,
    };
    let wrong_name = Key {
        hash: ("name".to_owned(), Value::s("a")),
        range: None,
    };
    for (what, rows, key) in [
        ("empty", &rows, Key::id("")),
        ("of type N", &rows, wrong_type),
        ("of another name", &rows, wrong_name.clone()),
        (
            "with a range too many",
            &rows,
            Key::pair(("id", "a"), ("version", "1")),
        ),
        ("without a range", &pairs, wrong_name),
        (
            "with an empty range",
            &pairs,
            Key::pair(("name", "a"), ("version", "")),
        ),
        (
            "with another range",
            &pairs,
            Key::pair(("name", "a"), ("id", "1")),
        ),
    ] {
        invalid(
            what,
            rows.table
                .get(&rows.name, &key, Consistency::Strong)
                .await
                .map(drop),
        );
        let keys = std::slice::from_ref(&key);
        invalid(
            what,
            rows.table
                .batch_get(&rows.name, keys, Consistency::Strong)
                .await
                .map(drop),
        );
        invalid(
            what,
            rows.transact(vec![rows.deleting_if(key.clone(), vec![])])
                .await,
        );
        invalid(
            what,
            rows.transact(vec![rows.updating_if(key, "x", Some(Value::Null), vec![])])
                .await,
        );
    }
    invalid(
        "a put without a key",
        rows.transact(vec![rows.putting(item([("x", Value::Null)]))])
            .await,
    );
    invalid(
        "a put with an empty key",
        rows.transact(vec![rows.putting(numbered("", 1))]).await,
    );
    let number = item([("id", Value::n(1))]);
    invalid(
        "a put with a key of type N",
        rows.transact(vec![rows.putting(number)]).await,
    );
    let no_range = item([("name", Value::s("a"))]);
    invalid(
        "a put without a range",
        pairs.transact(vec![pairs.putting(no_range)]).await,
    );
    let key = rows.updating_if(Key::id("a"), "id", Some(Value::s("b")), vec![]);
    invalid("an update of the key", rows.transact(vec![key]).await);
}

/// An attribute that an index covers is absent or fit to be its key.
pub async fn what_no_index_takes_is_refused(ground: Ground) {
    let rows = ground.rows(Layout::Indexed).await;
    for (what, value) in [
        ("of type N", Value::n(1)),
        ("empty", Value::s("")),
        ("null", Value::Null),
    ] {
        let whole = item([
            ("id", Value::s("a")),
            ("kind", Value::s("k")),
            ("at", value),
        ]);
        let refused = rows.transact(vec![rows.putting(whole)]).await;
        assert!(
            matches!(refused, Err(TableError::Invalid(_))),
            "{what}: {refused:?}"
        );
        assert_eq!(rows.get(&Key::id("a")).await, None, "{what}");
    }
}
