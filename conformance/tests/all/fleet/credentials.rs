//! Operations on credentials.

use serde_json::{Map, Value, json};

use super::Side;
use super::operations::{Shown, Stage};
use crate::world;

/// One of either kind, as it must be now.
#[derive(Clone)]
pub(super) struct Credential {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) revision: u64,
    /// Never changed, so that what may be mapped together stays so.
    pub(super) keys: Vec<String>,
}

impl Credential {
    pub(super) fn has_the_shared_key(&self) -> bool {
        self.keys.iter().any(|key| key == SHARED_KEY)
    }
}

pub(super) fn create_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let (new, number) = stage.new_name();
    let name = stage.freed_names.pop().unwrap_or(new);
    let mut keys = vec![format!("k{number}_a"), format!("k{number}_b")];
    if stage.draw.chance(4) {
        keys.push(SHARED_KEY.to_owned());
    }
    let (sent, stored) = pairs(stage, &keys);
    let mut fields = extras(stage);
    fields.insert("enabled".to_owned(), json!(!stage.draw.chance(4)));
    let mut body = fields.clone();
    body.insert("name".to_owned(), json!(name));
    body.insert("credential_pairs".to_owned(), sent);
    let made = stage.fleet.write(stage.side, "POST", PATH, &body.into());
    fields.insert("credential_pairs".to_owned(), stored);
    let id = world::text(&made, "id");
    let credential = Credential {
        id,
        name,
        revision: 1,
        keys,
    };
    stage.credentials.push(credential.clone());
    Some(stage.shown(PATH, &credential, fields))
}

pub(super) fn update_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = some_credential(stage)?;
    let mut fields = extras(stage);
    if stage.draw.chance(3) {
        fields.insert("enabled".to_owned(), json!(!stage.draw.chance(3)));
    }
    let mut body = fields.clone();
    // The real one needs both; ours keeps what is not sent, sealed as it is.
    if stage.side == Side::Confidant || !stage.draw.chance(3) {
        let Credential { name, keys, .. } = &stage.credentials[position];
        let (sent, stored) = pairs(stage, keys);
        body.insert("name".to_owned(), json!(name));
        body.insert("credential_pairs".to_owned(), sent);
        fields.insert("credential_pairs".to_owned(), stored);
    }
    Some(put_credential(stage, position, body, fields))
}

pub(super) fn rename_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = some_credential(stage)?;
    let (name, _) = stage.new_name();
    let mut body = Map::from_iter([("name".to_owned(), json!(name))]);
    let mut fields = Map::new();
    if stage.side == Side::Confidant || stage.draw.chance(2) {
        let (sent, stored) = pairs(stage, &stage.credentials[position].keys);
        body.insert("credential_pairs".to_owned(), sent);
        fields.insert("credential_pairs".to_owned(), stored);
    }
    stage.credentials[position].name = name;
    Some(put_credential(stage, position, body, fields))
}

/// One of the two disables it, and Confidant, which alone can, moves it into its archive table.
pub(super) fn archive_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let mapped = |id: &String| {
        stage
            .services
            .values()
            .any(|service| service.mapped.contains(id))
    };
    let unmapped: Vec<usize> = (0..stage.credentials.len())
        .filter(|position| !mapped(&stage.credentials[*position].id))
        .collect();
    let position = unmapped[stage.draw.position(unmapped.len())?];
    let Credential { id, name, keys, .. } = stage.credentials.swap_remove(position);
    let path = format!("{PATH}/{id}");
    let (pairs, _) = pairs(stage, &keys);
    let disabled = json!({ "name": name, "credential_pairs": pairs, "enabled": false });
    stage.fleet.write(stage.side, "PUT", &path, &disabled);
    let archive = format!("{path}/archive");
    stage
        .fleet
        .write(Side::Confidant, "POST", &archive, &json!({ "force": true }));
    for path in [path, format!("/v1/archive/credentials/{id}")] {
        assert_eq!(stage.fleet.read_alike(&path).status, 404, "{path}");
    }
    stage.freed_names.push(name);
    Some(Vec::new())
}

/// Both refuse it.
pub(super) fn take_a_taken_name(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let credential = stage.credentials[some_credential(stage)?].clone();
    let Credential { id, name, .. } = &credential;
    let body = json!({ "name": name, "credential_pairs": { "k": "v" }, "enabled": true });
    let refused = stage.refused_alike("POST", PATH, &body);
    assert_eq!(
        refused["error"],
        json!(format!("Name already exists. See id: {id}"))
    );
    Some(stage.shown(PATH, &credential, Map::new()))
}

fn put_credential(
    stage: &mut Stage<'_>,
    position: usize,
    body: Map<String, Value>,
    fields: Map<String, Value>,
) -> Vec<Shown> {
    let credential = &mut stage.credentials[position];
    credential.revision += 1;
    let credential = credential.clone();
    let path = format!("{PATH}/{}", credential.id);
    stage.fleet.write(stage.side, "PUT", &path, &body.into());
    stage.shown(PATH, &credential, fields)
}

/// The position of one of them.
fn some_credential(stage: &Stage<'_>) -> Option<usize> {
    stage.draw.position(stage.credentials.len())
}

/// New values under these keys, as sent (some keys in capitals) and as they must be stored.
fn pairs(stage: &Stage<'_>, keys: &[String]) -> (Value, Value) {
    let (mut sent, mut stored) = (Map::new(), Map::new());
    for key in keys {
        let value = value(stage);
        let written = if stage.draw.chance(3) {
            key.to_uppercase()
        } else {
            key.clone()
        };
        sent.insert(written, value.clone());
        stored.insert(key.clone(), value);
    }
    (sent.into(), stored.into())
}

fn value(stage: &Stage<'_>) -> Value {
    let draw = &stage.draw;
    let fresh = format!("value {}", draw.below(1_000_000));
    let long = "x".repeat(draw.below(3_000));
    // We take no number that a reader might round; what is stored is read.
    let large = if stage.side == Side::Confidant {
        json!(1e16)
    } else {
        json!(0.25)
    };
    draw.one(&[
        json!(fresh),
        json!(long),
        json!(""),
        json!("two\nlines\tand a tab\r\n"),
        json!("\"quoted\" \\ <b>&amp;</b> 'x'"),
        json!("ünï ☃ 𝄞 \u{0}"),
        json!(draw.below(1_000)),
        json!(-12_345_678_901_i64),
        json!(0.1),
        large,
        json!(true),
        json!(null),
    ])
    .clone()
}

fn extras(stage: &Stage<'_>) -> Map<String, Value> {
    let mut extras = stage.extras();
    let tags = [
        json!([]),
        json!(["one", "two"]),
        json!(["FINANCIALLY_SENSITIVE"]),
    ];
    if stage.draw.chance(2) {
        extras.insert("tags".to_owned(), stage.draw.one(&tags).clone());
    }
    extras
}

pub(super) const PATH: &str = "/v1/credentials";

/// Some credentials have this key, so that not all may be mapped together.
const SHARED_KEY: &str = "shared";
