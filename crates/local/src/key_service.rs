//! A keyring file as a [`KeyService`]: several master keys, one of them primary.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::{KeyError, KeyService, MasterKey, Random, Unwrapped};
use seal::{DataKey, EncryptionContext, WrappedKey, envelope};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{LocalError, private_file};

/// Master keys of 32 bytes in one file of mode 0600.
///
/// A master key is named `keyring:<id>`; every other name is taken for an alias and means the
/// primary key, the one made last. Older keys stay and open what they wrapped.
pub struct Keyring {
    path: PathBuf,
    random: Arc<dyn Random>,
    ring: RwLock<Arc<Ring>>,
    /// One rotation at a time.
    rotating: Mutex<()>,
}

impl Keyring {
    /// Opens the keyring at `path`, or makes one with a first key when there is no file.
    ///
    /// Errors: `TooOpen`, `ForeignOwner`, `WrongKind` when others could have read or changed it;
    /// `Damaged` when it is not a keyring.
    pub fn open_or_create(path: &Path, random: Arc<dyn Random>) -> Result<Self, LocalError> {
        match private_file::read(path)? {
            Some(bytes) => Ok(Self::over(path, random, Ring::parse(path, &bytes)?)),
            None => {
                let ring = Ring::default().with_new_primary(&*random);
                private_file::replace(path, &ring.print(path)?)?;
                Ok(Self::over(path, random, ring))
            }
        }
    }

    /// Adds a key and makes it the primary one; on disk before it is used.
    ///
    /// Returns its name.
    pub fn rotate(&self) -> Result<MasterKey, LocalError> {
        let _turn = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.ring().with_new_primary(&*self.random);
        private_file::replace(&self.path, &next.print(&self.path)?)?;
        let name = full_name(&next.primary);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(name)
    }

    fn over(path: &Path, random: Arc<dyn Random>, ring: Ring) -> Self {
        Self {
            path: path.to_owned(),
            random,
            ring: RwLock::new(Arc::new(ring)),
            rotating: Mutex::new(()),
        }
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn fresh(&self, bytes: usize) -> Result<DataKey, KeyError> {
        if !(1..=envelope::MAX_KEY).contains(&bytes) {
            return Err(KeyError::Unusable(format!(
                "a data key has 1 to {} bytes",
                envelope::MAX_KEY
            )));
        }
        let mut key = vec![0; bytes].into_boxed_slice();
        self.random.fill(&mut key);
        Ok(DataKey::new(key))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl KeyService for Keyring {
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        let key = self.fresh(bytes)?;
        let wrapped = self.wrap(master, &key, context).await?;
        Ok((key, wrapped))
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        let ring = self.ring();
        let (id, master) = ring.find(master)?;
        envelope::wrap(master, id, self.random.bytes(), key, context)
            .map_err(|error| KeyError::Unusable(error.to_string()))
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        let id = envelope::master_id(wrapped).or(Err(KeyError::DoesNotOpen))?;
        let ring = self.ring();
        // The id in a wrapped key is public and can be forged: an unknown one tells no more than a
        // failed tag does.
        let master = ring.keys.get(&id).ok_or(KeyError::DoesNotOpen)?;
        let key = envelope::unwrap(master, wrapped, context).or(Err(KeyError::DoesNotOpen))?;
        Ok(Unwrapped {
            key,
            master: full_name(&id),
        })
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.fresh(bytes)
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.ring().find(master).map(|(id, _)| full_name(id))
    }
}

/// The keys in memory, by id.
#[derive(Default)]
struct Ring {
    primary: String,
    keys: BTreeMap<String, Arc<DataKey>>,
}

impl Ring {
    fn find(&self, master: &str) -> Result<(&str, &DataKey), KeyError> {
        let id = master.strip_prefix(PREFIX).unwrap_or(&self.primary);
        match self.keys.get_key_value(id) {
            Some((id, key)) => Ok((id, key)),
            None => Err(KeyError::NoSuchKey(master.into())),
        }
    }

    fn with_new_primary(&self, random: &dyn Random) -> Self {
        let mut key = vec![0; MASTER_KEY].into_boxed_slice();
        random.fill(&mut key);
        let id = hex::encode(random.bytes::<8>());
        let mut keys = self.keys.clone();
        keys.insert(id.clone(), Arc::new(DataKey::new(key)));
        Self { primary: id, keys }
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, LocalError> {
        let damaged = |why| LocalError::Damaged {
            path: path.to_owned(),
            why,
        };
        // The parser's own message could quote the file.
        let stored: StoredRing =
            serde_json::from_slice(bytes).or(Err(damaged("not the JSON of a keyring")))?;
        if stored.keepward_keyring != FORMAT {
            return Err(damaged("made by a newer version"));
        }
        let mut keys = BTreeMap::new();
        for StoredKey { id, key } in stored.keys {
            let mut master = Zeroizing::new([0; MASTER_KEY + 2]);
            let length = STANDARD.decode_slice(key.0.as_bytes(), &mut *master);
            if length != Ok(MASTER_KEY) {
                return Err(damaged("a master key is not 32 bytes in base64"));
            }
            let fits = (1..=envelope::MAX_ID).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_graphic());
            if !fits {
                return Err(damaged("a key id is not 1 to 128 visible ASCII letters"));
            }
            let master = master
                .first_chunk::<MASTER_KEY>()
                .map(|master| DataKey::new(Box::from(master.as_slice())));
            let Some(master) = master else {
                return Err(damaged("a master key is not 32 bytes in base64"));
            };
            if keys.insert(id, Arc::new(master)).is_some() {
                return Err(damaged("two keys have one id"));
            }
        }
        if !keys.contains_key(&stored.primary) {
            return Err(damaged("the primary key is not among the keys"));
        }
        Ok(Self {
            primary: stored.primary,
            keys,
        })
    }

    fn print(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, LocalError> {
        let keys = self.keys.iter().map(|(id, key)| StoredKey {
            id: id.clone(),
            key: SecretText(Zeroizing::new(STANDARD.encode(key.expose()))),
        });
        let stored = StoredRing {
            keepward_keyring: FORMAT,
            primary: self.primary.clone(),
            keys: keys.collect(),
        };
        // Room for all of it at once: a growing buffer would leave unwiped copies.
        let room = 256
            + stored
                .keys
                .iter()
                .map(|key| 128 + 6 * key.id.len())
                .sum::<usize>();
        let mut text = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer_pretty(&mut *text, &stored).map_err(|_| LocalError::Damaged {
            path: path.to_owned(),
            why: "the new ring cannot be printed",
        })?;
        text.push(b'\n');
        debug_assert!(text.len() <= room, "the buffer grew");
        Ok(text)
    }
}

/// The file.
///
/// Shape: `{"keepward_keyring": 1, "primary": "<id>", "keys": [{"id": "<id>", "key": "<base64 of
/// 32 bytes>"}]}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRing {
    keepward_keyring: u32,
    primary: String,
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: String,
    key: SecretText,
}

/// The base64 text of a key, wiped on drop.
struct SecretText(Zeroizing<String>);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

fn full_name(id: &str) -> MasterKey {
    MasterKey(format!("{PREFIX}{id}"))
}

const PREFIX: &str = "keyring:";
const FORMAT: u32 = 1;
const MASTER_KEY: usize = 32;

#[cfg(test)]
mod tests;
