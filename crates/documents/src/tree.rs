//! What a JSON or YAML document holds when it is more than names with texts.

use std::collections::HashMap;
use std::fmt;

use seal::Plaintext;

use crate::Error;
use crate::limits::Budget;
use crate::page::Page;

/// A value of a document. It may be or hold a secret, so it has no `Debug`.
pub enum Tree {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction, infinite or NaN.
    Float(f64),
    /// UTF-8 text.
    Text(Plaintext),
    /// Bytes (YAML's `!!binary`).
    Bytes(Plaintext),
    /// A date, with or without a time (YAML only), as Python's `str` prints it.
    Date(String),
    /// Values in order.
    List(Vec<Tree>),
    /// Keys and values in the order of the document; no two keys are equal.
    Map(Vec<(Tree, Tree)>),
}

impl Tree {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(Plaintext::new(Box::from(text.as_bytes())))
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Integer(_) => Kind::Integer,
            Self::Float(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::Date(_) => Kind::Date,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
        }
    }

    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => std::str::from_utf8(text.expose()).ok(),
            _ => None,
        }
    }

    /// The value of a key that is text, where it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| name.as_text() == Some(key))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Names and values of a document that is a map with text for keys, whatever the values are.
    ///
    /// Errors: `NotAMap`, `NameNotText`.
    pub fn into_entries(self) -> Result<Vec<(String, Tree)>, Error> {
        let Self::Map(entries) = self else {
            return Err(Error::NotAMap(self.kind()));
        };
        entries
            .into_iter()
            .map(|(name, value)| match name.as_text() {
                Some(text) => Ok((text.to_owned(), value)),
                None => Err(Error::NameNotText(name.kind())),
            })
            .collect()
    }

    /// The value of a secret.
    ///
    /// Errors: `ValueNotText`, which names the entry.
    pub fn into_value(self, name: &str) -> Result<Plaintext, Error> {
        match self {
            Self::Text(value) | Self::Bytes(value) => Ok(value),
            other => Err(Error::ValueNotText {
                name: name.to_owned(),
                kind: other.kind(),
            }),
        }
    }

    /// Another one like it, within what the budget has left.
    pub(crate) fn copy(&self, budget: &mut Budget) -> Result<Self, Error> {
        budget.spend(self.bytes())?;
        let again = |value: &Plaintext| Plaintext::new(Box::from(value.expose()));
        Ok(match self {
            Self::Null => Self::Null,
            Self::Bool(value) => Self::Bool(*value),
            Self::Integer(value) => Self::Integer(*value),
            Self::Float(value) => Self::Float(*value),
            Self::Text(value) => Self::Text(again(value)),
            Self::Bytes(value) => Self::Bytes(again(value)),
            Self::Date(value) => Self::Date(value.clone()),
            Self::List(list) => Self::List(
                list.iter()
                    .map(|value| value.copy(budget))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| Ok((key.copy(budget)?, value.copy(budget)?)))
                    .collect::<Result<_, Error>>()?,
            ),
        })
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(value) | Self::Bytes(value) => value.expose().len(),
            Self::Date(value) => value.len(),
            _ => 0,
        }
    }

    /// What keys are compared by: equal for keys that are equal in Python, where `1`, `1.0` and `true` are.
    ///
    /// `None` for what cannot be a key.
    fn as_key(&self) -> Option<Vec<u8>> {
        let number = |value: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and small enough, as tested"
            )]
            if value.fract() == 0.0 && value.abs() < 1e30 {
                format!("i{}", value as i128)
            } else {
                format!("f{value}")
            }
        };
        Some(match self {
            Self::Null => b"n".to_vec(),
            Self::Bool(value) => format!("i{}", i128::from(*value)).into_bytes(),
            Self::Integer(value) => format!("i{value}").into_bytes(),
            Self::Float(value) => number(*value).into_bytes(),
            Self::Text(value) => [b"t", value.expose()].concat(),
            Self::Bytes(value) => [b"b", value.expose()].concat(),
            Self::Date(value) => format!("d{value}").into_bytes(),
            Self::List(_) | Self::Map(_) => return None,
        })
    }
}

/// A map while it is read: of equal keys the place of the first stays, with the value of the last, as in Python.
pub(crate) struct Entries {
    list: Vec<(Tree, Tree)>,
    places: HashMap<Vec<u8>, usize>,
}

impl Entries {
    pub(crate) fn new() -> Self {
        Self {
            list: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// `false` when the key is a list or a map.
    pub(crate) fn put(&mut self, key: Tree, value: Tree) -> bool {
        let Some(compared_by) = key.as_key() else {
            return false;
        };
        let place = *self.places.entry(compared_by).or_insert(self.list.len());
        match self.list.get_mut(place) {
            Some((_, before)) => *before = value,
            None => self.list.push((key, value)),
        }
        true
    }

    pub(crate) fn finish(self) -> Tree {
        Tree::Map(self.list)
    }
}

impl From<Page> for Tree {
    fn from(page: Page) -> Self {
        Self::Text(page.finish())
    }
}

/// What a value of a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// A truth value.
    Bool,
    /// A whole number.
    Integer,
    /// Another number.
    Float,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A date.
    Date,
    /// A list.
    List,
    /// A map.
    Map,
}

impl Kind {
    /// The name of its type in Python, as in `'int' object has no attribute 'encode'`.
    pub fn in_python(self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool => "bool",
            Self::Integer => "int",
            Self::Float => "float",
            Self::Text => "str",
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::List => "list",
            Self::Map => "dict",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "empty (null)",
            Self::Bool => "a truth value",
            Self::Integer | Self::Float => "a number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Date => "a date",
            Self::List => "a list",
            Self::Map => "a map",
        })
    }
}
