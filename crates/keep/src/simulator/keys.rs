//! A key service in a world of faults.

use std::sync::Arc;

use super::World;
use crate::{DataKey, EncryptionContext, KeyError, KeyService, MasterKey, Unwrapped, WrappedKey};

/// Any key service, with the delays, throttling and outages of its [`World`].
pub struct SimKeys {
    world: Arc<World>,
    inner: Arc<dyn KeyService>,
}

impl SimKeys {
    pub(super) fn new(world: Arc<World>, inner: Arc<dyn KeyService>) -> Self {
        Self { world, inner }
    }

    async fn call<T>(
        &self,
        what: &str,
        real: impl AsyncFnOnce() -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        self.world.way().await;
        let answer = if self.world.strikes(|faults| faults.throttle) {
            Err(KeyError::Throttled)
        } else if self.world.strikes(|faults| faults.unavailable) {
            Err(KeyError::Unavailable("simulated".to_owned()))
        } else {
            let _turn = self.world.real().await;
            real().await
        };
        let told = answer
            .as_ref()
            .map_or_else(KeyError::to_string, |_| "done".to_owned());
        self.world.record(format_args!("{what}: {told}"));
        self.world.way().await;
        answer
    }
}

#[async_trait::async_trait]
impl KeyService for SimKeys {
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        self.call("generate a key", async || {
            self.inner.generate(master, bytes, context).await
        })
        .await
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        self.call("wrap a key", async || {
            self.inner.wrap(master, key, context).await
        })
        .await
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        self.call("unwrap a key", async || {
            self.inner.unwrap(wrapped, context).await
        })
        .await
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.call("random bytes", async || self.inner.random(bytes).await)
            .await
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.call("describe a master key", async || {
            self.inner.describe(master).await
        })
        .await
    }
}
