//! Many writers lose no update, on each backend and over two servers on one table.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use conformance::{Login, Program, Running};
use serde_json::json;
use testkit::Moto;

use crate::world;

/// Writers at once.
const WRITERS: usize = 16;
/// Updates of all of them together.
const UPDATES: usize = 500;

#[test]
fn five_hundred_updates_by_sixteen_writers_are_all_in_the_history_once_in_embedded_mode() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let program = world::embedded(Program::keepward(), &data);
    let server = program.serve().expect("it starts");
    let operator = world::key_login(&program, &data.join("operator.key"));
    let updates = update_at_once(&[&server], &operator);
    assert!(server.stop().contains("panics=0"));
    updates.check(&stored_in(&data));
}

#[test]
fn five_hundred_updates_by_sixteen_writers_are_all_in_the_history_once_on_dynamodb() {
    let (moto, folder) = (Moto::start(), tempfile::tempdir().expect("a folder"));
    let program = world::on_moto(Program::keepward(), &moto, "one", folder.path());
    let server = program.serve().expect("it starts");
    let user = world::kms_login(&program, "user", "ops");
    let updates = update_at_once(&[&server], &user);
    assert!(server.stop().contains("panics=0"));
    updates.check(&stored_on(&moto, "one"));
}

#[test]
fn updates_of_one_credential_through_two_servers_are_all_in_the_history_once() {
    let moto = Moto::start();
    let folders = [
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    ];
    let program =
        |n: usize| world::on_moto(Program::keepward(), &moto, "shared", folders[n].path());
    let servers = [
        program(0).serve().expect("it starts"),
        program(1).serve().expect("it starts"),
    ];
    let user = world::kms_login(&program(0), "user", "ops");
    let updates = update_at_once(&[&servers[0], &servers[1]], &user);
    for server in &servers {
        let answer = server
            .http
            .get(&format!("/v1/credentials/{}", updates.id), &user);
        assert_eq!(
            answer.body["credential_pairs"]["k"],
            json!(updates.last().1)
        );
        assert_eq!(answer.body["revision"], json!(updates.last().0));
    }
    updates.check(&stored_on(&moto, "shared"));
}

/// What the writers were told.
struct Updates {
    id: String,
    /// Value of every acknowledged update, by the revision it became.
    acknowledged: BTreeMap<u64, String>,
}

impl Updates {
    fn last(&self) -> (&u64, &String) {
        self.acknowledged.last_key_value().expect("updates")
    }

    /// Every acknowledged one is in the history once, and nothing else is: nobody else wrote.
    fn check(mut self, stored: &BTreeMap<u64, String>) {
        self.acknowledged.insert(1, FIRST.to_owned());
        assert_eq!(self.acknowledged.len(), UPDATES + 1);
        assert!(self.acknowledged.keys().copied().eq(1..=UPDATES as u64 + 1));
        assert_eq!(
            stored, &self.acknowledged,
            "left the history, right what was acknowledged"
        );
    }
}

/// Updates one credential from all writers at once, each through the next of the servers. Each
/// update tells its value in the documentation too, which is stored in clear.
fn update_at_once(servers: &[&Running], login: &Login) -> Updates {
    let id = world::create(servers[0], login, "contended", &json!({ "k": FIRST }));
    let path = format!("/v1/credentials/{id}");
    // Given out one by one, so that no writer is done long before the others.
    let (next, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let update = |server: &Running| {
        let number = next.fetch_add(1, Ordering::SeqCst);
        (number < UPDATES).then(|| {
            let value = format!("update {number}");
            let body = json!({ "credential_pairs": { "k": value }, "documentation": value });
            let mut answer = server.http.put(&path, login, &body);
            // Told of a write that was not done, when the machine is too slow for so many.
            while answer.status == 503 && answer.body["error"] == BUSY {
                busy.fetch_add(1, Ordering::SeqCst);
                answer = server.http.put(&path, login, &body);
            }
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.body["credential_pairs"]["k"], json!(value));
            (answer.body["revision"].as_u64().expect("a revision"), value)
        })
    };
    let told: Vec<(u64, String)> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let server = servers[writer % servers.len()];
                scope.spawn(move || std::iter::from_fn(|| update(server)).collect::<Vec<_>>())
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("the writer ends"))
            .collect()
    });
    println!("{} answers said: {BUSY}", busy.into_inner());
    let acknowledged = BTreeMap::from_iter(told);
    Updates { id, acknowledged }
}

/// The history in an embedded server's folder: the documentation of each revision.
fn stored_in(folder: &Path) -> BTreeMap<u64, String> {
    world::embedded_items(folder)
        .iter()
        .filter(|item| item.get("data_type") == Some(&keep::Value::s("archive-credential")))
        .map(
            |item| match (&item["revision"], item.get("documentation")) {
                (keep::Value::N(number), Some(keep::Value::S(text))) => {
                    (number.as_str(), text.as_str())
                }
                (keep::Value::N(number), None) => (number.as_str(), FIRST),
                other => panic!("{other:?}"),
            },
        )
        .map(|(number, text)| (number.parse().expect("a number"), text.to_owned()))
        .collect()
}

/// The same on moto.
fn stored_on(moto: &Moto, table: &str) -> BTreeMap<u64, String> {
    moto.dump(table)
        .iter()
        .filter(|item| item["data_type"]["S"] == "archive-credential")
        .map(|item| {
            let text = item["documentation"]["S"].as_str().unwrap_or(FIRST);
            let number = world::text(&item["revision"], "N");
            (number.parse().expect("a number"), text.to_owned())
        })
        .collect()
}

const BUSY: &str = "too many writers at once, try again";

/// The value that the credential was created with.
const FIRST: &str = "first";

#[test]
fn a_name_is_taken_once_even_by_two_servers_at_once() {
    let moto = Moto::start();
    let folders = [
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    ];
    let program = |n: usize| world::on_moto(Program::keepward(), &moto, "names", folders[n].path());
    let servers = [
        program(0).serve().expect("it starts"),
        program(1).serve().expect("it starts"),
    ];
    let user = world::kms_login(&program(0), "user", "ops");

    for round in 0..5 {
        let body = json!({ "name": format!("same name {round}"), "credential_pairs": { "k": "v" }, "enabled": true });
        let statuses: Vec<u16> = thread::scope(|scope| {
            let (user, body) = (&user, &body);
            let writers: Vec<_> = servers
                .iter()
                .map(|server| {
                    scope.spawn(move || server.http.post("/v1/credentials", user, body).status)
                })
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().expect("the writer ends"))
                .collect()
        });
        let mut sorted = statuses.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [200, 409], "round {round}: {statuses:?}");
    }
}
