//! The random operations: what is asked of one of the two, and what both must then read.
//!
//! A new one is a line of [`OPERATIONS`]; a new read after it is a [`Shown`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::blind_credentials::{create_blind_credential, update_blind_credential};
use super::credentials::{
    Credential, archive_credential, create_credential, rename_credential, take_a_taken_name,
    update_credential,
};
use super::history::{revert_blind_credential, revert_credential, revert_service};
use super::services::{Service, create_service, map_credentials};
use super::{Draw, Fleet, Side};

/// One kind of operation.
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// How often it comes, beside the others.
    pub(super) weight: usize,
    pub(super) play: Play,
}

/// Does it through `stage.side`; `None` when there is nothing yet to do it to.
type Play = fn(&mut Stage<'_>) -> Option<Vec<Shown>>;

/// All that there are.
pub(super) const OPERATIONS: &[Operation] = &[
    operation("create a credential", 3, create_credential),
    operation("update a credential", 6, update_credential),
    operation("rename a credential", 3, rename_credential),
    operation("take a name that is taken", 1, take_a_taken_name),
    operation("revert a credential", 3, revert_credential),
    operation("archive a credential", 1, archive_credential),
    operation("create a service", 1, create_service),
    operation("map credentials", 4, map_credentials),
    operation("revert a service", 2, revert_service),
    operation("create a blind credential", 2, create_blind_credential),
    operation("update a blind credential", 3, update_blind_credential),
    operation("revert a blind credential", 2, revert_blind_credential),
];

const fn operation(name: &'static str, weight: usize, play: Play) -> Operation {
    Operation { name, weight, play }
}

/// What both must read at a path: these fields with these values, and the rest alike.
pub(super) struct Shown {
    pub(super) path: String,
    pub(super) fields: Map<String, Value>,
}

/// A list that both must read alike.
pub(super) struct List {
    pub(super) path: &'static str,
    /// The field that holds it.
    pub(super) field: &'static str,
    /// What its things are known by.
    pub(super) name: &'static str,
}

/// What the operations have made so far, and who is asked next.
pub(super) struct Stage<'f> {
    pub(super) side: Side,
    pub(super) draw: Draw,
    pub(super) fleet: &'f Fleet,
    pub(super) credentials: Vec<Credential>,
    /// Names of credentials that Confidant has archived away, free again.
    pub(super) freed_names: Vec<String>,
    pub(super) blind_credentials: Vec<Credential>,
    pub(super) services: BTreeMap<String, Service>,
    /// What both read of each revision, by path and number.
    seen: BTreeMap<(String, u64), Value>,
    names_given: usize,
}

impl<'f> Stage<'f> {
    pub(super) fn new(fleet: &'f Fleet, draw: Draw) -> Self {
        Self {
            side: Side::Keepward,
            draw,
            fleet,
            credentials: Vec::new(),
            freed_names: Vec::new(),
            blind_credentials: Vec::new(),
            services: BTreeMap::new(),
            seen: BTreeMap::new(),
            names_given: 0,
        }
    }

    /// The lists, each with the names that must be in it.
    pub(super) fn lists(&self) -> [(List, Vec<Value>); 3] {
        let list = |path, field, name, names: &mut dyn Iterator<Item = &String>| {
            let mut names: Vec<Value> = names.map(|name| json!(name)).collect();
            names.sort_by_key(Value::to_string);
            (List { path, field, name }, names)
        };
        let (credentials, blind) = (&self.credentials, &self.blind_credentials);
        [
            list(
                "/v1/credentials",
                "credentials",
                "name",
                &mut credentials.iter().map(|one| &one.name),
            ),
            list(
                "/v1/blind_credentials",
                "blind_credentials",
                "name",
                &mut blind.iter().map(|one| &one.name),
            ),
            list("/v1/services", "services", "id", &mut self.services.keys()),
        ]
    }

    /// Remembers what both read.
    pub(super) fn saw(&mut self, path: &str, read: Value) {
        if let Some(revision) = read["revision"].as_u64() {
            self.seen.insert((path.to_owned(), revision), read);
        }
    }

    /// What both read of a revision when it was the current one.
    pub(super) fn seen(&self, path: &str, revision: u64) -> &Value {
        &self.seen[&(path.to_owned(), revision)]
    }

    /// A name that nothing had before, and the number in it.
    pub(super) fn new_name(&mut self) -> (String, usize) {
        self.names_given += 1;
        let style = self
            .draw
            .one(&["plain", "With Capitals", "dash-1", "ünï ☃", "a.b/c"]);
        (format!("{style} {}", self.names_given), self.names_given)
    }

    /// What a credential of either kind may carry; nothing of it, at times.
    pub(super) fn extras(&self) -> Map<String, Value> {
        let mut extras = Map::new();
        let metadata = [
            json!({}),
            json!({ "owner": "ünï", "n": 1 }),
            json!({ "deep": { "l": [1, null] } }),
        ];
        let documentation = [json!(""), json!("how to rotate: ☃\nsecond line")];
        for (field, choices) in [
            ("metadata", &metadata[..]),
            ("documentation", &documentation),
        ] {
            if self.draw.chance(2) {
                extras.insert(field.to_owned(), self.draw.one(choices).clone());
            }
        }
        extras
    }

    /// The reads that show a credential of either kind: its own, and those of the services that map it.
    pub(super) fn shown(
        &self,
        path: &str,
        credential: &Credential,
        mut fields: Map<String, Value>,
    ) -> Vec<Shown> {
        let Credential {
            id, name, revision, ..
        } = credential;
        fields.insert("name".to_owned(), json!(name));
        fields.insert("revision".to_owned(), json!(revision));
        fields.insert("modified_by".to_owned(), json!("ops"));
        let own = Shown {
            path: format!("{path}/{id}"),
            fields,
        };
        let mapping = self
            .services
            .iter()
            .filter(|(_, service)| service.mapped.contains(id));
        let services = mapping.map(|(service, _)| Shown {
            path: format!("/v1/services/{service}"),
            fields: Map::new(),
        });
        std::iter::once(own).chain(services).collect()
    }

    /// Both refuse it, in the same words: the refusal.
    pub(super) fn refused_alike(&self, method: &str, path: &str, body: &Value) -> Value {
        let [ours, theirs] = [Side::Keepward, Side::Confidant].map(|side| {
            let mut answer = self.fleet.send(side, method, path, Some(body));
            // The ids of a conflict come in no order.
            let conflicts = answer
                .body
                .get_mut("conflicts")
                .and_then(Value::as_object_mut);
            let by_key = conflicts.into_iter().flat_map(Map::values_mut);
            let kinds = by_key
                .filter_map(Value::as_object_mut)
                .flat_map(Map::values_mut);
            for ids in kinds.filter_map(Value::as_array_mut) {
                ids.sort_by_key(Value::to_string);
            }
            answer
        });
        assert_eq!(
            ours, theirs,
            "left Keepward, right Confidant: {method} {path} {body}"
        );
        assert!(
            (400..500).contains(&ours.status),
            "{method} {path} {body}: {}",
            ours.body
        );
        ours.body
    }
}
