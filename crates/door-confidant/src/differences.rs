//! What differs between two revisions, in the original's "plain" style.
//!
//! Shape: only fields that differ, each with `added` (the newer) and `removed`; `{}` for a revision
//! and itself. Of keys and ids an empty side is left out, of tags it is not. Dates are HTTP dates.

use confidant::{Changed, ChangedNames, CredentialDiff, ServiceDiff};
use domain::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::plain::plain;

/// What differs between two revisions of a credential.
pub(crate) fn of_credential(diff: Option<&CredentialDiff>) -> String {
    let mut told = Map::new();
    if let Some(diff) = diff {
        put(&mut told, "name", diff.name.as_ref().map(sides));
        put(&mut told, "enabled", diff.enabled.as_ref().map(sides));
        put(
            &mut told,
            "documentation",
            diff.documentation.as_ref().map(sides),
        );
        put(
            &mut told,
            "credential_pairs",
            diff.credential_pairs.as_ref().map(names),
        );
        put(&mut told, "metadata", diff.metadata.as_ref().map(names));
        put(&mut told, "tags", diff.tags.as_ref().map(sides));
        let rotation = diff.last_rotation_date.as_ref().map(|changed| {
            sides(&Changed {
                removed: changed.removed.map(Timestamp::http),
                added: changed.added.map(Timestamp::http),
            })
        });
        put(&mut told, "last_rotation_date", rotation);
        put(&mut told, "modified_by", Some(sides(&diff.modified_by)));
        put(&mut told, "modified_date", Some(dates(&diff.modified_date)));
    }
    plain(&told)
}

/// What differs between two revisions of a service.
pub(crate) fn of_service(diff: Option<&ServiceDiff>) -> String {
    let mut told = Map::new();
    if let Some(diff) = diff {
        put(&mut told, "enabled", diff.enabled.as_ref().map(sides));
        put(&mut told, "account", diff.account.as_ref().map(sides));
        put(
            &mut told,
            "credentials",
            diff.credentials.as_ref().map(names),
        );
        put(
            &mut told,
            "blind_credentials",
            diff.blind_credentials.as_ref().map(names),
        );
        put(&mut told, "modified_by", Some(sides(&diff.modified_by)));
        put(&mut told, "modified_date", Some(dates(&diff.modified_date)));
    }
    plain(&told)
}

fn put(told: &mut Map<String, Value>, name: &str, changed: Option<Value>) {
    if let Some(changed) = changed {
        told.insert(name.to_owned(), changed);
    }
}

fn sides<T: Serialize>(changed: &Changed<T>) -> Value {
    json!({ "added": changed.added, "removed": changed.removed })
}

fn dates(changed: &Changed<Timestamp>) -> Value {
    json!({ "added": changed.added.http(), "removed": changed.removed.http() })
}

fn names(changed: &ChangedNames) -> Value {
    let mut told = Map::new();
    for (side, names) in [("added", &changed.added), ("removed", &changed.removed)] {
        if !names.is_empty() {
            told.insert(side.to_owned(), json!(names));
        }
    }
    told.into()
}

#[cfg(test)]
mod tests {
    use confidant::{CredentialRecord, Pairs, Sealed, ServiceRecord};
    use domain::Revision;

    use super::*;

    fn vectors(kind: &str) -> Vec<Value> {
        let file: Value =
            serde_json::from_str(include_str!("../../../vectors/confidant/diff.json")).unwrap();
        let kinds: Vec<_> = file.as_object().unwrap().keys().collect();
        assert_eq!(kinds, ["about", "credential", "service"]);
        let cases = file[kind].as_array().unwrap().clone();
        assert!(!cases.is_empty());
        cases
    }

    fn text(value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }

    fn texts<C: FromIterator<String>>(value: &Value) -> C {
        value.as_array().unwrap().iter().filter_map(text).collect()
    }

    fn revision(of: &Value) -> Revision {
        Revision::new(of["revision"].as_u64().unwrap()).unwrap()
    }

    /// The vectors tell dates in their answers alone: `time` is that of this side.
    fn day(date: &str, time: &str) -> Timestamp {
        Timestamp::from_stored(&format!("{date}T{time}.250000+0000")).unwrap()
    }

    fn credential(of: &Value, date: &str, rotated: &str) -> (CredentialRecord, Pairs) {
        let record = CredentialRecord {
            id: "c".to_owned(),
            revision: revision(of),
            name: text(&of["name"]).unwrap(),
            enabled: of["enabled"].as_bool().unwrap(),
            modified_date: day(date, "03:04:05"),
            modified_by: text(&of["modified_by"]).unwrap(),
            documentation: text(&of["documentation"]),
            metadata: Some(of["metadata"].as_object().unwrap().clone()),
            tags: texts(&of["tags"]),
            last_rotation_date: Some(day(rotated, "00:00:00")),
            last_decrypted_date: None,
            sealed: Sealed {
                credential_pairs: String::new(),
                data_key: Vec::new(),
                cipher_version: Some(2),
            },
        };
        let pairs = Pairs::draft(of["pairs"].as_object().unwrap().clone());
        (record, pairs.unwrap_or_else(|fault| panic!("{fault}")))
    }

    #[test]
    fn credentials_differ_as_in_the_reference() {
        for case in vectors("credential") {
            let old = credential(&case["old"], "2026-01-01", "2026-01-01");
            let rotated = match case["response"].get("last_rotation_date") {
                Some(_) => "2026-01-02",
                None => "2026-01-01",
            };
            let new = credential(&case["new"], "2026-01-02", rotated);
            let (one, other) = match case["order"].as_str().unwrap() {
                "old,new" => (&old, &new),
                "new,old" => (&new, &old),
                order => panic!("{order}"),
            };
            let diff = CredentialDiff::between((&one.0, &one.1), (&other.0, &other.1));
            let told: Value = serde_json::from_str(&of_credential(diff.as_ref())).unwrap();
            assert_eq!(told, case["response"], "{} {}", case["name"], case["order"]);
        }
    }

    fn service(of: &Value, date: &str) -> ServiceRecord {
        ServiceRecord {
            id: "s".to_owned(),
            revision: revision(of),
            enabled: of["enabled"].as_bool().unwrap(),
            modified_date: day(date, "00:00:00"),
            modified_by: "a@x".to_owned(),
            account: text(&of["account"]),
            credentials: texts(&of["credentials"]),
            blind_credentials: texts(&of["blind_credentials"]),
        }
    }

    #[test]
    fn services_differ_as_in_the_reference_in_either_order() {
        for case in vectors("service") {
            let old = service(&case["old"], "2026-01-01");
            let new = service(&case["new"], "2026-01-02");
            for diff in [
                ServiceDiff::between(&old, &new),
                ServiceDiff::between(&new, &old),
            ] {
                let told: Value = serde_json::from_str(&of_service(diff.as_ref())).unwrap();
                assert_eq!(told, case["response"], "{}", case["name"]);
            }
        }
    }
}
