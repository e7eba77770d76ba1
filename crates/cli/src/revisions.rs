//! History, diff and revert, which credentials, services and blind credentials have alike.

use serde_json::{Value, json};

use crate::arguments::{Connection, Diff, History, Revert};
use crate::changes::{Changes, object};
use crate::client::{Client, printable, segment};
use crate::exit::{Failure, Kind, Outcome};
use crate::listing::{listed, pages, saved};

/// What has revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noun {
    Credential,
    Service,
    BlindCredential,
}

impl Noun {
    /// For a person.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Service => "service",
            Self::BlindCredential => "blind credential",
        }
    }

    /// In paths, and the name of its list in answers.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Credential => "credentials",
            Self::Service => "services",
            Self::BlindCredential => "blind_credentials",
        }
    }

    /// Its path.
    pub(crate) fn path(self, id: &str) -> String {
        format!("/v1/{}/{}", self.plural(), segment(id))
    }

    /// The current one, without values.
    pub(crate) fn current(self, client: &Client, id: &str) -> Outcome<Value> {
        let query = match self {
            Self::BlindCredential => "",
            Self::Credential | Self::Service => "?metadata_only=true",
        };
        self.fetch(client, &format!("{}{query}", self.path(id)), id)
    }

    /// The current one, with its values where the caller may see them.
    pub(crate) fn with_values(self, client: &Client, id: &str) -> Outcome<Value> {
        self.fetch(client, &self.path(id), id)
    }

    /// `GET path`, about the one of this id; says what is missing, which the server does not.
    fn fetch(self, client: &Client, path: &str, id: &str) -> Outcome<Value> {
        let (word, command) = match self {
            Self::Credential => ("credential", "credential"),
            Self::Service => ("service", "service"),
            Self::BlindCredential => ("blind credential", "blind"),
        };
        client.get(path).map_err(|failure| match failure.kind() {
            Kind::NotFound => Failure::new(
                Kind::NotFound,
                format!("there is no {word} {}", printable(id)),
            )
            .hint(format!(
                "`keepward {command} list` names the ids that there are"
            )),
            _ => failure,
        })
    }

    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Service => &["id", "revision", "enabled", "modified_date", "modified_by"],
            _ => &[
                "id",
                "name",
                "revision",
                "enabled",
                "modified_date",
                "modified_by",
            ],
        }
    }

    /// Prints the list of them.
    pub(crate) fn list(self, page: &crate::arguments::Page, connection: &Connection) -> Outcome {
        let client = Client::connect(connection)?;
        let list = self.plural();
        let answer = pages(&client, &format!("/v1/{list}"), list, page)?;
        listed(connection, &answer, list, self.columns())
    }
}

/// The revisions of one, or the newest of all.
pub(crate) fn history(noun: Noun, history: &History) -> Outcome {
    let History {
        id,
        page,
        connection,
    } = history;
    let client = Client::connect(connection)?;
    let list = noun.plural();
    let path = format!("/v1/archive/{list}");
    match id {
        None => {
            let answer = pages(&client, &path, list, page)?;
            listed(connection, &answer, list, noun.columns())
        }
        Some(id) => {
            let mut answer = noun.fetch(&client, &format!("{path}/{}", segment(id)), id)?;
            // The server ignores a limit here.
            let revisions = answer.get_mut("revisions").and_then(Value::as_array_mut);
            if let (Some(revisions), Some(limit)) = (revisions, page.limit) {
                let older = revisions.len().saturating_sub(limit as usize);
                revisions.drain(..older);
            }
            listed(connection, &answer, "revisions", noun.columns())
        }
    }
}

/// What changed between two revisions; without numbers, by the last change.
pub(crate) fn diff(noun: Noun, diff: &Diff) -> Outcome {
    let Diff {
        id,
        old,
        new,
        connection,
    } = diff;
    let client = Client::connect(connection)?;
    let new = match new {
        Some(new) => *new,
        None => revision(noun, &noun.current(&client, id)?)?,
    };
    let old = match old {
        Some(old) => *old,
        None => previous(noun, id, new)?,
    };
    between(&client, noun, id, old, new)?.print(connection)
}

/// Makes an older revision the current one again, under a new number.
pub(crate) fn revert(noun: Noun, revert: &Revert) -> Outcome {
    let Revert {
        id,
        revision: wanted,
        dry_run,
        connection,
    } = revert;
    let client = Client::connect(connection)?;
    let wanted = match (wanted, dry_run) {
        (Some(wanted), false) => *wanted,
        (wanted, _) => {
            let current = noun.current(&client, id)?;
            let number = revision(noun, &current)?;
            let wanted = match wanted {
                Some(wanted) => *wanted,
                None => previous(noun, id, number)?,
            };
            if *dry_run {
                return would_change(&client, noun, id, (wanted, number), &current)?
                    .print_dry_run(connection);
            }
            wanted
        }
    };
    let answer = client.put(&format!("{}/{wanted}", noun.path(id)), &json!({}))?;
    saved(connection, noun.word(), &answer)
}

/// What a revert to `wanted` would change in `current`.
fn would_change(
    client: &Client,
    noun: Noun,
    id: &str,
    (wanted, number): (u64, u64),
    current: &Value,
) -> Outcome<Changes> {
    if noun != Noun::BlindCredential {
        let changes = between(client, noun, id, wanted, number)?.of_content();
        // From older to newer as told; a revert goes back.
        return Ok(if wanted < number {
            changes.reversed()
        } else {
            changes
        });
    }
    // The server compares no blind credentials; ciphertexts tell nothing but that they differ.
    let old = noun.current(client, &format!("{id}-{wanted}"))?;
    let mut old = object(Some(&old));
    old.retain(|field, _| {
        !matches!(
            field.as_str(),
            "id" | "revision" | "modified_by" | "modified_date"
        )
    });
    Ok(Changes::by(current, &old))
}

fn between(client: &Client, noun: Noun, id: &str, old: u64, new: u64) -> Outcome<Changes> {
    let diff = client
        .get(&format!("{}/{old}/{new}", noun.path(id)))
        .map_err(|failure| match failure.kind() {
            Kind::NotFound => Failure::new(
                Kind::NotFound,
                format!(
                    "{} {} has no revision {old} or no revision {new}",
                    noun.word(),
                    printable(id)
                ),
            )
            .hint("its history names the revisions that there are"),
            _ => failure,
        })?;
    Ok(Changes::told(diff))
}

fn revision(noun: Noun, answer: &Value) -> Outcome<u64> {
    answer
        .get("revision")
        .and_then(Value::as_u64)
        .ok_or_else(|| {
            Failure::new(
                Kind::Internal,
                format!("the server answered a {} without a revision", noun.word()),
            )
        })
}

fn previous(noun: Noun, id: &str, revision: u64) -> Outcome<u64> {
    match revision.checked_sub(1) {
        Some(previous @ 1..) => Ok(previous),
        _ => Err(Failure::new(
            Kind::Conflict,
            format!("{} {} has one revision only", noun.word(), printable(id)),
        )),
    }
}
