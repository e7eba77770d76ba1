//! Where templates' secrets come from: a file, or the store.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

use documents::{Format, read_many};
use keep::{EncryptionContext, Plaintext};
use stash::Secrets;
use templates::Lookup;
use tokio::runtime::Runtime;

use crate::credsmash::files;
use crate::credsmash::run::{Run, name};
use crate::faces::{Done, Face, Fault};
use crate::stash_words;

/// Secrets from a file.
pub(crate) struct InFile(HashMap<String, Plaintext>);

impl InFile {
    /// Reads all of them.
    pub(crate) fn read(path: &Path, format: Option<&str>) -> Done<Self> {
        let format = files::format(format, path, Format::Json)?;
        let document = files::read(path, "--secrets-file")?;
        let values =
            read_many(format, document.expose()).map_err(|error| Fault::new(error.to_string()))?;
        Ok(Self(values.into_iter().collect()))
    }
}

impl Lookup for InFile {
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn StdError + Send + Sync>> {
        let value = self.0.get(name);
        Ok(value.map(|value| Plaintext::new(Box::from(value.expose()))))
    }
}

/// Secrets from the store, the newest version of each.
pub(crate) struct InStore {
    secrets: Secrets,
    context: EncryptionContext,
    runtime: Arc<Runtime>,
}

impl InStore {
    /// Secrets in the table of this run.
    pub(crate) fn of(run: &Run) -> Done<Self> {
        Ok(Self {
            secrets: run.secrets()?,
            context: run.context()?,
            runtime: run.runtime(),
        })
    }
}

impl Lookup for InStore {
    fn look_up(&self, text: &str) -> Result<Option<Plaintext>, Box<dyn StdError + Send + Sync>> {
        let name = name(text)?;
        let found = self.runtime.block_on(async {
            match self.secrets.newest(&name).await? {
                Some(record) => self.secrets.open(&record, &self.context).await.map(Some),
                None => Ok(None),
            }
        });
        Ok(found.map_err(|error| stash_words::fault(Face::Credsmash, &error, ""))?)
    }
}
