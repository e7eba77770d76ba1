//! DynamoDB and KMS, from the settings.

use std::time::Duration;

use aws::{AwsKms, Connection, Endpoint, Settings};

use crate::environment;

/// A connection as the server's settings describe it.
pub(crate) async fn connect(aws: &server::settings::Aws) -> Connection {
    let endpoint =
        |url: &Option<String>, (connect, read): (Duration, Duration), attempts| Endpoint {
            url: url.clone(),
            pool: aws.pool,
            connect,
            read,
            attempts,
        };
    Connection::open(&Settings {
        region: aws.region.clone(),
        dynamodb: endpoint(&aws.dynamodb_url, aws.dynamodb_timeouts, aws.attempts),
        kms: endpoint(&aws.kms_url, aws.kms_timeouts, aws.attempts),
        keys: None,
    })
    .await
}

/// KMS for a command that makes a token: region and endpoint from the environment.
pub(crate) async fn client_kms() -> AwsKms {
    let defaults = Settings::default();
    let patient = Endpoint {
        url: environment::var("KMS_URL"),
        read: Duration::from_secs(5),
        ..defaults.kms
    };
    let region = environment::var("AWS_DEFAULT_REGION").unwrap_or(defaults.region);
    AwsKms::new(
        &Connection::open(&Settings {
            region,
            kms: patient,
            ..Settings::default()
        })
        .await,
    )
}
