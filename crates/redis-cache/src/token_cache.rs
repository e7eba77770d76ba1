//! Signed tokens in Redis, as old servers keep them there: plain text under the token's name, with an expiry.

use std::time::Duration;

use confidant::TokenCache;
use pki::Token;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, Client, RedisResult};
use tokio::sync::OnceCell;

/// Tokens in one Redis. Connects at the first use, and again whenever the connection is lost.
pub struct RedisTokenCache {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    timeout: Duration,
}

/// The URL of a Redis cannot be read. Does not hold it: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no URL of a Redis: redis://host:port/number")]
pub struct BadUrl;

impl RedisTokenCache {
    /// The Redis at `url`, waited for no longer than `timeout`. Calls nobody.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, BadUrl> {
        Ok(Self {
            client: Client::open(url).or(Err(BadUrl))?,
            connection: OnceCell::new(),
            timeout,
        })
    }

    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(ConnectionManager) -> RedisResult<T>,
    ) -> Option<T> {
        let answer = async {
            let connect = || self.client.get_connection_manager();
            let connection = self.connection.get_or_try_init(connect).await?;
            question(connection.clone()).await
        };
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                tracing::warn!(kind = ?error.kind(), "the cache of tokens failed");
                None
            }
            Err(_late) => {
                tracing::warn!("the cache of tokens did not answer in time");
                None
            }
        }
    }
}

#[async_trait::async_trait]
impl TokenCache for RedisTokenCache {
    async fn read(&self, name: &str) -> Option<Token> {
        let kept: Option<String> = self
            .ask(async |mut connection| connection.get(name).await)
            .await?;
        kept.map(Token::new)
    }

    async fn keep(&self, name: &str, token: &Token, life: Duration) {
        let seconds = life.as_secs().max(1);
        let _logged: Option<()> = self
            .ask(async |mut connection| connection.set_ex(name, token.expose(), seconds).await)
            .await;
    }
}
