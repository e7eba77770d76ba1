//! What a row of the table of settings says.

/// How a setting's text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    Text,
    /// A whole number.
    Number,
    /// False for `False`, `false`, `0` and empty; true for everything else, as in Confidant.
    Flag,
    /// Comma-separated; blanks round the commas do not count.
    List,
    /// JSON.
    Json,
}

impl Kind {
    /// The word in tables and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::List => "list",
            Self::Json => "json",
        }
    }
}

/// What this version does with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Used,
    /// An older name of these settings; each of them wins over it.
    OldName(&'static [&'static str]),
    /// A setting of Confidant's whose feature this version does not have; accepted, without effect.
    Later,
    /// It has no meaning here; accepted, without effect.
    Ignored,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The environment variable, and the key in the settings file. One that ends in `_x` is a
    /// family: the `x` stands for an upper-case name of `ACM_PRIVATE_CAS`.
    pub name: &'static str,
    /// How it is read.
    pub kind: Kind,
    /// The default, as text; empty for none.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether this version uses it.
    pub state: State,
    /// Whether it may come from `SECRETS_BOOTSTRAP`, which wins over everything else.
    pub in_bootstrap: bool,
}

impl Setting {
    /// What the names of a family begin with; `None` for a single setting.
    pub fn family(&self) -> Option<&'static str> {
        self.name
            .strip_suffix('x')
            .filter(|start| start.ends_with('_'))
    }

    /// Whether this row is about the setting of that name.
    pub fn is(&self, name: &str) -> bool {
        match self.family() {
            Some(start) => name.starts_with(start),
            None => name == self.name,
        }
    }

    /// What stands for the default and the meaning in lists; an old name has those of the new one.
    pub fn told(&self) -> (&'static str, String) {
        let State::OldName(of) = self.state else {
            let secret = if self.in_bootstrap {
                "; may stand in SECRETS_BOOTSTRAP"
            } else {
                ""
            };
            return (self.default, format!("{}{secret}", self.meaning));
        };
        (self.default, format!("old name of {}", of.join(" and ")))
    }

    /// Whether this version does something with it.
    pub fn has_effect(&self) -> bool {
        match self.state {
            State::Used => true,
            State::Later | State::Ignored => false,
            State::OldName(of) => super::SETTINGS
                .iter()
                .any(|new| of.contains(&new.name) && new.has_effect()),
        }
    }

    /// The same row for a setting that may stand in `SECRETS_BOOTSTRAP`.
    pub(super) const fn or_bootstrap(self) -> Self {
        Self {
            in_bootstrap: true,
            ..self
        }
    }
}

/// The setting whose entries, in upper case, end the names of families.
pub(super) const AUTHORITIES: &str = "ACM_PRIVATE_CAS";

/// A setting that works.
pub(super) const fn used(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting {
        name,
        kind,
        default,
        meaning,
        state: State::Used,
        in_bootstrap: false,
    }
}

/// A setting whose feature comes later.
pub(super) const fn later(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting {
        state: State::Later,
        ..used(name, kind, default, meaning)
    }
}

/// What settings were called in older versions of Confidant.
pub(super) const fn old(name: &'static str, kind: Kind, of: &'static [&'static str]) -> Setting {
    Setting {
        state: State::OldName(of),
        ..used(name, kind, "", "")
    }
}

/// A setting without a meaning here; `why` says so.
pub(super) const fn ignored(name: &'static str, kind: Kind, why: &'static str) -> Setting {
    Setting {
        state: State::Ignored,
        ..used(name, kind, "", why)
    }
}
