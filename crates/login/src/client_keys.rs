//! Login by a token that a registered client key signed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use domain::{LoginMethod, Principal};
use keep::{Consistency, Keep};
use moka::future::Cache;
use seal::digest;

use crate::client_key_token::{UnverifiedToken, danger_parse_token};
use crate::failure_budget::{FailureBudget, FailureLimits};
use crate::token_context::Shown;
use crate::validity::Validity;
use crate::{ClientKey, ClientKeyId, DEFAULT_TO, LoginRefused, Username};

/// Which client keys' tokens count.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientKeySettings {
    /// This server's name in tokens (`AUTH_CONTEXT`).
    pub to: String,
    /// The longest time a token may hold, in minutes (`AUTH_TOKEN_MAX_LIFETIME`).
    pub max_lifetime_minutes: u32,
    /// Grace at both ends of a token's time, in seconds.
    pub skew_seconds: u32,
    /// Verified signatures kept.
    pub cache_size: u64,
    /// How many refused tokens are looked at.
    pub failures: FailureLimits,
}

impl Default for ClientKeySettings {
    fn default() -> Self {
        Self {
            to: DEFAULT_TO.to_owned(),
            max_lifetime_minutes: 60,
            skew_seconds: 0,
            cache_size: 10_000,
            failures: FailureLimits::default(),
        }
    }
}

/// The registered client keys. See [`ClientKeys::issue`] and its neighbours for managing them.
///
/// A key is looked up on every request, so revoking it works at once. In embedded mode the table
/// tells when anything was written, and a look-up costs nothing until then; elsewhere it is one
/// consistent read. Only the arithmetic of the signature is remembered.
pub struct ClientKeys {
    pub(crate) keep: Arc<Keep>,
    settings: ClientKeySettings,
    signed: Cache<[u8; 32], Signed>,
    records: RwLock<Records>,
    budget: FailureBudget,
}

/// A token whose signature was verified: which key made it, and from when to when it holds.
#[derive(Clone, Copy)]
struct Signed {
    key: ClientKeyId,
    validity: Validity,
}

/// Registered keys as of one generation of the table.
#[derive(Default)]
struct Records {
    generation: u64,
    keys: HashMap<ClientKeyId, Arc<ClientKey>>,
}

impl ClientKeys {
    /// The client keys in the kernel's own table.
    pub fn new(keep: Arc<Keep>, settings: ClientKeySettings) -> Self {
        Self {
            keep,
            signed: Cache::new(settings.cache_size),
            records: RwLock::default(),
            budget: FailureBudget::new(settings.failures),
            settings,
        }
    }

    /// Proves who sent `token` under the claim `username`.
    ///
    /// The token's name and type must be the username's and the registered key's.
    pub(crate) async fn verify(
        &self,
        username: &Username<'_>,
        token: &[u8],
        source: IpAddr,
    ) -> Result<Principal, LoginRefused> {
        let digest = digest::sha256_parts(&[
            username.user_type.as_bytes(),
            username.name.as_bytes(),
            token,
        ]);
        match self.signed.get(&digest).await {
            Some(signed) => {
                self.check_now(signed.validity)?;
                let key = self.record(&signed.key).await?;
                self.principal(username, &key)
            }
            None => {
                let parsed = danger_parse_token(token)?;
                self.check_claim(username, &parsed)?;
                let now = self.keep.clock().monotonic();
                if !self.budget.admits(source, now) {
                    return Err(LoginRefused::TooManyFailures);
                }
                match self.look_at(username, &parsed).await {
                    Ok(principal) => {
                        self.budget.proved(source, now);
                        self.signed
                            .insert(
                                digest,
                                Signed {
                                    key: parsed.key,
                                    validity: parsed.validity,
                                },
                            )
                            .await;
                        Ok(principal)
                    }
                    Err(why) => {
                        if !matches!(why, LoginRefused::Unavailable(_)) {
                            self.budget.failed(source, now);
                        }
                        Err(why)
                    }
                }
            }
        }
    }

    /// What can be refused without a look at the table.
    fn check_claim(
        &self,
        username: &Username<'_>,
        parsed: &UnverifiedToken<'_>,
    ) -> Result<(), LoginRefused> {
        if parsed.to != self.settings.to {
            return Err(LoginRefused::WrongAudience {
                token: Shown(parsed.to).to_string(),
                here: Shown(&self.settings.to).to_string(),
            });
        }
        same_principal(username, "token", parsed.from, parsed.user_type)?;
        parsed
            .validity
            .check_length(self.settings.max_lifetime_minutes)?;
        self.check_now(parsed.validity)
    }

    async fn look_at(
        &self,
        username: &Username<'_>,
        parsed: &UnverifiedToken<'_>,
    ) -> Result<Principal, LoginRefused> {
        let key = self.record(&parsed.key).await?;
        if !parsed.is_signed_by(&key.public_key) {
            return Err(LoginRefused::BadSignature);
        }
        self.principal(username, &key)
    }

    fn check_now(&self, validity: Validity) -> Result<(), LoginRefused> {
        validity.check_now(self.keep.clock().now(), self.settings.skew_seconds)
    }

    fn principal(
        &self,
        username: &Username<'_>,
        key: &ClientKey,
    ) -> Result<Principal, LoginRefused> {
        if key
            .expires
            .is_some_and(|expires| self.keep.clock().now() > expires)
        {
            return Err(LoginRefused::ClientKeyExpired(key.id.to_string()));
        }
        same_principal(username, "registered key", &key.name, key.kind.word())?;
        Ok(Principal {
            kind: key.kind,
            name: key.name.clone(),
            login: LoginMethod::ClientKey,
            account: key.account.clone(),
        })
    }

    async fn record(&self, id: &ClientKeyId) -> Result<Arc<ClientKey>, LoginRefused> {
        let items = self.keep.items();
        // Read before the item, so that a write in between makes the copy look old, never new.
        let generation = items.generation();
        if let Some(key) = generation.and_then(|generation| self.kept(generation, id)) {
            return Ok(key);
        }
        let item = items
            .get(
                self.keep.own_table(),
                &ClientKey::item_key(id),
                Consistency::Strong,
            )
            .await
            .map_err(|error| LoginRefused::Unavailable(error.to_string()))?
            .ok_or_else(|| LoginRefused::UnknownClientKey(id.to_string()))?;
        let key = ClientKey::from_item(id, &item)
            .ok_or_else(|| LoginRefused::ClientKeyDamaged(id.to_string()))?;
        let key = Arc::new(key);
        if let Some(generation) = generation {
            self.keep_copy(generation, &key);
        }
        Ok(key)
    }

    fn kept(&self, generation: u64, id: &ClientKeyId) -> Option<Arc<ClientKey>> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        if records.generation == generation {
            records.keys.get(id).cloned()
        } else {
            None
        }
    }

    fn keep_copy(&self, generation: u64, key: &Arc<ClientKey>) {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        if records.generation > generation {
            return;
        }
        if records.generation < generation || records.keys.len() >= RECORDS_KEPT {
            records.keys.clear();
            records.generation = generation;
        }
        records.keys.insert(key.id, Arc::clone(key));
    }
}

/// Refuses a username that is not of the name and type that `proof` is for.
fn same_principal(
    username: &Username<'_>,
    proof: &'static str,
    name: &str,
    user_type: &str,
) -> Result<(), LoginRefused> {
    for (field, claimed, proven) in [
        ("name", username.name, name),
        ("user_type", username.user_type, user_type),
    ] {
        if claimed != proven {
            return Err(LoginRefused::NameMismatch {
                field,
                claimed: Shown(claimed).to_string(),
                proof,
                proven: Shown(proven).to_string(),
            });
        }
    }
    Ok(())
}

const RECORDS_KEPT: usize = 10_000;
