//! `keepward preflight` and the built program: a table of the real Confidant, examined and untouched.

use std::process::Output;

use conformance::Program;
use serde_json::{Value, json};
use testkit::Moto;

use crate::world;

/// Items as Confidant 7.0.0 wrote them.
const ITEMS: &str = include_str!("../../../vectors/confidant/dynamodb_items.json");

/// Calls that change a table or make key material.
const CHANGES: &[&str] = &[
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
    "CreateTable",
    "UpdateTable",
    "DeleteTable",
    "Encrypt",
    "GenerateRandom",
    "GenerateDataKey",
];

/// The recorded items of the main table.
fn recorded() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(ITEMS).expect("JSON");
    vectors["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter(|entry| entry["table"] == "main")
        .map(|entry| entry["item"].clone())
        .collect()
}

fn preflight(moto: &Moto, arguments: &[&str]) -> Output {
    let program = world::aws_client(moto)
        .into_iter()
        .fold(Program::keepward(), |program, (name, value)| {
            program.set(name, value)
        })
        .set("DYNAMODB_URL", &moto.url)
        .set("KMS_URL", &moto.url)
        .set("PYNAMO_READ_TIMEOUT_SECONDS", "20")
        .set("KMS_READ_TIMEOUT", "20");
    let arguments: Vec<&str> = ["preflight"].iter().chain(arguments).copied().collect();
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

fn json(output: &Output, code: i32) -> Value {
    told(output, code);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_table_of_the_real_confidant_is_examined_and_not_touched() {
    let moto = Moto::start();
    moto.load("live", "confidant", &recorded());
    let before = moto.dump("live");

    let report = json(&preflight(&moto, &["live", "--open", "--json"]), 7);
    assert_eq!(report["ok"], false);
    assert_eq!(report["layout"], "as wanted");
    assert_eq!(report["items"]["credentials"]["current"], 3);
    let findings: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|finding| finding["finding"].as_str())
        .collect();
    // The vectors are a sample: histories and mapped credentials are not whole. All values open.
    assert_eq!(
        findings,
        [
            "not-archived",
            "not-archived",
            "not-archived",
            "archived-alone",
            "archived-alone",
            "dangling",
            "dangling",
            "dangling"
        ],
        "{report}"
    );

    assert_eq!(moto.dump("live"), before);
    let calls = moto.calls();
    let scans = calls
        .iter()
        .filter(|call| call.operation() == "Scan")
        .count();
    let opened = calls
        .iter()
        .filter(|call| call.operation() == "Decrypt")
        .count();
    assert_eq!((scans, opened), (1, 3));
    let changes: Vec<&str> = calls
        .iter()
        .map(testkit::Call::operation)
        .filter(|operation| CHANGES.contains(operation))
        .collect();
    assert_eq!(changes, [""; 0]);
}

#[test]
fn a_clean_table_is_ready_and_an_old_layout_is_no_finding() {
    let moto = Moto::start();
    let mut items: Vec<Value> = recorded()
        .into_iter()
        .filter(|item| {
            item["id"]["S"]
                .as_str()
                .is_some_and(|id| id.starts_with("380092081fbe4f679bdd7db5ac23cd1b"))
        })
        .collect();
    assert_eq!(items.len(), 2, "the vectors changed");
    for item in &mut items {
        item["enabled"] = json!({ "N": "1" });
    }
    moto.load("clean", "confidant", &items);
    let text = told(&preflight(&moto, &["clean"]), 0);
    for part in [
        "credentials: 1, and 1 revisions in their history",
        "enabled, a number, becomes a boolean: 1 current items, 1 old revisions",
        "verdict: ready to switch",
    ] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
}

#[test]
fn a_table_without_the_index_is_told_with_the_mending() {
    let moto = Moto::start();
    moto.load("stash", "stash", &[]);
    let text = told(&preflight(&moto, &["stash"]), 7);
    assert!(text.contains("layout (1)"), "{text}");
    assert!(text.contains("wanted is (id HASH S)"), "{text}");
}

#[test]
fn a_missing_table_and_a_missing_right_are_told_apart() {
    let moto = Moto::start();
    assert!(told(&preflight(&moto, &["nowhere"]), 3).contains("there is no table nowhere"));
    moto.load("live", "confidant", &recorded());
    moto.allow_only("AKIDTEST", &["dynamodb:DescribeTable", "dynamodb:Scan"]);
    // Doubtful items are read once more, which this role may not.
    assert!(told(&preflight(&moto, &["live"]), 4).contains("dynamodb:BatchGetItem"));
    moto.allow_only("AKIDTEST", &["dynamodb:*"]);
    assert!(told(&preflight(&moto, &["live", "--open"]), 4).contains("kms:Decrypt"));
}

#[test]
fn the_embedded_table_is_examined_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let program = world::embedded(Program::keepward(), &data);
    let server = program.serve().expect("it starts");
    let login = world::key_login(&program, &data.join("operator.key"));
    let id = world::create(&server, &login, "db", &json!({ "k": "canary" }));
    world::map(&server, &login, "web", &[&id]);
    let busy = told(
        &conformance::run(program.command(&["preflight", "--embedded"])),
        6,
    );
    assert!(busy.contains("in use"), "{busy}");
    server.stop();

    let output =
        conformance::run(program.command(&["preflight", "--embedded", "--open", "--json"]));
    let report = json(&output, 0);
    assert_eq!(report["ok"], true);
    assert_eq!(
        report["items"]["services"],
        json!({ "current": 1, "archived": 1 })
    );
    assert!(!told(&output, 0).contains("canary"));
}
