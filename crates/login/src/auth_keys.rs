//! Which KMS keys prove which callers: configured names, resolved once.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::PrincipalKind;
use keep::{Clock, KeyError, KeyService, MasterKey};
use tokio::sync::OnceCell;

use crate::LoginRefused;

/// The name under which KMS knows a configured key.
///
/// Shape: an ARN, `alias/...`, a UUID or `mrk-...` stays as it is; anything else is an alias
/// without its prefix, as settings from before Confidant 5.0 have it.
pub fn key_name(configured: &str) -> Cow<'_, str> {
    let known = configured.starts_with("arn:")
        || configured.starts_with("alias/")
        || configured.starts_with("mrk-")
        || is_uuid(configured);
    if known {
        Cow::Borrowed(configured)
    } else {
        Cow::Owned(format!("alias/{configured}"))
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The configured keys.
pub(crate) struct AuthKeys {
    service: Arc<dyn KeyService>,
    clock: Arc<dyn Clock>,
    services: Vec<AuthKey>,
    users: Vec<AuthKey>,
}

struct AuthKey {
    name: String,
    /// The account that this key speaks for (`SCOPED_AUTH_KEYS`).
    account: Option<Arc<str>>,
    /// Remembered for the life of the process, as the reference does.
    arn: OnceCell<MasterKey>,
    /// When it was last not found.
    missed: Mutex<Option<Duration>>,
}

impl AuthKeys {
    pub(crate) fn new(
        service: Arc<dyn KeyService>,
        clock: Arc<dyn Clock>,
        auth_keys: &[String],
        user_auth_keys: &[String],
        scoped: &[(String, String)],
    ) -> Self {
        let account = |name: &String| {
            let mut scoped = scoped.iter();
            let found = scoped.find(|(known, _)| known == name);
            found.map(|(_, account)| Arc::from(account.as_str()))
        };
        let names = scoped.iter().map(|(name, _)| name);
        Self {
            service,
            clock,
            // As in Confidant, the account goes by the name: a key that has one name in both settings speaks for
            // the account, one that has two names speaks for none, since the name of AUTH_KEY comes first.
            services: auth_keys
                .iter()
                .chain(names)
                .filter_map(|name| AuthKey::new(name, account(name)))
                .collect(),
            users: user_auth_keys
                .iter()
                .filter_map(|name| AuthKey::new(name, None))
                .collect(),
        }
    }

    /// The account that `master` proves a caller of this kind for.
    ///
    /// Errors: [`LoginRefused::WrongKey`]; [`LoginRefused::Unavailable`] when a key that was not
    /// resolved yet cannot be.
    pub(crate) async fn account(
        &self,
        kind: PrincipalKind,
        master: &MasterKey,
    ) -> Result<Option<Arc<str>>, LoginRefused> {
        let keys: &[AuthKey] = match kind {
            PrincipalKind::Service => &self.services,
            PrincipalKind::User => &self.users,
            PrincipalKind::Other => &[],
        };
        let mut unreached = None;
        for key in keys {
            match self.arn(key).await {
                Ok(Some(arn)) if arn == *master => return Ok(key.account.clone()),
                Ok(_) => {}
                // Perhaps a later one matches.
                Err(unavailable) => unreached = Some(unavailable),
            }
        }
        Err(unreached.unwrap_or_else(|| LoginRefused::WrongKey {
            under: master.to_string(),
            kind: kind.word(),
            expected: told(kind, keys),
        }))
    }

    async fn arn(&self, key: &AuthKey) -> Result<Option<MasterKey>, LoginRefused> {
        if let Some(arn) = key.arn.get() {
            return Ok(Some(arn.clone()));
        }
        let now = self.clock.monotonic();
        if key
            .missed()
            .is_some_and(|at| now.saturating_sub(at) < ASK_AGAIN_AFTER)
        {
            return Ok(None);
        }
        let resolved = key.arn.get_or_try_init(|| async {
            if is_key_arn(&key.name) {
                return Ok(MasterKey(key.name.clone()));
            }
            self.service.describe(&key.name).await
        });
        match resolved.await {
            Ok(arn) => Ok(Some(arn.clone())),
            Err(error @ (KeyError::Throttled | KeyError::Unavailable(_))) => {
                Err(LoginRefused::Unavailable(error.to_string()))
            }
            Err(error) => {
                tracing::error!(key = %key.name, %error, "configured login key cannot be resolved, it proves nobody");
                *key.missed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                Ok(None)
            }
        }
    }
}

/// The keys that would have proven a caller, for the log.
fn told(kind: PrincipalKind, keys: &[AuthKey]) -> String {
    if keys.is_empty() {
        let setting = match kind {
            PrincipalKind::User => "USER_AUTH_KEY",
            _ => "AUTH_KEY",
        };
        return format!("no key at all, {setting} is not set");
    }
    let mut told: Vec<String> = keys.iter().take(KEYS_TOLD).map(AuthKey::told).collect();
    if let Some(more @ 1..) = keys.len().checked_sub(KEYS_TOLD) {
        told.push(format!("{more} more"));
    }
    told.join(" or ")
}

const KEYS_TOLD: usize = 8;

impl AuthKey {
    /// As configured, and its ARN where that is another text.
    fn told(&self) -> String {
        match self.arn.get() {
            Some(arn) if arn.0 == self.name => self.name.clone(),
            Some(arn) => format!("{} ({arn})", self.name),
            None => format!("{} (which cannot be resolved)", self.name),
        }
    }

    fn new(configured: &str, account: Option<Arc<str>>) -> Option<Self> {
        // An unset setting is an empty text; it proves nobody.
        let configured = configured.trim();
        (!configured.is_empty()).then(|| Self {
            name: key_name(configured).into_owned(),
            account,
            arn: OnceCell::new(),
            missed: Mutex::new(None),
        })
    }

    fn missed(&self) -> Option<Duration> {
        *self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decrypt reports the ARN of the key itself, so the ARN of an alias is resolved like a name.
fn is_key_arn(name: &str) -> bool {
    name.starts_with("arn:") && name.contains(":key/")
}

const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::old_alias("authnz-production", "alias/authnz-production")]
    #[case::alias("alias/authnz", "alias/authnz")]
    #[case::arn("arn:aws:kms:us-east-1:1:key/x", "arn:aws:kms:us-east-1:1:key/x")]
    #[case::uuid(
        "11111111-1111-1111-1111-11111111111a",
        "11111111-1111-1111-1111-11111111111a"
    )]
    #[case::nearly_a_uuid(
        "11111111-1111-1111-1111-11111111111g",
        "alias/11111111-1111-1111-1111-11111111111g"
    )]
    #[case::multi_region("mrk-1234", "mrk-1234")]
    fn names_a_configured_key_as_kms_does(#[case] configured: &str, #[case] expected: &str) {
        assert_eq!(key_name(configured), expected);
    }
}
