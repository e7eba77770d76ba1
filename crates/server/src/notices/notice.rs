//! What receivers are told, as Confidant tells it.

use std::collections::BTreeSet;
use std::time::Duration;

use confidant::{News, python_json_text};
use serde_json::json;

/// One notice for one receiver.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    /// The same in every try, so that a receiver can tell a second one from a second notice.
    pub(super) id: String,
    /// JSON.
    pub(super) body: String,
    /// By the clock that does not jump.
    pub(super) since: Duration,
}

/// The webhook's body.
///
/// Source: spec/confidant.md section 9.2; vectors `confidant/events.json`.
pub(super) fn for_webhook(news: &News, services: &[String]) -> String {
    let (kind, credentials) = match news {
        News::Credential { id, .. } => ("credential_update", vec![id]),
        News::BlindCredential { id, .. } => ("blind_credential_update", vec![id]),
        News::Service { credentials, .. } => ("service_update", credentials.iter().collect()),
    };
    python_json_text(&json!({
        "event_type": kind,
        "services": services,
        "credentials": credentials,
    }))
}

/// Graphite's event. The tag of a service's event is its id, where Confidant writes a word of Python's.
pub(super) fn for_graphite(news: &News, services: &[String]) -> String {
    let data = match news {
        News::Credential {
            id,
            name,
            revision,
            reverted: false,
        } => format!("Updated credential \"{name}\"({id}); Revision {revision}"),
        News::Credential {
            id, name, revision, ..
        }
        | News::BlindCredential { id, name, revision } => {
            format!("Updated credential \"{name}\" ({id}); Revision {revision}")
        }
        News::Service {
            revision,
            added,
            removed,
            ..
        } => format!(
            "Added credentials: {}; Removed credentials {}; Revision {revision}",
            list(added),
            list(removed)
        ),
    };
    let mut tags = "confidant".to_owned();
    for service in services {
        tags.push_str(",confidant-");
        tags.push_str(service);
    }
    python_json_text(&json!({ "what": "confidant", "tags": tags, "data": data }))
}

/// Ids as Python prints a list of texts; an id of a credential has nothing that needs escaping.
fn list(ids: &BTreeSet<String>) -> String {
    let quoted: Vec<_> = ids.iter().map(|id| format!("'{id}'")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use domain::Revision;
    use serde_json::Value;

    use super::*;

    fn posts() -> Vec<Value> {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../vectors/confidant/events.json"
        );
        let recorded: Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        recorded["posts"].as_array().unwrap().clone()
    }

    fn recorded(to: &str, holds: &str) -> Value {
        let found = posts()
            .into_iter()
            .find(|post| post["to"] == to && post["body"].to_string().contains(holds));
        found.unwrap()["body"].clone()
    }

    fn revision(number: u64) -> Revision {
        Revision::new(number).unwrap()
    }

    fn read(body: &str) -> Value {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn the_webhook_is_told_what_the_real_server_tells_it() {
        let ids = BTreeSet::from(["11003f7f77bc4f798e1d319366ac3ae0".to_owned()]);
        let news = News::Service {
            id: "svc-a".to_owned(),
            revision: revision(1),
            credentials: ids.clone(),
            added: ids,
            removed: BTreeSet::new(),
        };
        let told = for_webhook(&news, &["svc-a".to_owned()]);
        assert_eq!(read(&told), recorded("webhook", "service_update"));
        assert!(told.starts_with(r#"{"event_type": "service_update", "services": ["svc-a"]"#));

        let news = News::Credential {
            id: "4611198d835a4b93be875b8becdde59a".to_owned(),
            name: "d-160f1c".to_owned(),
            revision: revision(2),
            reverted: false,
        };
        let services = ["s-160f1c".to_owned()];
        let told = read(&for_webhook(&news, &services));
        assert_eq!(told, recorded("webhook", "\"credential_update"));
        let told = read(&for_graphite(&news, &services));
        assert_eq!(told, recorded("graphite", "Updated credential"));

        let news = News::BlindCredential {
            id: "e69a0f846a8d416e8ea039707288bcd9".to_owned(),
            name: "b".to_owned(),
            revision: revision(2),
        };
        let told = read(&for_webhook(&news, &services));
        assert_eq!(told, recorded("webhook", "blind_credential_update"));
    }

    #[test]
    fn graphite_is_told_the_services_id_where_the_real_server_writes_a_word_of_pythons() {
        let ids = BTreeSet::from(["11003f7f77bc4f798e1d319366ac3ae0".to_owned()]);
        let news = News::Service {
            id: "svc-a".to_owned(),
            revision: revision(1),
            credentials: ids.clone(),
            added: ids,
            removed: BTreeSet::new(),
        };
        let told = read(&for_graphite(&news, &["svc-a".to_owned()]));
        let mut expected = recorded("graphite", "Added credentials");
        assert_eq!(
            expected["tags"],
            "confidant,confidant-<built-in function id>"
        );
        expected["tags"] = "confidant,confidant-svc-a".into();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_revert_and_a_blind_credential_have_a_blank_before_the_id() {
        let news = News::Credential {
            id: "i".to_owned(),
            name: "n".to_owned(),
            revision: revision(3),
            reverted: true,
        };
        let told = read(&for_graphite(&news, &["a".to_owned(), "b".to_owned()]));
        assert_eq!(told["data"], "Updated credential \"n\" (i); Revision 3");
        assert_eq!(told["tags"], "confidant,confidant-a,confidant-b");
    }
}
