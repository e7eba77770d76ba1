//! Login by a token encrypted under a KMS key (kmsauth, versions 1 and 2).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::{LoginMethod, Principal, PrincipalKind};
use keep::{CacheName, Clock, Fact, KeyError, KeyService, Step, Unwatched, Watch};
use moka::future::Cache;
use seal::{WrappedKey, digest};

use crate::auth_keys::AuthKeys;
use crate::diagnosis::Diagnoses;
use crate::failure_budget::{FailureBudget, FailureLimits};
use crate::flights::Flights;
use crate::kms_payload::read_kms_payload;
use crate::refused_tokens::RefusedTokens;
use crate::token_context::Shown;
use crate::validity::Validity;
use crate::{LoginRefused, TokenContext, Username};

/// Which tokens count. The names in capitals are Confidant's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct KmsTokenSettings {
    /// This server's name in the tokens' context (`AUTH_CONTEXT`).
    pub to: String,
    /// Keys that prove services (`AUTH_KEY`).
    pub auth_keys: Vec<String>,
    /// Keys that prove users (`USER_AUTH_KEY`).
    pub user_auth_keys: Vec<String>,
    /// Keys that prove services of one account, with that account (`SCOPED_AUTH_KEYS`).
    pub scoped: Vec<(String, String)>,
    /// The lowest version taken (`KMS_MINIMUM_TOKEN_VERSION`).
    pub minimum_version: u32,
    /// The highest version taken (`KMS_MAXIMUM_TOKEN_VERSION`).
    pub maximum_version: u32,
    /// The types taken (`KMS_AUTH_USER_TYPES`).
    pub user_types: Vec<String>,
    /// The longest time a token may hold, in minutes (`AUTH_TOKEN_MAX_LIFETIME`).
    pub max_lifetime_minutes: u32,
    /// Verified tokens kept (`KMS_AUTH_TOKEN_CACHE_SIZE`).
    pub cache_size: u64,
    /// How long a verified token counts before KMS is asked again: the longest time that a
    /// withdrawn key still lets its tokens in.
    pub recheck: Duration,
    /// Grace at both ends of a token's time, in seconds.
    pub skew_seconds: u32,
    /// Whether whole days of a token's time count as nothing, as in Confidant, whose limit lets a
    /// token of ten years and ten minutes pass. Each such token is logged.
    pub danger_drop_days: bool,
    /// How many refused tokens are looked at.
    pub failures: FailureLimits,
}

impl Default for KmsTokenSettings {
    /// Confidant's defaults; no key proves anybody until one is named.
    fn default() -> Self {
        Self {
            to: String::new(),
            auth_keys: Vec::new(),
            user_auth_keys: Vec::new(),
            scoped: Vec::new(),
            minimum_version: 1,
            maximum_version: 2,
            user_types: vec!["service".to_owned()],
            max_lifetime_minutes: 60,
            cache_size: 4_096,
            recheck: Duration::from_secs(300),
            skew_seconds: 0,
            danger_drop_days: false,
            failures: FailureLimits::default(),
        }
    }
}

/// Verifies KMS tokens.
pub struct KmsTokens {
    service: Arc<dyn KeyService>,
    clock: Arc<dyn Clock>,
    settings: KmsTokenSettings,
    keys: AuthKeys,
    verified: Cache<[u8; 32], Verified>,
    refused: RefusedTokens,
    flights: Flights<Result<Verified, LoginRefused>>,
    budget: FailureBudget,
    diagnoses: Diagnoses,
    watch: Arc<dyn Watch>,
}

/// What KMS said about one token under one claim.
#[derive(Clone)]
struct Verified {
    validity: Validity,
    account: Option<Arc<str>>,
    /// When KMS said so, by the clock that does not jump.
    at: Duration,
}

/// One token under one claim.
struct Attempt<'t> {
    username: &'t Username<'t>,
    kind: PrincipalKind,
    ciphertext: &'t [u8],
    digest: [u8; 32],
    source: IpAddr,
}

impl KmsTokens {
    /// Tokens that `service` can open, judged by `settings`.
    pub fn new(
        service: Arc<dyn KeyService>,
        clock: Arc<dyn Clock>,
        settings: KmsTokenSettings,
    ) -> Self {
        let KmsTokenSettings {
            auth_keys,
            user_auth_keys,
            scoped,
            cache_size,
            failures,
            ..
        } = &settings;
        Self {
            keys: AuthKeys::new(
                Arc::clone(&service),
                Arc::clone(&clock),
                auth_keys,
                user_auth_keys,
                scoped,
            ),
            verified: Cache::new(*cache_size),
            refused: RefusedTokens::new(REFUSALS_KEPT, REFUSAL_LIFE),
            flights: Flights::new(),
            budget: FailureBudget::new(*failures),
            diagnoses: Diagnoses::default(),
            watch: Arc::new(Unwatched),
            service,
            clock,
            settings,
        }
    }

    /// The same, with what happens told to `watch`.
    #[must_use]
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self }
    }

    /// Proves who sent `ciphertext` under the claim `username`.
    ///
    /// Order: version, type, then the token at KMS (or from memory), its key, its dates, its length,
    /// the time. All but the middle part are judged on every request, remembered token or not.
    pub(crate) async fn verify(
        &self,
        username: &Username<'_>,
        ciphertext: &[u8],
        source: IpAddr,
    ) -> Result<Principal, LoginRefused> {
        let KmsTokenSettings {
            minimum_version,
            maximum_version,
            user_types,
            ..
        } = &self.settings;
        if !(*minimum_version..=*maximum_version).contains(&username.version) {
            return Err(LoginRefused::TokenVersion {
                version: username.version,
                minimum: *minimum_version,
                maximum: *maximum_version,
            });
        }
        let allowed = user_types.iter().any(|kind| kind == username.user_type);
        let kind = match username.user_type {
            "service" if allowed => PrincipalKind::Service,
            "user" if allowed => PrincipalKind::User,
            // No key proves any other type, listed or not.
            other => {
                return Err(LoginRefused::UserType {
                    given: Shown(other).to_string(),
                    allowed: user_types.join(", "),
                });
            }
        };
        let version = username.version;
        self.watch.happened(Fact::Token { version });
        let begun = self.clock.monotonic();
        let judged = self.judge(username, kind, ciphertext, source).await;
        let took = self.clock.monotonic().saturating_sub(begun);
        let step = Step::DecryptToken;
        self.watch.happened(Fact::Took { step, took });
        let verified = judged?;
        Ok(Principal {
            kind,
            name: username.name.to_owned(),
            login: LoginMethod::KmsToken,
            account: verified.account.as_deref().map(str::to_owned),
        })
    }

    /// The token at KMS, or from memory, and whether its time is now.
    async fn judge(
        &self,
        username: &Username<'_>,
        kind: PrincipalKind,
        ciphertext: &[u8],
        source: IpAddr,
    ) -> Result<Verified, LoginRefused> {
        let digest = self.digest(username, ciphertext);
        let attempt = Attempt {
            username,
            kind,
            ciphertext,
            digest,
            source,
        };
        let remembered = self.remembered(&digest).await;
        self.watch.happened(Fact::Cache {
            cache: CacheName::Tokens,
            saved: remembered.as_ref().map(|_| 1),
        });
        let verified = match remembered {
            Some(fresh) => fresh,
            None => self.flights.join(digest, self.ask(&attempt)).await?,
        };
        if let Err(out_of_time) = verified
            .validity
            .check_now(self.clock.now(), self.settings.skew_seconds)
        {
            if let LoginRefused::Expired { .. } = out_of_time {
                self.verified.invalidate(&digest).await;
            }
            return Err(out_of_time);
        }
        Ok(verified)
    }

    /// Names the token and everything it was judged by. Each part has its length before it, so no
    /// two claims share a name, and the version is one of them.
    fn digest(&self, username: &Username<'_>, ciphertext: &[u8]) -> [u8; 32] {
        let Username {
            version,
            user_type,
            name,
        } = username;
        digest::sha256_parts(&[
            &version.to_be_bytes(),
            user_type.as_bytes(),
            name.as_bytes(),
            self.settings.to.as_bytes(),
            ciphertext,
        ])
    }

    async fn remembered(&self, digest: &[u8; 32]) -> Option<Verified> {
        let verified = self.verified.get(digest).await?;
        let age = self.clock.monotonic().saturating_sub(verified.at);
        (age < self.settings.recheck).then_some(verified)
    }

    /// Asks KMS, unless the answer came meanwhile or is not worth the call.
    async fn ask(&self, attempt: &Attempt<'_>) -> Result<Verified, LoginRefused> {
        let Attempt { digest, source, .. } = *attempt;
        if let Some(fresh) = self.remembered(&digest).await {
            return Ok(fresh);
        }
        let now = self.clock.monotonic();
        if let Some(why) = self.refused.why(&digest, now) {
            return Err(why);
        }
        // A token that was good before is asked about whatever its source did since.
        let known = self.verified.contains_key(&digest);
        if !known && !self.budget.admits(source, now) {
            return Err(LoginRefused::TooManyFailures);
        }
        match self.open(attempt).await {
            Ok(verified) => {
                self.budget.proved(source, now);
                self.verified.insert(digest, verified.clone()).await;
                Ok(verified)
            }
            Err(LoginRefused::Unavailable(why)) => Err(LoginRefused::Unavailable(why)),
            Err(why) => {
                self.verified.invalidate(&digest).await;
                self.budget.failed(source, now);
                if why.is_lasting() {
                    self.refused.remember(digest, why.clone(), now);
                }
                Err(why)
            }
        }
    }

    async fn open(&self, attempt: &Attempt<'_>) -> Result<Verified, LoginRefused> {
        let Attempt {
            username,
            kind,
            ciphertext,
            ..
        } = *attempt;
        let asked = self.clock.monotonic();
        let wrapped = WrappedKey(ciphertext.to_vec());
        let context = TokenContext::of(username, &self.settings.to);
        let opened = match self.service.unwrap(&wrapped, &context.pairs()).await {
            Ok(opened) => opened,
            Err(error) => return Err(self.why_closed(error, &wrapped, context).await),
        };
        let account = self.keys.account(kind, &opened.master).await?;
        let validity = read_kms_payload(opened.key.expose())?;
        self.check_length(username, validity)?;
        // Judged here too, so that a token out of its time is a failure and never kept.
        validity.check_now(self.clock.now(), self.settings.skew_seconds)?;
        Ok(Verified {
            validity,
            account,
            at: asked,
        })
    }

    /// Why KMS did not open a token under `tried`.
    async fn why_closed(
        &self,
        error: KeyError,
        token: &WrappedKey,
        tried: TokenContext,
    ) -> LoginRefused {
        match error {
            KeyError::DoesNotOpen => {
                let now = self.clock.monotonic();
                let diagnosis = self
                    .diagnoses
                    .make(&*self.service, now, token, &tried)
                    .await;
                LoginRefused::DoesNotOpen { tried, diagnosis }
            }
            KeyError::Throttled | KeyError::Unavailable(_) => {
                LoginRefused::Unavailable(error.to_string())
            }
            KeyError::NoSuchKey(_) | KeyError::Unusable(_) | KeyError::Denied(_) => {
                LoginRefused::KeyUnusable {
                    why: error.to_string(),
                    tried,
                }
            }
        }
    }

    fn check_length(
        &self,
        username: &Username<'_>,
        validity: Validity,
    ) -> Result<(), LoginRefused> {
        let minutes = self.settings.max_lifetime_minutes;
        match validity.check_length(minutes) {
            Err(LoginRefused::LifetimeExceeded { seconds, allowed })
                if self.settings.danger_drop_days && validity.fits_without_days(minutes) =>
            {
                tracing::warn!(
                    name = %Shown(username.name),
                    seconds,
                    allowed,
                    "a token longer than allowed is taken, because whole days are dropped (KEEPWARD_TOKEN_DROP_DAYS)"
                );
                Ok(())
            }
            judged => judged,
        }
    }
}

/// Refusals remembered, and for how long: long enough to blunt a repeated bad token, short enough
/// that a key repaired at KMS works at once for a person.
const REFUSALS_KEPT: usize = 8_192;
const REFUSAL_LIFE: Duration = Duration::from_secs(30);
