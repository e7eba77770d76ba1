//! Where signed tokens are kept for equal requests.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use pki::Token;

/// Keeps signed tokens for a while. It may forget, and what it gives is looked at again before it is used.
#[async_trait::async_trait]
pub trait TokenCache: Send + Sync {
    /// The token of that name; `None` also when the cache cannot be reached, which it logs.
    async fn read(&self, name: &str) -> Option<Token>;

    /// Keeps a token. A failure is logged.
    async fn keep(&self, name: &str, token: &Token, life: Duration);
}

/// A cache in this process's memory.
pub struct LocalTokenCache(Cache<String, Arc<Token>>);

impl LocalTokenCache {
    /// Room for `size` tokens, each kept for `life`.
    pub fn new(size: u64, life: Duration) -> Self {
        Self(
            Cache::builder()
                .max_capacity(size)
                .time_to_live(life)
                .build(),
        )
    }
}

#[async_trait::async_trait]
impl TokenCache for LocalTokenCache {
    async fn read(&self, name: &str) -> Option<Token> {
        let kept = self.0.get(name).await?;
        Some(Token::new(kept.expose().to_owned()))
    }

    async fn keep(&self, name: &str, token: &Token, _life: Duration) {
        let token = Arc::new(Token::new(token.expose().to_owned()));
        self.0.insert(name.to_owned(), token).await;
    }
}
