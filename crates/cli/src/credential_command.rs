//! `keepward credential`: named pairs of secrets.

use serde_json::{Map, Value, json};

use crate::arguments::{Connection, CredentialCommand, Fields};
use crate::changes::{Changes, object};
use crate::client::Client;
use crate::exit::{Failure, Kind, Outcome};
use crate::listing::saved;
use crate::output;
use crate::revisions::{self, Noun};

const NOUN: Noun = Noun::Credential;

pub(crate) fn run(command: CredentialCommand) -> Outcome {
    match command {
        CredentialCommand::Create {
            name,
            pairs,
            fields,
            tags,
            connection,
        } => {
            // Before a value is asked for.
            let client = Client::connect(&connection)?;
            let mut body = fields.body();
            for (field, value) in [("metadata", json!({})), ("enabled", json!(true))] {
                body.entry(field).or_insert(value);
            }
            body.insert("name".to_owned(), name.into());
            body.insert("credential_pairs".to_owned(), pairs.read()?.into());
            if !tags.is_empty() {
                body.insert("tags".to_owned(), tags.into());
            }
            let created = client.post("/v1/credentials", &body)?;
            saved(&connection, NOUN.word(), &without_values(created))
        }
        CredentialCommand::Update {
            id,
            name,
            pairs,
            fields,
            tags,
            no_tags,
            dry_run,
            connection,
        } => {
            let client = Client::connect(&connection)?;
            let mut body = fields.body();
            if let Some(name) = name {
                body.insert("name".to_owned(), name.into());
            }
            if no_tags || !tags.is_empty() {
                body.insert("tags".to_owned(), tags.into());
            }
            if let Some(pairs) = pairs.read()? {
                body.insert("credential_pairs".to_owned(), pairs.into());
            }
            update(&client, &id, body, dry_run, &connection)
        }
        CredentialCommand::Show {
            id,
            values,
            connection,
        } => {
            let client = Client::connect(&connection)?;
            output::json(&if values {
                NOUN.with_values(&client, &id)?
            } else {
                NOUN.current(&client, &id)?
            })
        }
        CredentialCommand::List { page, connection } => NOUN.list(&page, &connection),
        CredentialCommand::History(history) => revisions::history(NOUN, &history),
        CredentialCommand::Diff(diff) => revisions::diff(NOUN, &diff),
        CredentialCommand::Revert(revert) => revisions::revert(NOUN, &revert),
    }
}

impl Fields {
    /// Those that were given, as a server takes them.
    pub(crate) fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        if let Some(documentation) = &self.documentation {
            body.insert("documentation".to_owned(), documentation.as_str().into());
        }
        if let Some(metadata) = &self.metadata {
            body.insert("metadata".to_owned(), metadata.clone().into());
        }
        if self.enable || self.disable {
            body.insert("enabled".to_owned(), self.enable.into());
        }
        body
    }
}

fn update(
    client: &Client,
    id: &str,
    mut body: Map<String, Value>,
    dry_run: bool,
    connection: &Connection,
) -> Outcome {
    if body.is_empty() {
        return Err(nothing_named());
    }
    if dry_run {
        let current = if body.contains_key("credential_pairs") {
            readable(NOUN.with_values(client, id)?)?
        } else {
            NOUN.current(client, id)?
        };
        // Servers take keys in lower case.
        if let Some(pairs) = body.get_mut("credential_pairs") {
            *pairs = object(Some(pairs))
                .into_iter()
                .map(|(key, value)| (key.to_lowercase(), value))
                .collect();
        }
        return Changes::by(&current, &body).print_dry_run(connection);
    }
    let updated = client.put(&NOUN.path(id), &body)?;
    saved(connection, NOUN.word(), &without_values(updated))
}

/// A credential whose values the server showed.
///
/// Errors: `Denied`; compared with nothing, every key would look new.
fn readable(credential: Value) -> Outcome<Value> {
    match credential.pointer("/permissions/get") {
        Some(Value::Bool(false)) => Err(Failure::new(
            Kind::Denied,
            "its values cannot be compared by a caller who may not read them",
        )),
        _ => Ok(credential),
    }
}

/// An update that says nothing would still be a revision.
pub(crate) fn nothing_named() -> Failure {
    Failure::new(Kind::Usage, "nothing is named that should change").hint(
        "--pairs-file, --prompt, --name, --documentation, --metadata, --enable and --disable do",
    )
}

/// An answer to a write repeats the values; the caller has them and the terminal need not.
fn without_values(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("credential_pairs");
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_compared_with_values_that_were_not_shown() {
        let refused = json!({ "permissions": { "get": false }, "credential_pairs": {} });
        let failure = readable(refused).expect_err("no values");
        assert_eq!(failure.kind(), Kind::Denied);
        assert!(readable(json!({ "permissions": { "get": true } })).is_ok());
    }
}
