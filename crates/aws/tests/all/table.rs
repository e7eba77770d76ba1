//! Items through real moto: what only this adapter can get wrong.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use keep::{
    Action, Clause, Condition, Consistency, Key, Order, PageStart, Query, Scan, Table, TableError,
    TableName, Value,
};
use testkit::{Fault, Moto};

use crate::support::{check, fresh_table, item, put, settings, table_at};

fn texts(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_was() {
    let (table, name) = fresh_table("kinds").await;
    let kinds = item(
        "all",
        &[
            ("s", Value::s("é\u{1F511}")),
            ("empty", Value::s("")),
            ("n", Value::N("-12.5".to_owned())),
            ("b", Value::B(vec![0, 255, 10])),
            ("t", Value::Bool(true)),
            ("f", Value::Bool(false)),
            ("null", Value::Null),
            ("ss", Value::Ss(texts(&["b", "a"]))),
            ("ns", Value::Ns(texts(&["2", "1"]))),
            ("bs", Value::Bs(BTreeSet::from([vec![1], vec![0, 2]]))),
            (
                "l",
                Value::L(vec![Value::s("x"), Value::n(1), Value::L(vec![])]),
            ),
            (
                "m",
                Value::M(BTreeMap::from([(
                    "inner".to_owned(),
                    Value::M(BTreeMap::new()),
                )])),
            ),
        ],
    );
    table
        .transact(&[put(&name, kinds.clone(), Condition::always())])
        .await
        .unwrap();
    assert_eq!(
        table.get(&name, &Key::id("all"), Consistency::Strong).await,
        Ok(Some(kinds))
    );
    assert_eq!(
        table
            .get(&name, &Key::id("none"), Consistency::Strong)
            .await,
        Ok(None)
    );
}

#[tokio::test]
async fn a_single_action_goes_out_as_a_plain_call() {
    let (table, name) = fresh_table("plain").await;
    let key = Key::id("a");
    let condition = Condition(vec![
        Clause::Equals("size".to_owned(), Value::n(1)),
        Clause::Present("name".to_owned()),
    ]);
    table
        .transact(&[put(
            &name,
            item("a", &[("size", Value::n(1)), ("name", Value::s("x"))]),
            Condition::new_item("id"),
        )])
        .await
        .unwrap();
    let set = Action::Update {
        table: name.clone(),
        key: key.clone(),
        attribute: "status".to_owned(),
        value: Some(Value::s("new")),
        condition: condition.clone(),
    };
    table.transact(&[set]).await.unwrap();
    let remove = Action::Update {
        table: name.clone(),
        key: key.clone(),
        attribute: "name".to_owned(),
        value: None,
        condition: Condition::always(),
    };
    table.transact(std::slice::from_ref(&remove)).await.unwrap();
    let now = item("a", &[("size", Value::n(1)), ("status", Value::s("new"))]);
    assert_eq!(
        table.get(&name, &key, Consistency::Strong).await,
        Ok(Some(now))
    );
    table
        .transact(&[check(
            &name,
            "a",
            Condition(vec![Clause::Absent("name".to_owned())]),
        )])
        .await
        .unwrap();
    let refused = table
        .transact(&[check(&name, "a", condition.clone())])
        .await;
    assert_eq!(refused, Err(TableError::ConditionFailed(vec![0])));
    let delete = |condition| Action::Delete {
        table: name.clone(),
        key: key.clone(),
        condition,
    };
    assert_eq!(
        table.transact(&[delete(condition)]).await,
        Err(TableError::ConditionFailed(vec![0]))
    );
    table
        .transact(&[delete(Condition::always())])
        .await
        .unwrap();
    assert_eq!(table.get(&name, &key, Consistency::Strong).await, Ok(None));

    let calls = Moto::shared().calls_by("plain");
    let writes: Vec<_> = calls
        .iter()
        .map(testkit::Call::operation)
        .filter(|operation| !matches!(*operation, "GetItem" | "DescribeTable" | "CreateTable"))
        .collect();
    let check = "TransactWriteItems";
    assert_eq!(
        writes,
        [
            "PutItem",
            "UpdateItem",
            "UpdateItem",
            check,
            check,
            "DeleteItem",
            "DeleteItem"
        ]
    );
}

#[tokio::test]
async fn a_transaction_over_two_tables_happens_whole_or_not_at_all() {
    let (table, one) = fresh_table("whole_one").await;
    let (_, other) = fresh_table("whole_other").await;
    let fresh = || Condition::new_item("id");
    table
        .transact(&[
            put(&one, item("a", &[]), fresh()),
            put(&other, item("b", &[]), fresh()),
        ])
        .await
        .unwrap();
    let refused = table
        .transact(&[
            put(&one, item("c", &[]), fresh()),
            put(&other, item("b", &[("again", Value::Null)]), fresh()),
            check(&one, "a", fresh()),
        ])
        .await;
    assert_eq!(refused, Err(TableError::ConditionFailed(vec![1, 2])));
    assert_eq!(Moto::shared().dump("whole_one").len(), 1);
    assert_eq!(
        Moto::shared().dump("whole_other"),
        [serde_json::json!({ "id": { "S": "b" } })]
    );
    let calls = Moto::shared().calls_by("whole_one");
    let tokens: BTreeSet<_> = calls
        .iter()
        .filter(|call| call.operation() == "TransactWriteItems")
        .map(|call| {
            call.body()["ClientRequestToken"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(tokens.len(), 2, "each transaction has a token of its own");
}

#[tokio::test]
async fn two_puts_on_one_item_are_refused() {
    let (table, name) = fresh_table("one_item_twice").await;
    let twice = [
        put(&name, item("a", &[]), Condition::always()),
        put(&name, item("a", &[("x", Value::Null)]), Condition::always()),
    ];
    let refused = table.transact(&twice).await;
    assert!(
        matches!(refused, Err(TableError::Invalid(_))),
        "{refused:?}"
    );
    assert_eq!(Moto::shared().dump("one_item_twice").len(), 0);
}

#[tokio::test]
async fn a_batch_reads_each_key_once_and_names_what_it_left() {
    let (table, name) = fresh_table("batch").await;
    for id in ["a", "b", "c"] {
        table
            .transact(&[put(&name, item(id, &[]), Condition::always())])
            .await
            .unwrap();
    }
    let keys: Vec<_> = ["c", "a", "none", "a"].map(Key::id).into();
    let mut got = table
        .batch_get(&name, &keys, Consistency::Strong)
        .await
        .unwrap();
    got.items.sort();
    assert_eq!(got.items, [item("a", &[]), item("c", &[])]);
    assert_eq!(got.unprocessed, []);

    Moto::shared().fault(Fault::partial(1).on("batch"));
    let got = table
        .batch_get(&name, &["a", "b", "c"].map(Key::id), Consistency::Strong)
        .await
        .unwrap();
    assert_eq!(got.items, [item("a", &[])]);
    assert_eq!(got.unprocessed, ["b", "c"].map(Key::id));
    assert_eq!(
        table
            .batch_get(&name, &[], Consistency::Strong)
            .await
            .unwrap()
            .items,
        []
    );
}

#[tokio::test]
async fn an_index_is_read_in_order_page_by_page() {
    let (table, name) = fresh_table("pages").await;
    for number in 0..5 {
        let attributes = [
            ("data_type", Value::s("credential")),
            ("modified_date", Value::s(format!("2026-0{number}"))),
        ];
        table
            .transact(&[put(
                &name,
                item(&number.to_string(), &attributes),
                Condition::always(),
            )])
            .await
            .unwrap();
    }
    table
        .transact(&[put(&name, item("kw/guard", &[]), Condition::always())])
        .await
        .unwrap();
    let mut query = Query {
        table: name.clone(),
        index: Some("data_type_date_index".to_owned()),
        hash: ("data_type".to_owned(), Value::s("credential")),
        from: Some(("modified_date".to_owned(), Value::s("2026-01"))),
        order: Order::Descending,
        limit: Some(3),
        start: None,
        consistency: Consistency::Eventual,
    };
    let ids = |page: &keep::Page| -> Vec<String> {
        page.items
            .iter()
            .map(|item| item["id"].as_s().unwrap().to_owned())
            .collect()
    };
    let first = table.query(&query).await.unwrap();
    assert_eq!(ids(&first), ["4", "3", "2"]);
    let start = first.next.clone().unwrap();
    assert_eq!(
        start,
        PageStart::after(&first.items[2], &["id", "data_type", "modified_date"])
    );
    query.start = Some(start);
    let second = table.query(&query).await.unwrap();
    assert_eq!(ids(&second), ["1"]);
    query.order = Order::Ascending;
    query.start = None;
    query.limit = None;
    let all = table.query(&query).await.unwrap();
    assert_eq!(
        (ids(&all), all.next),
        (
            vec![
                "1".to_owned(),
                "2".to_owned(),
                "3".to_owned(),
                "4".to_owned()
            ],
            None
        )
    );
}

#[tokio::test]
async fn a_strong_read_is_asked_for_as_such() {
    let (table, name) = fresh_table("strong").await;
    let key = Key::id("a");
    for consistency in [Consistency::Strong, Consistency::Eventual] {
        table.get(&name, &key, consistency).await.unwrap();
        let keys = std::slice::from_ref(&key);
        table.batch_get(&name, keys, consistency).await.unwrap();
        let query = Query {
            table: name.clone(),
            index: None,
            hash: ("id".to_owned(), Value::s("a")),
            from: None,
            order: Order::Ascending,
            limit: None,
            start: None,
            consistency,
        };
        table.query(&query).await.unwrap();
    }
    let calls = Moto::shared().calls_by("strong");
    let asked: Vec<_> = calls
        .iter()
        .filter_map(|call| match call.operation() {
            "GetItem" | "Query" => call.body()["ConsistentRead"].as_bool(),
            "BatchGetItem" => call.body()["RequestItems"]["strong"]["ConsistentRead"].as_bool(),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [true, true, true, false, false, false]);
}

#[tokio::test]
async fn a_scan_gives_only_the_attributes_asked_for() {
    let (table, name) = fresh_table("scan").await;
    for id in ["a", "b", "c"] {
        // A reserved word, and letters that no expression takes as they are.
        let attributes = [
            ("name", Value::s(id)),
            ("od-d n.ame", Value::n(1)),
            ("other", Value::Null),
        ];
        table
            .transact(&[put(&name, item(id, &attributes), Condition::always())])
            .await
            .unwrap();
    }
    let mut scan = Scan {
        table: name,
        attributes: vec!["name".to_owned(), "od-d n.ame".to_owned()],
        limit: Some(2),
        start: None,
        consistency: Consistency::Eventual,
    };
    let mut found = Vec::new();
    loop {
        let page = table.scan(&scan).await.unwrap();
        found.extend(page.items);
        scan.start = page.next;
        if scan.start.is_none() {
            break;
        }
    }
    found.sort();
    let expected = |id| {
        keep::Item::from([
            ("name".to_owned(), Value::s(id)),
            ("od-d n.ame".to_owned(), Value::n(1)),
        ])
    };
    assert_eq!(found, ["a", "b", "c"].map(expected));
}

#[tokio::test]
async fn a_throttled_read_succeeds_at_the_next_try() {
    let (table, name) = fresh_table("throttled").await;
    let throttle =
        || Fault::refuse("GetItem", "ProvisionedThroughputExceededException", 400).on("throttled");
    Moto::shared().fault(throttle());
    assert_eq!(
        table.get(&name, &Key::id("a"), Consistency::Strong).await,
        Ok(None)
    );
    Moto::shared().fault(throttle().times(2));
    assert_eq!(
        table.get(&name, &Key::id("a"), Consistency::Strong).await,
        Err(TableError::Throttled)
    );
    assert_eq!(
        table.get(&name, &Key::id("a"), Consistency::Strong).await,
        Ok(None)
    );
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_in_doubt_and_sent_once() {
    let (table, name) = fresh_table("unheard").await;
    // A connection is in the pool already, as in a running server.
    assert_eq!(
        table.get(&name, &Key::id("a"), Consistency::Strong).await,
        Ok(None)
    );
    let fresh = || Condition::new_item("id");

    Moto::shared().fault(Fault::drop_reply("PutItem").on("unheard"));
    let written = table.transact(&[put(&name, item("a", &[]), fresh())]).await;
    assert!(
        matches!(written, Err(TableError::Ambiguous(_))),
        "{written:?}"
    );
    assert_eq!(Moto::shared().dump("unheard").len(), 1, "it happened");

    Moto::shared().fault(Fault::drop_request("PutItem").on("unheard"));
    let written = table.transact(&[put(&name, item("b", &[]), fresh())]).await;
    assert!(
        matches!(written, Err(TableError::Ambiguous(_))),
        "{written:?}"
    );
    assert_eq!(Moto::shared().dump("unheard").len(), 1, "it did not happen");

    Moto::shared().fault(Fault::drop_reply("TransactWriteItems").on("unheard"));
    let two = [
        put(&name, item("c", &[]), fresh()),
        put(&name, item("d", &[]), fresh()),
    ];
    let written = table.transact(&two).await;
    assert!(
        matches!(written, Err(TableError::Ambiguous(_))),
        "{written:?}"
    );
    assert_eq!(Moto::shared().dump("unheard").len(), 3, "it happened");

    let calls = Moto::shared().calls_by("unheard");
    let count = |operation| {
        calls
            .iter()
            .filter(|call| call.operation() == operation)
            .count()
    };
    assert_eq!((count("PutItem"), count("TransactWriteItems")), (2, 1));
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_asked_again() {
    let (table, name) = fresh_table("unheard_read").await;
    Moto::shared().fault(Fault::drop_reply("GetItem").on("unheard_read"));
    assert_eq!(
        table.get(&name, &Key::id("a"), Consistency::Strong).await,
        Ok(None)
    );
    let calls = Moto::shared().calls_by("unheard_read");
    assert_eq!(
        calls
            .iter()
            .filter(|call| call.operation() == "GetItem")
            .count(),
        2
    );
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let moto = Moto::shared();
    let (_, name) = fresh_table("rights").await;
    let table = table_at(&settings(&moto.url, "narrow")).await;
    let denied = |action: &str| TableError::Denied(action.into());
    moto.allow_only("narrow", &["dynamodb:PutItem"]);
    let write = put(&name, item("a", &[]), Condition::always());
    assert_eq!(table.transact(std::slice::from_ref(&write)).await, Ok(()));
    let read = table.get(&name, &Key::id("a"), Consistency::Strong).await;
    assert_eq!(read, Err(denied("dynamodb:GetItem")));
    let both = [write, check(&name, "b", Condition::new_item("id"))];
    assert_eq!(
        table.transact(&both).await,
        Err(denied("dynamodb:ConditionCheckItem"))
    );
    let scan = Scan {
        table: name,
        attributes: vec![],
        limit: None,
        start: None,
        consistency: Consistency::Eventual,
    };
    assert_eq!(table.scan(&scan).await, Err(denied("dynamodb:Scan")));
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named() {
    let (table, _) = fresh_table("there").await;
    let missing = TableName::new("not_there");
    let read = table
        .get(&missing, &Key::id("a"), Consistency::Strong)
        .await;
    assert_eq!(read, Err(TableError::NoSuchTable("not_there".to_owned())));
    let written = table
        .transact(&[put(&missing, item("a", &[]), Condition::always())])
        .await;
    assert_eq!(
        written,
        Err(TableError::NoSuchTable("not_there".to_owned()))
    );
    let parts = [
        put(&missing, item("a", &[]), Condition::always()),
        check(&TableName::new("there"), "b", Condition::new_item("id")),
    ];
    assert_eq!(
        table.transact(&parts).await,
        Err(TableError::NoSuchTable("not_there or there".to_owned()))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reads_at_once_are_all_answered() {
    let (table, name) = fresh_table("crowd").await;
    table
        .transact(&[put(&name, item("a", &[]), Condition::always())])
        .await
        .unwrap();
    let key = Key::id("a");
    let answers = join_all((0..100).map(|_| table.get(&name, &key, Consistency::Strong))).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == Ok(Some(item("a", &[])))),
        "{answers:?}"
    );
}
