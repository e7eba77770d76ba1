//! What a connection to AWS needs to know, already parsed.

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;

/// How AWS is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region of DynamoDB and KMS (`AWS_DEFAULT_REGION`).
    pub region: String,
    /// The region of KMS when it is another.
    pub kms_region: Option<String>,
    /// How DynamoDB is called.
    pub dynamodb: Endpoint,
    /// How KMS is called.
    pub kms: Endpoint,
    /// Who calls.
    pub identity: Identity,
}

/// Whose credentials sign the calls.
#[derive(Clone, Debug, Default)]
pub enum Identity {
    /// The SDK's own chain: environment, profile, SSO, web identity, container, instance.
    #[default]
    Chain,
    /// Fixed in the settings.
    Keys(Keys),
    /// A profile by its name.
    Profile(String),
    /// A role that the chain's caller assumes.
    Role {
        /// Its ARN.
        arn: String,
        /// The name of the session, which CloudTrail shows.
        session: String,
    },
}

impl Default for Settings {
    /// Confidant's defaults, in `us-east-1`.
    fn default() -> Self {
        let second = Duration::from_secs(1);
        let endpoint = Endpoint {
            url: None,
            pool: 100,
            connect: second,
            read: second,
            attempts: 3,
        };
        Self {
            region: "us-east-1".to_owned(),
            kms_region: None,
            // The kernel tries its reads again too, so a second try here is enough.
            dynamodb: Endpoint {
                attempts: 2,
                ..endpoint.clone()
            },
            kms: endpoint,
            identity: Identity::Chain,
        }
    }
}

/// How one service is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address when it is not AWS's own (`DYNAMODB_URL`, `KMS_URL`).
    pub url: Option<String>,
    /// Idle connections kept; further ones are opened when needed and closed after use.
    pub pool: usize,
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest wait for an answer, once connected.
    pub read: Duration,
    /// Tries of one call that changes nothing, the first included. A write is tried once: a second
    /// try would hide that the first may have happened.
    pub attempts: u32,
}

impl Endpoint {
    /// The longest time that one call takes, over all its tries and the pauses between them.
    pub fn total(&self) -> Duration {
        (self.connect + self.read) * self.attempts.max(1) + Duration::from_secs(1)
    }
}

/// An access key of AWS, fixed in the settings.
#[derive(Clone)]
pub struct Keys(pub(crate) Credentials);

impl Keys {
    /// The access key `id` with its secret half.
    pub fn new(id: &str, secret: &str) -> Self {
        Self(Credentials::new(id, secret, None, None, "settings"))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_part_of_the_keys() {
        let settings = Settings {
            identity: Identity::Keys(Keys::new("AKIDHUNTER", "hunter2")),
            ..Settings::default()
        };
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("AKIDHUNTER"),
            "{shown}"
        );
    }

    #[test]
    fn the_total_time_counts_every_try() {
        assert_eq!(Settings::default().kms.total(), Duration::from_secs(7));
        assert_eq!(Settings::default().dynamodb.total(), Duration::from_secs(5));
    }
}
