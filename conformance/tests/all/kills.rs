//! Killed before and after every port call, restarted: nothing lost, nothing torn.
//!
//! A port call is one call of the table, the key service or the audit log. A kill after the commit
//! of a write is the case of a reply that was lost.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use conformance::dying::POINT;
use conformance::{Login, Program, Running};
use keep::Item;
use serde_json::{Value, json};
use testkit::Moto;

use crate::world;

/// What the client knows when the server has died or all steps are done.
#[derive(Debug, Default)]
struct Seen {
    /// The value of the credential that an answer acknowledged last.
    acknowledged: String,
    /// The value that was sent without an answer.
    in_doubt: Option<String>,
    /// The new credential was acknowledged.
    created: Option<String>,
    /// The mapping was acknowledged.
    mapped: bool,
    /// All steps were answered.
    finished: bool,
}

/// Where a server keeps its things, made ready before each kill.
trait Ground: Sync {
    /// A fresh copy of the prepared state; gives the settings of the server on it.
    fn fresh(&self, program: Program, folder: &Path, number: u64) -> Program;
    /// The same state again, as the kill left it.
    fn resume(&self, program: Program, folder: &Path, number: u64) -> Program {
        self.fresh(program, folder, number)
    }
    /// A login that does not need a server.
    fn login(&self, program: &Program, folder: &Path) -> Login;
    /// All stored items, after the server has stopped: id, data type, revision, ciphertext.
    fn stored(&self, folder: &Path, number: u64) -> Vec<Stored>;
}

#[derive(Debug)]
struct Stored {
    id: String,
    data_type: String,
    revision: String,
    pairs: String,
}

/// The steps that are interrupted. Ends at the first one that gets no answer.
fn steps(server: &Running, login: &Login, id: &str) -> Seen {
    let mut seen = Seen {
        acknowledged: "before".to_owned(),
        ..Seen::default()
    };
    for value in ["first", "second"] {
        seen.in_doubt = Some(value.to_owned());
        let body = json!({ "credential_pairs": { "k": value } });
        let Some(answer) = server.http.send(
            "PUT",
            &format!("/v1/credentials/{id}"),
            Some(login),
            Some(&body),
        ) else {
            return seen;
        };
        assert_eq!(answer.status, 200, "{}", answer.body);
        seen.acknowledged = value.to_owned();
        seen.in_doubt = None;
    }
    let body = json!({ "name": "new", "credential_pairs": { "n": "new value" }, "enabled": true });
    let Some(answer) = server
        .http
        .send("POST", "/v1/credentials", Some(login), Some(&body))
    else {
        return seen;
    };
    assert_eq!(answer.status, 200, "{}", answer.body);
    let new = world::text(&answer.body, "id");
    seen.created = Some(new.clone());
    let body = json!({ "credentials": [id, new], "blind_credentials": [], "enabled": true });
    let Some(answer) = server
        .http
        .send("PUT", "/v1/services/web", Some(login), Some(&body))
    else {
        return seen;
    };
    assert_eq!(answer.status, 200, "{}", answer.body);
    seen.mapped = true;
    let Some(answer) = server
        .http
        .send("GET", "/v1/services/web", Some(login), None)
    else {
        return seen;
    };
    assert_eq!(answer.status, 200, "{}", answer.body);
    seen.finished = true;
    seen
}

/// What must hold after the restart, and that the steps can be done again.
fn verify(server: &Running, login: &Login, id: &str, seen: &Seen, point: &str) {
    let get = |path: &str| server.http.get(path, login);
    let credential = get(&format!("/v1/credentials/{id}"));
    assert_eq!(credential.status, 200, "{point}: {}", credential.body);
    let value = world::text(&credential.body["credential_pairs"], "k");
    let allowed = value == seen.acknowledged || Some(&value) == seen.in_doubt.as_ref();
    assert!(allowed, "{point}: holds {value}, {seen:?}");

    let list = get("/v1/credentials");
    let named: Vec<_> = list.body["credentials"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["name"] == "new")
        .collect();
    assert!(named.len() <= 1, "{point}: two credentials of one name");
    if let Some(created) = &seen.created {
        assert!(
            named.first().is_some_and(|one| one["id"] == **created),
            "{point}: an acknowledged create is lost"
        );
    }
    let service = get("/v1/services/web");
    let mapped = service.body["credentials"]
        .as_array()
        .expect("a list")
        .len();
    assert!(
        mapped == 2 || (mapped == 1 && !seen.mapped),
        "{point}: {mapped} mapped, {seen:?}"
    );

    // The same again, to its end.
    for value in ["first", "second"] {
        let answer = server.http.put(
            &format!("/v1/credentials/{id}"),
            login,
            &json!({ "credential_pairs": { "k": value } }),
        );
        assert_eq!(answer.status, 200, "{point}: {}", answer.body);
    }
    let body = json!({ "name": "new", "credential_pairs": { "n": "new value" }, "enabled": true });
    let again = server.http.post("/v1/credentials", login, &body);
    assert_eq!(
        again.status,
        if named.is_empty() { 200 } else { 409 },
        "{point}: {}",
        again.body
    );
}

/// No torn history: each current item has the archive item of its revision with the same
/// ciphertext, each revision from 1 is there, and each has exactly one event.
fn verify_stored(stored: &[Stored], audit: &[Value], point: &str) {
    let mut histories = 0;
    for current in stored
        .iter()
        .filter(|item| item.data_type == "credential" || item.data_type == "service")
    {
        let archived = stored
            .iter()
            .find(|item| item.id == format!("{}-{}", current.id, current.revision));
        let archived =
            archived.unwrap_or_else(|| panic!("{point}: {} has no archive item", current.id));
        assert_eq!(
            archived.pairs, current.pairs,
            "{point}: {} is torn",
            current.id
        );
        let last: u64 = current.revision.parse().expect("a number");
        for revision in 1..=last {
            let there = stored
                .iter()
                .any(|item| item.id == format!("{}-{revision}", current.id));
            assert!(there, "{point}: {} lacks revision {revision}", current.id);
            let events = audit
                .iter()
                .filter(|line| {
                    line["target"] == *current.id
                        && line["revision"] == revision
                        && line["outcome"] == "allowed"
                })
                .filter(|line| {
                    line["action"].as_str().is_some_and(|action| {
                        action.ends_with(".create") || action.ends_with(".update")
                    })
                })
                .count();
            assert_eq!(
                events, 1,
                "{point}: {} revision {revision} has {events} events",
                current.id
            );
        }
        let beyond = stored
            .iter()
            .any(|item| item.id == format!("{}-{}", current.id, last + 1));
        assert!(
            !beyond,
            "{point}: {} has an archive item beyond its revision",
            current.id
        );
        histories += 1;
    }
    assert!(histories >= 2, "{point}: no histories");
}

/// Kills at every point and prints how many there were.
fn kill_everywhere(ground: &impl Ground, id: &str, name: &str) {
    let start = |program: Program, point: &str, number: u64, folder: &Path| {
        let dying = ground.fresh(program, folder, number).set(POINT, point);
        let login = ground.login(&ground.fresh(Program::keepward(), folder, number), folder);
        (dying.serve(), login)
    };
    // How many calls a whole run makes; what goes on in the background comes on top by chance.
    let folder = tempfile::tempdir().expect("a folder");
    let (server, login) = start(Program::that_dies(), "never", 0, folder.path());
    let server = server.expect("it starts");
    assert!(steps(&server, &login, id).finished);
    let log = server.stop();
    let calls = u64::try_from(
        log.lines()
            .filter(|line| line.starts_with("port call "))
            .count(),
    )
    .expect("a count");
    assert!(calls > 20, "only {calls} port calls:\n{log}");

    let points: Vec<String> = (1..=calls)
        .flat_map(|call| [format!("before:{call}"), format!("after:{call}")])
        .collect();
    let [next, died, survived, before_listening] = [const { AtomicU64::new(0) }; 4];
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(point) = usize::try_from(number)
                        .ok()
                        .and_then(|number| points.get(number))
                    else {
                        return;
                    };
                    let folder = tempfile::tempdir().expect("a folder");
                    let number = number + 1;
                    let (server, login) = start(Program::that_dies(), point, number, folder.path());
                    let seen = match server {
                        Ok(server) => {
                            let seen = steps(&server, &login, id);
                            if seen.finished {
                                // The last calls are those of an orderly stop.
                                server.terminate();
                            }
                            let (status, log) = server.ended();
                            assert!(!log.contains("panic at"), "{point}: {log}");
                            if status.signal() == Some(9) {
                                died.fetch_add(1, Ordering::SeqCst);
                            } else {
                                assert!(
                                    seen.finished && status.success(),
                                    "{point}: ended with {status}"
                                );
                                survived.fetch_add(1, Ordering::SeqCst);
                            }
                            seen
                        }
                        Err(told) => {
                            assert!(told.contains("signal: 9"), "{point}: {told}");
                            died.fetch_add(1, Ordering::SeqCst);
                            before_listening.fetch_add(1, Ordering::SeqCst);
                            Seen {
                                acknowledged: "before".to_owned(),
                                ..Seen::default()
                            }
                        }
                    };
                    let again = ground.resume(Program::keepward(), folder.path(), number);
                    let server = again
                        .serve()
                        .unwrap_or_else(|told| panic!("{point}: does not start again: {told}"));
                    verify(&server, &login, id, &seen, point);
                    assert!(server.stop().contains("panics=0"), "{point}");
                    verify_stored(
                        &ground.stored(folder.path(), number),
                        &world::audit_lines(folder.path()),
                        point,
                    );
                }
            });
        }
    });
    let (died, survived, early) = (
        died.into_inner(),
        survived.into_inner(),
        before_listening.into_inner(),
    );
    println!(
        "{name}: killed {died} times, before and after each of {calls} port calls ({early} before it listened); \
         {survived} points were not reached"
    );
    assert_eq!(died + survived, 2 * calls);
    // What goes on in the background makes a run a few calls shorter than the counted one.
    assert!(survived <= 12, "{survived} points were not reached");
}

struct Embedded {
    prepared: tempfile::TempDir,
}

impl Ground for Embedded {
    fn fresh(&self, program: Program, folder: &Path, _number: u64) -> Program {
        if !folder.join("table.sqlite").exists() {
            copy(self.prepared.path(), folder);
        }
        world::embedded(program, folder)
    }

    fn login(&self, program: &Program, folder: &Path) -> Login {
        world::key_login(program, &folder.join("operator.key"))
    }

    fn stored(&self, folder: &Path, _number: u64) -> Vec<Stored> {
        let field = |item: &Item, name: &str| match item.get(name) {
            Some(keep::Value::S(text) | keep::Value::N(text)) => text.clone(),
            _ => String::new(),
        };
        world::embedded_items(folder)
            .iter()
            .map(|item| Stored {
                id: field(item, "id"),
                data_type: field(item, "data_type"),
                revision: field(item, "revision"),
                pairs: field(item, "credential_pairs"),
            })
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(to).expect("the folder is made");
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).expect("the mode is set");
    for entry in fs::read_dir(from).expect("the folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("the file is copied");
        }
    }
}

#[test]
fn nothing_is_lost_or_torn_in_embedded_mode() {
    let prepared = tempfile::tempdir().expect("a folder");
    copy(
        tempfile::tempdir().expect("an empty folder").path(),
        prepared.path(),
    );
    let program = world::embedded(Program::keepward(), prepared.path());
    let server = program.serve().expect("it starts");
    let login = world::key_login(&program, &prepared.path().join("operator.key"));
    let id = world::create(&server, &login, "old", &json!({ "k": "before" }));
    world::map(&server, &login, "web", &[&id]);
    server.stop();
    kill_everywhere(&Embedded { prepared }, &id, "embedded");
}

struct OnMoto {
    moto: Moto,
    items: Vec<Value>,
    audit: tempfile::TempDir,
}

impl OnMoto {
    fn table(number: u64) -> String {
        format!("kill-{number}")
    }
}

impl Ground for OnMoto {
    fn fresh(&self, program: Program, folder: &Path, number: u64) -> Program {
        let table = Self::table(number);
        if !folder.join("audit").exists() {
            self.moto.load(&table, "confidant", &self.items);
            copy(self.audit.path(), folder);
        }
        world::on_moto(program, &self.moto, &table, folder)
    }

    fn login(&self, program: &Program, _folder: &Path) -> Login {
        world::kms_login(program, "user", "ops")
    }

    fn stored(&self, _folder: &Path, number: u64) -> Vec<Stored> {
        let field = |item: &Value, name: &str, kind: &str| {
            item[name][kind].as_str().unwrap_or_default().to_owned()
        };
        self.moto
            .dump(&Self::table(number))
            .iter()
            .map(|item| Stored {
                id: field(item, "id", "S"),
                data_type: field(item, "data_type", "S"),
                revision: field(item, "revision", "N"),
                pairs: field(item, "credential_pairs", "S"),
            })
            .collect()
    }
}

#[test]
fn nothing_is_lost_or_torn_on_dynamodb() {
    let moto = Moto::start();
    let audit = tempfile::tempdir().expect("a folder");
    let program = world::on_moto(Program::keepward(), &moto, "prepared", audit.path());
    let server = program.serve().expect("it starts");
    let login = world::kms_login(&program, "user", "ops");
    let id = world::create(&server, &login, "old", &json!({ "k": "before" }));
    world::map(&server, &login, "web", &[&id]);
    server.stop();
    let items = moto.dump("prepared");
    kill_everywhere(&OnMoto { moto, items, audit }, &id, "DynamoDB");
}
