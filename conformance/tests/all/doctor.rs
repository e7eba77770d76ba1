//! `keepward doctor` and the built program: what works is told as working, each thing missing by name.

use std::path::Path;
use std::process::Output;

use conformance::Program;
use serde_json::{Value, json};
use testkit::Moto;

use crate::world;

fn doctor(program: &Program, arguments: &[&str]) -> Output {
    let arguments: Vec<&str> = ["doctor"].iter().chain(arguments).copied().collect();
    conformance::run(program.command(&arguments))
}

fn told(output: &Output, code: i32) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    out + &err
}

fn report(output: &Output, code: i32) -> Value {
    told(output, code);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What each check of this status says, by what it checked.
fn checks(report: &Value, status: &str) -> Vec<String> {
    report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|check| check["status"] == status)
        .map(|check| {
            format!(
                "{}: {}",
                world::text(check, "what"),
                world::text(check, "says")
            )
        })
        .collect()
}

/// A server's settings, and its table made by a first start.
fn started(moto: &Moto, folder: &Path) -> Program {
    let program = world::on_moto(Program::keepward(), moto, "confidant", folder);
    program.serve().expect("it starts").stop();
    program
}

#[test]
fn where_all_is_well_nothing_is_wrong_and_nothing_is_written() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let program = started(&moto, &folder.path().join("data"));
    let before = moto.dump("confidant");
    let report = report(&doctor(&program, &["--json", "--data"]), 0);
    assert_eq!(report["ok"], true);
    assert_eq!(report["policy"], Value::Null);
    let well = checks(&report, "ok");
    for part in [
        "settings: valid",
        "table confidant: layout: as wanted",
        "clock: ",
        "table confidant: Query of data_type_date_index: permitted",
        "table confidant: PutItem: permitted",
        "table confidant: ConditionCheckItem: permitted",
        "master key alias/confidant: Decrypt: permitted, and opens what it sealed",
        "service login key alias/authnz: Decrypt: permitted",
        "service login key alias/authnz-sandbox: Decrypt: permitted",
        "user login key alias/authnz-user: Decrypt: permitted",
        "stored data: every current item has its copy",
    ] {
        assert!(
            well.iter().any(|told| told.starts_with(part)),
            "{well:#?} lacks {part}"
        );
    }
    assert_eq!(checks(&report, "unknown"), [""; 0]);
    assert_eq!(moto.dump("confidant"), before);
}

/// Every action that a server of these settings needs.
const NEEDED: &[&str] = &[
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:DeleteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DescribeTable",
    "kms:DescribeKey",
    "kms:GenerateRandom",
    "kms:Encrypt",
    "kms:Decrypt",
];

#[test]
fn each_missing_permission_is_named_with_the_statement_to_add() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let program = started(&moto, &folder.path().join("data"));
    for missing in NEEDED {
        let rest: Vec<&str> = NEEDED
            .iter()
            .copied()
            .filter(|action| action != missing)
            .collect();
        moto.allow_only("AKIDTEST", &rest);
        let report = report(&doctor(&program, &["--json"]), 7);
        assert_eq!(report["missing_permissions"], json!([missing]), "{report}");
        for statement in report["policy"]["Statement"]
            .as_array()
            .expect("statements")
        {
            assert_eq!(statement["Action"], json!([missing]));
            let resource = world::text(statement, "Resource");
            let expected = match *missing {
                "dynamodb:Query" => "table/confidant/index/*",
                "dynamodb:DescribeTable" => "arn:aws:dynamodb:us-east-1:*:table/confidant",
                "kms:GenerateRandom" => "*",
                "kms:DescribeKey" => "arn:aws:kms:us-east-1:*:key/*",
                kms if kms.starts_with("kms:") => "arn:aws:kms:us-east-1:123456789012:key/",
                _ => "arn:aws:dynamodb:us-east-1:123456789012:table/confidant",
            };
            assert!(resource.contains(expected), "{missing}: {resource}");
        }
    }
    // Exactly these: a role that has them is well.
    moto.allow_only("AKIDTEST", NEEDED);
    report(&doctor(&program, &["--json"]), 0);
}

#[test]
fn a_role_that_may_not_make_tokens_is_well_and_told_how_to_try_one() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let program = started(&moto, &folder.path().join("data")).set("USE_ENCRYPTION", "false");
    let rest: Vec<&str> = NEEDED
        .iter()
        .copied()
        .filter(|action| *action != "kms:Encrypt")
        .collect();
    moto.allow_only("AKIDTEST", &rest);
    let danger = program.set("KEEPWARD_DANGER_ALLOW_INSECURE", "USE_ENCRYPTION");
    let text = told(&doctor(&danger, &[]), 0);
    assert!(
        text.contains("keepward token inspect --server URL"),
        "{text}"
    );
}

#[test]
fn a_wrong_key_a_missing_table_and_a_dead_endpoint_are_told_apart() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let program = started(&moto, &data);
    let wrong = |program: Program| checks(&report(&doctor(&program, &["--json"]), 7), "wrong");

    let key = wrong(program.clone().set("KMS_MASTER_KEY", "alias/nobody"));
    assert_eq!(
        key,
        ["master key alias/nobody: DescribeKey: no master key alias/nobody"]
    );
    let table = wrong(world::on_moto(Program::keepward(), &moto, "nowhere", &data));
    assert_eq!(table, ["table nowhere: GetItem: no table nowhere"]);
    let dead = wrong(program.set("DYNAMODB_URL", "http://127.0.0.1:9"));
    assert!(
        matches!(&dead[..], [told] if told.contains("GetItem: the table is unavailable")),
        "{dead:?}"
    );
}

#[test]
fn wrong_settings_end_it_as_config_check_does() {
    let program = Program::keepward().set("PORT", "no number");
    assert!(told(&doctor(&program, &["--json"]), 2).contains("PORT"));
}

#[test]
fn an_embedded_server_is_examined_stopped_and_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let program = world::embedded(Program::keepward(), &data);
    assert!(told(&doctor(&program, &[]), 0).contains("there is none yet"));
    assert!(!data.exists(), "a doctor makes nothing");

    let server = program.serve().expect("it starts");
    let running = report(&doctor(&program, &["--json"]), 0);
    assert!(
        checks(&running, "unknown")
            .iter()
            .any(|told| told.contains("in use by another process")),
        "{running}"
    );
    server.stop();

    let stopped = report(&doctor(&program, &["--json", "--data"]), 0);
    assert_eq!(checks(&stopped, "unknown"), [""; 0]);
    let well = checks(&stopped, "ok");
    assert!(
        well.iter()
            .any(|told| told.contains("opens what it sealed")),
        "{well:?}"
    );

    std::fs::rename(data.join("keyring.json"), data.join("elsewhere")).expect("a rename");
    let text = told(&doctor(&program, &[]), 7);
    assert!(text.contains("keyring.json is missing"), "{text}");
    assert!(
        !data.join("keyring.json").exists(),
        "a doctor makes no keyring"
    );
}

/// Three stored things that old servers spoiled: a credential overwritten by another write of the
/// same revision, one set back below its history, and a service without its copy.
fn spoiled(moto: &Moto, program: &Program, ids: &[String; 2]) {
    let mut items = moto.dump("confidant");
    for item in &mut items {
        let id = world::text(&item["id"], "S");
        // Both writers called it revision 1; the copy is the other one's.
        if id == format!("{}-1", ids[0]) {
            item["name"] = json!({ "S": "theirs" });
        }
    }
    let back: Vec<Value> = items
        .iter()
        .filter(|item| item["id"]["S"] == format!("{}-1", ids[1]))
        .map(|copy| {
            let mut current = copy.clone();
            current["id"] = json!({ "S": ids[1] });
            current["data_type"] = json!({ "S": "credential" });
            current
        })
        .collect();
    assert_eq!(back.len(), 1);
    moto.load("confidant", "confidant", &items);
    moto.load("confidant", "confidant", &back);
    let text = told(&doctor(program, &["--data"]), 7);
    for id in ids {
        assert!(
            text.contains(&format!("`keepward doctor --repair {id}`")),
            "{text}"
        );
    }
}

#[test]
fn what_an_old_server_overwrote_is_told_and_repaired_only_when_told_how() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let program = world::on_moto(
        Program::keepward(),
        &moto,
        "confidant",
        &folder.path().join("data"),
    );
    let server = program.serve().expect("it starts");
    let user = world::kms_login(&program, "user", "ops");
    let ids = [
        world::create(&server, &user, "ours", &json!({ "k": "v" })),
        world::create(&server, &user, "moved", &json!({ "k": "one" })),
    ];
    let update = json!({ "credential_pairs": { "k": "two" } });
    let path = format!("/v1/credentials/{}", ids[1]);
    assert_eq!(server.http.put(&path, &user, &update).status, 200);
    spoiled(&moto, &program, &ids);

    let program = program
        .set("KEEPWARD_URL", &server.url)
        .set("KEEPWARD_KMS_KEY", "alias/authnz-user")
        .set("KEEPWARD_FROM", "ops")
        .set("KEEPWARD_TO", "confidant-testing");
    let repair = |id: &str, more: &[&str]| {
        let arguments: Vec<&str> = ["--caller", "user", "--repair", id]
            .iter()
            .chain(more)
            .copied()
            .collect();
        doctor(&program, &arguments)
    };
    let before = moto.dump("confidant");
    let shown = told(&repair(&ids[0], &[]), 7);
    for part in ["they differ in name", "--write current", "--write history"] {
        assert!(shown.contains(part), "{shown} lacks {part}");
    }
    let json = report(&repair(&ids[1], &["--json"]), 7);
    assert_eq!(
        (&json["current"]["revision"], &json["history"]["revision"]),
        (&json!(1), &json!(2)),
        "{json}"
    );
    assert_eq!(
        moto.dump("confidant"),
        before,
        "nothing was changed unasked"
    );

    told(&repair(&ids[0], &["--write", "current"]), 0);
    told(&repair(&ids[1], &["--write", "history"]), 0);
    let current = |id: &str| {
        server
            .http
            .get(&format!("/v1/credentials/{id}"), &user)
            .body
    };
    assert_eq!(current(&ids[0])["name"], "ours");
    assert_eq!(current(&ids[1])["credential_pairs"]["k"], "two");
    assert_eq!(current(&ids[1])["revision"], 3);
    assert!(told(&repair(&ids[1], &[]), 0).contains("say the same"));
    let report = report(&doctor(&program, &["--data", "--json"]), 0);
    assert_eq!(report["ok"], true);
    // The state that did not win is still in the history.
    assert!(
        moto.dump("confidant")
            .iter()
            .any(|item| item["name"]["S"] == "theirs")
    );
    server.stop();
}
