//! `SECRETS_BOOTSTRAP`: the secrets of a server that stand sealed among its settings.

use std::collections::BTreeMap;

use super::SETTINGS;
use super::reader::{Reader, WrongSettings};
use super::secret_text::SecretText;
use super::storage::{Backend, read_backend};

/// What is needed to open the secrets, before the other settings can be read.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Where the sealed secrets are; `None` when there are none.
    pub sealed: Option<Sealed>,
    /// Where the key service is.
    pub backend: Backend,
    /// The master key that new ones are sealed under.
    pub master_key: Option<String>,
}

/// Where sealed secrets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// In the setting itself: ciphertext, of no use without the key service.
    Text(String),
    /// In this file.
    File(String),
}

impl Bootstrap {
    /// Reads what opening the secrets takes.
    ///
    /// Errors: what is wrong with those settings alone.
    pub fn read(
        var: &dyn Fn(&str) -> Option<String>,
        file: Option<&str>,
    ) -> Result<Self, WrongSettings> {
        let none = BootstrapSecrets::default();
        let reader = Reader::new(&none, var, file);
        let sealed =
            reader
                .text("SECRETS_BOOTSTRAP")
                .map(|text| match text.strip_prefix("file://") {
                    Some(path) => Sealed::File(path.to_owned()),
                    None => Sealed::Text(text),
                });
        let bootstrap = Self {
            sealed,
            backend: read_backend(&reader),
            master_key: reader.text("KMS_MASTER_KEY"),
        };
        reader.finish(bootstrap)
    }
}

/// The opened secrets, by the names of the settings that they are. They win over the environment.
#[derive(Clone, Debug, Default)]
pub struct BootstrapSecrets(BTreeMap<String, SecretText>);

impl BootstrapSecrets {
    /// Takes those whose names are settings that may stand there; the others mean nothing.
    pub fn new(entries: impl IntoIterator<Item = (String, SecretText)>) -> Self {
        let named = |name: &str| {
            SETTINGS
                .iter()
                .any(|setting| setting.in_bootstrap && setting.name == name)
        };
        Self(
            entries
                .into_iter()
                .filter(|(name, _)| named(name))
                .collect(),
        )
    }

    /// The secret of that name.
    pub fn get(&self, name: &str) -> Option<&SecretText> {
        self.0.get(name)
    }
}
