//! Operations on blind credentials, whose ciphertext no server can open.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::credentials::Credential;
use super::operations::{Shown, Stage};
use crate::world;

pub(super) fn create_blind_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let (name, number) = stage.new_name();
    let keys = vec![format!("b{number}_a"), format!("b{number}_b")];
    let mut fields = stage.extras();
    fields.extend(sealed(stage, &keys));
    // Both are needed here, and documentation must say something.
    fields.insert("documentation".to_owned(), json!("sealed by its client"));
    fields.insert("enabled".to_owned(), json!(!stage.draw.chance(4)));
    let mut body = fields.clone();
    body.insert("name".to_owned(), json!(name));
    let made = stage.fleet.write(stage.side, "POST", PATH, &body.into());
    let id = world::text(&made, "id");
    let credential = Credential {
        id,
        name,
        revision: 1,
        keys,
    };
    stage.blind_credentials.push(credential.clone());
    Some(stage.shown(PATH, &credential, fields))
}

pub(super) fn update_blind_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.draw.position(stage.blind_credentials.len())?;
    let mut fields = stage.extras();
    if stage.draw.chance(2) {
        fields.extend(sealed(stage, &stage.blind_credentials[position].keys));
    }
    let mut body = fields.clone();
    if stage.draw.chance(3) {
        let (name, _) = stage.new_name();
        body.insert("name".to_owned(), json!(name));
        stage.blind_credentials[position].name = name;
    }
    let credential = &mut stage.blind_credentials[position];
    credential.revision += 1;
    let credential = credential.clone();
    let path = format!("{PATH}/{}", credential.id);
    stage.fleet.write(stage.side, "PUT", &path, &body.into());
    Some(stage.shown(PATH, &credential, fields))
}

/// What a client seals: for two regions, under a data key each.
fn sealed(stage: &Stage<'_>, keys: &[String]) -> Map<String, Value> {
    let bytes = || STANDARD.encode(format!("opaque {}", stage.draw.below(1_000_000)));
    let fields = json!({
        "credential_pairs": { "us-east-1": bytes(), "eu-west-1": bytes() },
        "data_key": { "us-east-1": bytes(), "eu-west-1": bytes() },
        "cipher_type": "fernet",
        "cipher_version": 2,
        "credential_keys": keys,
    });
    fields.as_object().cloned().unwrap_or_default()
}

pub(super) const PATH: &str = "/v1/blind_credentials";
