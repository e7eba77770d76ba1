//! `keepward stash list`, `versions` and `find`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stash::{Listed, SecretName};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::listing::table;
use crate::output;
use crate::stash::arguments::List;
use crate::stash::names::{self, matching, secret_name};
use crate::stash::put::short;
use crate::stash::session::Session;

pub(super) async fn list(session: &Session, asked: &List) -> Outcome {
    let matches = matching(asked.pattern.as_deref());
    let mut listed = session.told(session.secrets.list().await)?;
    listed.retain(|one| matches(&one.name));
    if !asked.all {
        listed = newest(listed);
    }
    show(session, &listed)
}

pub(super) async fn versions(session: &Session, name: &str) -> Outcome {
    let name = secret_name(name)?;
    let mut listed = session.told(session.secrets.versions(&name).await)?;
    if listed.is_empty() {
        return Err(names::not_found(session, &name));
    }
    listed.sort();
    show(session, &listed)
}

/// Errors: `NotFound` when nothing matches, as `grep` has it.
pub(super) async fn find(session: &Session, pattern: &str) -> Outcome {
    let matches = matching(Some(pattern));
    let listed = newest(session.told(session.secrets.list().await)?);
    let found: Vec<&str> = listed
        .iter()
        .filter(|one| matches(&one.name))
        .map(|one| one.name.as_str())
        .collect();
    if session.json {
        output::json(&json!({ "names": found }))?;
    } else {
        let lines = found.iter().map(|name| format!("{}\n", printable(name)));
        output::text(&lines.collect::<String>())?;
    }
    match found.is_empty() {
        false => Ok(()),
        true => Err(Failure::new(
            Kind::NotFound,
            format!("no secret matches {}", printable(pattern)),
        )),
    }
}

/// The version of each that readers take for the newest.
fn newest(listed: Vec<Listed>) -> Vec<Listed> {
    let mut newest: BTreeMap<SecretName, Listed> = BTreeMap::new();
    for one in listed {
        match newest.get(&one.name) {
            Some(other) if other.version >= one.version => {}
            _ => {
                newest.insert(one.name.clone(), one);
            }
        }
    }
    newest.into_values().collect()
}

fn show(session: &Session, listed: &[Listed]) -> Outcome {
    let row = |one: &Listed, version: String| -> Value {
        json!({
            "name": one.name.as_str(),
            "version": version,
            "comment": one.comment,
        })
    };
    if session.json {
        let rows: Vec<_> = listed
            .iter()
            .map(|one| row(one, one.version.as_str().to_owned()))
            .collect();
        return output::json(&json!({ "secrets": rows }));
    }
    let rows: Vec<_> = listed
        .iter()
        .map(|one| row(one, short(one.version.as_str())))
        .collect();
    output::text(&table(&rows, &["name", "version", "comment"]))
}
