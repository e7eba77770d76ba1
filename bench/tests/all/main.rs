//! The stand-in as a server sees it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod conditions;
mod keys;
mod pages;

use bench::standin::{Refusal, World};
use serde_json::{Value, json};

/// A world with the table `main` of Confidant's layout and the table `stash` with a range key.
fn world() -> World {
    let world = World::new();
    let index = json!([{ "IndexName": "data_type_date_index", "KeySchema": [
        { "AttributeName": "data_type", "KeyType": "HASH" }, { "AttributeName": "modified_date", "KeyType": "RANGE" },
    ] }]);
    let main = json!({ "TableName": "main", "GlobalSecondaryIndexes": index,
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }] });
    let stash = json!({ "TableName": "stash", "KeySchema": [
        { "AttributeName": "name", "KeyType": "HASH" }, { "AttributeName": "version", "KeyType": "RANGE" },
    ] });
    for table in [main, stash] {
        dynamodb(&world, "CreateTable", table).expect("a new table");
    }
    world
}

fn dynamodb(world: &World, operation: &str, request: Value) -> Result<Value, Value> {
    answered(world.call(
        &format!("DynamoDB_20120810.{operation}"),
        request.to_string().as_bytes(),
    ))
}

fn kms(world: &World, operation: &str, request: Value) -> Result<Value, Value> {
    answered(world.call(
        &format!("TrentService.{operation}"),
        request.to_string().as_bytes(),
    ))
}

fn answered(answer: Result<String, Refusal>) -> Result<Value, Value> {
    let json = |text: &str| serde_json::from_str(text).expect("answers are JSON");
    answer
        .map(|text| json(&text))
        .map_err(|refusal| json(&refusal.body))
}

fn put(world: &World, table: &str, item: Value) {
    dynamodb(
        world,
        "PutItem",
        json!({ "TableName": table, "Item": item }),
    )
    .expect("an unconditional put");
}

fn get(world: &World, id: &str) -> Value {
    let request = json!({ "TableName": "main", "Key": { "id": { "S": id } } });
    dynamodb(world, "GetItem", request).expect("a get")["Item"].clone()
}
