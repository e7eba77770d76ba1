//! The table and the keys of the stash commands: on AWS under the caller's own rights, or in a local folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keep::{Clock, Random};
use local::{DataDir, LocalError, SystemClock, SystemRandom};
use stash::Ports;

use crate::exit::{Failure, Kind, Outcome};
use crate::ports::local;

/// How a stash is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StashSettings {
    /// The region of table and keys; without it, as [`Region`] says.
    pub(crate) region: Option<String>,
    /// The region of the keys when it is another.
    pub(crate) kms_region: Option<String>,
    /// The profile whose credentials are used, and whose region when nothing else names one.
    pub(crate) profile: Option<String>,
    /// The role to assume.
    pub(crate) role: Option<String>,
    /// A folder in place of AWS.
    pub(crate) local: Option<PathBuf>,
    /// What happens when nothing names a region.
    pub(crate) no_region: NoRegion,
}

/// When neither the command line, nor the environment, nor a profile names a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NoRegion {
    /// An error, as in CredSmash.
    #[default]
    Refuse,
    /// us-east-1, as in credstash.
    UsEast1,
}

/// Opened ports.
pub(crate) struct StashPorts {
    pub(crate) ports: Ports,
    /// Holds the lock of a local folder.
    _data: Option<DataDir>,
}

/// Opens what the settings name. Calls no service yet.
///
/// Errors: `Usage` when no region is known or there is no such profile; those of the local folder.
pub(crate) async fn open(settings: &StashSettings) -> Outcome<StashPorts> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    match &settings.local {
        Some(folder) => in_folder(folder, clock, random).await,
        None => on_aws(settings, clock, random).await,
    }
}

async fn in_folder(
    folder: &Path,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Outcome<StashPorts> {
    let data = locked(folder, &*clock).await?;
    let (table, keys) = crate::ports::in_folder(&data, &random)?;
    Ok(StashPorts {
        ports: Ports {
            table,
            keys,
            clock,
            random,
        },
        _data: Some(data),
    })
}

/// Another command may be using the folder this moment.
async fn locked(folder: &Path, clock: &dyn Clock) -> Outcome<DataDir> {
    let start = clock.monotonic();
    loop {
        match DataDir::open(folder) {
            Err(LocalError::InUse { .. }) if clock.monotonic() - start < PATIENCE => {
                clock.sleep(PAUSE).await;
            }
            opened => return opened.map_err(local),
        }
    }
}

#[cfg(feature = "aws")]
async fn on_aws(
    settings: &StashSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Outcome<StashPorts> {
    use aws::{AwsKms, Connection, DynamoTable, Endpoint, Identity, Settings};

    let profile = settings.profile.as_deref();
    if let Some(name) = profile
        && !aws::has_profile(name).await
    {
        let what = format!("The config profile ({name}) could not be found");
        return Err(Failure::new(Kind::Usage, what)
            .hint("profiles are in ~/.aws/config and ~/.aws/credentials"));
    }
    let named = match &settings.region {
        Some(region) => Some(region.clone()),
        None => aws::region(profile).await,
    };
    let region = match (named, settings.no_region) {
        (Some(region), _) => region,
        (None, NoRegion::UsEast1) => Settings::default().region,
        (None, NoRegion::Refuse) => {
            return Err(Failure::new(Kind::Usage, "You must specify a region.")
                .hint("set AWS_DEFAULT_REGION (or AWS_REGION), or name one in the profile"));
        }
    };
    let endpoint = Endpoint {
        url: None,
        connect: Duration::from_secs(5),
        read: Duration::from_secs(15),
        // The operations try again themselves.
        attempts: 1,
        ..Settings::default().kms
    };
    let connection = Connection::open(&Settings {
        region,
        kms_region: settings.kms_region.clone(),
        dynamodb: endpoint.clone(),
        kms: endpoint,
        identity: match (&settings.role, profile) {
            (Some(arn), _) => Identity::Role {
                arn: arn.clone(),
                session: SESSION.to_owned(),
            },
            (None, Some(name)) => Identity::Profile(name.to_owned()),
            (None, None) => Identity::Chain,
        },
    })
    .await;
    Ok(StashPorts {
        ports: Ports {
            table: Arc::new(DynamoTable::new(&connection, Arc::clone(&clock))),
            keys: Arc::new(AwsKms::new(&connection)),
            clock,
            random,
        },
        _data: None,
    })
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "the same shape as with AWS")]
async fn on_aws(
    _settings: &StashSettings,
    _clock: Arc<dyn Clock>,
    _random: Arc<dyn Random>,
) -> Outcome<StashPorts> {
    Err(
        Failure::new(Kind::Usage, "this program was built without AWS")
            .hint("--local names a folder to use in its place; the feature `aws` is on by default"),
    )
}

/// As credstash names it.
#[cfg(feature = "aws")]
const SESSION: &str = "AssumeRoleCredstashSession1";
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
