//! The credential routes.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::errors::{DoorError, Words};
use crate::path::Path;
use crate::query::Parameters;
use crate::requests::Sent;

/// `GET /v1/credentials`
pub(crate) async fn list(
    State(door): State<Door>,
    Proven(caller): Proven,
    uri: Uri,
) -> Result<Response, DoorError> {
    let asked = Parameters::of(&uri);
    let listed = door
        .confidant
        .list_credentials(&caller, asked.limit(), asked.page())
        .await?;
    Ok(answers::json(answers::credentials(&listed)))
}

/// `POST /v1/credentials`
pub(crate) async fn create(
    State(door): State<Door>,
    Proven(caller): Proven,
    sent: Sent,
) -> Result<Response, DoorError> {
    let created = door
        .confidant
        .create_credential(&caller, sent.for_create())
        .await?;
    Ok(answers::json(answers::written_credential(&created)))
}

/// `GET /v1/credentials/<id>`
pub(crate) async fn read(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, DoorError> {
    let read = door
        .confidant
        .read_credential(&caller, &id, Parameters::of(&uri).want())
        .await?;
    Ok(answers::json(answers::credential(&read)))
}

/// `PUT /v1/credentials/<id>`
pub(crate) async fn update(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, DoorError> {
    let updated = door
        .confidant
        .update_credential(&caller, &id, sent.for_update())
        .await
        .map_err(
            Words {
                missing: Some(MISSING),
                ..Words::default()
            }
            .of(),
        )?;
    Ok(answers::json(answers::written_credential(&updated)))
}

/// What an old server says of a credential that is not there, where it says anything.
pub(crate) const MISSING: &str = "Credential not found.";
