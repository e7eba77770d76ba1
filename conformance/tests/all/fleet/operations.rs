//! The random operations: what is asked of one of the two, and what both must then read.
//!
//! A new one is a line of [`OPERATIONS`]; a new read after it is a [`Shown`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Draw, Fleet, Side};
use crate::world;

/// One kind of operation.
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// How often it is drawn, beside the others.
    pub(super) weight: usize,
    /// Does it through `stage.side`; `None` when there is nothing yet to do it to.
    pub(super) play: fn(&mut Stage<'_>) -> Option<Vec<Shown>>,
}

/// All that there are.
pub(super) const OPERATIONS: &[Operation] = &[
    operation("create a credential", 3, create_credential),
    operation("update a credential", 6, update_credential),
    operation("rename a credential", 3, rename_credential),
    operation("take a name that is taken", 1, take_a_taken_name),
    operation("create a service", 1, create_service),
    operation("map credentials", 4, map_credentials),
];

const fn operation(
    name: &'static str,
    weight: usize,
    play: fn(&mut Stage<'_>) -> Option<Vec<Shown>>,
) -> Operation {
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
    fleet: &'f Fleet,
    credentials: Vec<Credential>,
    /// What each service maps, by its id.
    services: BTreeMap<String, Service>,
    names_given: usize,
}

struct Credential {
    id: String,
    name: String,
    revision: u64,
    /// Never changed, so that what may be mapped together stays so.
    keys: Vec<String>,
}

struct Service {
    revision: u64,
    credentials: BTreeSet<String>,
}

impl<'f> Stage<'f> {
    pub(super) fn new(fleet: &'f Fleet, draw: Draw) -> Self {
        Self {
            side: Side::Keepward,
            draw,
            fleet,
            credentials: Vec::new(),
            services: BTreeMap::new(),
            names_given: 0,
        }
    }

    /// The lists, each with the names that must be in it.
    pub(super) fn lists(&self) -> [(List, Vec<Value>); 2] {
        let sorted = |names: &mut dyn Iterator<Item = &String>| {
            let mut names: Vec<Value> = names.map(|name| json!(name)).collect();
            names.sort_by_key(Value::to_string);
            names
        };
        [
            (
                List {
                    path: "/v1/credentials",
                    field: "credentials",
                    name: "name",
                },
                sorted(&mut self.credentials.iter().map(|credential| &credential.name)),
            ),
            (
                List {
                    path: "/v1/services",
                    field: "services",
                    name: "id",
                },
                sorted(&mut self.services.keys()),
            ),
        ]
    }

    fn new_name(&mut self) -> String {
        self.names_given += 1;
        let style = self
            .draw
            .one(&["plain", "With Capitals", "dash-1", "ünï ☃", "a.b/c"]);
        format!("{style} {}", self.names_given)
    }

    /// Position of one of the credentials.
    fn some_credential(&self) -> Option<usize> {
        let count = self.credentials.len();
        (count > 0).then(|| self.draw.below(count))
    }

    /// New values under a credential's keys, some of them written in capitals.
    fn pairs(&self, keys: &[String]) -> (Value, Value) {
        let (mut sent, mut stored) = (Map::new(), Map::new());
        for key in keys {
            let value = self.value();
            let written = if self.draw.chance(3) {
                key.to_uppercase()
            } else {
                key.clone()
            };
            sent.insert(written, value.clone());
            stored.insert(key.clone(), value);
        }
        (sent.into(), stored.into())
    }

    fn value(&self) -> Value {
        let fresh = format!("value {}", self.draw.below(1_000_000));
        let long = "x".repeat(self.draw.below(3_000));
        // We take no number that a reader might round; what is stored is read.
        let large = if self.side == Side::Confidant {
            json!(1e16)
        } else {
            json!(0.25)
        };
        self.draw
            .one(&[
                json!(fresh),
                json!(long),
                json!(""),
                json!("two\nlines\tand a tab\r\n"),
                json!("\"quoted\" \\ <b>&amp;</b> 'x'"),
                json!("ünï ☃ 𝄞 \u{0}"),
                json!(self.draw.below(1_000)),
                json!(-12_345_678_901_i64),
                json!(0.1),
                large,
                json!(true),
                json!(null),
            ])
            .clone()
    }

    /// What else a credential may carry; nothing of it, at times.
    fn extras(&self) -> Map<String, Value> {
        let mut extras = Map::new();
        let metadata = [
            json!({}),
            json!({ "owner": "ünï", "n": 1 }),
            json!({ "deep": { "l": [1, null] } }),
        ];
        let documentation = [json!(""), json!("how to rotate: ☃\nsecond line")];
        let tags = [
            json!([]),
            json!(["one", "two"]),
            json!(["FINANCIALLY_SENSITIVE"]),
        ];
        for (field, choices) in [
            ("metadata", &metadata[..]),
            ("documentation", &documentation),
            ("tags", &tags),
        ] {
            if self.draw.chance(2) {
                extras.insert(field.to_owned(), self.draw.one(choices).clone());
            }
        }
        extras
    }

    /// The reads that show a credential: its own, and those of the services that map it.
    fn shown(&self, position: usize, mut fields: Map<String, Value>) -> Vec<Shown> {
        let Credential {
            id, name, revision, ..
        } = &self.credentials[position];
        fields.insert("name".to_owned(), json!(name));
        fields.insert("revision".to_owned(), json!(revision));
        fields.insert("modified_by".to_owned(), json!("ops"));
        let own = Shown {
            path: format!("/v1/credentials/{id}"),
            fields,
        };
        let services = self
            .services
            .iter()
            .filter(|(_, service)| service.credentials.contains(id));
        std::iter::once(own)
            .chain(services.map(|(service, _)| Shown {
                path: format!("/v1/services/{service}"),
                fields: Map::new(),
            }))
            .collect()
    }
}

fn create_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let name = stage.new_name();
    let number = stage.names_given;
    let mut keys = vec![format!("k{number}_a"), format!("k{number}_b")];
    if stage.draw.chance(4) {
        keys.push(SHARED_KEY.to_owned());
    }
    let (sent, stored) = stage.pairs(&keys);
    let mut fields = stage.extras();
    fields.insert("enabled".to_owned(), json!(!stage.draw.chance(4)));
    let mut body = fields.clone();
    body.extend([
        ("name".to_owned(), json!(name)),
        ("credential_pairs".to_owned(), sent),
    ]);
    let made = stage
        .fleet
        .write(stage.side, "POST", "/v1/credentials", &body.into());
    fields.insert("credential_pairs".to_owned(), stored);
    let id = world::text(&made, "id");
    stage.credentials.push(Credential {
        id,
        name,
        revision: 1,
        keys,
    });
    Some(stage.shown(stage.credentials.len() - 1, fields))
}

fn update_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.some_credential()?;
    let mut fields = stage.extras();
    if stage.draw.chance(3) {
        fields.insert("enabled".to_owned(), json!(!stage.draw.chance(3)));
    }
    let mut body = fields.clone();
    // The real one needs both; ours keeps what is not sent, sealed as it is.
    let whole = stage.side == Side::Confidant || !stage.draw.chance(3);
    if whole {
        let Credential { name, keys, .. } = &stage.credentials[position];
        let (sent, stored) = stage.pairs(keys);
        body.extend([
            ("name".to_owned(), json!(name)),
            ("credential_pairs".to_owned(), sent),
        ]);
        fields.insert("credential_pairs".to_owned(), stored);
    }
    Some(put_credential(stage, position, body, fields))
}

fn rename_credential(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.some_credential()?;
    let name = stage.new_name();
    let mut body = Map::from_iter([("name".to_owned(), json!(name))]);
    let mut fields = Map::new();
    if stage.side == Side::Confidant || stage.draw.chance(2) {
        let (sent, stored) = stage.pairs(&stage.credentials[position].keys);
        body.insert("credential_pairs".to_owned(), sent);
        fields.insert("credential_pairs".to_owned(), stored);
    }
    stage.credentials[position].name = name;
    Some(put_credential(stage, position, body, fields))
}

fn put_credential(
    stage: &mut Stage<'_>,
    position: usize,
    body: Map<String, Value>,
    fields: Map<String, Value>,
) -> Vec<Shown> {
    let credential = &mut stage.credentials[position];
    let path = format!("/v1/credentials/{}", credential.id);
    stage.fleet.write(stage.side, "PUT", &path, &body.into());
    credential.revision += 1;
    stage.shown(position, fields)
}

/// Both refuse it, in the same words.
fn take_a_taken_name(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let position = stage.some_credential()?;
    let Credential { id, name, .. } = &stage.credentials[position];
    let body = json!({ "name": name, "credential_pairs": { "k": "v" }, "enabled": true });
    let refused = refused_alike(stage, "POST", "/v1/credentials", &body);
    assert_eq!(
        refused["error"],
        json!(format!("Name already exists. See id: {id}"))
    );
    Some(stage.shown(position, Map::new()))
}

fn create_service(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    stage.names_given += 1;
    let style = stage.draw.one(&["web", "svc-b", "Role.With_All+=,@"]);
    let id = format!("{style}-x{}", stage.names_given);
    Some(put_service(stage, id))
}

fn map_credentials(stage: &mut Stage<'_>) -> Option<Vec<Shown>> {
    let ids: Vec<_> = stage.services.keys().cloned().collect();
    (!ids.is_empty()).then(|| put_service(stage, stage.draw.one(&ids).clone()))
}

/// Maps some credentials; both refuse it when two of them have a key in common.
fn put_service(stage: &mut Stage<'_>, id: String) -> Vec<Shown> {
    let chosen: Vec<&Credential> = stage
        .credentials
        .iter()
        .filter(|_| stage.draw.chance(3))
        .collect();
    let shared = |credential: &&&Credential| credential.keys.iter().any(|key| key == SHARED_KEY);
    let conflict = chosen.iter().filter(shared).count() > 1;
    let credentials: BTreeSet<String> = chosen
        .iter()
        .map(|credential| credential.id.clone())
        .collect();
    let path = format!("/v1/services/{id}");
    let enabled = !stage.draw.chance(4);
    let body = json!({ "credentials": credentials, "blind_credentials": [], "enabled": enabled });
    if conflict {
        let refused = refused_alike(stage, "PUT", &path, &body);
        assert_eq!(
            refused["error"],
            json!("Conflicting key pairs in mapped service.")
        );
        return Vec::new();
    }
    stage.fleet.write(stage.side, "PUT", &path, &body);
    let before = stage
        .services
        .get(&id)
        .map_or(0, |service| service.revision);
    let fields = json!({ "credentials": credentials, "enabled": enabled, "revision": before + 1 });
    stage.services.insert(
        id,
        Service {
            revision: before + 1,
            credentials,
        },
    );
    let fields = fields.as_object().cloned().unwrap_or_default();
    vec![
        Shown {
            path: format!("{path}?metadata_only=true"),
            fields: fields.clone(),
        },
        Shown { path, fields },
    ]
}

/// The refusal, after both have given it.
fn refused_alike(stage: &Stage<'_>, method: &str, path: &str, body: &Value) -> Value {
    let [ours, theirs] = [Side::Keepward, Side::Confidant].map(|side| {
        let mut answer = stage.fleet.send(side, method, path, Some(body));
        // Ids of conflicts come in no order.
        let conflicts = answer
            .body
            .get_mut("conflicts")
            .and_then(Value::as_object_mut);
        for ids in conflicts
            .into_iter()
            .flat_map(Map::values_mut)
            .filter_map(Value::as_object_mut)
            .flat_map(Map::values_mut)
            .filter_map(Value::as_array_mut)
        {
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

/// Some credentials have this key, so that not all may be mapped together.
const SHARED_KEY: &str = "shared";
