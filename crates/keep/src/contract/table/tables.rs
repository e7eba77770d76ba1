//! Tables themselves.

use crate::contract::Ground;
use crate::contract::ground::{Layout, numbered};
use crate::{Condition, Consistency, IndexSchema, Key, Order, TableError, TableName, Terms};

/// Making a table that is there is no error and loses nothing.
pub async fn making_a_table_twice_is_one_table(ground: Ground) {
    let schema = ground.schema(Layout::Indexed);
    let table = ground.table();
    table.create(&schema).await.unwrap();
    let rows = crate::contract::ground::Rows {
        table: table.clone(),
        name: schema.name.clone(),
    };
    rows.put(numbered("a", 1)).await;
    table.create(&schema).await.unwrap();
    assert_eq!(rows.get(&Key::id("a")).await, Some(numbered("a", 1)));
}

/// A table is there once it is made, whatever the terms.
pub async fn a_table_is_there_once_it_is_made(ground: Ground) {
    let schema = ground.schema(Layout::Plain);
    let table = ground.table();
    assert_eq!(table.exists(&schema.name).await, Ok(false));
    let terms = Terms {
        units: Some((2, 1)),
        tags: vec![("Owner".to_owned(), "ops".to_owned())],
    };
    table.create_under(&schema, &terms).await.unwrap();
    assert_eq!(table.exists(&schema.name).await, Ok(true));
}

/// A table or an index that is there with another key is refused.
pub async fn a_table_is_not_made_again_with_another_key(ground: Ground) {
    let schema = ground.schema(Layout::Indexed);
    let table = ground.table();
    table.create(&schema).await.unwrap();

    let mut hash = schema.clone();
    hash.hash = "other".to_owned();
    let mut range = schema.clone();
    range.range = Some("other".to_owned());
    let mut index = schema.clone();
    index.indexes[0] = IndexSchema {
        hash: "other".to_owned(),
        ..index.indexes[0].clone()
    };
    for other in [hash, range, index] {
        let refused = table.create(&other).await;
        assert!(
            matches!(refused, Err(TableError::Invalid(_))),
            "{refused:?} for {other:?}"
        );
    }
}

/// Every operation says which table or index there is none of.
pub async fn an_unknown_table_or_index_is_named(ground: Ground) {
    let table = ground.table();
    let nowhere = ground.schema(Layout::Plain).name;
    let rows = crate::contract::ground::Rows {
        table: table.clone(),
        name: nowhere.clone(),
    };
    let is_named = |name: &TableName, error: Option<TableError>| match error {
        Some(TableError::NoSuchTable(told)) => {
            assert!(told.contains(name.as_str()), "{told} names not {name}")
        }
        other => panic!("{other:?}"),
    };
    let key = Key::id("a");
    is_named(
        &nowhere,
        table.get(&nowhere, &key, Consistency::Strong).await.err(),
    );
    is_named(
        &nowhere,
        table
            .batch_get(&nowhere, std::slice::from_ref(&key), Consistency::Strong)
            .await
            .err(),
    );
    is_named(
        &nowhere,
        table
            .query(&rows.query(None, ("id", "a"), Order::Ascending))
            .await
            .err(),
    );
    is_named(&nowhere, table.scan(&rows.scan()).await.err());
    is_named(
        &nowhere,
        rows.transact(vec![rows.putting(numbered("a", 1))])
            .await
            .err(),
    );

    let there = ground.rows(Layout::Indexed).await;
    let action = crate::Action::Check {
        table: nowhere.clone(),
        key,
        condition: Condition::new_item("id"),
    };
    let both = there
        .transact(vec![there.putting(numbered("b", 1)), action])
        .await;
    assert!(matches!(both, Err(TableError::NoSuchTable(_))), "{both:?}");
    assert_eq!(there.get(&Key::id("b")).await, None);
    is_named(
        &there.name,
        table
            .query(&there.query(Some("by_nothing"), ("kind", "a"), Order::Ascending))
            .await
            .err(),
    );
}
