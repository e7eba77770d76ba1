//! Scans.

use crate::contract::Ground;
use crate::contract::ground::{Layout, PATIENCE, Rows, all_items, item, texts};
use crate::{Consistency, Item, PageStart, Scan, TableError, Value};

/// Scans are eventual: waits until this one gives so many items.
async fn settled(rows: &Rows, scan: &Scan, items: usize) -> Vec<Item> {
    for _ in 0..PATIENCE {
        let seen = all_items(rows.pages_of_scan(scan).await);
        if seen.len() == items {
            return seen;
        }
    }
    panic!("a scan does not come to {items} items");
}

/// No item twice, none left out.
pub async fn a_scan_walks_every_item_once_under_every_limit(ground: Ground) {
    let rows = ground.rows(Layout::Pairs).await;
    assert_eq!(
        rows.table.scan(&rows.scan()).await,
        Ok(Default::default()),
        "an empty table"
    );
    let items: Vec<Item> = ["a", "b", "ab"]
        .into_iter()
        .flat_map(|name| {
            ["1", "2", "10"]
                .map(|version| item([("name", Value::s(name)), ("version", Value::s(version))]))
        })
        .collect();
    rows.put_all(&items).await;
    let mut expected = items.clone();
    expected.sort();
    for limit in [None].into_iter().chain((1..=10).map(Some)) {
        let mut seen = settled(
            &rows,
            &Scan {
                limit,
                ..rows.scan()
            },
            items.len(),
        )
        .await;
        seen.sort();
        assert_eq!(seen, expected, "limit {limit:?}");
    }
    let start = Some(PageStart([("id".to_owned(), Value::s("a"))].into()));
    let refused = rows
        .table
        .scan(&Scan {
            start,
            ..rows.scan()
        })
        .await;
    assert!(
        matches!(refused, Err(TableError::Invalid(_))),
        "{refused:?}"
    );
}

/// Those and no others, also not the key; pages go on all the same.
pub async fn a_scan_gives_the_attributes_asked_for(ground: Ground) {
    let rows = ground.rows(Layout::Pairs).await;
    let whole = |version: &str| {
        item([
            ("name", Value::s("n")),
            ("version", Value::s(version)),
            ("comment", Value::s("c")),
            ("contents", Value::B(vec![1])),
        ])
    };
    let mut bare = whole("3");
    bare.remove("comment");
    rows.put_all(&[whole("1"), whole("2"), bare]).await;
    let scan = |attributes: &[&str], limit| Scan {
        attributes: attributes.iter().map(|&name| name.to_owned()).collect(),
        limit,
        ..rows.scan()
    };
    for limit in [None, Some(1), Some(2)] {
        // `comment` is a word that DynamoDB reserves.
        let seen = settled(&rows, &scan(&["version", "comment"], limit), 3).await;
        let mut versions = texts(&seen, "version");
        versions.sort();
        assert_eq!(versions, ["1", "2", "3"]);
        for item in seen {
            let expected: &[&str] = if item["version"] == Value::s("3") {
                &["version"]
            } else {
                &["comment", "version"]
            };
            assert_eq!(item.keys().collect::<Vec<_>>(), expected);
        }
        // An item with none of them counts as one, in its place.
        assert_eq!(
            settled(&rows, &scan(&["absent"], limit), 3).await,
            vec![Item::new(); 3]
        );
    }
}

/// Each of several writes, at once.
pub async fn a_strong_scan_sees_every_acknowledged_write(ground: Ground) {
    let rows = ground.rows(Layout::Pairs).await;
    let strong = Scan {
        consistency: Consistency::Strong,
        limit: Some(2),
        ..rows.scan()
    };
    for version in 1..=7 {
        let version = Value::s(version.to_string());
        rows.put_all(&[item([
            ("name", Value::s("n")),
            ("version", version.clone()),
        ])])
        .await;
        let seen = all_items(rows.pages_of_scan(&strong).await);
        assert!(seen.iter().any(|item| item["version"] == version));
    }
    assert_eq!(all_items(rows.pages_of_scan(&strong).await).len(), 7);
}
