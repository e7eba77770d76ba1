//! CredSmash's configuration: what the file and the options before the command amount to.
//!
//! A section's errors are told when the service it is for is first used, as CredSmash does: a command
//! that needs no key does not mind a wrong key section.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use documents::ini::{self, Setting};
use keep::{EncryptionContext, TableName};
use stash::Form;

use crate::credsmash::algorithm;
use crate::credsmash::arguments::Globals;
use crate::credsmash::log::Level;
use crate::faces::{Done, Fault};
use crate::{content, environment};

/// The options of a section.
pub(crate) type Options = BTreeMap<String, Setting>;

/// What a run works with.
#[derive(Debug)]
pub(crate) struct Config {
    storage: Service,
    keys: Service,
    algorithm: String,
    algorithm_options: Options,
    log_level: String,
}

/// A service by name, with the options of its section.
#[derive(Debug, PartialEq, Eq)]
struct Service {
    name: String,
    options: Options,
}

/// Which master key seals, and what is bound to every data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Master {
    /// Id, ARN or alias.
    pub(crate) key_id: String,
    /// The encryption context.
    pub(crate) context: EncryptionContext,
}

impl Config {
    /// Reads the file that the options or the environment name; none is as good as an empty one.
    ///
    /// Errors: a file that is there and cannot be read, or is no INI file.
    pub(crate) fn read(globals: &Globals) -> Done<Self> {
        let path = globals
            .config
            .clone()
            .or_else(|| {
                environment::var("CREDSMASH_CONFIG")
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from)
            })
            .unwrap_or_else(|| PathBuf::from("/etc/credsmash.cfg"));
        let text = match content::of_file(&path) {
            Ok(text) => text.expose().to_vec(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                return Err(Fault::new(format!(
                    "Could not read the configuration {}: {}",
                    path.display(),
                    content::reason(&error)
                )));
            }
        };
        let file = ini::Config::read(&text, &path.to_string_lossy())
            .map_err(|error| Fault::new(error.to_string()))?;
        let main = file.section("credsmash").into_iter();
        let map = main
            .flat_map(ini::Section::options)
            .find(|(option, setting)| WORDS.contains(option) && setting.as_text().is_none());
        match map {
            None => Ok(Self::of(&file, globals)),
            // Not the default in its place: that is another table.
            Some((option, _)) => Err(Fault::new(format!(
                "{option} in [credsmash] is one value, not a map"
            ))
            .hint(format!("put it on the line of {option}"))),
        }
    }

    fn of(file: &ini::Config, globals: &Globals) -> Self {
        let section = |name: &str| -> Options {
            let options = file
                .section(name)
                .into_iter()
                .flat_map(ini::Section::options);
            options
                .map(|(option, setting)| (option.to_owned(), setting.clone()))
                .collect()
        };
        let main = section("credsmash");
        let word = |option: &str, default: &str| match main.get(option) {
            Some(Setting::Text(text)) => text.clone(),
            Some(Setting::Map(_)) | None => default.to_owned(),
        };
        let service = |kind: &str, shipped: &str, option: &str, default: &str| {
            let name = word(&format!("{kind}_service"), shipped);
            let mut options = section(&format!("credsmash:{kind}_service:{name}"));
            if name == shipped && !options.contains_key(option) {
                options.insert(option.to_owned(), Setting::Text(word(option, default)));
            }
            Service { name, options }
        };
        let storage = match &globals.table_name {
            Some(table) => Service::typed("dynamodb", "table_name", table),
            None => service("storage", "dynamodb", "table_name", "secret-store"),
        };
        let keys = match &globals.key_id {
            Some(key) => {
                let mut keys = Service::typed("kms", "key_id", key);
                let context = globals
                    .context()
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect();
                keys.options
                    .insert("encryption_context".to_owned(), Setting::Map(context));
                keys
            }
            None => service("key", "kms", "key_id", "alias/credsmash"),
        };
        let algorithm = word("algorithm", algorithm::DEFAULT);
        Self {
            storage,
            keys,
            algorithm_options: section(&format!("credsmash:{algorithm}")),
            algorithm,
            log_level: word("log_level", "INFO"),
        }
    }

    /// From which level on lines are logged.
    pub(crate) fn log_level(&self) -> Done<Level> {
        Level::named(&self.log_level)
    }

    /// The table of the storage service.
    pub(crate) fn table(&self) -> Done<TableName> {
        let Service { name, options } = &self.storage;
        if name != "dynamodb" {
            return Err(no_such_service("storage_service", name, "dynamodb"));
        }
        only(options, &["table_name"], &self.storage.section("storage"))?;
        Ok(TableName::new(
            text(options, "table_name")?.unwrap_or_default(),
        ))
    }

    /// The master key and encryption context of the key service.
    pub(crate) fn master(&self) -> Done<Master> {
        let Service { name, options } = &self.keys;
        if name != "kms" {
            return Err(no_such_service("key_service", name, "kms"));
        }
        let section = self.keys.section("key");
        only(options, &["key_id", "encryption_context"], &section)?;
        let key_id = text(options, "key_id")?.unwrap_or_default().to_owned();
        let context = match options.get("encryption_context") {
            None => EncryptionContext::default(),
            Some(Setting::Map(pairs)) => {
                EncryptionContext::new(pairs.iter().map(|(key, value)| (key, value)))
            }
            Some(Setting::Text(text)) if text.is_empty() => EncryptionContext::default(),
            Some(Setting::Text(_)) => {
                return Err(
                    Fault::new(format!("encryption_context in [{section}] is not a map"))
                        .hint("put each pair on an indented line of its own: key = value"),
                );
            }
        };
        Ok(Master { key_id, context })
    }

    /// The form in which secrets are stored.
    pub(crate) fn form(&self) -> Done<Form> {
        algorithm::form(&self.algorithm, &self.algorithm_options)
    }
}

impl Service {
    /// The shipped service, with the one option that was typed.
    fn typed(name: &str, option: &str, value: &str) -> Self {
        let options = Options::from([(option.to_owned(), Setting::Text(value.to_owned()))]);
        Self {
            name: name.to_owned(),
            options,
        }
    }

    fn section(&self, kind: &str) -> String {
        format!("credsmash:{kind}_service:{}", self.name)
    }
}

/// CredSmash's words for a plug-in that is not installed.
fn no_such_service(kind: &str, name: &str, ours: &str) -> Fault {
    Fault::new(format!(
        "Not found EntryPoint(group=credsmash.{kind},name={name})"
    ))
    .hint(format!(
        "{kind} = {ours} is the one that is built in; Python plug-ins cannot be loaded"
    ))
}

/// Refuses an option that the section's service does not know.
pub(crate) fn only(options: &Options, known: &[&str], section: &str) -> Done {
    match options
        .keys()
        .find(|option| !known.contains(&option.as_str()))
    {
        None => Ok(()),
        Some(option) => Err(
            Fault::new(format!("unexpected option '{option}' in [{section}]"))
                .hint(format!("it takes {}", known.join(", "))),
        ),
    }
}

/// An option that is one text.
pub(crate) fn text<'s>(options: &'s Options, option: &str) -> Done<Option<&'s str>> {
    match options.get(option) {
        None => Ok(None),
        Some(Setting::Text(text)) => Ok(Some(text)),
        Some(Setting::Map(_)) => Err(Fault::new(format!("{option} is one value, not a map"))),
    }
}

/// Options of the main section, each one text.
const WORDS: [&str; 6] = [
    "algorithm",
    "key_id",
    "key_service",
    "log_level",
    "storage_service",
    "table_name",
];

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn config(file: &str, globals: &Globals) -> Config {
        Config::of(
            &ini::Config::read(file.as_bytes(), "c.cfg").unwrap(),
            globals,
        )
    }

    fn typed(table_name: Option<&str>, key_id: Option<&str>, context: &[&str]) -> Globals {
        Globals {
            table_name: table_name.map(Into::into),
            key_id: key_id.map(Into::into),
            context: context.iter().map(|&word| word.to_owned()).collect(),
            ..Globals::default()
        }
    }

    fn master(key_id: &str, context: &[(&str, &str)]) -> Master {
        Master {
            key_id: key_id.to_owned(),
            context: EncryptionContext::new(context.iter().copied()),
        }
    }

    const SECTIONS: &str = "[credsmash]\nkey_service = kms\nstorage_service = dynamodb\n\
        key_id = alias/ignored\ntable_name = ignored\n\
        [credsmash:key_service:kms]\nkey_id = alias/second\nencryption_context =\n  environment = prod\n  Purpose = web=1\n\
        [credsmash:storage_service:dynamodb]\ntable_name = credential-store\n";

    #[test]
    fn without_a_file_the_defaults_hold() {
        let config = config("", &Globals::default());
        assert_eq!(config.table(), Ok(TableName::new("secret-store")));
        assert_eq!(config.master(), Ok(master("alias/credsmash", &[])));
        assert_eq!(config.log_level(), Ok(Level::Info));
        assert!(config.form().is_ok());
    }

    #[test]
    fn a_map_in_the_place_of_a_word_is_refused_and_not_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.cfg");
        for option in WORDS {
            std::fs::write(&path, format!("[credsmash]\n{option} =\n  a = b\n")).unwrap();
            let globals = Globals {
                config: Some(path.clone()),
                ..Globals::default()
            };
            let told = Config::read(&globals).map(drop).unwrap_err().to_string();
            assert!(
                told.starts_with(&format!("{option} in [credsmash] is one value")),
                "{told}"
            );
        }
    }

    #[test]
    fn a_services_section_wins_over_the_main_one_and_its_map_keeps_letter_case() {
        let config = config(SECTIONS, &Globals::default());
        assert_eq!(config.table(), Ok(TableName::new("credential-store")));
        let context = [("Purpose", "web=1"), ("environment", "prod")];
        assert_eq!(config.master(), Ok(master("alias/second", &context)));
    }

    #[test]
    fn a_typed_key_drops_the_configured_service_and_context() {
        let config = config(
            &SECTIONS.replace("key_service = kms", "key_service = vault"),
            &typed(None, Some("alias/mine"), &["a", "1", "b", "2", "a", "3"]),
        );
        let context = [("a", "3"), ("b", "2")];
        assert_eq!(config.master(), Ok(master("alias/mine", &context)));
        assert_eq!(config.table(), Ok(TableName::new("credential-store")));
    }

    #[test]
    fn a_typed_table_drops_the_configured_service() {
        let file = "[credsmash]\nstorage_service = nope\n\
            [credsmash:storage_service:dynamodb]\nbogus = 1\n";
        let config = config(file, &typed(Some("mine"), None, &[]));
        assert_eq!(config.table(), Ok(TableName::new("mine")));
    }

    #[test]
    fn a_context_without_a_key_is_dropped() {
        let config = config("", &typed(None, None, &["a", "1"]));
        assert_eq!(config.master(), Ok(master("alias/credsmash", &[])));
    }

    #[rstest]
    #[case::plug_in(
        "[credsmash]\nstorage_service = nope\n",
        "Not found EntryPoint(group=credsmash.storage_service,name=nope)\n  storage_service = dynamodb"
    )]
    #[case::option(
        "[credsmash:storage_service:dynamodb]\nbogus = 1\n",
        "unexpected option 'bogus' in [credsmash:storage_service:dynamodb]"
    )]
    fn a_wrong_storage_is_told_when_it_is_used(#[case] file: &str, #[case] told: &str) {
        let config = config(file, &Globals::default());
        assert!(config.master().is_ok());
        let fault = config.table().unwrap_err().to_string();
        assert!(fault.starts_with(told), "{fault}");
    }

    #[rstest]
    #[case::plug_in(
        "[credsmash]\nkey_service = vault\n",
        "Not found EntryPoint(group=credsmash.key_service,name=vault)\n  key_service = kms"
    )]
    #[case::option(
        "[credsmash:key_service:kms]\nregion = x\n",
        "unexpected option 'region' in [credsmash:key_service:kms]"
    )]
    #[case::context(
        "[credsmash:key_service:kms]\nencryption_context = a=b\n",
        "encryption_context in [credsmash:key_service:kms] is not a map"
    )]
    fn a_wrong_key_service_is_told_when_it_is_used(#[case] file: &str, #[case] told: &str) {
        let config = config(file, &Globals::default());
        assert!(config.table().is_ok());
        let fault = config.master().unwrap_err().to_string();
        assert!(fault.starts_with(told), "{fault}");
    }

    #[rstest]
    #[case::algorithm("[credsmash]\nalgorithm = rot13\n", "Unsupported algo: rot13")]
    #[case::digest(
        "[credsmash:aes-ctr]\ndigest_method = SHA1\n",
        "Could not find SHA1 in cryptography.hazmat.primitives.hashes"
    )]
    #[case::weak_digest("[credsmash:aes-ctr]\ndigest_method = MD5\n", "Could not find MD5 in")]
    #[case::key_length(
        "[credsmash:aes-ctr]\nkey_length = 16\n",
        "Invalid key size (64) for AES."
    )]
    #[case::no_number(
        "[credsmash:aes-ctr]\nkey_length = many\n",
        "invalid literal for int() with base 10: 'many'"
    )]
    #[case::option(
        "[credsmash:aes-ctr]\niv_length = 12\n",
        "unexpected option 'iv_length' in [credsmash:aes-ctr]"
    )]
    #[case::iv_length(
        "[credsmash]\nalgorithm = aes-gcm\n[credsmash:aes-gcm]\niv_length = 4\n",
        "initialization_vector must be between 8 and 128 bytes"
    )]
    fn a_wrong_form_is_told_when_something_is_sealed(#[case] file: &str, #[case] told: &str) {
        let config = config(file, &Globals::default());
        assert!(config.table().is_ok() && config.master().is_ok());
        let fault = config.form().map(drop).unwrap_err().to_string();
        assert!(fault.starts_with(told), "{fault}");
    }

    #[test]
    fn another_forms_section_does_not_matter() {
        let file = "[credsmash]\nalgorithm = aes-gcm\n[credsmash:aes-ctr]\nbogus = 1\n";
        assert!(config(file, &Globals::default()).form().is_ok());
    }
}
