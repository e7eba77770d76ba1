//! Names with values to documents and back.

use base64::Engine as _;
use seal::Plaintext;
use zeroize::Zeroizing;

use crate::tree::Entries;
use crate::{Dialect, Error, Format, Tree, csv, dotenv, json, limits, yaml};

/// What becomes of a value that is not UTF-8 in a document that is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotText {
    /// It is left out, and [`Written::not_text`] has its name. CredSmash does so.
    LeaveOut,
    /// Nothing is written.
    Refuse,
    /// It is written as base64, and [`Written::not_text`] has its name.
    Base64,
}

/// A document that was written.
pub struct Written {
    /// The document itself, which is as secret as what it holds.
    pub document: Plaintext,
    /// Names of the entries that are not UTF-8, in the order given.
    pub not_text: Vec<String>,
}

/// Writes one entry: its bytes alone as `Raw`, else a document with one entry.
///
/// Errors: as [`write_many`].
pub fn write_one(
    format: Format,
    dialect: Dialect,
    not_text: NotText,
    name: &str,
    value: &Plaintext,
) -> Result<Written, Error> {
    if format == Format::Raw {
        return Ok(Written {
            document: Plaintext::new(Box::from(value.expose())),
            not_text: Vec::new(),
        });
    }
    write_many(format, dialect, not_text, [(name, value)])
}

/// Writes entries whose names differ.
///
/// Shape: JSON and YAML are sorted by name, without and with a final newline; CSV, dotenv and export lines keep the
/// order given. No entries: `{}`, or nothing.
/// Errors: `OneValueOnly` for `Raw`; `ValuesNotUtf8` where they are refused; for dotenv (but not credstash's) and
/// export lines `NoVariable`, `SameVariable`, `Nul`.
pub fn write_many<'e>(
    format: Format,
    dialect: Dialect,
    not_text: NotText,
    entries: impl IntoIterator<Item = (&'e str, &'e Plaintext)>,
) -> Result<Written, Error> {
    if format == Format::Raw {
        return Err(Error::OneValueOnly(format));
    }
    let mut names = Vec::new();
    let mut encoded = Vec::new();
    let mut kept = Vec::new();
    for (name, value) in entries {
        match std::str::from_utf8(value.expose()) {
            Ok(text) => kept.push((name, Value::Text(text))),
            Err(_) => {
                names.push(name.to_owned());
                if not_text == NotText::Base64 {
                    kept.push((name, Value::Encoded(encoded.len())));
                    let text = base64::engine::general_purpose::STANDARD.encode(value.expose());
                    encoded.push(Zeroizing::new(text));
                }
            }
        }
    }
    if not_text == NotText::Refuse && !names.is_empty() {
        return Err(Error::ValuesNotUtf8 { format, names });
    }
    let texts: Vec<(&str, &str)> = kept
        .into_iter()
        .map(|(name, value)| match value {
            Value::Text(text) => (name, text),
            Value::Encoded(place) => (name, encoded.get(place).map_or("", |text| text.as_str())),
        })
        .collect();
    Ok(Written {
        document: document(format, dialect, &texts)?,
        not_text: names,
    })
}

/// The text of an entry, its own or one that was made for it.
enum Value<'e> {
    Text(&'e str),
    Encoded(usize),
}

fn document(format: Format, dialect: Dialect, texts: &[(&str, &str)]) -> Result<Plaintext, Error> {
    Ok(match format {
        Format::Raw => return Err(Error::OneValueOnly(format)),
        Format::Json => json::texts(texts),
        Format::Yaml => yaml::texts(texts, dialect != Dialect::Credstash),
        Format::Csv => csv::texts(
            texts,
            match dialect {
                Dialect::CredSmash => "\r\n",
                Dialect::Credstash | Dialect::Keepward => "\n",
            },
        ),
        Format::Dotenv if dialect == Dialect::Credstash => dotenv::credstash(texts),
        Format::Dotenv => dotenv::texts(texts, dotenv::Line::Dotenv)?,
        Format::Export => dotenv::texts(texts, dotenv::Line::Export)?,
    })
}

/// Reads the value of the entry called `name`, or the whole document as `Raw`.
///
/// Errors: `NoEntry`, and those of [`read_many`].
pub fn read_one(format: Format, name: &str, document: &[u8]) -> Result<Plaintext, Error> {
    if format == Format::Raw {
        if document.len() > limits::MAX_BYTES {
            return Err(Error::TooLarge);
        }
        return Ok(Plaintext::new(Box::from(document)));
    }
    read_many(format, document)?
        .into_iter()
        .find_map(|(known, value)| (known == name).then_some(value))
        .ok_or_else(|| Error::NoEntry(name.to_owned()))
}

/// Reads names and values, in the order of the document; of equal names the place of the first, the value of the last.
///
/// Errors: those of the format; `OneValueOnly`, `WrittenOnly`; `NotAMap`, `NameNotText`; `ValueNotText` for the first
/// value that is neither text nor YAML's `!!binary`, `NoValue` where CSV has none.
pub fn read_many(format: Format, document: &[u8]) -> Result<Vec<(String, Plaintext)>, Error> {
    read_tree(format, document)?
        .into_entries()?
        .into_iter()
        .enumerate()
        .map(|(index, (name, value))| {
            if format == Format::Csv && matches!(value, Tree::Null) {
                return Err(Error::NoValue(index + 1));
            }
            let value = value.into_value(&name)?;
            Ok((name, value))
        })
        .collect()
}

/// Reads a document whatever its values are; CSV and dotenv make a map of texts.
///
/// Errors: those of the format; `OneValueOnly`, `WrittenOnly`.
pub fn read_tree(format: Format, document: &[u8]) -> Result<Tree, Error> {
    let rows = match format {
        Format::Json => return json::read(document),
        Format::Yaml => return yaml::read(document),
        Format::Csv => csv::read(document)?,
        Format::Dotenv => dotenv::read(document)?,
        Format::Raw => return Err(Error::OneValueOnly(format)),
        Format::Export => return Err(Error::WrittenOnly(format)),
    };
    let mut entries = Entries::new();
    for (name, value) in rows {
        entries.put(Tree::text(&name), value);
    }
    Ok(entries.finish())
}
