//! The login keys of the recorded exchanges, and a token for each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use futures_util::FutureExt as _;
use keep::simulator::MemoryKeys;
use keep::{
    Clock, DataKey, EncryptionContext, KeyError, KeyService, MasterKey, Random, Unwrapped,
    WrappedKey,
};
use login::{FailureLimits, KmsTokenSettings, KmsTokens};

pub(crate) const TO: &str = "confidant-testing";
pub(crate) const SERVICES: &str = "alias/authnz";
pub(crate) const USERS: &str = "alias/authnz-user";
pub(crate) const SANDBOX: &str = "alias/authnz-sandbox";
pub(crate) const AT_REST: &str = "alias/confidant-at-rest";

/// Several master keys by alias.
pub(crate) struct TokenKeys(BTreeMap<&'static str, MemoryKeys>);

impl TokenKeys {
    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        let key = |alias| (alias, MemoryKeys::new(Arc::clone(&random)));
        Self([SERVICES, USERS, SANDBOX, AT_REST].map(key).into())
    }

    /// A token's text: `plaintext` under `alias` and this context.
    pub(crate) fn seal(&self, alias: &str, context: &[(&str, &str)], plaintext: &str) -> String {
        let plaintext = DataKey::new(plaintext.as_bytes().into());
        let context = EncryptionContext::new(context.iter().copied());
        let wrapped = self.0[alias]
            .wrap(MemoryKeys::ALIAS, &plaintext, &context)
            .now_or_never();
        STANDARD.encode(wrapped.unwrap().unwrap().0)
    }

    /// A token that began `ago` seconds ago and holds for `seconds`.
    pub(crate) fn token(
        &self,
        alias: &str,
        context: &[(&str, &str)],
        now: Timestamp,
        (ago, seconds): (i64, i64),
    ) -> String {
        let begin = now.plus_seconds(-ago);
        let plaintext = serde_json::json!({
            "not_before": begin.compact(),
            "not_after": begin.plus_seconds(seconds).compact(),
        });
        self.seal(alias, context, &plaintext.to_string())
    }

    fn master(&self, alias: &str) -> Result<MasterKey, KeyError> {
        match self.0.contains_key(alias) {
            true => Ok(MasterKey(format!("memory:{alias}"))),
            false => Err(KeyError::NoSuchKey(alias.into())),
        }
    }
}

/// How the recorded server took tokens.
pub(crate) fn login(keys: Arc<TokenKeys>, clock: Arc<dyn Clock>) -> KmsTokens {
    let settings = KmsTokenSettings {
        to: TO.to_owned(),
        auth_keys: vec![SERVICES.to_owned()],
        user_auth_keys: vec![USERS.to_owned()],
        scoped: vec![(SANDBOX.to_owned(), "sandbox".to_owned())],
        user_types: vec!["service".to_owned(), "user".to_owned()],
        // The recorded refusals are more than one source may have.
        failures: FailureLimits {
            burst: 1e6,
            total_burst: 1e6,
            ..FailureLimits::default()
        },
        ..KmsTokenSettings::default()
    };
    KmsTokens::new(keys, clock, settings)
}

#[async_trait::async_trait]
impl KeyService for TokenKeys {
    async fn generate(
        &self,
        _: &str,
        _: usize,
        _: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        panic!("a login makes no data key")
    }

    async fn wrap(
        &self,
        _: &str,
        _: &DataKey,
        _: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        panic!("a login wraps no key")
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        for (alias, keys) in &self.0 {
            match keys.unwrap(wrapped, context).await {
                Ok(Unwrapped { key, .. }) => {
                    let master = self.master(alias)?;
                    return Ok(Unwrapped { key, master });
                }
                Err(KeyError::DoesNotOpen) => {}
                Err(other) => return Err(other),
            }
        }
        Err(KeyError::DoesNotOpen)
    }

    async fn random(&self, _: usize) -> Result<DataKey, KeyError> {
        panic!("a login needs no random bytes")
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.master(master)
    }
}
