//! The service routes. `GET /v1/services/<id>` is the call that every service makes.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use keep::Step;

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::errors::DoorError;
use crate::path::Path;
use crate::query::Parameters;
use crate::requests::Sent;

/// `GET /v1/services`
pub(crate) async fn list(
    State(door): State<Door>,
    Proven(caller): Proven,
    uri: Uri,
) -> Result<Response, DoorError> {
    let asked = Parameters::of(&uri);
    let listed = door
        .confidant
        .list_services(&caller, asked.limit(), asked.page())
        .await?;
    Ok(answers::json(answers::services(&listed)))
}

/// `GET /v1/services/<id>`
pub(crate) async fn read(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, DoorError> {
    let view = door
        .confidant
        .read_service(&caller, &id, Parameters::of(&uri).want())
        .await?;
    let begun = door.keep.clock().monotonic();
    let rendered = view.rendered(answers::service);
    door.keep.took(Step::BuildResponse, begun);
    Ok(answers::json(rendered))
}

/// `PUT /v1/services/<id>`
pub(crate) async fn map(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, DoorError> {
    let mapped = door
        .confidant
        .map_service(&caller, &id, sent.for_service())
        .await?;
    Ok(answers::json(answers::written_service(&mapped)))
}
