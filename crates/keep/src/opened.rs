//! Opened values, kept for a shorter while.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use seal::{EncryptionContext, Plaintext, WrappedKey, digest};

use crate::{CacheName, Fact, Unwatched, Watch};

/// Opened values by a digest of ciphertext, wrapped key and context; never by id and revision,
/// since old servers write the same number twice.
pub struct OpenedValues {
    /// `None` when switched off.
    values: Option<Cache<[u8; 32], Arc<Plaintext>>>,
    watch: Arc<dyn Watch>,
}

impl OpenedValues {
    /// Keeps up to `capacity_bytes` of values for `life` each; a life of zero switches it off.
    pub fn new(capacity_bytes: u64, life: Duration) -> Self {
        let values = (!life.is_zero()).then(|| {
            Cache::builder()
                .weigher(|_, value: &Arc<Plaintext>| {
                    u32::try_from(value.expose().len() + 64).unwrap_or(u32::MAX)
                })
                .max_capacity(capacity_bytes)
                .time_to_live(life)
                .build()
        });
        Self {
            values,
            watch: Arc::new(Unwatched),
        }
    }

    /// Tells `watch` from now on whether values were there.
    pub fn watched_by(&mut self, watch: Arc<dyn Watch>) {
        self.watch = watch;
    }

    /// The value under these three, opened by `open` on a miss; concurrent misses open once.
    pub async fn get<E: Clone + Send + Sync + 'static>(
        &self,
        ciphertext: &[u8],
        wrapped: &WrappedKey,
        context: &EncryptionContext,
        open: impl Future<Output = Result<Plaintext, E>>,
    ) -> Result<Arc<Plaintext>, E> {
        let mut opened = false;
        let open = async {
            opened = true;
            open.await.map(Arc::new)
        };
        let value = match &self.values {
            None => open.await,
            Some(values) => {
                let key = digest::sha256_parts(&[ciphertext, &wrapped.0, &context.canonical()]);
                values
                    .try_get_with(key, open)
                    .await
                    .map_err(|shared| (*shared).clone())
            }
        };
        // A value from here needs no data key.
        self.watch.happened(Fact::Cache {
            cache: CacheName::OpenedValues,
            saved: (!opened).then_some(1),
        });
        value
    }

    /// Whether opened values may be kept at all, and so things made of them.
    pub fn enabled(&self) -> bool {
        self.values.is_some()
    }

    /// Drops what has expired, so that it is wiped without waiting for the next use.
    pub async fn sweep(&self) {
        if let Some(values) = &self.values {
            values.run_pending_tasks().await;
        }
    }
}
