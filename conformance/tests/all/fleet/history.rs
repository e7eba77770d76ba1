//! Reverts, and the reads of what was.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::blind_credentials;
use super::credentials::{self, Credential};
use super::operations::{Shown, Stage};
use super::services::Service;

pub(super) fn revert_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.draw.position(stage.credentials.len())?;
    let mut credential = stage.credentials[position].clone();
    let fields = revert_one(stage, credentials::PATH, &mut credential);
    stage.credentials[position] = credential.clone();
    Some(stage.shown(credentials::PATH, &credential, fields))
}

pub(super) fn revert_blind_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.draw.position(stage.blind_credentials.len())?;
    let mut credential = stage.blind_credentials[position].clone();
    let fields = revert_one(stage, blind_credentials::PATH, &mut credential);
    stage.blind_credentials[position] = credential.clone();
    Some(stage.shown(blind_credentials::PATH, &credential, fields))
}

/// Reverts a credential of either kind; gives the fields that come back.
fn revert_one(stage: &Stage<'_>, path: &str, credential: &mut Credential) -> Map<String, Value> {
    let path = format!("{path}/{}", credential.id);
    let Some(Value::Object(mut then)) = revert(stage, &path, credential.revision) else {
        return Map::new();
    };
    credential.revision += 1;
    credential.name = then["name"].as_str().expect("a name").to_owned();
    for new in ["modified_date", "next_rotation_date"] {
        then.remove(new);
    }
    then
}

pub(super) fn revert_service(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.draw.position(stage.services.len())?;
    let (id, service) = stage.services.iter().nth(position)?;
    let (path, id, before) = (format!("/v1/services/{id}"), id.clone(), service.revision);
    let mut fields = Map::new();
    if let Some(then) = revert(stage, &path, before) {
        let revision = before + 1;
        // What has been archived away since does not come back.
        let all = stage.credentials.iter().chain(&stage.blind_credentials);
        let there: BTreeSet<&str> = all.map(|credential| credential.id.as_str()).collect();
        let ids = |list: &str| -> Vec<String> {
            let mapped = then[list].as_array().into_iter().flatten();
            let ids = mapped.filter_map(|one| one["id"].as_str());
            ids.filter(|id| there.contains(id))
                .map(str::to_owned)
                .collect()
        };
        let (credentials, blind) = (ids("credentials"), ids("blind_credentials"));
        fields.insert("revision".to_owned(), json!(revision));
        fields.insert("enabled".to_owned(), then["enabled"].clone());
        fields.insert("credentials".to_owned(), json!(credentials));
        fields.insert("blind_credentials".to_owned(), json!(blind));
        let mapped = credentials.into_iter().chain(blind).collect();
        stage.services.insert(id, Service { revision, mapped });
    }
    Some(vec![Shown { path, fields }])
}

/// Reverts to a revision by chance: what both read of it then. `None` when it is like the current
/// one, which both refuse.
fn revert(stage: &Stage<'_>, path: &str, current: u64) -> Option<Value> {
    let number = 1 + stage
        .draw
        .below(usize::try_from(current).expect("few revisions")) as u64;
    let to = format!("{path}/{number}");
    let answer = stage.fleet.send(stage.side, "PUT", &to, None);
    if answer.status == 400 {
        let refused = stage.refused_alike("PUT", &to, &json!(null));
        assert!(
            refused["error"].to_string().starts_with("\"No difference"),
            "{refused}"
        );
        return None;
    }
    assert_eq!(
        answer.status, 200,
        "{:?} reverts {to}: {}",
        stage.side, answer.body
    );
    Some(stage.seen(path, number).clone())
}

/// The paths that show what was of a thing at `path`, which has so many revisions.
pub(super) fn paths(stage: &Stage<'_>, path: &str, revisions: u64) -> Vec<String> {
    let mut paths = Vec::new();
    for kind in ["credentials", "services", "blind_credentials"] {
        let Some(id) = path.strip_prefix(&format!("/v1/{kind}/")) else {
            continue;
        };
        if kind != "services" {
            paths.push(format!("{path}/services"));
        }
        if kind == "blind_credentials" {
            // The real one answers its history with copies of the current revision.
            continue;
        }
        paths.push(format!("/v1/archive/{kind}/{id}"));
        let one = 1 + stage.draw.below(usize::try_from(revisions).expect("few")) as u64;
        paths.push(format!("{path}/{one}/{revisions}"));
    }
    paths
}
