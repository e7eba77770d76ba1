//! Queries of tables and indexes: order, pages, and what an index holds.

use crate::contract::Ground;
use crate::contract::ground::{Layout, PATIENCE, Rows, all_items, item, of_size, texts};
use crate::{
    Consistency, Item, Key, MAX_ITEM_BYTES, MAX_PAGE_BYTES, Order, PageStart, Query, TableError,
    Value, item_bytes,
};

const BOTH: [Order; 2] = [Order::Ascending, Order::Descending];

fn version(name: &str, version: &str) -> Item {
    item([
        ("name", Value::s(name)),
        ("version", Value::s(version)),
        ("about", Value::s(format!("{name} {version}"))),
    ])
}

/// In the order of `BYTES`: letters after digits, two-byte letters after all of ASCII, a prefix
/// before what it begins.
const VERSIONS: [&str; 7] = ["-1", "1", "10", "2", "B", "a", "é"];

async fn versions(ground: &Ground) -> Rows {
    let rows = ground.rows(Layout::Pairs).await;
    for name in ["a", "b", "ab"] {
        let mut items: Vec<Item> = VERSIONS.iter().map(|text| version(name, text)).collect();
        items.rotate_left(3);
        rows.put_all(&items).await;
    }
    rows
}

fn kind(id: &str, kind: &str, at: &str) -> Item {
    item([
        ("id", Value::s(id)),
        ("kind", Value::s(kind)),
        ("at", Value::s(at)),
        ("more", Value::Bool(true)),
    ])
}

/// Nine items of kind `k`, three of them at one time, and three of others. In the index already.
async fn kinds(ground: &Ground) -> Rows {
    let rows = ground.rows(Layout::Indexed).await;
    let at = ["1", "3", "3", "3", "2", "7", "6", "5", "4"];
    let items: Vec<Item> = (0..9).map(|n| kind(&format!("i{n}"), "k", at[n])).collect();
    rows.put_all(&items).await;
    rows.put_all(&[
        kind("j0", "l", "3"),
        kind("j1", "K", "3"),
        kind("j2", "kk", "3"),
    ])
    .await;
    let ids: Vec<String> = (0..9).map(|n| format!("i{n}")).collect();
    rows.index_holds(
        "by_kind",
        ("kind", "k"),
        &ids.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    rows
}

/// Byte order, both directions, of this hash value only.
pub async fn a_query_reads_one_hash_in_the_order_of_the_range(ground: Ground) {
    let rows = versions(&ground).await;
    for order in BOTH {
        let items = all_items(
            rows.pages_of_query(&rows.query(None, ("name", "a"), order))
                .await,
        );
        let mut expected: Vec<Item> = VERSIONS.iter().map(|text| version("a", text)).collect();
        if order == Order::Descending {
            expected.reverse();
        }
        assert_eq!(items, expected, "{order:?}");
    }
    assert_eq!(
        rows.table
            .query(&rows.query(None, ("name", "none"), Order::Ascending))
            .await,
        Ok(Default::default())
    );

    // A table without a range has at most one item to a hash value.
    let plain = ground.rows(Layout::Plain).await;
    plain.put(of_size("a", 20)).await;
    let items = all_items(
        plain
            .pages_of_query(&plain.query(None, ("id", "a"), Order::Descending))
            .await,
    );
    assert_eq!(items, [of_size("a", 20)]);
}

/// Likewise, with whole items; among equal range values any order.
pub async fn a_query_of_an_index_reads_in_its_order(ground: Ground) {
    let rows = kinds(&ground).await;
    for order in BOTH {
        let items = all_items(
            rows.pages_of_query(&rows.query(Some("by_kind"), ("kind", "k"), order))
                .await,
        );
        let mut at = vec!["1", "2", "3", "3", "3", "4", "5", "6", "7"];
        if order == Order::Descending {
            at.reverse();
        }
        assert_eq!(texts(&items, "at"), at, "{order:?}");
        for item in items {
            let [id, at] = ["id", "at"].map(|name| item[name].as_s().expect("a text").to_owned());
            assert_eq!(item, kind(&id, "k", &at));
        }
    }
}

/// `from` is included, whether there is such an item or not.
pub async fn a_query_starts_where_it_is_told(ground: Ground) {
    let rows = versions(&ground).await;
    for (from, first) in [
        ("1", 1),
        ("10", 2),
        ("11", 3),
        ("2", 3),
        ("", 0),
        ("!", 0),
        ("é", 6),
        ("ü", 7),
    ] {
        for order in BOTH {
            let mut query = rows.query(None, ("name", "a"), order);
            query.from = (!from.is_empty()).then(|| ("version".to_owned(), Value::s(from)));
            let mut expected = VERSIONS[first..].to_vec();
            if order == Order::Descending {
                expected.reverse();
            }
            for limit in [None, Some(1), Some(2)] {
                query.limit = limit;
                let items = all_items(rows.pages_of_query(&query).await);
                assert_eq!(
                    texts(&items, "version"),
                    expected,
                    "from {from:?}, {order:?}, limit {limit:?}"
                );
            }
        }
    }
    let rows = kinds(&ground).await;
    let query = Query {
        from: Some(("at".to_owned(), Value::s("6"))),
        ..rows.query(Some("by_kind"), ("kind", "k"), Order::Ascending)
    };
    assert_eq!(
        texts(&all_items(rows.pages_of_query(&query).await), "id"),
        ["i6", "i5"]
    );
}

async fn walks_once(rows: &Rows, whole: &Query, attribute: &str) {
    let expected = texts(&all_items(rows.pages_of_query(whole).await), attribute);
    let mut distinct = expected.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), expected.len());
    for limit in 1..=expected.len() + 1 {
        let query = Query {
            limit: Some(limit),
            ..whole.clone()
        };
        let items = all_items(rows.pages_of_query(&query).await);
        assert_eq!(
            texts(&items, attribute),
            expected,
            "limit {limit}, {:?}",
            whole.order
        );
    }
}

/// No item twice, none left out, the same order.
pub async fn pages_of_a_query_walk_every_item_once_under_every_limit(ground: Ground) {
    let rows = versions(&ground).await;
    for order in BOTH {
        walks_once(&rows, &rows.query(None, ("name", "a"), order), "version").await;
    }
}

/// Likewise among equal range values, where only the table's key tells items apart.
pub async fn pages_of_an_index_walk_every_item_once_under_every_limit(ground: Ground) {
    let rows = kinds(&ground).await;
    for order in BOTH {
        walks_once(
            &rows,
            &rows.query(Some("by_kind"), ("kind", "k"), order),
            "id",
        )
        .await;
    }
}

/// A start after the last item there is, stored or not, gives an empty page and no further one.
pub async fn a_page_after_the_last_item_is_empty(ground: Ground) {
    let rows = versions(&ground).await;
    for last in ["é", "ü"] {
        let mut query = rows.query(None, ("name", "a"), Order::Ascending);
        query.start = Some(PageStart::after(&version("a", last), &["name", "version"]));
        assert_eq!(
            rows.table.query(&query).await,
            Ok(Default::default()),
            "after {last}"
        );
    }
    let mut query = rows.query(None, ("name", "a"), Order::Descending);
    query.start = Some(PageStart::after(&version("a", "-1"), &["name", "version"]));
    assert_eq!(rows.table.query(&query).await, Ok(Default::default()));

    // An item that is gone is a start as good as any.
    rows.transact(vec![
        rows.deleting_if(Key::pair(("name", "a"), ("version", "2")), vec![]),
    ])
    .await
    .unwrap();
    let mut query = rows.query(None, ("name", "a"), Order::Ascending);
    query.start = Some(PageStart::after(&version("a", "2"), &["name", "version"]));
    let items = all_items(rows.pages_of_query(&query).await);
    assert_eq!(texts(&items, "version"), ["B", "a", "é"]);
}

/// A start of the table on an index, of an index on the table, of another hash value.
pub async fn a_page_start_of_another_order_is_refused(ground: Ground) {
    let rows = kinds(&ground).await;
    let of_table = PageStart::after(&kind("i1", "k", "3"), &["id"]);
    let of_index = PageStart::after(&kind("i1", "k", "3"), &["id", "kind", "at"]);
    let of_other_index = PageStart(
        [("owner", "o"), ("at", "3"), ("id", "i1")]
            .map(|(name, value)| (name.to_owned(), Value::s(value)))
            .into(),
    );
    let of_other_kind = PageStart::after(&kind("j0", "l", "3"), &["id", "kind", "at"]);
    let of_other_hash = PageStart::after(&kind("i2", "k", "3"), &["id"]);
    let index = rows.query(Some("by_kind"), ("kind", "k"), Order::Ascending);
    let table = rows.query(None, ("id", "i1"), Order::Ascending);
    for (what, query, start) in [
        ("the table's on an index", &index, of_table),
        ("another index's", &index, of_other_index),
        ("another hash value's", &index, of_other_kind),
        ("an empty one", &index, PageStart(Default::default())),
        ("an index's on the table", &table, of_index),
        ("another hash value's on the table", &table, of_other_hash),
    ] {
        let refused = rows
            .table
            .query(&Query {
                start: Some(start),
                ..query.clone()
            })
            .await;
        assert!(
            matches!(refused, Err(TableError::Invalid(_))),
            "{what}: {refused:?}"
        );
    }
}

/// Indexes are eventual; whoever asks otherwise hears so everywhere.
pub async fn a_strong_read_of_an_index_is_refused(ground: Ground) {
    let rows = ground.rows(Layout::Indexed).await;
    let query = Query {
        consistency: Consistency::Strong,
        ..rows.query(Some("by_kind"), ("kind", "k"), Order::Ascending)
    };
    let refused = rows.table.query(&query).await;
    assert!(
        matches!(refused, Err(TableError::Invalid(_))),
        "{refused:?}"
    );
}

/// Neither without the hash nor without the range attribute, and not in an index of another.
pub async fn items_without_index_attributes_are_not_in_the_index(ground: Ground) {
    let rows = ground.rows(Layout::Indexed).await;
    rows.put_all(&[
        item([("id", Value::s("neither"))]),
        item([("id", Value::s("no-at")), ("kind", Value::s("k"))]),
        item([("id", Value::s("no-kind")), ("at", Value::s("1"))]),
        item([
            ("id", Value::s("owned")),
            ("owner", Value::s("k")),
            ("at", Value::s("1")),
        ]),
        kind("whole", "k", "1"),
    ])
    .await;
    rows.index_holds("by_kind", ("kind", "k"), &["whole"]).await;
    rows.index_holds("by_owner", ("owner", "k"), &["owned"])
        .await;
    // Looked at again after both were there: what is not to come has not come.
    rows.index_holds("by_kind", ("kind", "k"), &["whole"]).await;
}

/// Puts, updates that move, remove or bring an attribute, replacements and deletes.
pub async fn an_index_shows_every_write_in_the_end(ground: Ground) {
    let rows = ground.rows(Layout::Indexed).await;
    let update = |attribute: &str, value: Option<&str>| {
        rows.transact(vec![rows.updating_if(
            Key::id("a"),
            attribute,
            value.map(Value::s),
            vec![],
        )])
    };
    rows.put(kind("a", "k", "1")).await;
    rows.index_holds("by_kind", ("kind", "k"), &["a"]).await;
    update("kind", Some("l")).await.unwrap();
    rows.index_holds("by_kind", ("kind", "k"), &[]).await;
    rows.index_holds("by_kind", ("kind", "l"), &["a"]).await;
    update("at", None).await.unwrap();
    rows.index_holds("by_kind", ("kind", "l"), &[]).await;
    update("at", Some("2")).await.unwrap();
    rows.index_holds("by_kind", ("kind", "l"), &["a"]).await;
    rows.put(kind("a", "m", "3")).await;
    rows.index_holds("by_kind", ("kind", "m"), &["a"]).await;
    rows.index_holds("by_kind", ("kind", "l"), &[]).await;
    rows.put(kind("b", "m", "3")).await;
    rows.index_holds("by_kind", ("kind", "m"), &["a", "b"])
        .await;
    rows.transact(vec![rows.deleting_if(Key::id("a"), vec![])])
        .await
        .unwrap();
    rows.index_holds("by_kind", ("kind", "m"), &["b"]).await;

    // An attribute that is no part of the index is as new as the item.
    rows.transact(vec![rows.updating_if(
        Key::id("b"),
        "more",
        Some(Value::n(5)),
        vec![],
    )])
    .await
    .unwrap();
    for _ in 0..PATIENCE {
        let items = all_items(
            rows.pages_of_query(&rows.query(Some("by_kind"), ("kind", "m"), Order::Ascending))
                .await,
        );
        if items.iter().any(|item| item["more"] == Value::n(5)) {
            return;
        }
    }
    panic!("the index kept an old attribute");
}

/// A page of a query, of an index or of a scan ends when its items reach 1 MB.
pub async fn pages_end_at_one_megabyte(ground: Ground) {
    let (pairs, indexed) = (
        ground.rows(Layout::Pairs).await,
        ground.rows(Layout::Indexed).await,
    );
    let ids: Vec<String> = (0..8).map(|n| format!("i{n}")).collect();
    for id in &ids {
        let mut item = of_size(id, 300_000);
        item.insert("name".to_owned(), Value::s("a"));
        item.insert("version".to_owned(), Value::s(id.as_str()));
        item.insert("kind".to_owned(), Value::s("k"));
        item.insert("at".to_owned(), Value::s(id.as_str()));
        pairs.put(item.clone()).await;
        indexed.put(item).await;
    }
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    indexed.index_holds("by_kind", ("kind", "k"), &names).await;

    let query = pairs.query(None, ("name", "a"), Order::Ascending);
    let index = indexed.query(Some("by_kind"), ("kind", "k"), Order::Descending);
    for (what, pages) in [
        ("a query", pairs.pages_of_query(&query).await),
        ("an index", indexed.pages_of_query(&index).await),
        ("a scan", indexed.pages_of_scan(&indexed.scan()).await),
    ] {
        assert!(pages.len() >= 2, "{what}: one page of everything");
        for page in &pages {
            let bytes: usize = page.items.iter().map(item_bytes).sum();
            assert!(
                bytes < MAX_PAGE_BYTES + MAX_ITEM_BYTES,
                "{what}: a page of {bytes} bytes"
            );
        }
        let mut seen = texts(&all_items(pages), "id");
        seen.sort();
        assert_eq!(seen, ids, "{what}");
    }
}
