//! The blind credential routes, and their answers: the original's "plain" style.

use axum::extract::State;
use axum::response::Response;
use confidant::BlindRecord;
use serde_json::{Value, json};

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::errors::{DoorError, Words};
use crate::path::Path;
use crate::plain::plain;
use crate::requests::Sent;

/// `GET /v1/blind_credentials`
pub(crate) async fn list(
    State(door): State<Door>,
    Proven(caller): Proven,
) -> Result<Response, DoorError> {
    let records = door.confidant.list_blind_credentials(&caller).await?;
    let told: Vec<_> = records.iter().map(outline).collect();
    Ok(answer(json!({ "blind_credentials": told })))
}

/// `POST /v1/blind_credentials`
pub(crate) async fn create(
    State(door): State<Door>,
    Proven(caller): Proven,
    sent: Sent,
) -> Result<Response, DoorError> {
    let created = door
        .confidant
        .create_blind_credential(&caller, sent.for_blind_create())
        .await?;
    // Every later answer has an object.
    let metadata = created.metadata.clone().map_or(Value::Null, Value::Object);
    Ok(answer(with_metadata(&created, metadata)))
}

/// `GET /v1/blind_credentials/<id>`
pub(crate) async fn read(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
) -> Result<Response, DoorError> {
    let record = door.confidant.read_blind_credential(&caller, &id).await?;
    Ok(answer(whole(&record)))
}

/// `PUT /v1/blind_credentials/<id>`
pub(crate) async fn update(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, DoorError> {
    let updated = door
        .confidant
        .update_blind_credential(&caller, &id, sent.for_blind_update())
        .await
        .map_err(MISSING.of())?;
    Ok(answer(whole(&updated)))
}

/// What an old server says of a blind credential that is not there, where it says anything.
pub(crate) const MISSING: Words = Words {
    missing: Some("Blind credential not found."),
    refused: None,
    no_reference: false,
    authority: None,
};

pub(crate) fn answer(told: Value) -> Response {
    answers::json(plain(&told))
}

/// What the list shows.
fn outline(record: &BlindRecord) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "revision": record.revision.number(),
        "enabled": record.enabled,
        "modified_date": record.modified_date.http(),
        "modified_by": record.modified_by,
        "documentation": record.documentation,
    })
}

/// A blind credential with everything that its clients sealed.
pub(crate) fn whole(record: &BlindRecord) -> Value {
    let metadata = record.metadata.clone().unwrap_or_default();
    with_metadata(record, metadata.into())
}

fn with_metadata(record: &BlindRecord, metadata: Value) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "credential_pairs": record.credential_pairs,
        "credential_keys": record.credential_keys,
        "cipher_type": record.cipher_type,
        "cipher_version": record.cipher_version,
        "metadata": metadata,
        "revision": record.revision.number(),
        "enabled": record.enabled,
        "data_key": record.data_key,
        "modified_date": record.modified_date.http(),
        "modified_by": record.modified_by,
        "documentation": record.documentation,
    })
}
