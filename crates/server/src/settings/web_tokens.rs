//! JSON web tokens: which keys sign them, how long they are good for, where they are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::Reader;
use super::secret_text::SecretText;
use super::signing_keys::{Environments, read_signing_keys};

/// JSON web tokens.
#[derive(Clone, Debug)]
pub struct WebTokens {
    /// Keys that sign, by environment.
    pub keys: Environments,
    /// The `kid` of the key that signs new tokens, by environment.
    pub active: BTreeMap<String, String>,
    /// How long a token is good for.
    pub lifetime: Duration,
    /// Where tokens are kept for equal requests; `None` when they are not.
    pub cache: Option<WebTokenCache>,
}

/// Where tokens are kept for equal requests.
#[derive(Clone, Debug)]
pub struct WebTokenCache {
    /// How many at most.
    pub size: u64,
    /// For how long.
    pub life: Duration,
    /// In this Redis; in this process's memory when there is none.
    pub redis: Option<Redis>,
}

/// A Redis.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Its URL, which may hold a password.
    pub url: SecretText,
    /// To wait for it.
    pub timeout: Duration,
}

pub(super) fn read_web_tokens(reader: &Reader<'_>) -> WebTokens {
    let seconds = |name, default, bounds| Duration::from_secs(reader.number(name, default, bounds));
    let life = seconds("JWT_CACHING_TTL_SECONDS", 900, 0..=31_536_000);
    let size = reader.number("JWT_CACHING_MAX_SIZE", 1_000, 1..=1_000_000);
    let redis = read_redis(reader);
    WebTokens {
        keys: read_signing_keys(reader, "JWT_CERTIFICATE_AUTHORITIES", "JWT_IS_CA_ENCRYPTED"),
        active: reader.json("JWT_ACTIVE_SIGNING_KEYS", "{\"environment\": \"kid\"}"),
        lifetime: seconds("JWT_DEFAULT_JWT_EXPIRATION_SECONDS", 3_600, 1..=31_536_000),
        cache: reader
            .flag("JWT_CACHING_ENABLED", false)
            .then_some(WebTokenCache { size, life, redis }),
    }
}

fn read_redis(reader: &Reader<'_>) -> Option<Redis> {
    let timeout = Duration::from_secs(reader.number("REDIS_SOCKET_TIMEOUT", 2, 1..=300));
    if !reader.flag("JWT_CACHING_USE_REDIS", false) {
        return None;
    }
    let Some(url) = reader.text("REDIS_URL_JWT_CACHE") else {
        reader.complain(
            "REDIS_URL_JWT_CACHE",
            "is needed with JWT_CACHING_USE_REDIS: redis://host:port",
        );
        return None;
    };
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        reader.complain(
            "REDIS_URL_JWT_CACHE",
            "takes a URL that begins with redis:// or rediss://",
        );
    }
    Some(Redis {
        url: SecretText::new(url),
        timeout,
    })
}
