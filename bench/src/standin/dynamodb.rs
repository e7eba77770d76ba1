//! The DynamoDB operations, on tables in memory: which there are, and making tables.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::{Value, json};

use super::refusal::Refusal;
use super::table::Table;
use super::{reads, writes};

/// All tables by name.
#[derive(Default)]
pub(super) struct Tables {
    by_name: RwLock<HashMap<String, Table>>,
    items_read: AtomicU64,
}

pub(super) type Answer = Result<String, Refusal>;

impl Tables {
    pub(super) fn call(&self, operation: &str, request: &Value) -> Answer {
        let mut read = 0;
        let answer = self.answer(operation, request, &mut read);
        self.items_read.fetch_add(read, Ordering::Relaxed);
        answer
    }

    /// How many items all reads have looked at, which is what they cost.
    pub(super) fn items_read(&self) -> u64 {
        self.items_read.load(Ordering::Relaxed)
    }

    fn answer(&self, operation: &str, request: &Value, read: &mut u64) -> Answer {
        match operation {
            "GetItem" => reads::get_item(table(&self.read(), request)?, request, read),
            "BatchGetItem" => reads::batch_get_item(&self.read(), request, read),
            "Query" => reads::query(table(&self.read(), request)?, request, read),
            "Scan" => reads::scan(table(&self.read(), request)?, request, read),
            "PutItem" | "UpdateItem" | "DeleteItem" => {
                writes::single_write(table_mut(&mut self.write(), request)?, operation, request)
            }
            "BatchWriteItem" => writes::batch_write_item(&mut self.write(), request),
            "TransactWriteItems" => writes::transact_write_items(&mut self.write(), request),
            "CreateTable" => self.create_table(request),
            "DescribeTable" => {
                Ok(json!({ "Table": description(table(&self.read(), request)?) }).to_string())
            }
            "ListTables" => {
                Ok(json!({ "TableNames": self.read().keys().collect::<Vec<_>>() }).to_string())
            }
            "DescribeTimeToLive" => Ok(
                json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "DISABLED" } }).to_string(),
            ),
            "UpdateTimeToLive" => Ok(
                json!({ "TimeToLiveSpecification": request["TimeToLiveSpecification"] })
                    .to_string(),
            ),
            other => Err(Refusal::new("UnknownOperationException", other)),
        }
    }

    fn create_table(&self, request: &Value) -> Answer {
        let name = request["TableName"].as_str().unwrap_or_default().to_owned();
        let mut tables = self.write();
        if tables.contains_key(&name) {
            return Err(Refusal::new(
                "ResourceInUseException",
                &format!("Table already exists: {name}"),
            ));
        }
        let table = Table::new(request)?;
        let answer = json!({ "TableDescription": description(&table) });
        tables.insert(name, table);
        Ok(answer.to_string())
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Table>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Table>> {
        self.by_name.write().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn no_table(name: &str) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        &format!("Requested resource not found: Table: {name} not found"),
    )
}

pub(super) fn table<'a>(
    tables: &'a HashMap<String, Table>,
    request: &Value,
) -> Result<&'a Table, Refusal> {
    let name = request["TableName"].as_str().unwrap_or_default();
    tables.get(name).ok_or_else(|| no_table(name))
}

pub(super) fn table_mut<'a>(
    tables: &'a mut HashMap<String, Table>,
    request: &Value,
) -> Result<&'a mut Table, Refusal> {
    let name = request["TableName"].as_str().unwrap_or_default();
    tables.get_mut(name).ok_or_else(|| no_table(name))
}

fn description(table: &Table) -> Value {
    let mut description = table.made_by.clone();
    let throughput = json!({ "ReadCapacityUnits": 10, "WriteCapacityUnits": 10 });
    if let Some(indexes) = description["GlobalSecondaryIndexes"].as_array_mut() {
        for index in indexes {
            index["IndexStatus"] = json!("ACTIVE");
            index["ProvisionedThroughput"] = throughput.clone();
        }
    }
    description["TableStatus"] = json!("ACTIVE");
    description["ItemCount"] = json!(table.len());
    description["ProvisionedThroughput"] = throughput;
    let name = table.made_by["TableName"].as_str().unwrap_or_default();
    description["TableArn"] = json!(format!(
        "arn:aws:dynamodb:us-east-1:123456789012:table/{name}"
    ));
    description
}
