//! Where items and keys rest.

use std::time::Duration;

use super::reader::{Reader, size};

/// Where items and keys rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// SQLite and a keyring file in the data folder.
    Embedded,
    /// DynamoDB and KMS.
    Aws(Box<Aws>),
}

/// DynamoDB and KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// The region of both.
    pub region: String,
    /// Confidant's table.
    pub table: String,
    /// The table that disabled credentials are moved to, where there is one.
    pub archive_table: Option<String>,
    /// The table of our own items.
    pub own_table: String,
    /// Whether to make them when missing.
    pub create_table: bool,
    /// Endpoint of DynamoDB.
    pub dynamodb_url: Option<String>,
    /// Endpoint of KMS.
    pub kms_url: Option<String>,
    /// Idle connections to DynamoDB kept.
    pub dynamodb_pool: usize,
    /// Idle connections to KMS kept.
    pub kms_pool: usize,
    /// To connect to DynamoDB, and to wait for its answer.
    pub dynamodb_timeouts: (Duration, Duration),
    /// To connect to KMS, and to wait for its answer.
    pub kms_timeouts: (Duration, Duration),
    /// Tries of one call, the first included.
    pub attempts: u32,
}

pub(super) fn read_backend(reader: &Reader<'_>) -> Backend {
    let Some(table) = reader.text("DYNAMODB_TABLE") else {
        for name in ["KEEPWARD_TABLE", "DYNAMODB_URL", "KMS_URL"] {
            if reader.text(name).is_some() {
                reader.complain(
                    name,
                    "is set without DYNAMODB_TABLE; name the table, or unset it to run embedded",
                );
            }
        }
        return Backend::Embedded;
    };
    if reader.text("KMS_MASTER_KEY").is_none() && reader.flag("USE_ENCRYPTION", true) {
        reader.complain(
            "KMS_MASTER_KEY",
            "is needed with DYNAMODB_TABLE: the alias, id or ARN of a KMS key",
        );
    }
    let seconds = |name, default| Duration::from_secs(reader.number(name, default, 1..=300));
    Backend::Aws(Box::new(Aws {
        region: reader
            .text("AWS_DEFAULT_REGION")
            .unwrap_or_else(|| "us-east-1".to_owned()),
        own_table: reader
            .text("KEEPWARD_TABLE")
            .unwrap_or_else(|| table.clone()),
        archive_table: reader.text("DYNAMODB_TABLE_ARCHIVE"),
        table,
        create_table: reader.flag("DYNAMODB_CREATE_TABLE", false),
        dynamodb_url: read_url(reader, "DYNAMODB_URL"),
        kms_url: read_url(reader, "KMS_URL"),
        dynamodb_pool: size(reader.number("PYNAMO_CONNECTION_POOL_SIZE", 100, 1..=10_000)),
        kms_pool: size(reader.number("KMS_MAX_POOL_CONNECTIONS", 100, 1..=10_000)),
        dynamodb_timeouts: (
            seconds("PYNAMO_CONNECT_TIMEOUT_SECONDS", 1),
            seconds("PYNAMO_READ_TIMEOUT_SECONDS", 1),
        ),
        kms_timeouts: (
            seconds("KMS_CONNECTION_TIMEOUT", 1),
            seconds("KMS_READ_TIMEOUT", 1),
        ),
        attempts: u32::try_from(reader.number("KEEPWARD_AWS_ATTEMPTS", 2, 1..=10)).unwrap_or(2),
    }))
}

pub(super) fn read_url(reader: &Reader<'_>, name: &str) -> Option<String> {
    let url = reader.text(name)?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        reader.complain(name, "takes a URL that begins with http:// or https://");
    }
    Some(url)
}
