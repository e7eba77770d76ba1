//! Queries, scans and batch reads.

use bench::standin::{ITEMS_READ, World};
use serde_json::{Value, json};

use crate::{dynamodb, get, put, world};

fn ids(answer: &Value) -> Vec<&str> {
    let items = answer["Items"].as_array().expect("items");
    items
        .iter()
        .map(|item| {
            item["id"]["S"]
                .as_str()
                .or(item["version"]["S"].as_str())
                .expect("a key")
        })
        .collect()
}

/// Five credentials; the third and fourth share a date.
fn dated() -> World {
    let world = world();
    for (id, date) in [
        ("a", "01"),
        ("b", "02"),
        ("c", "03"),
        ("d", "03"),
        ("e", "05"),
    ] {
        let item = json!({ "id": { "S": id }, "data_type": { "S": "credential" }, "modified_date": { "S": date } });
        put(&world, "main", item);
    }
    put(&world, "main", json!({ "id": { "S": "kw/guard" } }));
    world
}

fn index_query(extra: Value) -> Value {
    let mut query = json!({ "TableName": "main", "IndexName": "data_type_date_index",
        "KeyConditionExpression": "data_type = :t", "ExpressionAttributeValues": { ":t": { "S": "credential" } } });
    for (name, value) in extra.as_object().expect("members") {
        if name == "ExpressionAttributeValues" {
            query[name][":d"] = value[":d"].clone();
            query[name][":e"] = value[":e"].clone();
        } else {
            query[name] = value.clone();
        }
    }
    query
}

#[test]
fn an_index_is_read_in_the_order_of_its_range_attribute_and_page_by_page() {
    let world = dated();
    for (forward, expected) in [(true, "abcde"), (false, "edcba")] {
        let (mut seen, mut start) = (String::new(), Value::Null);
        loop {
            let mut query = index_query(json!({ "Limit": 2, "ScanIndexForward": forward }));
            if !start.is_null() {
                query["ExclusiveStartKey"] = start;
            }
            let page = dynamodb(&world, "Query", query).expect("a page");
            seen.push_str(&ids(&page).concat());
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
        }
        assert_eq!(seen, expected);
    }
}

#[test]
fn range_conditions_bound_a_query() {
    let world = dated();
    let dates = json!({ ":d": { "S": "02" }, ":e": { "S": "03" } });
    for (condition, expected) in [
        ("data_type = :t AND modified_date >= :d", "bcde"),
        ("data_type = :t AND modified_date > :d", "cde"),
        ("data_type = :t AND modified_date BETWEEN :d AND :e", "bcd"),
        ("data_type = :t AND modified_date < :e", "ab"),
        ("data_type = :t AND begins_with(modified_date, :e)", "cd"),
    ] {
        for (forward, reversed) in [(true, false), (false, true)] {
            let extra = json!({ "KeyConditionExpression": condition, "ExpressionAttributeValues": dates,
                "ScanIndexForward": forward });
            let page = dynamodb(&world, "Query", index_query(extra)).expect("a page");
            let mut seen = ids(&page);
            if reversed {
                seen.reverse();
            }
            assert_eq!(seen.concat(), expected, "{condition}, forward {forward}");
        }
    }
}

#[test]
fn a_page_may_start_where_nothing_is_left() {
    let world = dated();
    let start = json!({ "id": { "S": "z" }, "data_type": { "S": "credential" }, "modified_date": { "S": "01" } });
    let extra = json!({ "KeyConditionExpression": "data_type = :t AND modified_date >= :d",
        "ExpressionAttributeValues": { ":d": { "S": "09" }, ":e": { "S": "" } },
        "ScanIndexForward": false, "ExclusiveStartKey": start });
    let page = dynamodb(&world, "Query", index_query(extra)).expect("a page");
    assert_eq!(ids(&page), Vec::<&str>::new());
}

#[test]
fn a_table_with_a_range_key_is_queried_newest_first() {
    let world = world();
    for version in ["001", "003", "002"] {
        put(
            &world,
            "stash",
            json!({ "name": { "S": "db" }, "version": { "S": version } }),
        );
    }
    let query = json!({ "TableName": "stash", "KeyConditionExpression": "#n = :n", "Limit": 1,
        "ScanIndexForward": false, "ExpressionAttributeNames": { "#n": "name" },
        "ExpressionAttributeValues": { ":n": { "S": "db" } } });
    let page = dynamodb(&world, "Query", query).expect("a page");
    assert_eq!(ids(&page), ["003"]);
    assert_eq!(
        page["LastEvaluatedKey"],
        json!({ "name": { "S": "db" }, "version": { "S": "003" } })
    );
}

#[test]
fn a_rewritten_item_moves_in_the_index() {
    let world = dated();
    let item = json!({ "id": { "S": "a" }, "data_type": { "S": "credential" }, "modified_date": { "S": "09" } });
    put(&world, "main", item);
    let page = dynamodb(&world, "Query", index_query(json!({}))).expect("a page");
    assert_eq!(ids(&page).concat(), "bcdea");
}

#[test]
fn a_scan_sees_items_without_index_attributes_and_a_filter_hides_others() {
    let world = dated();
    let scan = json!({ "TableName": "main", "ProjectionExpression": "id" });
    let page = dynamodb(&world, "Scan", scan).expect("a page");
    assert_eq!(ids(&page), ["a", "b", "c", "d", "e", "kw/guard"]);
    assert_eq!(page["Items"][0], json!({ "id": { "S": "a" } }));
    let filtered = json!({ "TableName": "main", "FilterExpression": "modified_date = :d",
        "ExpressionAttributeValues": { ":d": { "S": "03" } } });
    let page = dynamodb(&world, "Scan", filtered).expect("a page");
    assert_eq!(
        (ids(&page), page["ScannedCount"].as_u64()),
        (vec!["c", "d"], Some(6))
    );
}

#[test]
fn a_batch_reads_several_tables_and_leaves_out_what_is_absent() {
    let world = dated();
    put(
        &world,
        "stash",
        json!({ "name": { "S": "db" }, "version": { "S": "001" } }),
    );
    let batch = json!({ "RequestItems": {
        "main": { "Keys": [{ "id": { "S": "b" } }, { "id": { "S": "none" } }] },
        "stash": { "Keys": [{ "name": { "S": "db" }, "version": { "S": "001" } }] },
    } });
    let answer = dynamodb(&world, "BatchGetItem", batch).expect("a batch");
    assert_eq!(
        answer["Responses"]["main"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(answer["Responses"]["stash"][0]["version"]["S"], "001");
    assert_eq!(answer["UnprocessedKeys"], json!({}));
}

#[test]
fn an_unknown_table_is_named() {
    let scan = json!({ "TableName": "nowhere" });
    let error = dynamodb(&world(), "Scan", scan).expect_err("a refusal");
    assert!(
        error["__type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("#ResourceNotFoundException"))
    );
}

#[test]
fn the_items_that_reads_look_at_are_counted() {
    let world = world();
    for id in ["a", "b", "c"] {
        put(
            &world,
            "main",
            json!({ "id": { "S": id }, "n": { "N": "1" } }),
        );
    }
    get(&world, "a");
    get(&world, "missing");
    let filtered = json!({ "TableName": "main", "FilterExpression": "n = :n",
        "ExpressionAttributeValues": { ":n": { "N": "2" } } });
    dynamodb(&world, "Scan", filtered).expect("a page");
    let keys = json!([{ "id": { "S": "b" } }, { "id": { "S": "missing" } }]);
    let batch = json!({ "RequestItems": { "main": { "Keys": keys } } });
    dynamodb(&world, "BatchGetItem", batch).expect("items");
    let counts: Value = serde_json::from_str(&world.counts()).expect("JSON");
    assert_eq!(counts[ITEMS_READ], 1 + 3 + 1);
}
