//! Who calls AWS, and in which region, when the settings do not say it all.

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::{Identity, Keys};

/// The region that the environment (`AWS_REGION`, `AWS_DEFAULT_REGION`) or this profile names; without
/// a name, the profile of `AWS_PROFILE`. Asks no service, as the old programs did not.
pub async fn region(profile: Option<&str>) -> Option<String> {
    let mut of_profile = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        of_profile = of_profile.profile_name(profile);
    }
    let region = match EnvironmentVariableRegionProvider::new().region().await {
        Some(region) => Some(region),
        None => of_profile.build().region().await,
    };
    region.map(|region| region.to_string())
}

/// Whether the files of profiles have one of this name. `true` where they cannot be read, since then
/// the first call says better what is wrong.
pub async fn has_profile(name: &str) -> bool {
    let (fs, env, files) = Default::default();
    match aws_config::profile::load(&fs, &env, &files, None).await {
        Ok(profiles) => profiles.get_profile(name).is_some(),
        Err(_) => true,
    }
}

/// Where a caller's credentials come from. Looks nothing up yet.
pub(crate) async fn credentials(
    identity: &Identity,
    region: &Region,
    shared: &SdkConfig,
) -> Option<SharedCredentialsProvider> {
    Some(match identity {
        Identity::Chain => return None,
        Identity::Keys(Keys(keys)) => SharedCredentialsProvider::new(keys.clone()),
        // Whoever names a profile means it, whatever the environment holds.
        Identity::Profile(name) => SharedCredentialsProvider::new(
            ProfileFileCredentialsProvider::builder()
                .profile_name(name)
                .build(),
        ),
        Identity::Role { arn, session } => {
            let own = DefaultCredentialsChain::builder()
                .region(region.clone())
                .build()
                .await;
            SharedCredentialsProvider::new(
                AssumeRoleProvider::builder(arn)
                    .session_name(session)
                    .region(region.clone())
                    .configure(shared)
                    .build_from_provider(own)
                    .await,
            )
        }
    })
}
