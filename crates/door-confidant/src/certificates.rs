//! The routes of certificates and their authorities.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use confidant::{
    AuthorityView, CertificateAsk, CertificateWithKey, IssuedCertificate, Rendered,
    python_json_text,
};
use serde_json::{Value, json};

use crate::Door;
use crate::admission::Proven;
use crate::answers;
use crate::errors::{DoorError, Words};
use crate::path::Path;
use crate::query::Parameters;
use crate::requests::Sent;

/// `GET /v1/certificates/<ca>/<cn>`
pub(crate) async fn with_key(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path((authority, common_name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, DoorError> {
    let asked = Parameters::of(&uri);
    let ask = CertificateAsk {
        authority: &authority,
        common_name: &common_name,
        hosts: &asked.texts("san"),
        days: asked.days(),
    };
    let made = door
        .confidant
        .issue_with_key(&caller, ask)
        .await
        .map_err(words(&authority).of())?;
    Ok(answers::json(rendered(&made)))
}

/// `POST /v1/certificates/<ca>`
pub(crate) async fn for_request(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(authority): Path<String>,
    sent: Sent,
) -> Result<Response, DoorError> {
    let (request, days) = sent.for_certificate();
    let request = match &request {
        Ok(request) => Ok(request.as_str()),
        Err(fault) => Err(*fault),
    };
    let IssuedCertificate { certificate, chain } = door
        .confidant
        .issue_for_request(&caller, &authority, request, days)
        .await
        .map_err(words(&authority).of())?;
    Ok(schema(&json!({
        "certificate": certificate,
        "certificate_chain": chain,
    })))
}

/// `GET /v1/cas`
pub(crate) async fn authorities(
    State(door): State<Door>,
    Proven(caller): Proven,
) -> Result<Response, DoorError> {
    let views = door.confidant.list_authorities(&caller).await?;
    let views: Vec<_> = views.into_iter().map(told).collect();
    Ok(schema(&json!({ "cas": views })))
}

/// `GET /v1/cas/<ca>`
pub(crate) async fn authority(
    State(door): State<Door>,
    Proven(caller): Proven,
    Path(name): Path<String>,
) -> Result<Response, DoorError> {
    let view = door
        .confidant
        .read_authority(&caller, &name)
        .await
        .map_err(words(&name).of())?;
    Ok(schema(&told(view)))
}

fn words(authority: &str) -> Words {
    Words {
        missing: Some("Provided CA not found."),
        authority: Some(authority.to_owned()),
        ..Words::default()
    }
}

/// An answer in the schema style; the original calls these `text/html`, which no client looks at.
fn schema(told: &Value) -> Response {
    answers::json(python_json_text(told))
}

fn told(view: AuthorityView) -> Value {
    let (certificate, chain) = match view.certificate {
        Some(IssuedCertificate { certificate, chain }) => (Some(certificate), Some(chain)),
        None => (None, None),
    };
    json!({
        "ca": view.name,
        "certificate": certificate,
        "certificate_chain": chain,
        // An authority of the settings has a list there, as it ever had.
        "tags": view.tags.map_or(json!([]), |tags| json!(tags)),
    })
}

/// A certificate with its key, in a buffer that never grows.
fn rendered(made: &CertificateWithKey) -> Rendered {
    let IssuedCertificate { certificate, chain } = &made.issued;
    let before = [
        "{\"certificate\": ",
        &python_json_text(certificate),
        ", \"certificate_chain\": ",
        &python_json_text(chain),
        ", \"key\": \"",
    ]
    .concat();
    let key = made.key.expose();
    let lines = key.matches('\n').count();
    let mut whole = Vec::with_capacity(before.len() + key.len() + lines + 2);
    whole.extend_from_slice(before.as_bytes());
    // PEM holds nothing else to escape.
    for (place, line) in key.split('\n').enumerate() {
        if place > 0 {
            whole.extend_from_slice(b"\\n");
        }
        whole.extend_from_slice(line.as_bytes());
    }
    whole.extend_from_slice(b"\"}");
    Rendered::new(whole.into_boxed_slice())
}
