//! DynamoDB and KMS, from the settings.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws::{AwsKms, Connection, DynamoTable, Endpoint, Inspected, Settings};
use aws_admin::AwsPrivateCa;
use confidant::PrivateCa;
use keep::{Clock, Schema, TableError};
use server::settings::Backend;

use crate::environment;
use crate::exit::{Outcome, internal};

/// A connection as the server's settings describe it.
pub(crate) async fn connect(aws: &server::settings::Aws) -> Connection {
    let endpoint =
        |url: &Option<String>, pool, (connect, read): (Duration, Duration), attempts| Endpoint {
            url: url.clone(),
            pool,
            connect,
            read,
            attempts,
        };
    Connection::open(&Settings {
        region: aws.region.clone(),
        dynamodb: endpoint(
            &aws.dynamodb_url,
            aws.dynamodb_pool,
            aws.dynamodb_timeouts,
            aws.attempts,
        ),
        kms: endpoint(&aws.kms_url, aws.kms_pool, aws.kms_timeouts, aws.attempts),
        ..Settings::default()
    })
    .await
}

/// Private CAs of AWS, in the region of the tables or, where they are embedded, of the environment. The SDK's own
/// `AWS_ENDPOINT_URL_ACM_PCA` leads elsewhere.
pub(crate) async fn private_ca(config: &server::Config) -> Arc<dyn PrivateCa> {
    let defaults = Settings::default();
    let region = match &config.backend {
        Backend::Aws(aws) => Some(aws.region.clone()),
        Backend::Embedded => aws::region(None).await,
    };
    let connection = Connection::open(&Settings {
        region: region.unwrap_or(defaults.region),
        ..Settings::default()
    })
    .await;
    let patient = Endpoint {
        read: Duration::from_secs(5),
        ..defaults.kms
    };
    Arc::new(AwsPrivateCa::new(&connection, &patient))
}

/// Runs what a command asks of AWS to its end.
pub(crate) fn block_on<F: Future>(work: F) -> Outcome<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("starting the runtime", error))?;
    Ok(runtime.block_on(work))
}

/// Looks at the table of this schema; changes nothing.
pub(crate) async fn inspect(
    aws: &server::settings::Aws,
    clock: &Arc<dyn Clock>,
    schema: &Schema,
) -> Result<Inspected, TableError> {
    DynamoTable::new(&connect(aws).await, Arc::clone(clock))
        .inspect(schema)
        .await
}

/// KMS for a command: endpoint from the environment, and so is the region when none is named.
pub(crate) async fn client_kms(region: Option<&str>) -> AwsKms {
    let defaults = Settings::default();
    let patient = Endpoint {
        url: environment::var("KMS_URL"),
        read: Duration::from_secs(5),
        ..defaults.kms
    };
    let region = region
        .map(str::to_owned)
        .or_else(|| environment::var("AWS_DEFAULT_REGION"))
        .unwrap_or(defaults.region);
    AwsKms::new(
        &Connection::open(&Settings {
            region,
            kms: patient,
            ..Settings::default()
        })
        .await,
    )
}
