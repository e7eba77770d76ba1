//! The whole answers of repaired exchanges that work, in the ids of the recorded run.
//!
//! Of a date only the form is compared.

use serde_json::{Value, json};

use crate::exchanges::NEW_ID;

const DATE: &str = "2026-11-22T05:10:43.426215+00:00";
const HTTP_DATE: &str = "Sun, 22 Nov 2026 05:10:43 GMT";

/// An authority without a certificate of its own.
pub(crate) fn authorities() -> Value {
    json!({
        "cas": [{
            "ca": "development",
            "certificate": null,
            "certificate_chain": null,
            "tags": {},
        }],
    })
}

/// `enabled` is true where nothing is said.
pub(crate) fn minimal() -> Value {
    credential(&[json!({"name": "minimal", "metadata": null})])
}

/// The name that is not sent stays.
pub(crate) fn update_without_name() -> Value {
    example(json!({}))
}

/// The pairs that are not sent stay.
pub(crate) fn update_without_pairs() -> Value {
    example(json!({"documentation": "doc3"}))
}

/// The same of another credential.
pub(crate) fn second_update_without_pairs() -> Value {
    mapped_credential(json!({"documentation": "x"}))
}

/// Null pairs are as good as none.
pub(crate) fn update_with_null_pairs() -> Value {
    mapped_credential(json!({}))
}

/// Blind credentials that are not sent are none.
pub(crate) fn service_of_two() -> Value {
    service("svc-a", 2, &[shown_example(), shown_minimal()])
}

/// Nothing is mapped.
pub(crate) fn empty_service() -> Value {
    service("svc-min", 1, &[])
}

/// An unknown credential is not mapped.
pub(crate) fn service_of_unknown() -> Value {
    service("svc-unk", 1, &[])
}

/// `enabled` is true where nothing is said.
pub(crate) fn service_without_enabled() -> Value {
    service("svc-ne", 1, &[])
}

/// The same with empty lists.
pub(crate) fn second_service_without_enabled() -> Value {
    service("s-160f1cy", 1, &[])
}

/// The cipher version came as text.
pub(crate) fn blind_of_text_version() -> Value {
    blind(json!({"name": "blind two"}))
}

/// Keys that are not sent with new pairs are none.
pub(crate) fn blind_without_keys() -> Value {
    blind(json!({
        "id": "1b030b74323b4739b31451bfc9471498", "name": "blind one b", "revision": 3,
        "credential_pairs": {"us-east-1": "zz"}, "data_key": {"us-east-1": "QQ=="},
        "metadata": {"x": "y"},
    }))
}

/// Each revision itself, newest first.
pub(crate) fn revisions_of_blind() -> Value {
    json!({"revisions": blind_revisions()})
}

/// A service of an account, read by a person.
pub(crate) fn scoped_service_with_values() -> Value {
    scoped_service(true)
}

/// The same without values.
pub(crate) fn scoped_service_as_metadata() -> Value {
    scoped_service(false)
}

fn example(changed: Value) -> Value {
    let example = json!({
        "id": "11003f7f77bc4f798e1d319366ac3ae0", "name": "Example Credential", "revision": 3,
        "documentation": "doc2", "metadata": {"m": "v2"},
        "credential_pairs": {"api_key": "12345", "api_user": "x"},
        "credential_keys": ["api_key", "api_user"],
    });
    credential(&[example, changed])
}

/// One object after another laid over what most credentials have.
fn credential(changes: &[Value]) -> Value {
    let plain = json!({
        "id": NEW_ID, "name": "", "revision": 1, "enabled": true, "documentation": null,
        "metadata": {}, "tags": [], "credential_keys": ["k"], "credential_pairs": {"k": "v"},
        "modified_by": "rlane@example.com", "modified_date": DATE,
        "last_rotation_date": DATE, "next_rotation_date": DATE,
        "permissions": {"metadata": true, "get": true, "update": true},
    });
    changes.iter().fold(plain, over)
}

fn over(mut below: Value, above: &Value) -> Value {
    let fields = below.as_object_mut().unwrap();
    fields.extend(above.as_object().unwrap().clone());
    below
}

fn mapped_credential(changed: Value) -> Value {
    let base = json!({
        "id": "6a42d554e7624ef4a054040d47def4ab", "name": "c-160f1c", "revision": 2,
        "credential_keys": ["k1"], "credential_pairs": {"k1": "v"},
    });
    credential(&[base, changed])
}

/// As a service shows it: without values.
fn shown_example() -> Value {
    credential(&[json!({
        "id": "11003f7f77bc4f798e1d319366ac3ae0", "name": "Example Credential", "revision": 3,
        "documentation": "doc", "metadata": {"m": "v"}, "tags": ["FINANCIALLY_SENSITIVE"],
        "credential_keys": ["api_key", "api_user"], "credential_pairs": {}, "permissions": {},
    })])
}

fn shown_minimal() -> Value {
    credential(&[json!({
        "id": "f58bce451f014a20863d5a45269b831c", "name": "minimal",
        "credential_pairs": {}, "permissions": {},
    })])
}

fn service(id: &str, revision: u64, credentials: &[Value]) -> Value {
    json!({
        "id": id, "revision": revision, "enabled": true, "account": null,
        "credentials": credentials, "blind_credentials": [],
        "modified_by": "rlane@example.com", "modified_date": DATE,
        "permissions": {"metadata": true, "get": true, "update": true, "create": true},
    })
}

fn scoped_service(values: bool) -> Value {
    let shown = |pairs: Value| if values { pairs } else { json!({}) };
    let minimal = credential(&[json!({
        "id": "f58bce451f014a20863d5a45269b831c", "name": "minimal", "revision": 2,
        "credential_keys": ["api_key"], "credential_pairs": shown(json!({"api_key": "q"})),
        "permissions": {},
    })]);
    let blind = json!({
        "id": "1b030b74323b4739b31451bfc9471498", "name": "blind one", "revision": 4,
        "enabled": true, "documentation": "d", "cipher_type": "fernet", "cipher_version": 2,
        "metadata": {"context": {"us-east-1": {"group": "web"}}}, "credential_keys": ["ssl_key"],
        "credential_pairs": shown(json!({"us-east-1": "gAAAAfoo"})),
        "data_key": shown(json!({"us-east-1": "QUJD"})),
        "modified_by": "rlane@example.com", "modified_date": DATE,
    });
    let service = json!({
        "account": "sandbox", "credentials": [minimal], "blind_credentials": [blind],
        "permissions": {"metadata": !values, "get": values, "update": true},
    });
    over(self::service("svc-b", 1, &[]), &service)
}

fn blind(changed: Value) -> Value {
    let plain = json!({
        "id": NEW_ID, "name": "", "revision": 1, "enabled": true, "documentation": "d",
        "cipher_type": "fernet", "cipher_version": 2, "credential_keys": [],
        "credential_pairs": {"us-east-1": "gAAAAfoo"}, "data_key": {"us-east-1": "QUJD"},
        "metadata": {"context": {"us-east-1": {"group": "web"}}},
        "modified_by": "rlane@example.com", "modified_date": HTTP_DATE,
    });
    over(plain, &changed)
}

fn blind_revisions() -> Vec<Value> {
    let id = "1b030b74323b4739b31451bfc9471498";
    let revision = |number: u64, changed: Value| {
        let numbered = json!({"id": format!("{id}-{number}"), "revision": number});
        over(blind(changed), &numbered)
    };
    let third = json!({
        "name": "blind one b", "credential_keys": ["ssl_key", "ssl_cert"], "metadata": {"x": "y"},
        "credential_pairs": {"us-east-1": "zz"}, "data_key": {"us-east-1": "QQ=="},
    });
    let second = json!({
        "name": "blind one b", "credential_keys": ["ssl_key"], "metadata": {"x": "y"},
    });
    let first = json!({"name": "blind one", "credential_keys": ["ssl_key"]});
    vec![revision(3, third), revision(2, second), revision(1, first)]
}
