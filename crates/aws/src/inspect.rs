//! Looks at a table without changing anything: its layout, its size, and what time its servers have.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use keep::{Schema, TableError};

use crate::{create, table_errors};

/// What a table looks like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What differs from the schema that was asked for, and what to do; `None` when it fits.
    pub differs: Option<String>,
    /// Its ARN, for policies.
    pub arn: Option<String>,
    /// Its items, as counted some hours ago.
    pub items: u64,
    /// Its provisioned read units; `None` when it is paid by request.
    pub read_units: Option<u64>,
    /// The servers' time as they answered, in whole seconds since 1970, when they tell.
    pub answered_at: Option<i64>,
}

/// Errors: `NoSuchTable`, `Denied`, `Unavailable`.
pub(crate) async fn inspect(reads: &Client, schema: &Schema) -> Result<Inspected, TableError> {
    let name = schema.name.as_str();
    let date = DateHeader::default();
    let described = reads
        .describe_table()
        .table_name(name)
        .customize()
        .interceptor(date.clone())
        .send()
        .await
        .map_err(|error| table_errors::of_read("dynamodb:DescribeTable", name, &error))?;
    let table = described
        .table
        .ok_or_else(|| TableError::Unavailable(format!("an empty description of table {name}")))?;
    let differs = match create::compare(schema, &table) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "table {name} or its index is still being made or changed; wait until it is ACTIVE"
        )),
        Err(error) => Some(match error {
            TableError::Invalid(what) => what,
            error => error.to_string(),
        }),
    };
    let units = table
        .provisioned_throughput()
        .and_then(|throughput| throughput.read_capacity_units())
        .and_then(|units| u64::try_from(units).ok());
    Ok(Inspected {
        differs,
        arn: table.table_arn().map(str::to_owned),
        items: table
            .item_count()
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0),
        read_units: units.filter(|units| *units > 0),
        answered_at: date.seconds(),
    })
}

/// Keeps the `Date` of the last answer.
#[derive(Clone, Debug, Default)]
struct DateHeader(Arc<Mutex<Option<i64>>>);

impl DateHeader {
    fn seconds(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context
            .response()
            .headers()
            .get("date")
            .and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date.map(|date| date.secs());
        Ok(())
    }
}
