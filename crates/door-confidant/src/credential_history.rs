//! The routes of credentials' histories.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use confidant::{Caller, NamedRevision};

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::credentials::MISSING;
use crate::differences;
use crate::errors::{DoorError, Words};
use crate::path::Path;
use crate::query::Parameters;

/// `GET /v1/archive/credentials`
pub(crate) async fn list(
    State(door): State<Door>,
    Proven(caller): Proven,
    uri: Uri,
) -> Result<Response, DoorError> {
    let asked = Parameters::of(&uri);
    let listed = door
        .confidant
        .list_credential_history(&caller, asked.page_size(), asked.page())
        .await?;
    Ok(answers::json(answers::credentials(&listed)))
}

/// `GET /v1/archive/credentials/<id>`
pub(crate) async fn revisions(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
) -> Result<Response, DoorError> {
    let words = Words {
        refused: Some("credential {id} revisions"),
        no_reference: true,
        ..Words::default()
    };
    let revisions = door
        .confidant
        .credential_revisions(&caller, &id)
        .await
        .map_err(words.of())?;
    Ok(answers::json(answers::credential_revisions(&revisions)))
}

/// `GET /v1/credentials/<id>/<old>/<new>`
pub(crate) async fn diff(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path((id, old, new)): Path<(String, String, String)>,
) -> Result<Response, DoorError> {
    let words = Words {
        missing: Some(MISSING),
        refused: Some("diff credential {id}"),
        ..Words::default()
    };
    let (old, new) = (NamedRevision::read(&old), NamedRevision::read(&new));
    let diff = door
        .confidant
        .diff_credential(&caller, &id, old, new)
        .await
        .map_err(words.of())?;
    Ok(answers::json(differences::of_credential(diff.as_ref())))
}

/// `GET /v1/credentials/<id>/services`
pub(crate) async fn services(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
) -> Result<Response, DoorError> {
    let words = Words {
        refused: Some("get dependencies for credential {id}"),
        ..Words::default()
    };
    let services = door
        .confidant
        .services_of_credential(&caller, &id)
        .await
        .map_err(words.of())?;
    Ok(answers::json(answers::dependencies(&services)))
}

/// `PUT /v1/credentials/<id>/<revision>`; `None` for the revision is the one before the current.
pub(crate) async fn revert(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path((id, to)): Path<(String, String)>,
) -> Result<Response, DoorError> {
    go_back(&door, &caller, &id, NamedRevision::read(&to)).await
}

/// `PUT /v1/credentials/<id>/services`: to a revision called so, which there never is.
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
    let words = Words {
        missing: Some(MISSING),
        ..Words::default()
    };
    let reverted = door
        .confidant
        .revert_credential(caller, id, to)
        .await
        .map_err(words.of())?;
    Ok(answers::json(answers::reverted_credential(&reverted)))
}
