//! The pairs of a credential, from a file, standard input or a prompt: never from an argument, which
//! every user of a machine can read.

use std::io::{IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::arguments::{NewPairs, Pairs};
use crate::exit::{Failure, Kind, Outcome};

/// The greatest file of pairs read, bytes; DynamoDB holds 400 KB an item.
const MAX_PAIRS: u64 = 400 * 1024;

impl Pairs {
    /// Reads them.
    pub(crate) fn read(&self) -> Outcome<Map<String, Value>> {
        read(self.pairs_file.as_ref(), &self.prompt)
    }
}

impl NewPairs {
    /// Whether there are to be new ones.
    pub(crate) fn are_given(&self) -> bool {
        self.pairs_file.is_some() || !self.prompt.is_empty()
    }

    /// Reads them, when there are to be new ones.
    pub(crate) fn read(&self) -> Outcome<Option<Map<String, Value>>> {
        if !self.are_given() {
            return Ok(None);
        }
        read(self.pairs_file.as_ref(), &self.prompt).map(Some)
    }
}

fn read(file: Option<&PathBuf>, prompts: &[String]) -> Outcome<Map<String, Value>> {
    match file {
        Some(path) if path.as_os_str() == "-" => {
            parse(&limited(&mut std::io::stdin().lock(), Path::new("-"))?)
        }
        Some(path) => {
            let mut file = std::fs::File::open(path)
                .map_err(|error| crate::exit::file("reading", path, &error))?;
            parse(&limited(&mut file, path)?)
        }
        None => prompts
            .iter()
            .map(|key| prompt(key).map(|value| (key.clone(), Value::String(value))))
            .collect(),
    }
}

fn limited(source: &mut impl Read, path: &Path) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(MAX_PAIRS + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| crate::exit::file("reading", path, &error))?;
    if bytes.len() as u64 > MAX_PAIRS {
        return Err(Failure::new(
            Kind::Usage,
            "the pairs are larger than 400 KiB, which no table holds",
        ));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Outcome<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(pairs)) => Ok(pairs),
        Ok(_) => Err(Failure::new(
            Kind::Usage,
            "the pairs must be a JSON object, for example {\"user\": \"...\"}",
        )),
        // Only the place: the parser's message can quote a value.
        Err(error) => Err(Failure::new(
            Kind::Usage,
            format!(
                "the pairs are not JSON: line {}, column {}",
                error.line(),
                error.column()
            ),
        )),
    }
}

fn prompt(key: &str) -> Outcome<String> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Kind::Usage, "--prompt needs a terminal")
            .hint("use --pairs-file - to pipe JSON in"));
    }
    rpassword::prompt_password(format!("value of {key}: "))
        .map_err(|error| crate::exit::internal("reading a value", error))
}
