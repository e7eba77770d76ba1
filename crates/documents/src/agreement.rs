//! What this crate makes of documents beside what Python made of them: the judge of `conformance/python/documents.py`.
//!
//! The same kinds of cases are recorded in `vectors/documents` and made anew, from another seed, by the conformance
//! tests.

use base64::Engine as _;
use seal::Plaintext;
use serde_json::{Value, json};

use crate::pattern::Pattern;
use crate::{Dialect, Error, Format, NotText, Tree, csv, dotenv, ini, python, write_many, yaml};

/// What came of comparing.
#[derive(Debug, Default)]
pub struct Compared {
    /// Cases looked at.
    pub cases: usize,
    /// Cases in which we differ from Python, in words. They show the documents, which are made up.
    pub faults: Vec<String>,
}

/// Compares all cases of a format: `json`, `yaml`, `csv`, `dotenv`, `ini` or `pattern`.
pub fn compare(format: &str, cases: &Value) -> Compared {
    let mut compared = Compared::default();
    for (kind, list) in cases.as_object().into_iter().flatten() {
        for case in list.as_array().into_iter().flatten() {
            compared.cases += 1;
            let parts: Vec<&Value> = case.as_array().into_iter().flatten().collect();
            compared.faults.extend(fault(format, kind, &parts));
        }
    }
    compared
}

/// In what a case differs; `None` when it does not.
fn fault(format: &str, kind: &str, case: &[&Value]) -> Option<String> {
    use Dialect::{CredSmash, Credstash, Keepward};
    match (format, kind, case) {
        ("json", "texts", [mapping, document]) => {
            written(Format::Json, CredSmash, mapping, document)
                .or_else(|| written(Format::Json, Credstash, mapping, document))
                .or_else(|| written(Format::Json, Keepward, mapping, document))
        }
        ("json", "read", [document, told]) => read(
            document,
            told,
            crate::json::read(&bytes(document)),
            json_words,
        ),
        ("json", "printed", [document, line, pretty]) => printed(document, line, pretty),
        ("yaml", "written", [mapping, kept, escaped, of_kept, of_escaped]) => {
            written(Format::Yaml, CredSmash, mapping, kept)
                .or_else(|| written(Format::Yaml, Keepward, mapping, kept))
                .or_else(|| written(Format::Yaml, Credstash, mapping, escaped))
                .or_else(|| read_back(mapping, kept, of_kept))
                .or_else(|| read_back(mapping, escaped, of_escaped))
        }
        ("yaml", "read", [document, told]) => {
            read(document, told, yaml::read(&bytes(document)), any_words)
        }
        ("csv", "written", [mapping, crlf, lf]) => written(Format::Csv, CredSmash, mapping, crlf)
            .or_else(|| written(Format::Csv, Credstash, mapping, lf))
            .or_else(|| written(Format::Csv, Keepward, mapping, lf)),
        ("csv", "read", [document, told]) => read(
            document,
            told,
            csv::read(&bytes(document)).map(rows),
            any_words,
        ),
        ("dotenv", "read", [document, told]) => read(
            document,
            told,
            dotenv::read(&bytes(document)).map(rows),
            any_words,
        ),
        ("ini", "read", [document, told]) => {
            let config = ini::Config::read(&bytes(document), "c.cfg");
            read(
                document,
                told,
                config.map(|config| tree(&config)),
                ini_words,
            )
        }
        ("pattern", "fnmatch", [pattern, name, fits]) => {
            let ours = Pattern::fnmatch(text(pattern)).matches(text(name));
            (Value::Bool(ours) != **fits).then(|| format!("{pattern} and {name}: {ours}"))
        }
        _ => Some(format!(
            "there is no case of this form: {format} {kind} {case:?}"
        )),
    }
}

fn written(format: Format, dialect: Dialect, mapping: &Value, document: &Value) -> Option<String> {
    let entries: Vec<(&str, Plaintext)> = mapping
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), Plaintext::new(text(value).as_bytes().into())))
        .collect();
    let entries = entries.iter().map(|(name, value)| (*name, value));
    let ours = match write_many(format, dialect, NotText::Refuse, entries) {
        Ok(written) => String::from_utf8_lossy(written.document.expose()).into_owned(),
        Err(error) => error.to_string(),
    };
    (ours != text(document))
        .then(|| format!("{format} of {mapping}\n  ours  {ours:?}\n  Python {document}"))
}

/// What was written is read as Python reads it: as it was, or else as `told`.
fn read_back(mapping: &Value, document: &Value, told: &Value) -> Option<String> {
    let ours = yaml::read(&bytes(document));
    if !told.is_null() {
        return read(document, told, ours, any_words);
    }
    let mut pairs: Vec<_> = mapping.as_object().into_iter().flatten().collect();
    pairs.sort_by_key(|(name, _)| *name);
    let told = json!({ "value": { "map": pairs } });
    read(document, &told, ours, any_words)
}

/// Compares a value with a value, and an error with an error.
fn read(
    document: &Value,
    told: &Value,
    ours: Result<Tree, Error>,
    same_words: fn(&Error, &str) -> bool,
) -> Option<String> {
    let agrees = match (&ours, told.get("value"), told.get("error")) {
        (Ok(tree), Some(value), _) => shown(tree) == *value,
        (Err(error), None, Some(words)) => {
            words.as_str().is_none_or(|words| same_words(error, words))
        }
        _ => false,
    };
    let ours = ours.map_or_else(|error| error.to_string(), |tree| shown(&tree).to_string());
    (!agrees).then(|| {
        let told = told.to_string();
        format!("reading {document}\n  ours   {ours:?}\n  Python {told:?}")
    })
}

fn any_words(_: &Error, _: &str) -> bool {
    true
}

fn json_words(error: &Error, words: &str) -> bool {
    error.to_string() == words
}

fn ini_words(error: &Error, words: &str) -> bool {
    // Python's words for a bad map name nothing.
    error.to_string() == words
        || (error.to_string().contains("of the map") && words.starts_with("not enough values"))
}

fn printed(document: &Value, line: &Value, pretty: &Value) -> Option<String> {
    let Ok(tree) = crate::json::read(&bytes(document)) else {
        return Some(format!("{document} is not read"));
    };
    let of = |document: Plaintext| Value::from(String::from_utf8_lossy(document.expose()));
    let ours = (of(crate::json::line(&tree)), of(crate::json::pretty(&tree)));
    (ours.0 != *line || ours.1 != *pretty).then(|| {
        format!(
            "{document}\n  ours   {} {}\n  Python {line} {pretty}",
            ours.0, ours.1
        )
    })
}

/// A value with its type, as `shown` of `documents.py` has it.
pub fn shown(tree: &Tree) -> Value {
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(value) => json!(value),
        Tree::Integer(value) => json!({ "int": value.to_string() }),
        Tree::Float(value) => {
            let printed = python::float(*value);
            let repr = printed.replace("Infinity", "inf").replace("NaN", "nan");
            json!({ "float": repr })
        }
        Tree::Text(_) => json!(tree.as_text()),
        Tree::Bytes(bytes) => {
            json!({ "bytes": base64::engine::general_purpose::STANDARD.encode(bytes.expose()) })
        }
        Tree::Date(date) => json!({ "date": date }),
        Tree::List(list) => list.iter().map(shown).collect(),
        Tree::Map(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| json!([shown(key), shown(value)]))
                .collect();
            json!({ "map": entries })
        }
    }
}

fn rows(rows: Vec<(String, Tree)>) -> Tree {
    let row = |(name, value): (String, Tree)| Tree::List(vec![Tree::text(&name), value]);
    Tree::List(rows.into_iter().map(row).collect())
}

fn tree(config: &ini::Config) -> Tree {
    let map = |pairs: Vec<(&str, Tree)>| {
        Tree::Map(
            pairs
                .into_iter()
                .map(|(key, value)| (Tree::text(key), value))
                .collect(),
        )
    };
    let setting = |setting: &ini::Setting| match setting {
        ini::Setting::Text(text) => Tree::text(text),
        ini::Setting::Map(pairs) => map(pairs
            .iter()
            .map(|(key, value)| (key.as_str(), Tree::text(value)))
            .collect()),
    };
    let section = |section: &ini::Section| {
        map(section
            .options()
            .map(|(name, value)| (name, setting(value)))
            .collect())
    };
    map(config
        .sections()
        .map(|(name, options)| (name, section(options)))
        .collect())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn bytes(value: &Value) -> Vec<u8> {
    text(value).as_bytes().to_vec()
}
