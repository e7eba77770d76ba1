//! DynamoDB as the storage port.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, KeysAndAttributes, Put, TransactWriteItem, Update,
};
use keep::{
    Action, BatchGot, Clock, Consistency, Item, Key, Order, Page, Query, Scan, Schema, Table,
    TableError, TableName, Terms, check_batch, check_key, check_query, check_scan,
    check_transaction,
};

use crate::Connection;
use crate::attributes::{from_item, from_key, from_start, to_item, to_items, to_start};
use crate::expressions::Placeholders;
use crate::{Inspected, create, inspect, table_errors};

/// Tables of DynamoDB, or of anything that speaks its API.
///
/// A write is sent once and never again by the SDK, so a condition that did not hold never hides a
/// write of our own that happened; `Ambiguous` says that it may have. Transactions carry the SDK's
/// random idempotency token, a new one each time they are sent.
pub struct DynamoTable {
    reads: Client,
    writes: Client,
    clock: Arc<dyn Clock>,
}

impl DynamoTable {
    /// The tables that `connection` reaches. The clock is for the wait while a table is made.
    pub fn new(connection: &Connection, clock: Arc<dyn Clock>) -> Self {
        Self {
            reads: connection.reads.clone(),
            writes: connection.writes.clone(),
            clock,
        }
    }

    /// Looks at the table of this schema without changing anything.
    ///
    /// Errors: `NoSuchTable`, `Denied`, `Unavailable`.
    pub async fn inspect(&self, schema: &Schema) -> Result<Inspected, TableError> {
        inspect::inspect(&self.reads, schema).await
    }

    async fn put(
        &self,
        table: &TableName,
        item: &Item,
        condition: &keep::Condition,
    ) -> Result<(), TableError> {
        let mut used = Placeholders::default();
        let condition = used.condition(condition);
        self.writes
            .put_item()
            .table_name(table.as_str())
            .set_item(Some(from_item(item)))
            .set_condition_expression(condition)
            .set_expression_attribute_names(used.names())
            .set_expression_attribute_values(used.values())
            .send()
            .await
            .map(drop)
            .map_err(|error| table_errors::of_write("dynamodb:PutItem", table.as_str(), &error))
    }

    async fn delete(
        &self,
        table: &TableName,
        key: &Key,
        condition: &keep::Condition,
    ) -> Result<(), TableError> {
        let mut used = Placeholders::default();
        let condition = used.condition(condition);
        self.writes
            .delete_item()
            .table_name(table.as_str())
            .set_key(Some(from_key(key)))
            .set_condition_expression(condition)
            .set_expression_attribute_names(used.names())
            .set_expression_attribute_values(used.values())
            .send()
            .await
            .map(drop)
            .map_err(|error| table_errors::of_write("dynamodb:DeleteItem", table.as_str(), &error))
    }

    async fn update(
        &self,
        table: &TableName,
        key: &Key,
        attribute: &str,
        value: Option<&keep::Value>,
        condition: &keep::Condition,
    ) -> Result<(), TableError> {
        let mut used = Placeholders::default();
        let update = used.update(attribute, value);
        let condition = used.condition(condition);
        self.writes
            .update_item()
            .table_name(table.as_str())
            .set_key(Some(from_key(key)))
            .update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(used.names())
            .set_expression_attribute_values(used.values())
            .send()
            .await
            .map(drop)
            .map_err(|error| table_errors::of_write("dynamodb:UpdateItem", table.as_str(), &error))
    }

    async fn all_or_none(&self, actions: &[Action]) -> Result<(), TableError> {
        let parts: Vec<TransactWriteItem> = actions
            .iter()
            .map(part)
            .collect::<Result<_, _>>()
            .map_err(|error| TableError::Invalid(error.to_string()))?;
        self.writes
            .transact_write_items()
            .set_transact_items(Some(parts))
            .send()
            .await
            .map(drop)
            .map_err(|error| {
                table_errors::of_transaction(&rights(actions), &tables(actions), &error)
            })
    }
}

#[async_trait::async_trait]
impl Table for DynamoTable {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.create_under(schema, &Terms::default()).await
    }

    async fn create_under(&self, schema: &Schema, terms: &Terms) -> Result<(), TableError> {
        create::create(&self.reads, &self.writes, &*self.clock, schema, terms).await
    }

    async fn exists(&self, table: &TableName) -> Result<bool, TableError> {
        create::exists(&self.reads, table.as_str()).await
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        check_key(key)?;
        let got = self
            .reads
            .get_item()
            .table_name(table.as_str())
            .set_key(Some(from_key(key)))
            .consistent_read(consistency == Consistency::Strong)
            .send()
            .await
            .map_err(|error| table_errors::of_read("dynamodb:GetItem", table.as_str(), &error))?;
        got.item.map(to_item).transpose()
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        check_batch(keys)?;
        // DynamoDB refuses a batch that names one key twice.
        let mut wanted = keys.to_vec();
        wanted.sort();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(BatchGot::default());
        }
        let request = KeysAndAttributes::builder()
            .set_keys(Some(wanted.iter().map(from_key).collect()))
            .consistent_read(consistency == Consistency::Strong)
            .build()
            .map_err(|error| TableError::Invalid(error.to_string()))?;
        let got = self
            .reads
            .batch_get_item()
            .set_request_items(Some(HashMap::from([(table.as_str().to_owned(), request)])))
            .send()
            .await
            .map_err(|error| {
                table_errors::of_read("dynamodb:BatchGetItem", table.as_str(), &error)
            })?;
        let items = to_items(
            got.responses
                .and_then(|mut found| found.remove(table.as_str())),
        )?;
        let left = got
            .unprocessed_keys
            .and_then(|mut left| left.remove(table.as_str()))
            .map(|left| left.keys);
        let left = to_items(left)?;
        let unprocessed = wanted
            .into_iter()
            .filter(|key| left.iter().any(|left| key.is_of(left)))
            .collect();
        Ok(BatchGot { items, unprocessed })
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        check_query(query)?;
        let mut used = Placeholders::default();
        let expression = used.query(query);
        let got = self
            .reads
            .query()
            .table_name(query.table.as_str())
            .set_index_name(query.index.clone())
            .key_condition_expression(expression)
            .set_expression_attribute_names(used.names())
            .set_expression_attribute_values(used.values())
            .scan_index_forward(query.order == Order::Ascending)
            .set_limit(page_size(query.limit))
            .set_exclusive_start_key(query.start.as_ref().map(from_start))
            .consistent_read(query.consistency == Consistency::Strong)
            .send()
            .await
            .map_err(|error| {
                table_errors::of_read("dynamodb:Query", query.table.as_str(), &error)
            })?;
        Ok(Page {
            items: to_items(got.items)?,
            next: to_start(got.last_evaluated_key)?,
        })
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        check_scan(scan)?;
        let mut used = Placeholders::default();
        let projection = used.projection(&scan.attributes);
        let got = self
            .reads
            .scan()
            .table_name(scan.table.as_str())
            .consistent_read(scan.consistency == Consistency::Strong)
            .set_projection_expression(projection)
            .set_expression_attribute_names(used.names())
            .set_limit(page_size(scan.limit))
            .set_exclusive_start_key(scan.start.as_ref().map(from_start))
            .send()
            .await
            .map_err(|error| table_errors::of_read("dynamodb:Scan", scan.table.as_str(), &error))?;
        Ok(Page {
            items: to_items(got.items)?,
            next: to_start(got.last_evaluated_key)?,
        })
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        check_transaction(actions)?;
        match actions {
            [
                Action::Put {
                    table,
                    item,
                    condition,
                },
            ] => self.put(table, item, condition).await,
            [
                Action::Delete {
                    table,
                    key,
                    condition,
                },
            ] => self.delete(table, key, condition).await,
            [
                Action::Update {
                    table,
                    key,
                    attribute,
                    value,
                    condition,
                },
            ] => {
                self.update(table, key, attribute, value.as_ref(), condition)
                    .await
            }
            several => self.all_or_none(several).await,
        }
    }
}

fn part(action: &Action) -> Result<TransactWriteItem, BuildError> {
    let mut used = Placeholders::default();
    let part = TransactWriteItem::builder();
    Ok(match action {
        Action::Put {
            table,
            item,
            condition,
        } => {
            let condition = used.condition(condition);
            let put = Put::builder()
                .table_name(table.as_str())
                .set_item(Some(from_item(item)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(used.names())
                .set_expression_attribute_values(used.values());
            part.put(put.build()?)
        }
        Action::Delete {
            table,
            key,
            condition,
        } => {
            let condition = used.condition(condition);
            let delete = Delete::builder()
                .table_name(table.as_str())
                .set_key(Some(from_key(key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(used.names())
                .set_expression_attribute_values(used.values());
            part.delete(delete.build()?)
        }
        Action::Update {
            table,
            key,
            attribute,
            value,
            condition,
        } => {
            let expression = used.update(attribute, value.as_ref());
            let condition = used.condition(condition);
            let update = Update::builder()
                .table_name(table.as_str())
                .set_key(Some(from_key(key)))
                .update_expression(expression)
                .set_condition_expression(condition)
                .set_expression_attribute_names(used.names())
                .set_expression_attribute_values(used.values());
            part.update(update.build()?)
        }
        Action::Check {
            table,
            key,
            condition,
        } => {
            let condition = used.condition(condition);
            let check = ConditionCheck::builder()
                .table_name(table.as_str())
                .set_key(Some(from_key(key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(used.names())
                .set_expression_attribute_values(used.values());
            part.condition_check(check.build()?)
        }
    }
    .build())
}

/// What IAM must allow for a transaction, for a refusal that does not say which of it is missing: a
/// transaction has no action of its own.
fn rights(actions: &[Action]) -> String {
    let right = |action: &Action| match action {
        Action::Put { .. } => "dynamodb:PutItem",
        Action::Delete { .. } => "dynamodb:DeleteItem",
        Action::Update { .. } => "dynamodb:UpdateItem",
        Action::Check { .. } => "dynamodb:ConditionCheckItem",
    };
    let mut rights: Vec<&str> = actions.iter().map(right).collect();
    rights.sort_unstable();
    rights.dedup();
    rights.join(" or ")
}

/// The tables of a transaction, for an error that does not say which of them is missing.
fn tables(actions: &[Action]) -> String {
    let mut names: Vec<&str> = actions
        .iter()
        .map(|action| match action {
            Action::Put { table, .. }
            | Action::Delete { table, .. }
            | Action::Update { table, .. }
            | Action::Check { table, .. } => table.as_str(),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(" or ")
}

fn page_size(limit: Option<usize>) -> Option<i32> {
    limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX))
}
