//! What is told of credentials and services: the original's "schema" style.
//!
//! Shape: JSON with `", "` and `": "`, everything but ASCII escaped, all fields always present,
//! dates ISO 8601. Values are put in as they were sealed: one place, [`Body::finish`], copies them.

use axum::body::{Body as HttpBody, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use confidant::{
    BlindRecord, Credential, CredentialRead, GeneratedValue, Listed, Permissions, Rendered,
    Service, ServiceRecord, ServiceView, Want, python_json_text,
};
use domain::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::plain::plain;
use crate::query::page_token;

/// One credential after a create or update: with values, and everything permitted.
pub(crate) fn written_credential(credential: &Credential) -> Rendered {
    let permissions = Permissions {
        metadata: true,
        get: true,
        update: true,
    };
    let mut body = Body::default();
    let metadata = credential.record.metadata.as_ref();
    body.credential(
        credential,
        true,
        Some(permissions),
        metadata.map_or(serde_json::Value::Null, |map| map.clone().into()),
    );
    body.finish()
}

/// One credential as read.
pub(crate) fn credential(read: &CredentialRead) -> Rendered {
    let mut body = Body::default();
    body.credential(
        &read.credential,
        read.values,
        Some(read.permissions),
        metadata_of(&read.credential),
    );
    body.finish()
}

/// A list of credentials, without keys and values.
pub(crate) fn credentials(listed: &Listed<Credential>) -> Rendered {
    let mut body = Body::default();
    body.text.push_str("{\"credentials\": [");
    body.each(&listed.page, |body, credential| {
        body.credential(credential, false, None, metadata_of(credential))
    });
    body.next_page(listed);
    body.finish()
}

/// One credential after a revert: without keys and values.
pub(crate) fn reverted_credential(credential: &Credential) -> Rendered {
    let mut body = Body::default();
    body.credential(credential, false, None, metadata_of(credential));
    body.finish()
}

/// The revisions of one credential, without keys and values.
pub(crate) fn credential_revisions(revisions: &[Credential]) -> Rendered {
    let mut body = Body::default();
    body.text.push_str("{\"revisions\": [");
    body.each(revisions, |body, credential| {
        body.credential(credential, false, None, metadata_of(credential))
    });
    body.text.push_str("], \"next_page\": null}");
    body.finish()
}

/// A service as read, once for all callers of its view.
pub(crate) fn service(view: &ServiceView) -> Rendered {
    let values = view.want == Want::Values;
    let mut body = Body::default();
    body.service(
        &view.service,
        values,
        &[
            ("metadata", !values),
            ("get", values),
            ("update", view.may_update),
        ],
    );
    body.finish()
}

/// A service after a write: without values, and everything permitted.
pub(crate) fn written_service(service: &Service) -> Rendered {
    let mut body = Body::default();
    body.service(
        service,
        false,
        &[
            ("metadata", true),
            ("get", true),
            ("update", true),
            ("create", true),
        ],
    );
    body.finish()
}

/// A service after a revert: without values.
pub(crate) fn reverted_service(service: &Service) -> Rendered {
    let mut body = Body::default();
    body.service(service, false, &[]);
    body.finish()
}

/// A list of services, without what they map.
pub(crate) fn services(listed: &Listed<ServiceRecord>) -> Rendered {
    let mut body = Body::default();
    body.text.push_str("{\"services\": [");
    body.each(&listed.page, Body::listed_service);
    body.next_page(listed);
    body.finish()
}

/// A generated value, in the plain style. It is letters and digits: nothing to escape.
pub(crate) fn generated(value: &GeneratedValue) -> Rendered {
    let parts = ["{\"value\":\"", value.expose(), "\"}\n"];
    // `concat` knows the size and never grows.
    Rendered::new(parts.concat().into_bytes().into_boxed_slice())
}

/// The revisions of one service, without what they map.
pub(crate) fn service_revisions(revisions: &[ServiceRecord]) -> Rendered {
    let mut body = Body::default();
    body.text.push_str("{\"revisions\": [");
    body.each(revisions, Body::listed_service);
    body.text.push_str("], \"next_page\": null}");
    body.finish()
}

/// The services that depend on a credential: in the plain style.
pub(crate) fn dependencies(services: &[ServiceRecord]) -> String {
    let services: Vec<_> = services
        .iter()
        .map(|service| json!({ "id": service.id, "enabled": service.enabled }))
        .collect();
    plain(&json!({ "services": services }))
}

/// A JSON answer with the headers of these routes.
pub(crate) fn json(bytes: impl AsRef<[u8]> + Send + 'static) -> Response {
    let mut response = Response::new(HttpBody::from(Bytes::from_owner(bytes)));
    dress(&mut response);
    response
}

/// The headers of the routes that old servers mark so, on errors too.
pub(crate) fn dress(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(XSS_PROTECTION, HeaderValue::from_static("1; mode=block"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

const XSS_PROTECTION: HeaderName = HeaderName::from_static("x-xss-protection");

/// Public text, and secret values with the places where they go.
#[derive(Default)]
struct Body<'v> {
    text: String,
    values: Vec<(usize, &'v [u8])>,
}

impl<'v> Body<'v> {
    /// The whole, in a buffer that never grew.
    fn finish(self) -> Rendered {
        let secret: usize = self.values.iter().map(|(_, value)| value.len()).sum();
        let mut whole = Vec::with_capacity(self.text.len() + secret);
        let mut rest = self.text.as_bytes();
        let mut copied = 0;
        for (place, value) in self.values {
            let (before, after) = rest.split_at_checked(place - copied).unwrap_or((rest, &[]));
            whole.extend_from_slice(before);
            whole.extend_from_slice(value);
            (rest, copied) = (after, place);
        }
        whole.extend_from_slice(rest);
        Rendered::new(whole.into_boxed_slice())
    }

    /// A field after another one.
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if !self.text.ends_with('{') {
            self.text.push_str(", ");
        }
        self.text.push_str(&python_json_text(name));
        self.text.push_str(": ");
        self.text.push_str(&python_json_text(value));
    }

    fn date(&mut self, name: &str, date: Option<Timestamp>) {
        self.field(name, &date.map(Timestamp::iso));
    }

    fn each<T>(&mut self, things: &'v [T], mut put: impl FnMut(&mut Self, &'v T)) {
        for (position, thing) in things.iter().enumerate() {
            if position > 0 {
                self.text.push_str(", ");
            }
            put(self, thing);
        }
    }

    fn next_page<T>(&mut self, listed: &Listed<T>) {
        self.text.push(']');
        self.field("next_page", &listed.next.as_ref().map(page_token));
        self.text.push('}');
    }

    fn credential(
        &mut self,
        credential: &'v Credential,
        values: bool,
        permissions: Option<Permissions>,
        metadata: serde_json::Value,
    ) {
        let record = &credential.record;
        self.text.push('{');
        self.field("id", &record.id);
        self.field("name", &record.name);
        self.field("revision", &record.revision.number());
        self.field("enabled", &record.enabled);
        self.date("modified_date", Some(record.modified_date));
        self.field("modified_by", &record.modified_by);
        self.field("documentation", &record.documentation);
        self.field("metadata", &metadata);
        self.field(
            "credential_keys",
            credential
                .pairs
                .as_ref()
                .map_or(&[][..], |pairs| pairs.keys()),
        );
        self.text.push_str(", \"credential_pairs\": ");
        match credential.pairs.as_ref().filter(|_| values) {
            Some(pairs) => self.values.push((self.text.len(), pairs.expose_json())),
            None => self.text.push_str("{}"),
        }
        self.text.push_str(", \"permissions\": {");
        if let Some(Permissions {
            metadata,
            get,
            update,
        }) = permissions
        {
            self.field("metadata", &metadata);
            self.field("get", &get);
            self.field("update", &update);
        }
        self.text.push('}');
        self.field("tags", &record.tags);
        self.date("last_rotation_date", record.last_rotation_date);
        self.date("next_rotation_date", credential.next_rotation_date);
        self.text.push('}');
    }

    fn service(&mut self, service: &'v Service, values: bool, permissions: &[(&str, bool)]) {
        self.service_record(&service.record);
        self.text.push_str(", \"credentials\": [");
        self.each(&service.credentials, |body, credential| {
            body.credential(credential, values, None, metadata_of(credential));
        });
        self.text.push_str("], \"blind_credentials\": [");
        self.each(&service.blind_credentials, |body, blind| {
            body.blind(blind, values)
        });
        self.text.push_str("], \"permissions\": {");
        for (name, allowed) in permissions {
            self.field(name, allowed);
        }
        self.text.push_str("}}");
    }

    fn listed_service(&mut self, record: &'v ServiceRecord) {
        self.service_record(record);
        self.text
            .push_str(", \"credentials\": [], \"blind_credentials\": [], \"permissions\": {}}");
    }

    /// The fields that lists and single answers share; the object stays open.
    fn service_record(&mut self, record: &ServiceRecord) {
        self.text.push('{');
        self.field("id", &record.id);
        self.field("account", &record.account);
        self.field("revision", &record.revision.number());
        self.field("enabled", &record.enabled);
        self.date("modified_date", Some(record.modified_date));
        self.field("modified_by", &record.modified_by);
    }

    fn blind(&mut self, blind: &BlindRecord, values: bool) {
        let nothing = serde_json::Map::new();
        self.text.push('{');
        self.field("id", &blind.id);
        self.field("name", &blind.name);
        self.field("cipher_version", &blind.cipher_version);
        self.field("cipher_type", &blind.cipher_type);
        self.field("revision", &blind.revision.number());
        self.field("enabled", &blind.enabled);
        self.field("documentation", &blind.documentation);
        self.date("modified_date", Some(blind.modified_date));
        self.field("modified_by", &blind.modified_by);
        self.field("metadata", blind.metadata.as_ref().unwrap_or(&nothing));
        self.field("credential_keys", &blind.credential_keys);
        self.field(
            "credential_pairs",
            if values {
                &blind.credential_pairs
            } else {
                &nothing
            },
        );
        self.field("data_key", if values { &blind.data_key } else { &nothing });
        self.text.push('}');
    }
}

/// Metadata as every read shows it: never null.
fn metadata_of(credential: &Credential) -> serde_json::Value {
    credential
        .record
        .metadata
        .clone()
        .unwrap_or_default()
        .into()
}
