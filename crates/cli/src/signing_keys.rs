//! The private keys that the settings hold, and the keys of web tokens among them.

use std::sync::Arc;

use confidant::{LocalTokenCache, TokenCache, WebTokens};
use pki::{Passphrase, PrivateKey, TokenKey};
use redis_cache::RedisTokenCache;
use server::Config;
use server::settings::{SigningKey, WebTokenCache};

use crate::authorities::wrong;
use crate::exit::Outcome;

/// Makes the keys of web tokens, and the cache of tokens. Calls nobody.
///
/// Errors: a setting that cannot be used, by its name.
pub(crate) fn web_tokens(config: &Config) -> Outcome<WebTokens> {
    let settings = &config.web_tokens;
    let mut tokens = WebTokens::new(settings.lifetime);
    for (environment, keys) in &settings.keys {
        for settings in keys {
            let key = TokenKey::new(private_key(KEYS, environment, settings)?);
            let key = key.map_err(|error| of_key(KEYS, environment, settings, error))?;
            tokens = tokens.with_key(environment, &settings.kid, key);
        }
    }
    for (environment, kid) in &settings.active {
        let known = settings.keys.get(environment).into_iter().flatten();
        if !known.into_iter().any(|key| key.kid == *kid) {
            tracing::warn!(%environment, "JWT_ACTIVE_SIGNING_KEYS names none of its keys: no tokens for it");
        }
        tokens = tokens.with_active(environment, kid);
    }
    match &settings.cache {
        None => Ok(tokens),
        Some(cache) => {
            let kept_in = token_cache(cache)?;
            Ok(tokens.with_cache(kept_in, cache.life))
        }
    }
}

/// Opens a private key of the settings.
///
/// Errors: what is wrong with it, by the setting, its environment and its name.
pub(crate) fn private_key(
    name: &str,
    environment: &str,
    settings: &SigningKey,
) -> Outcome<PrivateKey> {
    let passphrase = settings
        .passphrase
        .as_ref()
        .map(|passphrase| Passphrase::new(passphrase.expose().to_owned()));
    PrivateKey::read(settings.key.expose(), passphrase.as_ref())
        .map_err(|error| of_key(name, environment, settings, error))
}

fn of_key(
    name: &str,
    environment: &str,
    settings: &SigningKey,
    error: pki::PkiError,
) -> crate::exit::Failure {
    wrong(
        name,
        format!("key {} of {environment}: {error}", settings.kid),
    )
}

fn token_cache(settings: &WebTokenCache) -> Outcome<Arc<dyn TokenCache>> {
    Ok(match &settings.redis {
        None => Arc::new(LocalTokenCache::new(settings.size, settings.life)),
        Some(redis) => Arc::new(
            RedisTokenCache::new(redis.url.expose(), redis.timeout)
                .map_err(|error| wrong("REDIS_URL_JWT_CACHE", error))?,
        ),
    })
}

const KEYS: &str = "JWT_CERTIFICATE_AUTHORITIES";
