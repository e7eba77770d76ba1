//! The routes of services' histories.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use confidant::NamedRevision;

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::differences;
use crate::errors::{DoorError, Words};
use crate::path::Path;
use crate::query::Parameters;

/// `GET /v1/archive/services`
pub(crate) async fn list(
    State(door): State<Door>,
    Proven(caller): Proven,
    uri: Uri,
) -> Result<Response, DoorError> {
    let asked = Parameters::of(&uri);
    let listed = door
        .confidant
        .list_service_history(&caller, asked.page_size(), asked.page())
        .await?;
    Ok(answers::json(answers::services(&listed)))
}

/// `GET /v1/archive/services/<id>`
pub(crate) async fn revisions(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
) -> Result<Response, DoorError> {
    let words = Words {
        refused: Some("service {id} revisions"),
        no_reference: true,
        ..Words::default()
    };
    let revisions = door
        .confidant
        .service_revisions(&caller, &id)
        .await
        .map_err(words.of())?;
    Ok(answers::json(answers::service_revisions(&revisions)))
}

/// `GET /v1/services/<id>/<old>/<new>`
pub(crate) async fn diff(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path((id, old, new)): Path<(String, String, String)>,
) -> Result<Response, DoorError> {
    let words = Words {
        missing: Some("Service not found."),
        refused: Some("diff service {id}"),
        ..Words::default()
    };
    let (old, new) = (NamedRevision::read(&old), NamedRevision::read(&new));
    let diff = door
        .confidant
        .diff_service(&caller, &id, old, new)
        .await
        .map_err(words.of())?;
    Ok(answers::json(differences::of_service(diff.as_ref())))
}

/// `PUT /v1/services/<id>/<revision>`; `None` for the revision is the one before the current.
pub(crate) async fn revert(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path((id, to)): Path<(String, String)>,
) -> Result<Response, DoorError> {
    let reverted = door
        .confidant
        .revert_service(&caller, &id, NamedRevision::read(&to))
        .await?;
    Ok(answers::json(answers::reverted_service(&reverted)))
}
