//! The routes of blind credentials' histories.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use confidant::{Caller, Error, NamedRevision};
use serde_json::json;

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::blind_credentials::{MISSING, answer, whole};
use crate::errors::{DoorError, Words};
use crate::path::Path;
use crate::query::{Parameters, page_token};

/// `GET /v1/archive/blind_credentials`
pub(crate) async fn list(
    State(door): State<Door>,
    Proven(caller): Proven,
    uri: Uri,
) -> Result<Response, DoorError> {
    let asked = Parameters::of(&uri);
    let listed = door
        .confidant
        .list_blind_history(&caller, asked.page_size(), asked.page())
        .await?;
    let told: Vec<_> = listed.page.iter().map(whole).collect();
    let next = listed.next.as_ref().map(page_token);
    Ok(answer(
        json!({ "blind_credentials": told, "next_page": next }),
    ))
}

/// `GET /v1/archive/blind_credentials/<id>`: each revision as it was. The original repeated the
/// current one.
pub(crate) async fn revisions(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
) -> Result<Response, DoorError> {
    let revisions = door.confidant.blind_revisions(&caller, &id).await?;
    let told: Vec<_> = revisions.iter().map(whole).collect();
    Ok(answer(json!({ "revisions": told })))
}

/// `GET /v1/blind_credentials/<id>/services`
pub(crate) async fn services(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
) -> Result<Response, DoorError> {
    let words = Words {
        refused: Some("get dependencies for blind credential {id}"),
        ..Words::default()
    };
    let services = door
        .confidant
        .services_of_blind_credential(&caller, &id)
        .await
        .map_err(words.of())?;
    Ok(answers::json(answers::dependencies(&services)))
}

/// `PUT /v1/blind_credentials/<id>/<revision>`; `None` for the revision is the one before the
/// current.
pub(crate) async fn revert(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path((id, to)): Path<(String, String)>,
) -> Result<Response, DoorError> {
    go_back(&door, &caller, &id, NamedRevision::read(&to)).await
}

/// `PUT /v1/blind_credentials/<id>/services`: to a revision called so, which there never is.
pub(crate) async fn revert_to_no_revision(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
) -> Result<Response, DoorError> {
    go_back(&door, &caller, &id, NamedRevision::NoSuch).await
}

async fn go_back(
    door: &Door,
    caller: &Caller,
    id: &str,
    to: NamedRevision,
) -> Result<Response, DoorError> {
    let reverted = door
        .confidant
        .revert_blind_credential(caller, id, to)
        .await
        .map_err(|error| match error {
            // The same words for both.
            Error::NoSuchRevision => MISSING.of()(Error::NotFound),
            error => MISSING.of()(error),
        })?;
    Ok(answer(whole(&reverted)))
}
