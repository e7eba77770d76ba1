//! The two formats of `confidant-format` that work, for scripts that read them.
//!
//! Source: confidant-client 2.7.1, `formatter.py`; vectors `confidant/client_format.json`. Its third
//! format, `jinja`, fails on every Python 3.

use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome, internal};
use crate::formats::NO_SHELL_NAME;
use crate::variables::{Naming, Variable, Variables, credentials, is_shell_name};

/// What stands before the names of `env_export` when nothing else is asked for.
const DEFAULT_PREFIX: &str = "CREDENTIALS_";

/// Two lines for each pair, `: ${NAME=value}` and `export NAME`: of equal names the first wins, and
/// so does a variable that is set already.
///
/// The prefix is the `env_var_prefix` in a credential's metadata, else `prefix`; names are in upper
/// case. Names of other than ASCII letters are left out: the original lets them through, and shells
/// stop at them.
pub(crate) fn env_export(service: Value, prefix: Option<&str>, strict: bool) -> Outcome<String> {
    let mut text = String::new();
    for (credential, pairs) in credentials(service) {
        let own = credential
            .get("metadata")
            .and_then(|metadata| metadata.get("env_var_prefix"))
            .and_then(Value::as_str)
            .filter(|own| !own.is_empty());
        let prefix = own.or(prefix).unwrap_or(DEFAULT_PREFIX).to_uppercase();
        // It comes from whoever writes credentials, and a shell will run what is printed here.
        if !prefix.is_empty() && !is_shell_name(&prefix) {
            return Err(Failure::new(
                Kind::Conflict,
                format!(
                    "no variable of a shell begins with {}, the prefix for {}",
                    printable(&prefix),
                    credential.get("name").unwrap_or(&Value::Null)
                ),
            ));
        }
        let mut variables = Variables::default();
        variables.add(&credential, pairs, &Naming::AS_IS);
        variables.leave_out_unless(Variable::fits_shell, NO_SHELL_NAME);
        for variable in variables.settle(strict)? {
            let name = format!("{prefix}{}", variable.name.to_uppercase());
            let value = quoted(variable.expose());
            text.push_str(&format!(": ${{{name}={value}}}\nexport {name}\n"));
        }
    }
    Ok(text)
}

/// A word as Python's `shlex.quote` writes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_@%+=:,./-".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r#"'"'"'"#))
    }
}

/// One JSON object: all pairs, what each credential is, and which one each key came from.
pub(crate) fn credential_combined(service: Value) -> Outcome<String> {
    let revision = service.get("revision").cloned();
    let mut all = Map::new();
    let mut about = Vec::new();
    let mut sources = Map::new();
    for (credential, pairs) in credentials(service) {
        let field = |name: &str| credential.get(name).cloned().unwrap_or_default();
        let mut one =
            Map::from_iter(["id", "revision", "name"].map(|name| (name.to_owned(), field(name))));
        match field("metadata") {
            Value::Object(metadata) if !metadata.is_empty() => {
                one.insert("metadata".to_owned(), metadata.into());
            }
            _ => {}
        }
        about.push(one);
        sources.extend(pairs.keys().map(|key| (key.clone(), field("id"))));
        all.extend(pairs);
    }
    let mut combined = json!({
        "credentials": all,
        "credentials_metadata": { "revision": revision, "credentials": about },
        "credentials_source": sources,
    });
    combined.sort_all_objects();
    python_pretty(&combined)
}

/// JSON as Python's `json.dumps(indent=4)` prints it: everything but ASCII escaped.
fn python_pretty(value: &Value) -> Outcome<String> {
    use serde::Serialize as _;

    let failed = |error: &dyn std::error::Error| internal("writing JSON", error);
    let mut json = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    value
        .serialize(&mut Serializer::with_formatter(&mut json, formatter))
        .map_err(|error| failed(&error))?;
    let json = String::from_utf8(json).map_err(|error| failed(&error.utf8_error()))?;
    let mut ascii = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\n' | ' '..='~' => ascii.push(letter),
            // These stand in texts only.
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    Ok(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!("../../../vectors/confidant/client_format.json");

    #[test]
    fn every_recorded_case_is_printed_byte_for_byte() {
        let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
        let cases = vectors["cases"].as_array().expect("cases");
        for case in cases {
            let arguments: Vec<&str> = case["args"]
                .as_array()
                .expect("arguments")
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let service = vectors["input"]["service"].clone();
            let printed = match arguments.as_slice() {
                ["--out-format", "env_export"] => env_export(service, None, false),
                ["--out-format", "env_export", "--env-export-prefix", prefix] => {
                    env_export(service, Some(prefix), false)
                }
                ["--out-format", "credential_combined"] => credential_combined(service),
                other => panic!("a new kind of case: {other:?}"),
            };
            assert_eq!(case["rc"], 0);
            assert_eq!(
                printed.expect("it is printed"),
                case["stdout"].as_str().expect("text"),
                "{arguments:?}"
            );
        }
        assert_eq!(cases.len(), 3, "all cases of the file");
    }

    #[test]
    fn strict_takes_no_key_that_would_be_left_out() {
        let service =
            json!({ "credentials": [{ "name": "c", "credential_pairs": { "bad-key": "v" } }] });
        assert_eq!(
            env_export(service.clone(), None, false).expect("left out"),
            ""
        );
        assert!(env_export(service, None, true).is_err());
    }

    #[test]
    fn a_prefix_that_a_shell_would_run_is_refused() {
        let service = json!({ "credentials": [{
            "name": "c",
            "metadata": { "env_var_prefix": "X;id;" },
            "credential_pairs": { "k": "v" },
        }] });
        let failure = env_export(service, None, false).expect_err("a command");
        assert_eq!(failure.kind(), Kind::Conflict);
    }

    #[test]
    fn escapes_letters_as_python_does() {
        let service = json!({ "credentials": [{ "id": "c", "credential_pairs": { "k": "é😀\u{7f}\u{1}" } }] });
        assert!(
            credential_combined(service)
                .expect("it is printed")
                .contains(r#""k": "\u00e9\ud83d\ude00\u007f\u0001""#)
        );
    }
}
