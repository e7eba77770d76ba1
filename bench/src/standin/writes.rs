//! Writes: PutItem, UpdateItem, DeleteItem, BatchWriteItem, TransactWriteItems.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::condition::Condition;
use super::dynamodb::{Answer, no_table, table, table_mut};
use super::refusal::Refusal;
use super::table::{Stored, Table};
use super::update;

/// Why an action of a write is not done.
enum NotDone {
    ConditionFailed(Option<Arc<Stored>>),
    Refused(Refusal),
}

impl From<Refusal> for NotDone {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What an action does to its item, once its condition holds.
enum Change {
    Put(Map<String, Value>),
    Delete,
    Nothing,
}

/// Looks at one action without doing it.
fn consider(table: &Table, operation: &str, request: &Value) -> Result<Change, NotDone> {
    let key = if operation == "PutItem" {
        &request["Item"]
    } else {
        &request["Key"]
    };
    let stored = table.item(&table.position(key)?);
    let none = Map::new();
    let current = stored.map_or(&none, |item| &item.attributes);
    if let Some(condition) = Condition::of(request, "ConditionExpression")?
        && !condition.holds(current)
    {
        return Err(NotDone::ConditionFailed(stored.cloned()));
    }
    match operation {
        "PutItem" => Ok(Change::Put(
            request["Item"].as_object().cloned().unwrap_or_default(),
        )),
        "DeleteItem" => Ok(Change::Delete),
        "UpdateItem" => {
            let mut item = match stored {
                Some(stored) => stored.attributes.clone(),
                None => request["Key"].as_object().cloned().unwrap_or_default(),
            };
            update::apply(request, &mut item)?;
            Ok(Change::Put(item))
        }
        _ => Ok(Change::Nothing),
    }
}

/// Does what was considered; returns the item as it was.
fn make(
    table: &mut Table,
    request: &Value,
    change: Change,
) -> Result<Option<Arc<Stored>>, Refusal> {
    match change {
        Change::Put(item) => table.put(item),
        Change::Delete => Ok(table.remove(&table.position(&request["Key"])?)),
        Change::Nothing => Ok(None),
    }
}

/// The item for a failed condition's answer, when the request asks for it.
fn old_item(request: &Value, stored: Option<Arc<Stored>>) -> Option<Value> {
    let asked = request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD";
    stored
        .filter(|_| asked)
        .map(|stored| json!(stored.attributes))
}

pub(super) fn single_write(table: &mut Table, operation: &str, request: &Value) -> Answer {
    let change = match consider(table, operation, request) {
        Ok(change) => change,
        Err(NotDone::Refused(refusal)) => return Err(refusal),
        Err(NotDone::ConditionFailed(stored)) => {
            let item = old_item(request, stored).map(|item| ("Item", item));
            return Err(Refusal::with(
                "ConditionalCheckFailedException",
                CONDITION_FAILED,
                item.as_slice(),
            ));
        }
    };
    let new = match &change {
        Change::Put(item) => json!(item),
        _ => Value::Null,
    };
    let old = make(table, request, change)?;
    Ok(match (request["ReturnValues"].as_str(), old) {
        (Some("ALL_OLD"), Some(old)) => format!("{{\"Attributes\":{}}}", old.text),
        (Some("ALL_NEW"), _) => json!({ "Attributes": new }).to_string(),
        _ => "{}".to_owned(),
    })
}

pub(super) fn batch_write_item(tables: &mut HashMap<String, Table>, request: &Value) -> Answer {
    for (name, writes) in request["RequestItems"].as_object().into_iter().flatten() {
        let table = tables.get_mut(name).ok_or_else(|| no_table(name))?;
        for write in writes.as_array().into_iter().flatten() {
            if let Some(item) = write["PutRequest"]["Item"].as_object() {
                table.put(item.clone())?;
            } else {
                let position = table.position(&write["DeleteRequest"]["Key"])?;
                table.remove(&position);
            }
        }
    }
    Ok("{\"UnprocessedItems\":{}}".to_owned())
}

pub(super) fn transact_write_items(tables: &mut HashMap<String, Table>, request: &Value) -> Answer {
    let (mut changes, mut reasons, mut failed) = (Vec::new(), Vec::new(), false);
    let mut touched = HashSet::new();
    for action in request["TransactItems"].as_array().into_iter().flatten() {
        let (kind, action) = action
            .as_object()
            .and_then(|action| action.iter().next())
            .ok_or_else(|| Refusal::invalid("no action"))?;
        let operation = match kind.as_str() {
            "Put" => "PutItem",
            "Update" => "UpdateItem",
            "Delete" => "DeleteItem",
            _ => "ConditionCheck",
        };
        let table = table(tables, action)?;
        let key = if operation == "PutItem" {
            &action["Item"]
        } else {
            &action["Key"]
        };
        if !touched.insert((action["TableName"].to_string(), table.position(key)?)) {
            return Err(Refusal::invalid(
                "Transaction request cannot include multiple operations on one item",
            ));
        }
        match consider(table, operation, action) {
            Ok(change) => {
                changes.push((action, change));
                reasons.push(json!({ "Code": "None" }));
            }
            Err(NotDone::Refused(refusal)) => return Err(refusal),
            Err(NotDone::ConditionFailed(stored)) => {
                failed = true;
                let mut reason =
                    json!({ "Code": "ConditionalCheckFailed", "Message": CONDITION_FAILED });
                if let Some(item) = old_item(action, stored) {
                    reason["Item"] = item;
                }
                reasons.push(reason);
            }
        }
    }
    if failed {
        let codes: Vec<&str> = reasons
            .iter()
            .filter_map(|reason| reason["Code"].as_str())
            .collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        let reasons = ("CancellationReasons", json!(reasons));
        return Err(Refusal::with(
            "TransactionCanceledException",
            &message,
            &[reasons],
        ));
    }
    for (action, change) in changes {
        make(table_mut(tables, action)?, action, change)?;
    }
    Ok("{}".to_owned())
}

const CONDITION_FAILED: &str = "The conditional request failed";
