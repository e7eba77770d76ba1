//! Two servers on one table see each other's writes and lose none.

use std::thread;

use conformance::Program;
use serde_json::json;
use testkit::Moto;

use crate::world;

const WRITERS: u64 = 4;
const UPDATES: u64 = 6;

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
    let id = world::create(&servers[0], &user, "contended", &json!({ "k": "v0" }));

    let acknowledged: Vec<(u64, String)> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (servers, user, id) = (&servers, &user, &id);
                scope.spawn(move || {
                    let server = &servers[usize::try_from(writer % 2).expect("0 or 1")];
                    (0..UPDATES)
                        .map(|update| {
                            let value = format!("w{writer}-u{update}");
                            let body = json!({ "credential_pairs": { "k": value } });
                            let answer =
                                server
                                    .http
                                    .put(&format!("/v1/credentials/{id}"), user, &body);
                            assert_eq!(answer.status, 200, "{}", answer.body);
                            (answer.body["revision"].as_u64().expect("a revision"), value)
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("the writer ends"))
            .collect()
    });

    let mut revisions: Vec<u64> = acknowledged.iter().map(|(revision, _)| *revision).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=WRITERS * UPDATES + 1).collect::<Vec<_>>());
    let last = acknowledged
        .iter()
        .max_by_key(|(revision, _)| *revision)
        .expect("updates");
    for server in &servers {
        let answer = server.http.get(&format!("/v1/credentials/{id}"), &user);
        assert_eq!(answer.body["credential_pairs"]["k"], json!(last.1));
        assert_eq!(answer.body["revision"], json!(last.0));
    }
    let archived = moto
        .dump("shared")
        .iter()
        .filter(|item| item["data_type"]["S"] == "archive-credential")
        .count();
    assert_eq!(
        u64::try_from(archived).expect("a count"),
        WRITERS * UPDATES + 1
    );
}

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
