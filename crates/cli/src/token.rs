//! `keepward token`, and the login of every other command.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local::SystemClock;
#[cfg(feature = "aws")]
use login::CachedToken;
use login::{BearerToken, ClientKeyFile};
use serde_json::json;

use crate::arguments::{Connection, Token};
use crate::exit::{Failure, Kind, Outcome};
use crate::{environment, output};

/// A username and the token that proves it.
pub(crate) struct Credentials {
    username: String,
    token: BearerToken,
    /// Where the key's file says the server is.
    url: Option<String>,
}

impl Credentials {
    /// The value of an `Authorization` header.
    pub(crate) fn basic(&self) -> String {
        basic(&self.username, &self.token)
    }

    /// The name proven: the last part of the username.
    pub(crate) fn name(&self) -> &str {
        self.username.rsplit('/').next().unwrap_or(&self.username)
    }

    /// The server to ask: as typed, else as the key's file says, else on this machine.
    pub(crate) fn url(&self, connection: &Connection) -> String {
        let url = connection
            .url
            .as_deref()
            .or(self.url.as_deref())
            .unwrap_or("http://127.0.0.1:8080");
        url.trim_end_matches('/').to_owned()
    }
}

/// The value of an `Authorization` header for this username and token.
pub(crate) fn basic(username: &str, token: &BearerToken) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{}", token.expose()))
    )
}

pub(crate) fn run(token: &Token) -> Outcome {
    let made = credentials(
        &token.connection,
        Duration::from_secs(u64::from(token.minutes) * 60),
    )?;
    if token.connection.json {
        return output::json(&json!({ "username": made.username, "token": made.token.expose() }));
    }
    output::text(&format!(
        "X-Auth-From: {}\nX-Auth-Token: {}\n",
        made.username,
        made.token.expose()
    ))
}

/// Logs in as the arguments say.
pub(crate) fn credentials(connection: &Connection, lifetime: Duration) -> Outcome<Credentials> {
    match &connection.kms_key {
        Some(key) => kms(connection, key, lifetime),
        None => client_key(connection, lifetime),
    }
}

fn client_key(connection: &Connection, lifetime: Duration) -> Outcome<Credentials> {
    let path = connection.key_file.clone().unwrap_or_else(operator_key);
    let mut file = ClientKeyFile::read(&path).map_err(|error| {
        let failure = Failure::new(
            Kind::Denied,
            format!("client key {}: {}", path.display(), with_cause(&error)),
        );
        match connection.key_file {
            Some(_) => failure,
            None => failure.hint(
                "that is the operator's key, which an embedded server makes at its first start; \
                 --key-file or KEEPWARD_KEY_FILE names another one",
            ),
        }
    })?;
    if let Some(to) = &connection.to {
        file.to = Some(to.clone());
    }
    let (username, token) = file
        .mint(&SystemClock::new(), lifetime + FORGIVEN)
        .map_err(|error| Failure::new(Kind::Usage, format!("making a token: {error}")))?;
    Ok(Credentials {
        username,
        token,
        url: file.url,
    })
}

/// The operator's key in the data folder of this machine.
pub(crate) fn operator_key() -> PathBuf {
    environment::var("KEEPWARD_DATA_DIR")
        .map_or_else(environment::data_dir, PathBuf::from)
        .join("operator.key")
}

#[cfg(not(feature = "aws"))]
fn kms(_connection: &Connection, _key: &str, _lifetime: Duration) -> Outcome<Credentials> {
    Err(Failure::new(
        Kind::Usage,
        "--kms-key: this program was built without AWS",
    ))
}

#[cfg(feature = "aws")]
fn kms(connection: &Connection, key: &str, lifetime: Duration) -> Outcome<Credentials> {
    use keep::{Clock as _, EncryptionContext, KeyService as _};

    let missing =
        |flag: &str| Failure::new(Kind::Usage, format!("{flag} is needed with --kms-key"));
    let from = connection
        .from
        .as_deref()
        .ok_or_else(|| missing("--from"))?;
    let to = connection.to.as_deref().ok_or_else(|| missing("--to"))?;
    let kind = connection.caller.word();
    let context = EncryptionContext::new([("from", from), ("to", to), ("user_type", kind)]);
    let made = |token| Credentials {
        username: format!("2/{kind}/{from}"),
        token,
        url: None,
    };
    let now = SystemClock::new().now();
    let cache = connection.token_cache.as_deref();
    let cached = match cache {
        Some(path) => CachedToken::read(path).map_err(|error| cache_failed(path, &error))?,
        None => None,
    };
    if let Some(cached) = cached.filter(|cached| cached.serves(&context, key, now)) {
        return Ok(made(cached.token));
    }
    let (validity, payload) = login::kms_payload(now, lifetime + FORGIVEN);
    let wrapped = crate::aws_ports::block_on(async {
        crate::aws_ports::client_kms(None)
            .await
            .wrap(key, &payload, &context)
            .await
    })?
    .map_err(|error| {
        Failure::new(
            Kind::Unavailable,
            format!("making a KMS token under {key}: {error}"),
        )
    })?;
    let token = BearerToken::new(&STANDARD.encode(wrapped.0))
        .map_err(|error| Failure::new(Kind::Usage, format!("making a KMS token: {error}")))?;
    let cached = CachedToken {
        token,
        not_after: validity.not_after,
        context,
        key: Some(key.to_owned()),
    };
    if let Some(path) = cache {
        cached
            .write(path)
            .map_err(|error| cache_failed(path, &error))?;
    }
    Ok(made(cached.token))
}

#[cfg(feature = "aws")]
fn cache_failed(path: &std::path::Path, error: &login::TokenCacheError) -> Failure {
    let what = format!("{}: {}", path.display(), with_cause(error));
    Failure::new(Kind::Denied, what)
        .hint("--token-cache takes a file of ours or of kmsauth, or one that does not exist yet")
}

/// How long before now a token begins, as with kmsauth: it forgives a clock that is ahead.
const FORGIVEN: Duration = Duration::from_secs(180);

/// An error with what caused it.
pub(crate) fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
