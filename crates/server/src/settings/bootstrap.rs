//! `SECRETS_BOOTSTRAP`: the secrets of a server that stand sealed among its settings.

use std::collections::BTreeMap;

use super::names::SETTINGS;
use super::reader::{Reader, WrongSettings};
use super::secret_text::SecretText;
use super::setting::State;
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

/// Every setting that may be secret and is given, as it holds: `secrets` win over the environment and the file.
pub fn secrets_in_effect(
    secrets: &BootstrapSecrets,
    var: &dyn Fn(&str) -> Option<String>,
    file: Option<&str>,
) -> Result<Vec<(&'static str, SecretText)>, WrongSettings> {
    let reader = Reader::new(secrets, var, file);
    let given = SETTINGS
        .iter()
        .filter(|setting| setting.in_bootstrap && !matches!(setting.state, State::OldName(_)))
        .filter_map(|setting| Some((setting.name, SecretText::new(reader.text(setting.name)?))))
        .collect();
    reader.finish(given)
}

/// The opened secrets, by the names of the settings that they are. They win over the environment.
#[derive(Clone, Debug, Default)]
pub struct BootstrapSecrets(BTreeMap<String, SecretText>);

impl BootstrapSecrets {
    /// Takes those whose names are settings that may stand there; the others mean nothing.
    pub fn new(entries: impl IntoIterator<Item = (String, SecretText)>) -> Self {
        let entries = entries.into_iter();
        Self(entries.filter(|(name, _)| Self::may_hold(name)).collect())
    }

    /// Whether the setting of this name may stand there.
    pub fn may_hold(name: &str) -> bool {
        SETTINGS
            .iter()
            .any(|setting| setting.in_bootstrap && setting.name == name)
    }

    /// The secret of that name.
    pub fn get(&self, name: &str) -> Option<&SecretText> {
        self.0.get(name)
    }
}
