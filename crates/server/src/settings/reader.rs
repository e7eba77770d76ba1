//! Reads single settings and gathers what is wrong with them.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;

use super::bootstrap::BootstrapSecrets;
use super::names::SETTINGS;
use super::setting::{AUTHORITIES, Setting, State};

/// Where the value of a setting came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `SECRETS_BOOTSTRAP`.
    Bootstrap,
    /// An environment variable.
    Environment,
    /// The settings file.
    File,
}

/// One wrong setting: its name and the fix, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The setting.
    pub name: String,
    /// What is wrong and what to write instead.
    pub fix: String,
}

/// Everything that is wrong, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSettings(pub Vec<Wrong>);

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 {
            "setting is"
        } else {
            "settings are"
        };
        write!(f, "{} {plural} wrong:", self.0.len())?;
        for Wrong { name, fix } in &self.0 {
            write!(f, "\n  {name}: {fix}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WrongSettings {}

/// Reads settings by name: the secrets of `SECRETS_BOOTSTRAP` first, then the environment, then the file.
pub(super) struct Reader<'v> {
    secrets: &'v BootstrapSecrets,
    var: &'v dyn Fn(&str) -> Option<String>,
    file: Vec<(String, String)>,
    wrong: RefCell<Vec<Wrong>>,
}

impl<'v> Reader<'v> {
    /// A reader over environment variables and the text of a TOML file.
    pub(super) fn new(
        secrets: &'v BootstrapSecrets,
        var: &'v dyn Fn(&str) -> Option<String>,
        file: Option<&str>,
    ) -> Self {
        let reader = Self {
            secrets,
            var,
            file: Vec::new(),
            wrong: RefCell::default(),
        };
        let Some(text) = file else { return reader };
        match text.parse::<toml::Table>() {
            Ok(table) => {
                let file = table
                    .iter()
                    .filter_map(|(name, value)| reader.entry(name, value))
                    .collect();
                Self { file, ..reader }
            }
            Err(error) => {
                let place = error.span().map(|span| {
                    text.get(..span.start)
                        .unwrap_or_default()
                        .lines()
                        .count()
                        .max(1)
                });
                let place = place.map_or_else(String::new, |line| format!(" near line {line}"));
                // The parser's own message quotes the line, and so perhaps a secret.
                reader.complain("settings file", format!("is not valid TOML{place}"));
                reader
            }
        }
    }

    /// One entry of the file as the text an environment variable would hold.
    fn entry(&self, name: &str, value: &toml::Value) -> Option<(String, String)> {
        let name = name.to_ascii_uppercase();
        if !SETTINGS.iter().any(|setting| setting.is(&name)) {
            self.complain(&name, "no such setting; see `keepward config list`");
            return None;
        }
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Array(_) | toml::Value::Table(_) => {
                serde_json::to_string(value).unwrap_or_default()
            }
            toml::Value::Float(_) | toml::Value::Datetime(_) => {
                self.complain(
                    &name,
                    "takes a text, a whole number, true or false, a list or a table",
                );
                return None;
            }
        };
        Some((name, text))
    }

    pub(super) fn complain(&self, name: &str, fix: impl Into<String>) {
        self.wrong.borrow_mut().push(Wrong {
            name: name.to_owned(),
            fix: fix.into(),
        });
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, WrongSettings> {
        let wrong = self.wrong.into_inner();
        if wrong.is_empty() {
            Ok(value)
        } else {
            Err(WrongSettings(wrong))
        }
    }

    /// Where the setting is given, if it is.
    pub(super) fn source(&self, setting: &Setting) -> Option<Source> {
        let names = match setting.family() {
            None => vec![setting.name.to_owned()],
            Some(start) => self
                .list(AUTHORITIES)
                .iter()
                .map(|authority| format!("{start}{}", authority.to_uppercase()))
                .collect(),
        };
        if self.secrets.get(setting.name).is_some() {
            return Some(Source::Bootstrap);
        }
        if names.iter().any(|name| (self.var)(name).is_some()) {
            return Some(Source::Environment);
        }
        self.file
            .iter()
            .any(|(name, _)| names.contains(name))
            .then_some(Source::File)
    }

    /// Whether the environment has the setting between quotes, which an env-file of Docker keeps.
    pub(super) fn is_quoted(&self, setting: &Setting) -> bool {
        let text = (self.var)(setting.name).unwrap_or_default();
        ['\'', '"'].iter().any(|quote| {
            text.strip_prefix(*quote)
                .is_some_and(|rest| rest.ends_with(*quote))
        })
    }

    /// The text of a setting, under its name or an older one, when `counts` is true of it.
    fn raw(&self, name: &str, counts: impl Fn(&str) -> bool) -> Option<String> {
        debug_assert!(
            SETTINGS.iter().any(|setting| setting.is(name)),
            "{name} is not in the table"
        );
        let names = with_older(name);
        let in_file = |name: &&str| {
            let entry = self.file.iter().find(|(known, _)| known == name)?;
            Some(entry.1.clone())
        };
        let secrets = names.iter().filter_map(|name| self.secrets.get(name));
        let secrets = secrets.map(|secret| secret.expose().to_owned());
        let outside = names.iter().filter_map(|name| (self.var)(name));
        let inside = names.iter().filter_map(in_file);
        secrets
            .chain(outside)
            .chain(inside)
            .find(|text| counts(text))
    }

    /// Text; empty counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.raw(name, |text| !text.is_empty())
    }

    /// Text as it is given, be it empty, or the default.
    pub(super) fn text_or(&self, name: &str, default: &str) -> String {
        self.raw(name, |_| true)
            .unwrap_or_else(|| default.to_owned())
    }

    /// Text from `SECRETS_BOOTSTRAP` alone.
    pub(super) fn bootstrapped(&self, name: &str) -> Option<String> {
        with_older(name)
            .iter()
            .filter_map(|name| self.secrets.get(name))
            .map(|secret| secret.expose().to_owned())
            .find(|text| !text.is_empty())
    }

    /// A whole number within bounds. Empty text is wrong, as in Confidant.
    pub(super) fn number(&self, name: &str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        let Some(text) = self.raw(name, |_| true) else {
            return default;
        };
        match text.trim().parse() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                self.complain(
                    name,
                    format!(
                        "takes a whole number from {} to {}",
                        bounds.start(),
                        bounds.end()
                    ),
                );
                default
            }
        }
    }

    /// A flag, as Confidant reads them: only `False`, `false`, `0` and empty are false.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.raw(name, |_| true).map_or(default, |text| {
            !matches!(text.as_str(), "False" | "false" | "0" | "")
        })
    }

    /// Comma-separated texts, trimmed, empty ones left out; from the file also an array.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let Some(text) = self.text(name) else {
            return Vec::new();
        };
        if text.starts_with('[')
            && let Ok(list) = serde_json::from_str::<Vec<String>>(&text)
        {
            return list;
        }
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// JSON of the shape `T`, which `shape` names for a person.
    pub(super) fn json<T: serde::de::DeserializeOwned + Default>(
        &self,
        name: &str,
        shape: &str,
    ) -> T {
        let Some(text) = self.text(name) else {
            return T::default();
        };
        serde_json::from_str(&text).unwrap_or_else(|_quotes_the_value| {
            self.complain(name, format!("takes JSON of the form {shape}"));
            T::default()
        })
    }
}

/// A setting's name, and then its older ones.
fn with_older(name: &str) -> Vec<&str> {
    let older = SETTINGS.iter().filter_map(|setting| match setting.state {
        State::OldName(of) if of.contains(&name) => Some(setting.name),
        _ => None,
    });
    std::iter::once(name).chain(older).collect()
}

/// A number that was read within bounds, as a size.
pub(super) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
