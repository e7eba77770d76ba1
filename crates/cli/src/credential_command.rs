//! `keepward credential`: named pairs of secrets.

use std::io::{IsTerminal, Read};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::arguments::{CredentialCommand, Pairs};
use crate::client::{Client, segment};
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::service_command::{listed, saved};

/// The greatest file of pairs read, bytes; DynamoDB holds 400 KB an item.
const MAX_PAIRS: u64 = 400 * 1024;

pub(crate) fn run(command: CredentialCommand) -> Outcome {
    match command {
        CredentialCommand::Create {
            name,
            pairs,
            documentation,
            connection,
        } => {
            // Before a value is asked for.
            let client = Client::connect(&connection)?;
            let mut body = json!({ "name": name, "credential_pairs": read(&pairs)?, "enabled": true, "metadata": {} });
            if let (Some(body), Some(documentation)) = (body.as_object_mut(), documentation) {
                body.insert("documentation".to_owned(), Value::String(documentation));
            }
            let created = client.post("/v1/credentials", &body)?;
            saved(&connection, "credential", &without_values(created))
        }
        CredentialCommand::Update {
            id,
            pairs,
            connection,
        } => {
            let client = Client::connect(&connection)?;
            let body = json!({ "credential_pairs": read(&pairs)? });
            let updated = client.put(&format!("/v1/credentials/{}", segment(&id)), &body)?;
            saved(&connection, "credential", &without_values(updated))
        }
        CredentialCommand::Show {
            id,
            values,
            connection,
        } => {
            let query = if values { "" } else { "?metadata_only=true" };
            output::json(
                &Client::connect(&connection)?
                    .get(&format!("/v1/credentials/{}{query}", segment(&id)))?,
            )
        }
        CredentialCommand::List { connection } => {
            let list = Client::connect(&connection)?.get("/v1/credentials")?;
            listed(
                &connection,
                &list,
                "credentials",
                &["id", "name", "revision", "modified_date", "modified_by"],
            )
        }
    }
}

/// An answer to a write repeats the values; the caller has them and the terminal need not.
fn without_values(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("credential_pairs");
    }
    answer
}

fn read(pairs: &Pairs) -> Outcome<Map<String, Value>> {
    match &pairs.pairs_file {
        Some(path) if path.as_os_str() == "-" => {
            parse(&limited(&mut std::io::stdin().lock(), Path::new("-"))?)
        }
        Some(path) => {
            let mut file = std::fs::File::open(path)
                .map_err(|error| crate::exit::file("reading", path, &error))?;
            parse(&limited(&mut file, path)?)
        }
        None => pairs
            .prompt
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
