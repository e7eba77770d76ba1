//! Tables are made as Confidant makes them, and existing ones are compared.

use keep::{Schema, Table, TableError, TableName, Terms};
use serde_json::{Value, json};
use testkit::{Fault, Moto};

use crate::stub::Stub;
use crate::support::{confidant_schema, fresh_table, settings, table_at};

const LAYOUT: &str = include_str!("../../../../vectors/confidant/dynamodb_table.json");

#[tokio::test]
async fn a_table_is_made_as_confidant_makes_it() {
    let (_table, _) = fresh_table("made").await;
    let calls = Moto::shared().calls_by("made");
    let made: Vec<_> = calls
        .iter()
        .filter(|call| call.operation() == "CreateTable")
        .collect();
    assert_eq!(made.len(), 1);
    let layout: Value = serde_json::from_str(LAYOUT).unwrap();
    for part in [
        "KeySchema",
        "AttributeDefinitions",
        "ProvisionedThroughput",
        "GlobalSecondaryIndexes",
    ] {
        assert_eq!(made[0].body()[part], layout[part], "{part}");
    }
}

#[tokio::test]
async fn a_table_is_made_under_the_terms_that_are_named() {
    let table = table_at(&settings(&Moto::shared().url, "terms")).await;
    let schema = Schema {
        name: TableName::new("terms"),
        hash: "name".to_owned(),
        range: Some("version".to_owned()),
        indexes: vec![],
    };
    assert_eq!(table.exists(&schema.name).await, Ok(false));
    let terms = Terms {
        units: Some((5, 3)),
        tags: vec![("Owner".to_owned(), "ops".to_owned())],
    };
    table.create_under(&schema, &terms).await.unwrap();
    assert_eq!(table.exists(&schema.name).await, Ok(true));
    let calls = Moto::shared().calls_by("terms");
    let made = calls
        .iter()
        .find(|call| call.operation() == "CreateTable")
        .unwrap();
    assert_eq!(
        made.body()["ProvisionedThroughput"],
        json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 3})
    );
    assert_eq!(
        made.body()["Tags"],
        json!([{"Key": "Owner", "Value": "ops"}])
    );
}

#[tokio::test]
async fn making_a_table_twice_makes_it_once() {
    let (table, _) = fresh_table("made_twice").await;
    table.create(&confidant_schema("made_twice")).await.unwrap();
    let calls = Moto::shared().calls_by("made_twice");
    assert_eq!(
        calls
            .iter()
            .filter(|call| call.operation() == "CreateTable")
            .count(),
        1
    );
}

#[tokio::test]
async fn two_servers_that_make_a_table_at_once_both_have_it() {
    let url = &Moto::shared().url;
    let (one, other) = (
        table_at(&settings(url, "race_one")).await,
        table_at(&settings(url, "race_other")).await,
    );
    let schema = confidant_schema("race");
    let (one, other) = tokio::join!(one.create(&schema), other.create(&schema));
    assert_eq!((one, other), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_lost_answer_while_a_table_is_made_is_asked_again() {
    Moto::shared().fault(Fault::drop_reply("CreateTable").on("made_unheard"));
    Moto::shared().fault(
        Fault::refuse("DescribeTable", "ThrottlingException", 400)
            .on("made_unheard")
            .times(3),
    );
    let (_table, _) = fresh_table("made_unheard").await;
    assert!(Moto::shared().tables().contains(&"made_unheard".to_owned()));
}

#[tokio::test]
async fn a_table_with_another_key_is_not_taken() {
    Moto::shared().load("other_key", "stash", &[]);
    let table = table_at(&settings(&Moto::shared().url, "other_key")).await;
    let refused = table
        .create(&confidant_schema("other_key"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("(name HASH S, version RANGE S), wanted is (id HASH S)"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_table_without_the_index_is_not_taken_and_the_fix_is_told() {
    let table = table_at(&settings(&Moto::shared().url, "no_index")).await;
    let bare = Schema {
        indexes: vec![],
        ..confidant_schema("no_index")
    };
    table.create(&bare).await.unwrap();
    let refused = table
        .create(&confidant_schema("no_index"))
        .await
        .unwrap_err();
    assert!(matches!(refused, TableError::Invalid(_)), "{refused:?}");
    let told = refused.to_string();
    assert!(told.contains("no index data_type_date_index"), "{told}");
    assert!(
        told.contains("(data_type HASH S, modified_date RANGE S)") && told.contains("update-table"),
        "{told}"
    );
}

#[tokio::test]
async fn an_index_of_another_shape_is_not_taken() {
    let table = table_at(&settings(&Moto::shared().url, "other_index")).await;
    let mut other = confidant_schema("other_index");
    other.indexes[0].range = "name".to_owned();
    table.create(&other).await.unwrap();
    let refused = table
        .create(&confidant_schema("other_index"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("(data_type HASH S, name RANGE S)"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_further_index_does_not_matter() {
    let table = table_at(&settings(&Moto::shared().url, "old_index")).await;
    let mut old = confidant_schema("old_index");
    old.indexes.push(keep::IndexSchema {
        name: "data_type_revision_index".to_owned(),
        hash: "data_type".to_owned(),
        range: "revision".to_owned(),
    });
    table.create(&old).await.unwrap();
    table.create(&confidant_schema("old_index")).await.unwrap();
}

#[tokio::test]
async fn a_table_with_a_range_key_is_made() {
    let table = table_at(&settings(&Moto::shared().url, "ranged")).await;
    let schema = Schema {
        name: TableName::new("ranged"),
        hash: "name".to_owned(),
        range: Some("version".to_owned()),
        indexes: vec![],
    };
    table.create(&schema).await.unwrap();
    table.create(&schema).await.unwrap();
    let calls = Moto::shared().calls_by("ranged");
    let made = calls
        .iter()
        .find(|call| call.operation() == "CreateTable")
        .unwrap();
    let key = json!([
        { "AttributeName": "name", "KeyType": "HASH" },
        { "AttributeName": "version", "KeyType": "RANGE" },
    ]);
    assert_eq!(made.body()["KeySchema"], key);
    assert_eq!(made.body().get("GlobalSecondaryIndexes"), None);
}

#[tokio::test]
async fn waiting_for_a_table_ends() {
    let body = json!({ "Table": {
        "TableName": "slow", "TableStatus": "CREATING",
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
    }});
    let stub = Stub::answering(crate::stub::Answer::Body(200, body.to_string())).await;
    let table = table_at(&settings(&stub.url, "key")).await;
    let late = table
        .create(&Schema {
            indexes: vec![],
            ..confidant_schema("slow")
        })
        .await;
    assert_eq!(
        late,
        Err(TableError::Unavailable(
            "table slow is still being made".to_owned()
        ))
    );
    assert_eq!(
        stub.operations().len(),
        360,
        "three minutes, two looks a second"
    );
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let moto = Moto::shared();
    let table = table_at(&settings(&moto.url, "maker")).await;
    moto.allow_only("maker", &[]);
    let refused = table.create(&confidant_schema("never_made")).await;
    assert_eq!(
        refused,
        Err(TableError::Denied("dynamodb:DescribeTable".into()))
    );
    moto.allow_only("maker", &["dynamodb:DescribeTable"]);
    let refused = table.create(&confidant_schema("never_made")).await;
    assert_eq!(
        refused,
        Err(TableError::Denied("dynamodb:CreateTable".into()))
    );
}

#[tokio::test]
async fn a_table_is_looked_at_without_a_change() {
    let (table, _) = fresh_table("looked_at").await;
    let seen = table.inspect(&confidant_schema("looked_at")).await.unwrap();
    assert_eq!((seen.differs, seen.read_units), (None, Some(10)));
    assert_eq!(
        seen.arn.as_deref(),
        Some("arn:aws:dynamodb:us-east-1:123456789012:table/looked_at")
    );
    // 2020-01-01, before this test was written.
    assert!(seen.answered_at.is_some_and(|at| at > 1_577_836_800));

    let nowhere = table.inspect(&confidant_schema("looked_at_nowhere")).await;
    assert!(
        matches!(nowhere, Err(TableError::NoSuchTable(_))),
        "{nowhere:?}"
    );
    Moto::shared().load("looked_at_stash", "stash", &[]);
    let other = table.inspect(&confidant_schema("looked_at_stash")).await;
    let differs = other.unwrap().differs.unwrap();
    assert!(differs.contains("wanted is (id HASH S)"), "{differs}");
    let made = Moto::shared().calls_by("looked_at");
    let made = made.iter().filter(|call| call.operation() == "CreateTable");
    assert_eq!(made.count(), 1, "the one of this test");
}
