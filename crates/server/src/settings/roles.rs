//! The names of IAM roles, which pages offer for services.

use std::time::Duration;

use super::reader::Reader;

/// How the names of IAM roles are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IamRoles {
    /// Whether they are read in the background, and not only when somebody asks.
    pub in_background: bool,
    /// Between two readings.
    pub refresh: Duration,
    /// How much earlier or later a reading may be, so that servers do not ask at once.
    pub jitter: Duration,
}

pub(super) fn read_iam_roles(reader: &Reader<'_>) -> IamRoles {
    let refresh = reader.number("BACKGROUND_CACHE_IAM_ROLE_REFRESH_RATE", 600, 0..=86_400);
    // As in Confidant, which reads roles no more often.
    let refresh = refresh.max(60);
    let jitter = reader.number("BACKGROUND_CACHE_IAM_ROLE_JITTER", 20, 0..=86_400);
    if jitter >= refresh {
        reader.complain(
            "BACKGROUND_CACHE_IAM_ROLE_JITTER",
            "takes less than BACKGROUND_CACHE_IAM_ROLE_REFRESH_RATE",
        );
    }
    IamRoles {
        in_background: reader.flag("BACKGROUND_CACHE_IAM_ROLES", true),
        refresh: Duration::from_secs(refresh),
        jitter: Duration::from_secs(jitter),
    }
}
