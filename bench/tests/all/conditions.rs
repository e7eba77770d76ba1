//! Conditional writes and transactions.

use serde_json::{Value, json};

use crate::{dynamodb, get, put, world};

fn kind(answer: Result<Value, Value>) -> String {
    let error = answer.expect_err("a refusal");
    error["__type"]
        .as_str()
        .expect("errors have a type")
        .rsplit('#')
        .next()
        .expect("a name")
        .to_owned()
}

fn action(operation: &str, id: &str, revision: u64, condition: &str) -> Value {
    let mut action = json!({ "TableName": "main", "ConditionExpression": condition });
    let key = if operation == "Put" { "Item" } else { "Key" };
    action[key] = json!({ "id": { "S": id } });
    if operation == "Put" {
        action[key]["revision"] = json!({ "N": revision.to_string() });
    }
    if condition.contains("#r") {
        action["ExpressionAttributeNames"] = json!({ "#r": "revision" });
    }
    if condition.contains(":r") {
        action["ExpressionAttributeValues"] = json!({ ":r": { "N": "1.0" } });
    }
    action
}

#[test]
fn a_put_on_an_absent_item_is_done_once() {
    let world = world();
    let first = action("Put", "a", 1, "attribute_not_exists(id)");
    assert!(dynamodb(&world, "PutItem", first.clone()).is_ok());
    assert_eq!(
        kind(dynamodb(&world, "PutItem", first)),
        "ConditionalCheckFailedException"
    );
    assert_eq!(get(&world, "a")["revision"]["N"], "1");
}

#[test]
fn numbers_are_compared_by_value_and_clauses_joined() {
    let world = world();
    put(
        &world,
        "main",
        json!({ "id": { "S": "a" }, "revision": { "N": "1" } }),
    );
    let both = "(attribute_exists(id)) AND #r = :r AND NOT attribute_exists(owner)";
    assert!(dynamodb(&world, "PutItem", action("Put", "a", 2, both)).is_ok());
    assert_eq!(
        kind(dynamodb(&world, "PutItem", action("Put", "a", 3, both))),
        "ConditionalCheckFailedException"
    );
    assert_eq!(get(&world, "a")["revision"]["N"], "2");
}

#[test]
fn a_delete_obeys_its_condition_too() {
    let world = world();
    put(
        &world,
        "main",
        json!({ "id": { "S": "a" }, "revision": { "N": "2" } }),
    );
    let delete = action("Delete", "a", 0, "#r = :r");
    assert_eq!(
        kind(dynamodb(&world, "DeleteItem", delete)),
        "ConditionalCheckFailedException"
    );
    assert!(
        dynamodb(
            &world,
            "DeleteItem",
            action("Delete", "a", 0, "attribute_exists(id)")
        )
        .is_ok()
    );
    assert_eq!(get(&world, "a"), Value::Null);
}

#[test]
fn an_update_sets_adds_and_removes_attributes_and_leaves_the_others() {
    let world = world();
    put(
        &world,
        "main",
        json!({ "id": { "S": "a" }, "n": { "N": "4" }, "old": { "S": "x" }, "kept": { "S": "y" } }),
    );
    let update = json!({ "TableName": "main", "Key": { "id": { "S": "a" } },
        "UpdateExpression": "SET #n = n + :one, made = if_not_exists(kept, :one) REMOVE old",
        "ExpressionAttributeNames": { "#n": "n" }, "ExpressionAttributeValues": { ":one": { "N": "1" } } });
    assert!(dynamodb(&world, "UpdateItem", update).is_ok());
    let expected = json!({ "id": { "S": "a" }, "n": { "N": "5" }, "kept": { "S": "y" }, "made": { "S": "y" } });
    assert_eq!(get(&world, "a"), expected);
}

#[test]
fn a_transaction_with_one_failed_check_writes_nothing_and_says_which() {
    let world = world();
    put(
        &world,
        "main",
        json!({ "id": { "S": "guard" }, "revision": { "N": "2" } }),
    );
    let mut check = action("ConditionCheck", "guard", 0, "#r = :r");
    check["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let request = json!({ "TransactItems": [
        { "Put": action("Put", "a-1", 1, "attribute_not_exists(id)") },
        { "ConditionCheck": check },
        { "Put": action("Put", "a", 1, "attribute_not_exists(id)") },
    ] });
    let error =
        dynamodb(&world, "TransactWriteItems", request).expect_err("a cancelled transaction");
    let codes: Vec<_> = (0..3)
        .map(|at| error["CancellationReasons"][at]["Code"].clone())
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "None"]);
    assert_eq!(
        error["CancellationReasons"][1]["Item"]["revision"]["N"],
        "2"
    );
    assert_eq!(
        (get(&world, "a"), get(&world, "a-1")),
        (Value::Null, Value::Null)
    );
}

#[test]
fn a_transaction_whose_conditions_hold_writes_everything() {
    let world = world();
    put(&world, "main", json!({ "id": { "S": "gone" } }));
    let request = json!({ "TransactItems": [
        { "Put": action("Put", "a-1", 1, "attribute_not_exists(id)") },
        { "Put": action("Put", "a", 1, "attribute_not_exists(id) AND attribute_not_exists(#r)") },
        { "Delete": action("Delete", "gone", 0, "attribute_exists(id)") },
    ] });
    assert!(dynamodb(&world, "TransactWriteItems", request).is_ok());
    assert_eq!(
        (
            get(&world, "a")["id"]["S"].as_str(),
            get(&world, "a-1")["id"]["S"].as_str()
        ),
        (Some("a"), Some("a-1"))
    );
    assert_eq!(get(&world, "gone"), Value::Null);
}

#[test]
fn a_transaction_that_names_an_item_twice_is_refused() {
    let world = world();
    let put = json!({ "Put": action("Put", "a", 1, "attribute_not_exists(id)") });
    let request = json!({ "TransactItems": [put, put] });
    assert_eq!(
        kind(dynamodb(&world, "TransactWriteItems", request)),
        "ValidationException"
    );
}
