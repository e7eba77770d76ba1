//! Master keys in memory as a [`KeyService`], which counts its calls: for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use seal::envelope;

use crate::{
    DataKey, EncryptionContext, KeyError, KeyService, MasterKey, Random, Unwrapped, WrappedKey,
};

/// One master key, which `alias/test` and its full name `memory:test` mean.
pub struct MemoryKeys {
    master: DataKey,
    random: Arc<dyn Random>,
    unwrapped: AtomicU64,
    wrapped: AtomicU64,
    failing: AtomicBool,
}

impl MemoryKeys {
    /// The alias of the one master key.
    pub const ALIAS: &str = "alias/test";

    /// A key drawn from `random`.
    pub fn new(random: Arc<dyn Random>) -> Self {
        let mut master = vec![0; 32].into_boxed_slice();
        random.fill(&mut master);
        Self {
            master: DataKey::new(master),
            random,
            unwrapped: AtomicU64::new(0),
            wrapped: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }
    }

    /// How many keys were asked to be opened, refused ones too.
    pub fn unwrap_calls(&self) -> u64 {
        self.unwrapped.load(Ordering::SeqCst)
    }

    /// How many keys were wrapped.
    pub fn wrap_calls(&self) -> u64 {
        self.wrapped.load(Ordering::SeqCst)
    }

    /// From now on every call finds the service unavailable, or not any more.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), KeyError> {
        match self.failing.load(Ordering::SeqCst) {
            true => Err(KeyError::Unavailable("told to fail".to_owned())),
            false => Ok(()),
        }
    }

    fn check_master(&self, master: &str) -> Result<(), KeyError> {
        self.check()?;
        match master {
            Self::ALIAS | FULL_NAME => Ok(()),
            _ => Err(KeyError::NoSuchKey(master.into())),
        }
    }
}

#[async_trait::async_trait]
impl KeyService for MemoryKeys {
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        let key = self.random(bytes).await?;
        let wrapped = self.wrap(master, &key, context).await?;
        Ok((key, wrapped))
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        self.check_master(master)?;
        self.wrapped.fetch_add(1, Ordering::SeqCst);
        envelope::wrap(&self.master, ID, self.random.bytes(), key, context)
            .map_err(|error| KeyError::Unusable(error.to_string()))
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        self.unwrapped.fetch_add(1, Ordering::SeqCst);
        // Lets callers that come at once meet each other, as they do over a network.
        tokio::task::yield_now().await;
        self.check()?;
        let key =
            envelope::unwrap(&self.master, wrapped, context).or(Err(KeyError::DoesNotOpen))?;
        Ok(Unwrapped {
            key,
            master: MasterKey(FULL_NAME.to_owned()),
        })
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.check()?;
        let mut key = vec![0; bytes].into_boxed_slice();
        self.random.fill(&mut key);
        Ok(DataKey::new(key))
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.check_master(master)
            .map(|()| MasterKey(FULL_NAME.to_owned()))
    }
}

const ID: &str = "test";
const FULL_NAME: &str = "memory:test";
