//! Unwrapped data keys, kept for a short while.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use seal::{DataKey, EncryptionContext, WrappedKey, digest};

use crate::{CacheName, Fact, KeyError, KeyService, MasterKey, Unwatched, Unwrapped, Watch};

/// A key service with a cache of unwrapped keys before it.
///
/// Keyed by wrapped key and context, so a hit proves the context like a call does. Bounded in
/// number and time; concurrent misses of one key make one call; a key is wiped when the last
/// holder lets go of it after eviction. Failures are not kept.
pub struct CachedKeys {
    service: Arc<dyn KeyService>,
    unwrapped: Cache<[u8; 32], Arc<Unwrapped>>,
    watch: Arc<dyn Watch>,
}

impl CachedKeys {
    /// Keeps up to `capacity` keys for `life` each.
    pub fn new(service: Arc<dyn KeyService>, capacity: u64, life: Duration) -> Self {
        Self {
            service,
            unwrapped: Cache::builder()
                .max_capacity(capacity)
                .time_to_live(life)
                .build(),
            watch: Arc::new(Unwatched),
        }
    }

    /// Tells `watch` from now on whether keys were there.
    pub fn watched_by(&mut self, watch: Arc<dyn Watch>) {
        self.watch = watch;
    }

    /// The service itself, for calls that are not cached.
    pub fn service(&self) -> &dyn KeyService {
        &*self.service
    }

    /// Opens a wrapped key under exactly this context.
    pub async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Arc<Unwrapped>, KeyError> {
        let mut asked = false;
        let found = self
            .unwrapped
            .try_get_with(cache_key(wrapped, context), async {
                asked = true;
                self.service.unwrap(wrapped, context).await.map(Arc::new)
            })
            .await
            .map_err(|shared| (*shared).clone());
        // Whoever waited for the call of another saved one too.
        self.watch.happened(Fact::Cache {
            cache: CacheName::DataKeys,
            saved: (!asked).then_some(1),
        });
        found
    }

    /// Keeps a key that was just wrapped, which saves the call of its first reader.
    pub async fn remember(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
        key: DataKey,
        master: MasterKey,
    ) {
        self.unwrapped
            .insert(
                cache_key(wrapped, context),
                Arc::new(Unwrapped { key, master }),
            )
            .await;
    }

    /// Drops what has expired, so that it is wiped without waiting for the next use.
    pub async fn sweep(&self) {
        self.unwrapped.run_pending_tasks().await;
    }
}

fn cache_key(wrapped: &WrappedKey, context: &EncryptionContext) -> [u8; 32] {
    digest::sha256_parts(&[&wrapped.0, &context.canonical()])
}
