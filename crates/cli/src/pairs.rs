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
        match &self.pairs_file {
            Some(path) => parse(&content(path)?),
            None => one_by_one(&self.prompt, &self.value_file),
        }
    }
}

impl NewPairs {
    /// Whether there are to be new ones.
    pub(crate) fn are_given(&self) -> bool {
        self.pairs_file.is_some() || !self.prompt.is_empty() || !self.value_file.is_empty()
    }

    /// Reads them, when there are to be new ones.
    pub(crate) fn read(&self) -> Outcome<Option<Map<String, Value>>> {
        if !self.are_given() {
            return Ok(None);
        }
        let pairs = match &self.pairs_file {
            Some(path) => parse(&content(path)?),
            None => one_by_one(&self.prompt, &self.value_file),
        };
        pairs.map(Some)
    }
}

fn one_by_one(prompts: &[String], files: &[(String, PathBuf)]) -> Outcome<Map<String, Value>> {
    let mut pairs = Map::new();
    for (key, path) in files {
        let value = String::from_utf8(content(path)?).map_err(|_| {
            Failure::new(
                Kind::Usage,
                format!(
                    "{} is not UTF-8 text, which a value must be",
                    path.display()
                ),
            )
            .hint("base64 turns any file into text")
        })?;
        pairs.insert(key.clone(), value.into());
    }
    for key in prompts {
        pairs.insert(key.clone(), prompt(key)?.into());
    }
    Ok(pairs)
}

fn content(path: &Path) -> Outcome<Vec<u8>> {
    if path.as_os_str() == "-" {
        return limited(&mut std::io::stdin().lock(), path);
    }
    let mut file =
        std::fs::File::open(path).map_err(|error| crate::exit::file("reading", path, &error))?;
    limited(&mut file, path)
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
            .hint("use --pairs-file - to pipe JSON in, or --value-file"));
    }
    rpassword::prompt_password(format!("value of {key}: "))
        .map_err(|error| crate::exit::internal("reading a value", error))
}
