//! Makes tables, and compares those that exist with what is wanted.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, GlobalSecondaryIndex, GlobalSecondaryIndexDescription, IndexStatus,
    KeySchemaElement, KeyType, Projection, ProjectionType, ProvisionedThroughput,
    ScalarAttributeType, TableDescription, TableStatus, Tag,
};
use keep::{Clock, IndexSchema, Schema, TableError, Terms};

use crate::table_errors;

/// Read and write units of a new table and of each of its indexes unless terms say otherwise: Confidant's.
const UNITS: (i64, i64) = (10, 10);
/// How long a table may take until it can be used.
const PATIENCE: Duration = Duration::from_secs(180);
/// The pause between two looks at it.
const PAUSE: Duration = Duration::from_millis(500);

/// See [`keep::Table::create_under`].
///
/// Errors: `Invalid` when a table of this name exists with another key, or without an index that
/// is wanted; further indexes do not matter. `Unavailable` when it is not ready in time.
pub(crate) async fn create(
    reads: &Client,
    writes: &Client,
    clock: &dyn Clock,
    schema: &Schema,
    terms: &Terms,
) -> Result<(), TableError> {
    let name = schema.name.as_str();
    let deadline = clock.monotonic() + PATIENCE;
    let mut last = TableError::Unavailable(format!("table {name} is still being made"));
    while clock.monotonic() < deadline {
        match step(reads, writes, schema, terms).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // Making a table twice makes it once, so a lost answer is no harm.
            Err(
                error @ (TableError::Throttled
                | TableError::Unavailable(_)
                | TableError::Ambiguous(_)),
            ) => last = error,
            Err(error) => return Err(error),
        }
        clock.sleep(PAUSE).await;
    }
    Err(match last {
        TableError::Ambiguous(why) => TableError::Unavailable(why),
        error => error,
    })
}

/// Looks at the table and makes it when it is missing. Returns whether it can be used.
async fn step(
    reads: &Client,
    writes: &Client,
    schema: &Schema,
    terms: &Terms,
) -> Result<bool, TableError> {
    let name = schema.name.as_str();
    let described = reads
        .describe_table()
        .table_name(name)
        .send()
        .await
        .map_err(|error| table_errors::of_read("dynamodb:DescribeTable", name, &error));
    match described {
        Ok(output) => match output.table {
            Some(table) => compare(schema, &table),
            None => Err(TableError::Unavailable(format!(
                "an empty description of table {name}"
            ))),
        },
        Err(TableError::NoSuchTable(_)) => make(writes, schema, terms).await.map(|()| false),
        Err(error) => Err(error),
    }
}

async fn make(writes: &Client, schema: &Schema, terms: &Terms) -> Result<(), TableError> {
    let name = schema.name.as_str();
    let malformed = |error: BuildError| TableError::Invalid(error.to_string());
    let units = units(terms).map_err(malformed)?;
    let indexes = schema
        .indexes
        .iter()
        .map(|schema| index(schema, &units))
        .collect::<Result<Vec<_>, _>>()
        .map_err(malformed)?;
    let made = writes
        .create_table()
        .table_name(name)
        .set_key_schema(Some(
            key(&schema.hash, schema.range.as_deref()).map_err(malformed)?,
        ))
        .set_attribute_definitions(Some(attributes(schema).map_err(malformed)?))
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()))
        .provisioned_throughput(units)
        .set_tags(tags(terms).map_err(malformed)?)
        .send()
        .await;
    match made {
        Ok(_) => Ok(()),
        // Another server was faster.
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_in_use_exception()) =>
        {
            Ok(())
        }
        Err(error) => Err(table_errors::of_write("dynamodb:CreateTable", name, &error)),
    }
}

fn index(
    schema: &IndexSchema,
    units: &ProvisionedThroughput,
) -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(&schema.name)
        .set_key_schema(Some(key(&schema.hash, Some(&schema.range))?))
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::All)
                .build(),
        )
        .provisioned_throughput(units.clone())
        .build()
}

fn key(hash: &str, range: Option<&str>) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
    };
    let hash = element(hash, KeyType::Hash);
    let range = range.map(|range| element(range, KeyType::Range));
    [Some(hash), range].into_iter().flatten().collect()
}

/// Every attribute of a key, once.
fn attributes(schema: &Schema) -> Result<Vec<AttributeDefinition>, BuildError> {
    let mut names: Vec<&str> = [schema.hash.as_str()]
        .into_iter()
        .chain(schema.range.as_deref())
        .collect();
    for name in schema
        .indexes
        .iter()
        .flat_map(|index| [index.hash.as_str(), index.range.as_str()])
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
        })
        .collect()
}

fn units(terms: &Terms) -> Result<ProvisionedThroughput, BuildError> {
    let (read, write) = terms.units.unwrap_or(UNITS);
    ProvisionedThroughput::builder()
        .read_capacity_units(read)
        .write_capacity_units(write)
        .build()
}

/// The labels; `None` when there are none, since labelling is a right of its own.
fn tags(terms: &Terms) -> Result<Option<Vec<Tag>>, BuildError> {
    let tags: Vec<_> = terms
        .tags
        .iter()
        .map(|(name, value)| Tag::builder().key(name).value(value).build())
        .collect::<Result<_, _>>()?;
    Ok(Some(tags).filter(|tags| !tags.is_empty()))
}

/// See [`keep::Table::exists`].
pub(crate) async fn exists(reads: &Client, name: &str) -> Result<bool, TableError> {
    let described = reads.describe_table().table_name(name).send().await;
    match described.map_err(|error| table_errors::of_read("dynamodb:DescribeTable", name, &error)) {
        Ok(_) => Ok(true),
        Err(TableError::NoSuchTable(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the table can be used now.
///
/// Errors: `Invalid`, saying what differs and what to do.
pub(crate) fn compare(schema: &Schema, table: &TableDescription) -> Result<bool, TableError> {
    let name = &schema.name;
    let types = table.attribute_definitions();
    let wanted = written_key(&schema.hash, schema.range.as_deref());
    let found = found_key(table.key_schema(), types);
    if wanted != found {
        return Err(TableError::Invalid(format!(
            "table {name} exists with the key {found}, wanted is {wanted}: name another table"
        )));
    }
    let mut ready = table.table_status() == Some(&TableStatus::Active);
    for index in &schema.indexes {
        let wanted = written_key(&index.hash, Some(&index.range));
        let named = |found: &&GlobalSecondaryIndexDescription| {
            found.index_name() == Some(index.name.as_str())
        };
        let Some(found) = table.global_secondary_indexes().iter().find(named) else {
            return Err(TableError::Invalid(format!(
                "table {name} has no index {}: add it with the key {wanted} and projection ALL \
                 (aws dynamodb update-table --table-name {name} --global-secondary-index-updates ...)",
                index.name
            )));
        };
        let projection = found.projection().and_then(Projection::projection_type);
        let key = found_key(found.key_schema(), types);
        if key != wanted || projection != Some(&ProjectionType::All) {
            return Err(TableError::Invalid(format!(
                "index {} of table {name} has the key {key} and projection {}, wanted is {wanted} and ALL: \
                 delete the index and add it anew",
                index.name,
                projection.map_or("none", ProjectionType::as_str),
            )));
        }
        ready &= found.index_status() == Some(&IndexStatus::Active);
    }
    Ok(ready)
}

fn written_key(hash: &str, range: Option<&str>) -> String {
    let hash = format!("{hash} HASH S");
    range.map_or_else(
        || format!("({hash})"),
        |range| format!("({hash}, {range} RANGE S)"),
    )
}

fn found_key(elements: &[KeySchemaElement], types: &[AttributeDefinition]) -> String {
    let kind = |name: &str| {
        types
            .iter()
            .find(|known| known.attribute_name() == name)
            .map(|known| known.attribute_type())
    };
    // DynamoDB promises no order.
    let mut elements: Vec<_> = elements.iter().collect();
    elements.sort_by_key(|element| element.key_type() != &KeyType::Hash);
    let parts: Vec<_> = elements
        .into_iter()
        .map(|element| {
            let name = element.attribute_name();
            format!(
                "{name} {} {}",
                element.key_type().as_str(),
                kind(name).map_or("?", ScalarAttributeType::as_str)
            )
        })
        .collect();
    format!("({})", parts.join(", "))
}
