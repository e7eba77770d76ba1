//! The list of files that one run writes: `render-templates MANIFEST`.

use serde_json::Value;

use crate::error::TemplateError;

/// One file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path as the manifest has it.
    pub destination: String,
    /// What is written there.
    pub content: Content,
    /// Permission bits, such as `0o600`.
    pub mode: Option<u32>,
    /// Owner and group by name; the reference does nothing unless both are there.
    pub owner: Option<Owner>,
}

/// What a file is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The path of a template to render.
    Template(String),
    /// The name of a secret, whose bytes are written as they are.
    Secret(String),
}

/// Names, not numbers; whoever writes the file resolves them first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user's name.
    pub user: String,
    /// The group's name.
    pub group: String,
}

/// Reads all entries.
///
/// Errors: `Manifest` for the first entry that cannot be used, so that nothing is written before all are known to be
/// well formed.
pub fn entries(document: &Value) -> Result<Vec<Entry>, TemplateError> {
    let Value::Array(items) = document else {
        return Err(TemplateError::Manifest(format!(
            "Manifest must be a list of entries, not {}",
            kind(document)
        )));
    };
    if items.len() > MOST_ENTRIES {
        return Err(TemplateError::Manifest(format!(
            "Manifest has more than {MOST_ENTRIES} entries"
        )));
    }
    items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            entry(item).map_err(|what| {
                TemplateError::Manifest(format!("{what} (entry {} of {})", at + 1, items.len()))
            })
        })
        .collect()
}

fn entry(item: &Value) -> Result<Entry, String> {
    let Value::Object(fields) = item else {
        return Err(format!(
            "Manifest entry must be a mapping, not {}",
            kind(item)
        ));
    };
    let text = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => {
            Err(format!("Manifest entry has an empty {name}"))
        }
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!(
            "Manifest entry's {name} must be text, not {}",
            kind(other)
        )),
    };
    let destination =
        text("destination")?.ok_or("Manifest entry must contain a destination".to_owned())?;
    // As the reference: `source` wins when both are there.
    let content = match (text("source")?, text("secret")?) {
        (Some(path), _) => Content::Template(path),
        (None, Some(name)) => Content::Secret(name),
        (None, None) => return Err("Manifest entry must contain a secret or source".to_owned()),
    };
    let owner = match (text("owner")?, text("group")?) {
        (Some(user), Some(group)) => Some(Owner { user, group }),
        _ => None,
    };
    Ok(Entry {
        destination,
        content,
        mode: fields.get("mode").map(mode).transpose()?,
        owner,
    })
}

/// A number is taken as it is (JSON's 384 and YAML's `0600` are the same); text is octal: `"0600"`, `"600"`, `"0o600"`.
fn mode(value: &Value) -> Result<u32, String> {
    let bits = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            let digits = text.strip_prefix("0o").unwrap_or(text);
            (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
                .then(|| u64::from_str_radix(digits, 8).ok())
                .flatten()
        }
        _ => None,
    };
    bits.and_then(|bits| u32::try_from(bits).ok())
        .filter(|bits| *bits <= 0o7777)
        .ok_or_else(|| {
            format!("Manifest entry's mode must be octal text such as \"0600\", or its number, and is {value}")
        })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

const MOST_ENTRIES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[test]
    fn every_field_of_an_entry_is_read() {
        let read = entries(&json!([
            {"source": "a.j2", "destination": "/etc/a", "mode": 384, "owner": "app", "group": "staff"},
            {"secret": "tls.key", "destination": "key.pem", "mode": "0640"},
        ]))
        .unwrap();
        assert_eq!(
            read,
            [
                Entry {
                    destination: "/etc/a".to_owned(),
                    content: Content::Template("a.j2".to_owned()),
                    mode: Some(0o600),
                    owner: Some(Owner {
                        user: "app".to_owned(),
                        group: "staff".to_owned()
                    }),
                },
                Entry {
                    destination: "key.pem".to_owned(),
                    content: Content::Secret("tls.key".to_owned()),
                    mode: Some(0o640),
                    owner: None,
                },
            ]
        );
    }

    #[rstest]
    #[case::not_a_list(json!({"a": 1}), "Manifest must be a list of entries, not a mapping")]
    #[case::not_a_mapping(json!(["a"]), "Manifest entry must be a mapping, not text (entry 1 of 1)")]
    #[case::neither(
        json!([{"source": "a", "destination": "b"}, {"destination": "x"}]),
        "Manifest entry must contain a secret or source (entry 2 of 2)"
    )]
    #[case::nowhere(json!([{"source": "a"}]), "Manifest entry must contain a destination (entry 1 of 1)")]
    #[case::empty(json!([{"source": "a", "destination": ""}]), "Manifest entry has an empty destination (entry 1 of 1)")]
    #[case::bad_mode(
        json!([{"source": "a", "destination": "b", "mode": "rw"}]),
        "Manifest entry's mode must be octal text such as \"0600\", or its number, and is \"rw\" (entry 1 of 1)"
    )]
    #[case::not_octal(
        json!([{"source": "a", "destination": "b", "mode": "0689"}]),
        "Manifest entry's mode must be octal text such as \"0600\", or its number, and is \"0689\" (entry 1 of 1)"
    )]
    #[case::too_many_bits(
        json!([{"source": "a", "destination": "b", "mode": 600_000}]),
        "Manifest entry's mode must be octal text such as \"0600\", or its number, and is 600000 (entry 1 of 1)"
    )]
    fn a_bad_entry_says_which_and_why(#[case] document: Value, #[case] words: &str) {
        assert_eq!(entries(&document).unwrap_err().to_string(), words);
    }

    #[test]
    fn an_owner_without_a_group_changes_nothing_as_in_the_reference() {
        let read = entries(&json!([{"secret": "a", "destination": "b", "owner": "root"}])).unwrap();
        assert_eq!(read.first().unwrap().owner, None);
    }
}
