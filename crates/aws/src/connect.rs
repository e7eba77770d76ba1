//! What all adapters share: region, credentials and HTTP clients.

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::{Endpoint, Settings, identity};

/// A connection to AWS. Cheap to clone; clones share credentials and connections.
#[derive(Clone)]
pub struct Connection {
    pub(crate) reads: aws_sdk_dynamodb::Client,
    /// Never tries again by itself: a second try would hide that the first may have happened, and
    /// the kernel knows how to find out.
    pub(crate) writes: aws_sdk_dynamodb::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    shared: SdkConfig,
}

impl Connection {
    /// Prepares the clients. Calls nobody: credentials are looked up with the first call, within
    /// its time.
    pub async fn open(settings: &Settings) -> Self {
        let Settings {
            region,
            kms_region,
            dynamodb,
            kms,
            identity,
        } = settings;
        let dynamodb_http = http_client(dynamodb);
        let kms_http = http_client(kms);
        let region = Region::new(region.clone());
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region.clone())
            // Every call has its own bound.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(kms_http.clone());
        let mut shared = loader.load().await;
        if let Some(credentials) = identity::credentials(identity, &region, &shared).await {
            shared = shared
                .into_builder()
                .credentials_provider(credentials)
                .build();
        }

        let table = |retries: RetryConfig| {
            let mut config = aws_sdk_dynamodb::config::Builder::from(&shared)
                .http_client(dynamodb_http.clone())
                .timeout_config(dynamodb.timeouts())
                .retry_config(retries);
            if let Some(url) = &dynamodb.url {
                config = config.endpoint_url(url);
            }
            aws_sdk_dynamodb::Client::from_conf(config.build())
        };
        let mut kms_config = aws_sdk_kms::config::Builder::from(&shared)
            .http_client(kms_http)
            .timeout_config(kms.timeouts())
            .retry_config(kms.retries());
        if let Some(region) = kms_region {
            kms_config = kms_config.region(Region::new(region.clone()));
        }
        if let Some(url) = &kms.url {
            kms_config = kms_config.endpoint_url(url);
        }
        Self {
            reads: table(dynamodb.retries()),
            writes: table(RetryConfig::disabled()),
            kms: aws_sdk_kms::Client::from_conf(kms_config.build()),
            shared,
        }
    }

    /// Region, credentials and HTTP client, for the adapters of services that this crate does not know.
    pub fn shared(&self) -> &SdkConfig {
        &self.shared
    }
}

fn http_client(endpoint: &Endpoint) -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .pool_max_idle_per_host(endpoint.pool)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https()
}

impl Endpoint {
    /// How often a call is tried.
    pub fn retries(&self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(self.attempts.max(1))
    }

    /// How long a call may take.
    pub fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            // The SDK's read timeout runs from the start of the call, connecting included.
            .read_timeout(self.connect + self.read)
            .operation_timeout(self.total())
            .build()
    }
}
