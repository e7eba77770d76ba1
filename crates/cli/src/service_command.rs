//! `keepward service`: which credentials a caller gets.

use serde_json::{Map, Value};

use crate::arguments::{Format, Mapping, ServiceCommand};
use crate::changes::Changes;
use crate::client::Client;
use crate::exit::{Failure, Kind, Outcome};
use crate::listing::saved;
use crate::revisions::{self, Noun};
use crate::{formats, output, served};

const NOUN: Noun = Noun::Service;

pub(crate) fn run(command: ServiceCommand) -> Outcome {
    match command {
        ServiceCommand::Get {
            id,
            metadata_only: true,
            format,
            connection,
            ..
        } => {
            if format != Format::Json {
                return Err(Failure::new(
                    Kind::Usage,
                    "--metadata-only leaves no values for this --format",
                ));
            }
            let client = Client::connect(&connection)?;
            let id = id.as_deref().unwrap_or_else(|| client.name());
            output::json(&NOUN.current(&client, id)?)
        }
        ServiceCommand::Get {
            id,
            metadata_only: false,
            format,
            naming,
            blind,
            connection,
        } => {
            let client = Client::connect(&connection)?;
            let service = served::service(&client, id.as_deref(), &blind)?;
            output::text(&formats::print(service, format, &naming)?)
        }
        ServiceCommand::Set {
            id,
            mapping,
            dry_run,
            connection,
        } => {
            let client = Client::connect(&connection)?;
            let before = before(&client, &id)?;
            let body = mapping.over(&before);
            if dry_run {
                let before = Value::Object(mapped(&before));
                return Changes::by(&before, &body).print_dry_run(&connection);
            }
            let service = client.put(&NOUN.path(&id), &body)?;
            saved(&connection, NOUN.word(), &service)
        }
        ServiceCommand::List { page, connection } => NOUN.list(&page, &connection),
        ServiceCommand::History(history) => revisions::history(NOUN, &history),
        ServiceCommand::Diff(diff) => revisions::diff(NOUN, &diff),
        ServiceCommand::Revert(revert) => revisions::revert(NOUN, &revert),
    }
}

/// The service as it is; empty when it is new.
fn before(client: &Client, id: &str) -> Outcome<Value> {
    if matches!(id, "." | "..") {
        return Err(Failure::new(
            Kind::Usage,
            "a service cannot be called . or ..; programs on the way change such paths",
        ));
    }
    match NOUN.current(client, id) {
        Err(failure) if failure.kind() == Kind::NotFound => Ok(Value::Null),
        answer => answer,
    }
}

/// What a service has, in the form in which it is written.
pub(crate) fn mapped(service: &Value) -> Map<String, Value> {
    let ids = |field: &str| -> Value {
        let list = service.get(field).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|one| one.get("id").cloned())
            .collect()
    };
    let mut body = Map::new();
    for field in ["credentials", "blind_credentials"] {
        body.insert(field.to_owned(), ids(field));
    }
    for (field, new) in [("enabled", Value::Bool(true)), ("account", Value::Null)] {
        let old = service.get(field).cloned();
        body.insert(field.to_owned(), old.unwrap_or(new));
    }
    body
}

impl Mapping {
    /// The service with what was typed, and all else as it is.
    fn over(&self, service: &Value) -> Map<String, Value> {
        let mut body = mapped(service);
        if self.none || !self.credentials.is_empty() {
            body.insert("credentials".to_owned(), self.credentials.clone().into());
        }
        if let Some(Value::Array(ids)) = body.get_mut("credentials") {
            ids.retain(|id| !self.remove.iter().any(|gone| id == gone));
            for id in &self.add {
                if !ids.iter().any(|there| there == id) {
                    ids.push(id.as_str().into());
                }
            }
        }
        if self.no_blind_credentials || !self.blind_credentials.is_empty() {
            let ids = self.blind_credentials.clone();
            body.insert("blind_credentials".to_owned(), ids.into());
        }
        if self.enable || self.disable {
            body.insert("enabled".to_owned(), self.enable.into());
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping() -> Mapping {
        Mapping {
            credentials: Vec::new(),
            none: false,
            add: Vec::new(),
            remove: Vec::new(),
            blind_credentials: Vec::new(),
            no_blind_credentials: false,
            enable: false,
            disable: false,
        }
    }

    fn service() -> Value {
        json!({
            "id": "web",
            "revision": 3,
            "enabled": false,
            "account": "sandbox",
            "credentials": [{ "id": "c1" }, { "id": "c2" }],
            "blind_credentials": [{ "id": "b1" }],
        })
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        let body = Mapping {
            add: vec!["c3".to_owned(), "c1".to_owned()],
            remove: vec!["c2".to_owned()],
            ..mapping()
        }
        .over(&service());
        assert_eq!(
            Value::Object(body),
            json!({
                "credentials": ["c1", "c3"],
                "blind_credentials": ["b1"],
                "enabled": false,
                "account": "sandbox",
            })
        );
    }

    #[test]
    fn a_new_service_is_enabled_and_has_what_is_named() {
        let body = Mapping {
            credentials: vec!["c1".to_owned()],
            blind_credentials: vec!["b1".to_owned()],
            ..mapping()
        }
        .over(&Value::Null);
        assert_eq!(
            Value::Object(body),
            json!({ "credentials": ["c1"], "blind_credentials": ["b1"], "enabled": true, "account": null })
        );
    }

    #[test]
    fn blind_credentials_go_and_the_service_rests_when_asked() {
        let body = Mapping {
            none: true,
            no_blind_credentials: true,
            disable: true,
            ..mapping()
        }
        .over(&json!({ "enabled": true, "credentials": [{ "id": "c1" }], "blind_credentials": [{ "id": "b1" }] }));
        assert_eq!(
            Value::Object(body),
            json!({ "credentials": [], "blind_credentials": [], "enabled": false, "account": null })
        );
    }
}
