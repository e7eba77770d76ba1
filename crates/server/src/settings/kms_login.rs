//! Login by KMS token: whose keys prove whom.

use std::collections::BTreeSet;
use std::time::Duration;

use super::reader::Reader;

/// Login by KMS token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsLogin {
    /// Keys of services' tokens.
    pub auth_keys: Vec<String>,
    /// Keys of users' tokens.
    pub user_auth_keys: Vec<String>,
    /// Keys of other accounts, in the order of the setting.
    pub scoped: Vec<(String, String)>,
    /// Smallest token version.
    pub minimum_version: u8,
    /// Greatest token version.
    pub maximum_version: u8,
    /// User types that may log in.
    pub user_types: BTreeSet<String>,
    /// Verified tokens kept.
    pub cache_size: u64,
    /// How often a kept token is checked with KMS again.
    pub recheck: Duration,
    /// Whether whole days of a token's lifetime count as nothing.
    pub drop_days: bool,
}

pub(super) fn read_kms_login(reader: &Reader<'_>) -> Option<KmsLogin> {
    let auth_keys = reader.list("AUTH_KEY");
    let user_auth_keys = reader.list("USER_AUTH_KEY");
    let scoped: serde_json::Map<String, serde_json::Value> =
        reader.json("SCOPED_AUTH_KEYS", "{\"key\": \"account\"}");
    let mut accounts = BTreeSet::new();
    let mut pairs = Vec::new();
    for (key, account) in scoped {
        match account {
            serde_json::Value::String(account) if accounts.insert(account.clone()) => {
                pairs.push((key, account))
            }
            serde_json::Value::String(_) => {
                reader.complain("SCOPED_AUTH_KEYS", "each account may stand once")
            }
            _ => reader.complain(
                "SCOPED_AUTH_KEYS",
                "takes JSON of the form {\"key\": \"account\"}",
            ),
        }
    }
    let version = |name, default| u8::try_from(reader.number(name, default, 1..=2)).unwrap_or(1);
    let (minimum_version, maximum_version) = (
        version("KMS_MINIMUM_TOKEN_VERSION", 1),
        version("KMS_MAXIMUM_TOKEN_VERSION", 2),
    );
    if minimum_version > maximum_version {
        reader.complain(
            "KMS_MINIMUM_TOKEN_VERSION",
            "is above KMS_MAXIMUM_TOKEN_VERSION; no token could pass",
        );
    }
    let mut user_types: BTreeSet<_> = reader.list("KMS_AUTH_USER_TYPES").into_iter().collect();
    if user_types.is_empty() {
        user_types.insert("service".to_owned());
    }
    let login = KmsLogin {
        minimum_version,
        maximum_version,
        user_types,
        cache_size: reader.number("KMS_AUTH_TOKEN_CACHE_SIZE", 4_096, 1..=1_000_000),
        recheck: Duration::from_secs(reader.number(
            "KEEPWARD_TOKEN_RECHECK_SECONDS",
            300,
            1..=86_400,
        )),
        drop_days: reader.flag("KEEPWARD_TOKEN_DROP_DAYS", false),
        auth_keys,
        user_auth_keys,
        scoped: pairs,
    };
    let keys = login.auth_keys.len() + login.user_auth_keys.len() + login.scoped.len();
    (keys > 0).then_some(login)
}
