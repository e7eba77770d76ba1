//! The real Confidant 7.0.0 and Keepward work on one table, by turns and at once.

mod accounts;
mod at_once;
mod blind_credentials;
mod blind_refusals;
mod by_turns;
mod credentials;
mod history;
mod operations;
mod services;

use std::collections::BTreeMap;

use conformance::{Answer, Login, Program, Running};
use keep::Random as _;
use keep::simulator::SimRandom;
use serde_json::Value;
use testkit::Moto;

use crate::world;

/// The table of both.
const TABLE: &str = "confidant-fleet";

/// Where Confidant moves what it archives.
const ARCHIVE: &str = "confidant-fleet-archive";

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Keepward,
    Confidant,
}

/// Both servers, and a user's login that both know.
struct Fleet {
    keepward: Running,
    confidant: Running,
    user: Login,
    moto: Moto,
    _folder: tempfile::TempDir,
}

impl Fleet {
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings of both.
    fn start_with(settings: &[(&str, &str)]) -> Self {
        let moto = Moto::start();
        let folder = tempfile::tempdir().expect("a folder");
        let ours =
            world::on_moto(Program::keepward(), &moto, TABLE, folder.path()).set_all(settings);
        let user = world::kms_login(&ours, "user", "ops");
        // It makes the table.
        let keepward = ours.serve().expect("Keepward starts");
        let old = Program::confidant(testkit::confidant()).set("DYNAMODB_TABLE_ARCHIVE", ARCHIVE);
        let confidant = world::on_moto(old, &moto, TABLE, folder.path())
            .set_all(settings)
            .serve()
            .expect("Confidant starts");
        Self {
            keepward,
            confidant,
            user,
            moto,
            _folder: folder,
        }
    }

    fn server(&self, side: Side) -> &Running {
        match side {
            Side::Keepward => &self.keepward,
            Side::Confidant => &self.confidant,
        }
    }

    fn send(&self, side: Side, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let server = self.server(side);
        server
            .http
            .send(method, path, Some(&self.user), body)
            .unwrap_or_else(|| {
                panic!(
                    "{side:?} does not answer {method} {path}:\n{}",
                    server.log()
                )
            })
    }

    /// A write that must succeed: the answer's body.
    fn write(&self, side: Side, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(side, method, path, Some(body));
        assert_eq!(
            answer.status, 200,
            "{side:?}: {method} {path} {body}: {}",
            answer.body
        );
        answer.body
    }

    /// What both read: it must be the same, and there.
    fn read(&self, path: &str) -> Value {
        let answer = self.read_alike(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// What both answer to a read: it must be the same.
    fn read_alike(&self, path: &str) -> Answer {
        let [ours, theirs] = [Side::Keepward, Side::Confidant].map(|side| {
            let mut answer = self.send(side, "GET", path, None);
            in_order(&mut answer.body);
            answer
        });
        assert_eq!(ours, theirs, "left Keepward, right Confidant: {path}");
        ours
    }

    /// All items of the table that are Confidant's, by id.
    fn items(&self) -> BTreeMap<String, Value> {
        self.moto
            .dump(TABLE)
            .into_iter()
            .map(|item| (world::text(&item["id"], "S"), item))
            .filter(|(id, _)| !id.starts_with("kw/"))
            .collect()
    }

    /// Ends both; neither may have met what it could not handle.
    fn stop(self) {
        let told = self.keepward.stop();
        assert!(told.contains("panics=0"), "{told}");
    }
}

/// What a service maps comes in whatever order `BatchGetItem` returned it; the keys of a blind
/// credential and the tags of a difference are sets.
fn in_order(body: &mut Value) {
    if let Some(Value::Object(tags)) = body.get_mut("tags") {
        for tags in tags.values_mut().filter_map(Value::as_array_mut) {
            tags.sort_by_key(Value::to_string);
        }
    }
    let Some(fields) = body.as_object_mut() else {
        return;
    };
    let is_service = fields.contains_key("id");
    for list in ["credentials", "blind_credentials"] {
        if let Some(Value::Array(things)) = fields.get_mut(list) {
            things.iter_mut().for_each(in_order);
            if is_service {
                things.sort_by_key(|thing| thing["id"].to_string());
            }
        }
    }
    if fields.contains_key("cipher_type")
        && let Some(Value::Array(keys)) = fields.get_mut("credential_keys")
    {
        keys.sort_by_key(Value::to_string);
    }
}

/// What a seed decides.
struct Draw(SimRandom);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(SimRandom::new(seed))
    }

    /// A number below `bound`.
    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_be_bytes(bytes) % bound as u64).expect("it is below a usize")
    }

    /// A position in a list of so many.
    fn position(&self, among: usize) -> Option<usize> {
        (among > 0).then(|| self.below(among))
    }

    fn chance(&self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn one<'l, T>(&self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }
}
