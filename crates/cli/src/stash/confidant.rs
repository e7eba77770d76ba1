//! `keepward stash copy --to-confidant`: the newest values as credentials of a running server; shown
//! first, and done only with --yes. A credential that is there is never changed.

use std::collections::BTreeMap;

use keep::Plaintext;
use serde_json::{Map, Value, json};
use stash::Record;

use crate::changes::object;
use crate::client::{Client, printable};
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::revisions::Noun;
use crate::stash::arguments::CopySecrets;
use crate::stash::names::matching;
use crate::stash::newest_values::Newest;
use crate::stash::session::Session;

const NOUN: Noun = Noun::Credential;

/// A credential that shall be there.
struct Wanted {
    name: String,
    pairs: Map<String, Value>,
    documentation: Option<String>,
    metadata: Value,
}

pub(super) async fn run(session: &Session, asked: &CopySecrets) -> Outcome {
    let client = Client::connect(&asked.to.server.connection(session.json))?;
    let there = names_there(&client)?;
    let matches = matching(asked.pattern.as_deref());
    let newest = Newest::read(session, &matches, asked.repair).await?;
    newest.complete()?;
    let wanted = match &asked.to.into {
        Some(name) => vec![all_in_one(session, name, &newest.values)?],
        None => one_each(session, &asked.to.pair, &newest.values)?,
    };
    let (mut copied, mut same, mut differing) = (Vec::new(), 0_u64, Vec::new());
    let progress = Progress::of(Some(wanted.len() as u64));
    let mut failed = None;
    for credential in wanted {
        let name = credential.name.clone();
        match there.get(&name) {
            Some(id) => match holds(&client, id, &credential) {
                Ok(true) => same += 1,
                Ok(false) => differing.push(name),
                Err(failure) => {
                    failed = Some(failure.about(&printable(&name)));
                    break;
                }
            },
            None => {
                if asked.yes
                    && let Err(failure) = create(&client, credential)
                {
                    failed = Some(failure.about(&printable(&name)));
                    break;
                }
                copied.push(name);
            }
        }
        progress.tell(copied.len() as u64 + same, "credentials");
    }
    drop(progress);
    show(session, asked.yes, &copied, same, &differing)?;
    if let Some(failure) = failed {
        return Err(failure.hint_too("what was copied stays; run this again to go on"));
    }
    match differing.len() {
        0 => Ok(()),
        differing => Err(Failure::new(
            Kind::Conflict,
            format!("{differing} credentials are there with other values, which were left"),
        )
        .hint("`keepward credential update` changes them")),
    }
}

/// The ids of the credentials by name.
fn names_there(client: &Client) -> Outcome<BTreeMap<String, String>> {
    let answer = client.get("/v1/credentials")?;
    let list = answer.get("credentials").and_then(Value::as_array);
    let text = |credential: &Value, field: &str| {
        credential
            .get(field)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    Ok(list
        .into_iter()
        .flatten()
        .filter_map(|credential| Some((text(credential, "name")?, text(credential, "id")?)))
        .collect())
}

fn one_each(session: &Session, pair: &str, values: &[(Record, Plaintext)]) -> Outcome<Vec<Wanted>> {
    values
        .iter()
        .map(|(record, value)| {
            Ok(Wanted {
                name: record.name.to_string(),
                pairs: Map::from_iter([(pair.to_lowercase(), text(record, value)?)]),
                documentation: record.sealed.comment.clone(),
                metadata: metadata(session, Some(record)),
            })
        })
        .collect()
}

/// Servers take keys in lower case: two names that differ in case alone clash.
fn all_in_one(session: &Session, name: &str, values: &[(Record, Plaintext)]) -> Outcome<Wanted> {
    let mut pairs = Map::new();
    for (record, value) in values {
        let key = record.name.as_str().to_lowercase();
        if pairs.insert(key.clone(), text(record, value)?).is_some() {
            return Err(Failure::new(
                Kind::Conflict,
                format!("two secrets would be the pair {}", printable(&key)),
            )
            .hint("servers take keys in lower case; a pattern leaves one out"));
        }
    }
    Ok(Wanted {
        name: name.to_owned(),
        pairs,
        documentation: None,
        metadata: metadata(session, None),
    })
}

/// The value on its way into the body of a request.
fn text(record: &Record, value: &Plaintext) -> Outcome<Value> {
    match str::from_utf8(value.expose()) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(Failure::new(
            Kind::Conflict,
            format!(
                "the value of {} is not UTF-8 text, which a credential must be",
                printable(record.name.as_str())
            ),
        )
        .hint("a pattern leaves it out")),
    }
}

/// Where it came from.
fn metadata(session: &Session, record: Option<&Record>) -> Value {
    let mut metadata = json!({ "copied_from": session.secrets.table().as_str() });
    if let (Some(record), Some(fields)) = (record, metadata.as_object_mut()) {
        fields.insert("copied_version".to_owned(), record.version.as_str().into());
    }
    metadata
}

/// Whether the credential has these very pairs.
fn holds(client: &Client, id: &str, wanted: &Wanted) -> Outcome<bool> {
    let credential = NOUN.with_values(client, id)?;
    Ok(object(credential.get("credential_pairs")) == wanted.pairs)
}

fn create(client: &Client, wanted: Wanted) -> Outcome {
    let Wanted {
        name,
        pairs,
        documentation,
        metadata,
    } = wanted;
    let mut body = Map::new();
    body.insert("name".to_owned(), name.into());
    body.insert("credential_pairs".to_owned(), pairs.into());
    body.insert("metadata".to_owned(), metadata);
    body.insert("enabled".to_owned(), true.into());
    body.insert("documentation".to_owned(), documentation.into());
    client.post("/v1/credentials", &body).map(drop)
}

fn show(
    session: &Session,
    done: bool,
    copied: &[String],
    same: u64,
    differing: &[String],
) -> Outcome {
    if session.json {
        return output::json(&json!({
            "done": done,
            "copied": copied,
            "same": same,
            "differing": differing,
        }));
    }
    let word = if done { "made" } else { "would make" };
    let mut text = String::new();
    for name in copied {
        text.push_str(&format!("{word} credential {}\n", printable(name)));
    }
    for name in differing {
        text.push_str(&format!(
            "left credential {}: it holds other values\n",
            printable(name)
        ));
    }
    text.push_str(&format!(
        "{word} {} credentials; {same} are there already\n",
        copied.len()
    ));
    if !done && !copied.is_empty() {
        text.push_str("nothing was made; --yes does it\n");
    }
    output::text(&text)
}
