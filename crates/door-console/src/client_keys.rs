//! Registering, listing and revoking client keys.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Action, Principal, RequestId, Resource, Target, Timestamp, Verb};
use keep::Ask;
use login::{ClientKey, ClientKeyId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Door;
use crate::body::new_client_key;
use crate::caller::Caller;
use crate::errors::{ConsoleError, DoorError};

/// A registered client key, as the console shows it.
#[derive(Serialize)]
pub(crate) struct Shown {
    id: String,
    kind: &'static str,
    name: String,
    account: Option<String>,
    /// Base64.
    public_key: String,
    /// ISO 8601; `null` when it does not expire.
    expires: Option<String>,
    created_by: String,
    /// ISO 8601.
    created: String,
}

impl From<ClientKey> for Shown {
    fn from(key: ClientKey) -> Self {
        Self {
            id: key.id.to_string(),
            kind: key.kind.word(),
            name: key.name,
            account: key.account,
            public_key: STANDARD.encode(key.public_key.as_bytes()),
            expires: key.expires.map(Timestamp::iso),
            created_by: key.created_by,
            created: key.created.iso(),
        }
    }
}

/// `GET /console/v1/client-keys`
pub(crate) async fn list(
    State(door): State<Door>,
    caller: Caller,
) -> Result<Json<Value>, DoorError> {
    match door.client_keys.list(&caller.who, &caller.request).await {
        Ok(keys) => {
            let shown: Vec<Shown> = keys.into_iter().map(Shown::from).collect();
            Ok(Json(json!({ "client_keys": shown })))
        }
        Err(error) => Err(DoorError {
            request: caller.request,
            error: ConsoleError::ClientKey(error),
        }),
    }
}

/// `POST /console/v1/client-keys`
pub(crate) async fn issue(
    State(door): State<Door>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Shown>), DoorError> {
    let Caller { who, request } = caller;
    let parsed = match body {
        Ok(body) => new_client_key(&headers, &body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(ConsoleError::TooLarge)
        }
        Err(_) => Err(ConsoleError::NotJson),
    };
    let issued = match parsed {
        Ok(new) => door
            .client_keys
            .issue(&who, &request, &new)
            .await
            .map_err(ConsoleError::ClientKey),
        Err(error) => Err(decide_then(&door, &who, &request, Verb::Create, error)),
    };
    match issued {
        Ok(key) => Ok((StatusCode::CREATED, Json(key.into()))),
        Err(error) => Err(DoorError { request, error }),
    }
}

/// `DELETE /console/v1/client-keys/{id}`
pub(crate) async fn revoke(
    State(door): State<Door>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, DoorError> {
    let Caller { who, request } = caller;
    // A path that is not UTF-8 holds no id either.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let revoked = match id.parse::<ClientKeyId>() {
        Ok(id) => door
            .client_keys
            .revoke(&who, &request, &id)
            .await
            .map_err(ConsoleError::ClientKey),
        Err(bad) => Err(decide_then(
            &door,
            &who,
            &request,
            Verb::Delete,
            ConsoleError::BadId(bad),
        )),
    };
    match revoked {
        Ok(()) => Ok(Json(json!({ "revoked": id }))),
        Err(error) => Err(DoorError { request, error }),
    }
}

/// The answer to bad input: only a caller who may ask at all learns what is wrong with it. Either
/// way it is one audit event.
fn decide_then(
    door: &Door,
    who: &Principal,
    request: &RequestId,
    verb: Verb,
    wrong: ConsoleError,
) -> ConsoleError {
    let action = Action::new(Resource::ClientKey, verb);
    let ask = Ask {
        who: who.clone(),
        request: request.clone(),
        action,
        target: Target::All,
    };
    match door.keep.permit(ask) {
        Ok(permit) => {
            permit.failed("bad-input");
            wrong
        }
        Err(refused) => ConsoleError::ClientKey(refused.into()),
    }
}
