//! At once: writers on both, and what holds beside a server that writes without any condition.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use serde_json::{Value, json};

use super::{Draw, Fleet, Side};
use crate::world;

/// Writers on each of the two.
const WRITERS: usize = 3;

/// One acknowledged write of a credential.
#[derive(Debug)]
struct Written {
    side: Side,
    id: String,
    revision: u64,
    /// All fields of one write hold it.
    mark: String,
}

/// A write of Confidant may be lost to another one of its own, and ours to one of Confidant's that
/// began before: it knows no condition. What must hold is what ours can promise.
#[test]
fn beside_a_confidant_that_writes_at_once_we_lose_nothing_of_ours_and_overwrite_nothing_of_its() {
    let steps = if testkit::long() { 100 } else { 12 };
    let seed = testkit::seed();
    let fleet = Fleet::start();
    let [ours, theirs, contended] = ["ours alone", "theirs alone", "contended"].map(|name| {
        let made = fleet.write(
            Side::Confidant,
            "POST",
            "/v1/credentials",
            &marked(name, "first"),
        );
        world::text(&made, "id")
    });
    let service = json!({ "credentials": [ours, theirs, contended], "blind_credentials": [], "enabled": true });
    fleet.write(Side::Confidant, "PUT", "/v1/services/shared", &service);

    let written: Vec<Written> = thread::scope(|scope| {
        let writers: Vec<_> = (0..2 * WRITERS)
            .map(|writer| {
                let side = [Side::Keepward, Side::Confidant][writer % 2];
                let own = [&ours, &theirs][writer % 2];
                let (fleet, contended, service) = (&fleet, &contended, &service);
                let draw = Draw::new(seed + 1_000 * writer as u64);
                scope.spawn(move || {
                    let write = |step: usize| {
                        let mark = format!("writer {writer} step {step}");
                        let (method, id, name) = match draw.below(5) {
                            0 => ("POST", None, mark.clone()),
                            1 | 2 => ("PUT", Some(own), name_of(side).to_owned()),
                            3 => ("PUT", Some(contended), "contended".to_owned()),
                            _ => {
                                fleet.write(side, "PUT", "/v1/services/shared", service);
                                return None;
                            }
                        };
                        let path = id.map_or("/v1/credentials".to_owned(), |id| {
                            format!("/v1/credentials/{id}")
                        });
                        let answer = fleet.write(side, method, &path, &marked(&name, &mark));
                        assert_eq!(
                            marks_of(&answer),
                            [&mark; 2],
                            "another's write was answered"
                        );
                        let revision = answer["revision"].as_u64().expect("a revision");
                        Some(Written {
                            side,
                            id: world::text(&answer, "id"),
                            revision,
                            mark,
                        })
                    };
                    (0..steps).filter_map(write).collect::<Vec<_>>()
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("the writer ends"))
            .collect()
    });

    let items = fleet.items();
    let ids: BTreeSet<&String> = written.iter().map(|written| &written.id).collect();
    for id in ids {
        // Both read one whole write of somebody.
        let current = fleet.read(&format!("/v1/credentials/{id}"));
        let mark = world::text(&current, "documentation");
        assert_eq!(marks_of(&current), [&mark; 2], "a torn item");
        assert_eq!(current["metadata"], json!({ "mark": mark }), "a torn item");
        look_at_history(id, &written, &items);
    }

    // Nobody else wrote this one: all in the history, once, and the last one current.
    let alone: BTreeMap<u64, &str> = of(&written, &ours)
        .map(|written| (written.revision, written.mark.as_str()))
        .collect();
    let revisions: Vec<u64> = alone.keys().copied().collect();
    assert_eq!(
        revisions,
        (2..2 + of(&written, &ours).count() as u64).collect::<Vec<_>>()
    );
    let (last, mark) = alone.last_key_value().expect("some were ours alone");
    let current = fleet.read(&format!("/v1/credentials/{ours}"));
    assert_eq!(
        (&current["revision"], &current["documentation"]),
        (&json!(last), &json!(mark))
    );

    for list in ["/v1/credentials", "/v1/services", "/v1/services/shared"] {
        fleet.read(list);
    }
    let count = |side| {
        written
            .iter()
            .filter(|written| written.side == side)
            .count()
    };
    println!(
        "{} writes of Keepward, {} of Confidant",
        count(Side::Keepward),
        count(Side::Confidant)
    );
    fleet.stop();
}

/// No number twice among ours, nobody's archive item replaced by ours, no acknowledged one of ours
/// replaced by anybody but Confidant.
fn look_at_history(id: &str, written: &[Written], items: &BTreeMap<String, Value>) {
    let mut numbers: BTreeMap<u64, Vec<&Written>> = BTreeMap::new();
    for write in of(written, id) {
        numbers.entry(write.revision).or_default().push(write);
    }
    for (number, writes) in numbers {
        let item = items
            .get(&format!("{id}-{number}"))
            .unwrap_or_else(|| panic!("{id} revision {number} is not in the history: {writes:?}"));
        let by = |side| {
            writes
                .iter()
                .filter(move |write| write.side == side)
                .map(|write| &write.mark)
        };
        assert!(
            by(Side::Keepward).count() <= 1,
            "{id}: one number for two of ours: {writes:?}"
        );
        let kept = world::text(&item["documentation"], "S");
        let mut may_be: Vec<_> = by(Side::Confidant).collect();
        if may_be.is_empty() {
            may_be.extend(by(Side::Keepward));
        }
        assert!(
            may_be.contains(&&kept),
            "{id} revision {number} holds {kept}, not one of {writes:?}"
        );
    }
}

fn of<'w>(written: &'w [Written], id: &str) -> impl Iterator<Item = &'w Written> {
    written.iter().filter(move |written| written.id == id)
}

fn name_of(side: Side) -> &'static str {
    match side {
        Side::Keepward => "ours alone",
        Side::Confidant => "theirs alone",
    }
}

/// The values of both pairs.
fn marks_of(credential: &Value) -> Vec<&str> {
    let pairs = credential["credential_pairs"].as_object().expect("pairs");
    pairs.values().filter_map(Value::as_str).collect()
}

/// A whole credential that shows in each of its fields which write it was.
fn marked(name: &str, mark: &str) -> Value {
    // No two credentials of the service may have a key in common.
    let key = name.replace(' ', "-");
    let pairs = json!({ format!("{key}.a"): mark, format!("{key}.b"): mark });
    json!({ "name": name, "credential_pairs": pairs, "enabled": true, "documentation": mark,
        "metadata": { "mark": mark }, "tags": [mark] })
}
