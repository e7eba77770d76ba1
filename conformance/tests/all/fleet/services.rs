//! Operations on services.

use std::collections::BTreeSet;

use serde_json::json;

use super::credentials::Credential;
use super::operations::{Shown, Stage};

/// One of them, as it must be now.
pub(super) struct Service {
    pub(super) revision: u64,
    /// Ids of both kinds.
    pub(super) mapped: BTreeSet<String>,
}

pub(super) fn create_service(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let (_, number) = stage.new_name();
    let style = stage.draw.one(&["web", "svc-b", "Role.With_All+=,@"]);
    let id = format!("{style}-x{number}");
    Some(put_service(stage, id))
}

pub(super) fn map_credentials(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.draw.position(stage.services.len())?;
    let id = stage.services.keys().nth(position).cloned()?;
    Some(put_service(stage, id))
}

/// Maps some credentials; both refuse it when two of them have a key in common.
fn put_service(stage: &mut Stage<'_>, id: String) -> Vec<Shown> {
    let some = |all: &[Credential]| -> Vec<Credential> {
        all.iter()
            .filter(|_| stage.draw.chance(3))
            .cloned()
            .collect()
    };
    let ids = |chosen: &[Credential]| -> BTreeSet<String> {
        chosen
            .iter()
            .map(|credential| credential.id.clone())
            .collect()
    };
    let (chosen, blind) = (some(&stage.credentials), some(&stage.blind_credentials));
    let (credentials, blind) = (ids(&chosen), ids(&blind));
    let enabled = !stage.draw.chance(4);
    let path = format!("/v1/services/{id}");
    let mut fields =
        json!({ "credentials": credentials, "blind_credentials": blind, "enabled": enabled });
    let shared = chosen
        .iter()
        .filter(|credential| credential.has_the_shared_key());
    if shared.count() > 1 {
        let refused = stage.refused_alike("PUT", &path, &fields);
        assert_eq!(
            refused["error"],
            json!("Conflicting key pairs in mapped service.")
        );
        return Vec::new();
    }
    stage.fleet.write(stage.side, "PUT", &path, &fields);
    let revision = stage
        .services
        .get(&id)
        .map_or(1, |service| service.revision + 1);
    fields["revision"] = json!(revision);
    let mapped = credentials.into_iter().chain(blind).collect();
    stage.services.insert(id, Service { revision, mapped });
    let fields = fields.as_object().cloned().unwrap_or_default();
    [format!("{path}?metadata_only=true"), path]
        .map(|path| Shown {
            path,
            fields: fields.clone(),
        })
        .into()
}
