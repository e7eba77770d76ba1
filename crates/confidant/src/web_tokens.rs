//! JSON web tokens that say who somebody is, and the keys that check them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{Action, LoginMethod, Resource, Target, Timestamp, Verb};
use keep::{Fact, JwtCount, Step};
use pki::{RsaParts, Token, TokenKey};
use serde::{Deserialize, Serialize};

use crate::confidant::failing;
use crate::{BadField, Caller, Confidant, Error, TokenCache};

/// The keys of tokens, and how tokens are made.
#[derive(Clone, Default)]
pub struct WebTokens {
    environments: BTreeMap<String, Environment>,
    lifetime: Duration,
    cache: Option<(Arc<dyn TokenCache>, Duration)>,
}

/// The keys of one environment, in the order of the settings.
#[derive(Clone, Default)]
struct Environment {
    keys: Vec<(String, Arc<TokenKey>)>,
    active: Option<(String, Arc<TokenKey>)>,
}

/// A key that checks tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicTokenKey {
    /// Its name, which tokens carry.
    pub kid: String,
    /// Its numbers.
    pub parts: RsaParts,
}

impl WebTokens {
    /// Tokens that are good for `lifetime`, without a key yet.
    pub fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            ..Self::default()
        }
    }

    /// Adds a key to an environment. Of equal names the first counts.
    #[must_use]
    pub fn with_key(mut self, environment: &str, kid: &str, key: TokenKey) -> Self {
        let keys = &mut self
            .environments
            .entry(environment.to_owned())
            .or_default()
            .keys;
        if !keys.iter().any(|(known, _)| known == kid) {
            keys.push((kid.to_owned(), Arc::new(key)));
        }
        self
    }

    /// Signs the environment's new tokens with the key of that name, when it has one.
    #[must_use]
    pub fn with_active(mut self, environment: &str, kid: &str) -> Self {
        if let Some(environment) = self.environments.get_mut(environment) {
            let found = environment.keys.iter().find(|(known, _)| known == kid);
            environment.active = found.cloned();
        }
        self
    }

    /// Keeps tokens for equal requests for `life`, but no longer than half of what they are good for: who gets one must
    /// be able to use it.
    #[must_use]
    pub fn with_cache(mut self, cache: Arc<dyn TokenCache>, life: Duration) -> Self {
        let life = life.min(self.lifetime / 2);
        self.cache = (life >= Duration::from_secs(1)).then_some((cache, life));
        self
    }
}

impl Confidant {
    /// A token that says that `requester` asked for it, for `user` or itself.
    ///
    /// Errors: `BadField` without an environment, `NoSigningKey`.
    pub async fn issue_token(
        &self,
        caller: &Caller,
        environment: Option<&str>,
        user: Option<&str>,
    ) -> Result<Token, Error> {
        let user = user.unwrap_or(&caller.who.name);
        let action = Action::new(Resource::Jwt, Verb::Read);
        let permit = self.permit(caller, action, Target::one(user))?;
        match self.token(caller, environment, user).await {
            Ok(token) => {
                permit.read(None)?;
                Ok(token)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// The keys that check an environment's tokens, old ones too. Public: no login, no event.
    pub fn token_keys(&self, environment: &str) -> Vec<PublicTokenKey> {
        let keys = self.web_tokens.environments.get(environment);
        // A name that the settings do not have is not told: anybody may make those up.
        let (count, of) = match keys {
            Some(_) => (JwtCount::KeysHit, environment),
            None => (JwtCount::KeysMiss, "unknown"),
        };
        let to = None;
        self.keep.watch().happened(Fact::Jwt { count, of, to });
        keys.into_iter()
            .flat_map(|environment| &environment.keys)
            .map(|(kid, key)| PublicTokenKey {
                kid: kid.clone(),
                parts: key.parts().clone(),
            })
            .collect()
    }

    async fn token(
        &self,
        caller: &Caller,
        environment: Option<&str>,
        user: &str,
    ) -> Result<Token, Error> {
        let environment = environment.ok_or(BadField::EnvironmentRequired)?;
        let tokens = &self.web_tokens;
        let (kid, key) = tokens
            .environments
            .get(environment)
            .and_then(|environment| environment.active.as_ref())
            .ok_or(Error::NoSigningKey)?;
        let counted = |count, of: &str, to: Option<&str>| {
            self.keep.watch().happened(Fact::Jwt { count, of, to });
        };
        counted(JwtCount::ActiveKey, environment, Some(kid));
        let requester = Some(caller.who.name.as_str());
        let now = self.keep.clock().now();
        let claims = Claims {
            is_service: caller.who.login != LoginMethod::Header,
            requester: caller.who.name.clone(),
            user: user.to_owned(),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now
                .seconds()
                .saturating_add_unsigned(tokens.lifetime.as_secs()),
        };
        let name = format!("{kid}:{}:{user}", caller.who.name);
        if let Some((cache, _)) = &tokens.cache {
            let kept = cache.read(&name).await;
            if let Some(kept) = kept.filter(|kept| claims.are_served_by(kept, now)) {
                counted(JwtCount::TokenHit, kid, requester);
                return Ok(kept);
            }
            counted(JwtCount::TokenMiss, kid, requester);
        }
        let header = Header {
            alg: "RS256",
            kid,
            typ: "JWT",
        };
        let begun = self.keep.clock().monotonic();
        let token = Token::sign(key, &json(&header), &json(&claims)).map_err(Error::Signing)?;
        self.keep.took(Step::EncodeJwt, begun);
        counted(JwtCount::TokenMade, kid, requester);
        if let Some((cache, life)) = &tokens.cache {
            cache.keep(&name, &token, *life).await;
        }
        Ok(token)
    }
}

#[derive(Serialize)]
struct Header<'k> {
    alg: &'static str,
    kid: &'k str,
    typ: &'static str,
}

/// What a token says. Times are in seconds since 1970.
///
/// Source: spec/confidant.md section 2.8.
#[derive(Debug, Deserialize, Serialize)]
struct Claims {
    /// Whether the caller logged in by a token and not at a browser; so a person's program too, as it ever was.
    is_service: bool,
    requester: String,
    user: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Claims {
    /// Whether a kept token says the same, and is still good. The name it is kept under does not tell `a:b` from `a`
    /// and `b`, nor a browser from a program; and other servers may keep theirs there.
    fn are_served_by(&self, kept: &Token, now: Timestamp) -> bool {
        let Some(kept) = kept.unchecked_claims() else {
            return false;
        };
        serde_json::from_slice::<Self>(&kept).is_ok_and(|kept| {
            (kept.is_service, &kept.requester, &kept.user)
                == (self.is_service, &self.requester, &self.user)
                && kept.exp > now.seconds()
        })
    }
}

/// Texts, numbers and flags: nothing to fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
