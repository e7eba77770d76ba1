//! Each command does with the rights that the published policies give for it, and asks for nothing else.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::Fault;

use super::tools::{Desk, Tools};

/// A command, and the rights that it has: what the manuals of the two tools publish, and what they leave out and need.
const RIGHTS: &[(&str, &[&str], &[&str])] = &[
    (
        "credsmash",
        &["put", "new", "value"],
        &["Query", "PutItem", "GenerateDataKey"],
    ),
    (
        "credsmash",
        &["put", "old", "value"],
        &["Query", "PutItem", "GenerateDataKey", "Decrypt"],
    ),
    (
        "credsmash",
        &["put", "--no-compare", "old", "value"],
        &["Query", "PutItem", "GenerateDataKey"],
    ),
    (
        "credsmash",
        &["put", "-v", "7", "old", "value"],
        &["PutItem", "GenerateDataKey"],
    ),
    (
        "credsmash",
        &["put-many", "many.json"],
        &["Query", "PutItem", "GenerateDataKey", "Decrypt"],
    ),
    ("credsmash", &["get", "old"], &["Query", "Decrypt"]),
    (
        "credsmash",
        &["get", "-v", "1", "old"],
        &["GetItem", "Decrypt"],
    ),
    ("credsmash", &["get-all"], &["Scan", "Query", "Decrypt"]),
    (
        "credsmash",
        &["find-one", "ol*"],
        &["Scan", "Query", "Decrypt"],
    ),
    (
        "credsmash",
        &["find-many", "o*"],
        &["Scan", "Query", "Decrypt"],
    ),
    (
        "credsmash",
        &["render-template", "template", "-"],
        &["Query", "Decrypt"],
    ),
    ("credsmash", &["list"], &["Scan"]),
    ("credsmash", &["prune", "old"], &["Scan", "DeleteItem"]),
    ("credsmash", &["prune-many", "o*"], &["Scan", "DeleteItem"]),
    ("credsmash", &["delete", "old"], &["Scan", "DeleteItem"]),
    ("credsmash", &["delete-many", "o*"], &["Scan", "DeleteItem"]),
    (
        "credsmash",
        &["-t", "made", "setup-dynamodb"],
        &["ListTables", "CreateTable", "DescribeTable"],
    ),
    (
        "credstash",
        &["put", "new", "value"],
        &["PutItem", "GenerateDataKey"],
    ),
    (
        "credstash",
        &["put", "-a", "old", "value"],
        &["Query", "PutItem", "GenerateDataKey"],
    ),
    (
        "credstash",
        &["putall", "@many.json"],
        &["PutItem", "GenerateDataKey"],
    ),
    (
        "credstash",
        &["putall", "-a", "@many.json"],
        &["Query", "PutItem", "GenerateDataKey"],
    ),
    ("credstash", &["get", "old"], &["Query", "Decrypt"]),
    (
        "credstash",
        &["get", "-v", "1", "old"],
        &["GetItem", "Decrypt"],
    ),
    ("credstash", &["get", "o*"], &["Scan", "Query", "Decrypt"]),
    ("credstash", &["getall"], &["Scan", "Query", "Decrypt"]),
    (
        "credstash",
        &["getall", "-v", "1"],
        &["Scan", "GetItem", "Decrypt"],
    ),
    ("credstash", &["list"], &["Scan"]),
    ("credstash", &["keys"], &["Scan"]),
    ("credstash", &["delete", "old"], &["Query", "DeleteItem"]),
    (
        "credstash",
        &["-t", "made", "setup"],
        &["ListTables", "CreateTable", "DescribeTable", "TagResource"],
    ),
    (
        "stash",
        &["put", "new", "--file", "value"],
        &["Query", "PutItem", "GenerateDataKey", "Decrypt"],
    ),
    ("stash", &["get", "old"], &["Query", "Decrypt"]),
    ("stash", &["list"], &["Scan"]),
    ("stash", &["export"], &["Scan", "Query", "Decrypt"]),
];

/// A desk with the files that the commands read.
fn laid_out() -> Desk {
    let desk = Desk::open(Tools::ours());
    desk.write("value", "a value");
    desk.write("many.json", r#"{"m1": "1", "m2": "2"}"#);
    desk.write("template", "{{ secrets.old }}");
    desk
}

/// Two secrets in each table, one of them with two versions.
fn filled(desk: &Desk) -> Vec<(String, Vec<Value>)> {
    for (name, value) in [("old", "one"), ("old", "two"), ("other", "three")] {
        let put = desk.feed("credsmash", &["put", name, "-"], value.as_bytes());
        assert_eq!(put.code, Some(0), "{}", put.told());
    }
    for arguments in [
        ["-v", "1", "old", "one"],
        ["-v", "2", "old", "two"],
        ["-v", "1", "other", "3"],
    ] {
        desk.run("credstash", &[&["put"], &arguments[..]].concat())
            .ok();
    }
    desk.stored()
}

/// Who makes the calls of a desk.
const KEY: &str = "AKIDTEST";

fn action(operation: &str) -> String {
    let service = match operation {
        "Decrypt" | "GenerateDataKey" => "kms",
        _ => "dynamodb",
    };
    format!("{service}:{operation}")
}

#[test]
fn every_command_does_with_the_published_rights() {
    let desk = laid_out();
    let stored = filled(&desk);
    for (tool, words, rights) in RIGHTS {
        desk.put_back(&stored);
        let actions: Vec<String> = rights.iter().map(|operation| action(operation)).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        desk.moto.allow_only(KEY, &actions);
        desk.moto.forget_calls();
        let ran = desk.run(tool, words);
        let calls = desk.moto.calls_by(KEY);
        let asked: BTreeSet<&str> = calls.iter().map(|call| call.operation()).collect();
        println!("{tool} {}: {asked:?}", words.join(" "));
        assert_eq!(ran.code, Some(0), "{tool} {words:?}: {}", ran.told());
        let beyond: Vec<_> = asked
            .iter()
            .filter(|asked| !rights.contains(asked))
            .collect();
        assert!(
            beyond.is_empty(),
            "{tool} {words:?} asks for {beyond:?} too"
        );
        assert!(!asked.is_empty(), "{tool} {words:?} asks for nothing");
    }
}

#[test]
fn a_command_without_its_rights_names_what_is_missing_and_changes_nothing() {
    let desk = laid_out();
    let stored = filled(&desk);
    for (tool, words, rights) in RIGHTS {
        desk.put_back(&stored);
        // All but one, by turns; what a command has a right to and does not use, it does without.
        desk.moto.forget_calls();
        desk.run(tool, words);
        let used: BTreeSet<String> = desk
            .moto
            .calls()
            .iter()
            .map(|call| call.operation().to_owned())
            .collect();
        for missing in &used {
            desk.put_back(&stored);
            let actions: Vec<String> = rights
                .iter()
                .filter(|operation| *operation != missing)
                .map(|operation| action(operation))
                .collect();
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            desk.moto.allow_only(KEY, &actions);
            let ran = desk.run(tool, words);
            let about = format!(
                "{tool} {words:?} without {missing}: {}{}",
                ran.told(),
                ran.text()
            );
            assert!(ran.code.is_some_and(|code| code != 0), "{about}");
            // credstash's words for what goes wrong with a data key differ; they hold AWS's too. Ours name the right.
            let right = format!("missing permission {}", action(missing));
            let words: &[&str] = match *tool {
                "stash" => &[&right],
                _ => &["AccessDeniedException", "KMS ERROR"],
            };
            assert!(
                words.iter().any(|words| ran.told().contains(words)),
                "{about}"
            );
            if !["DescribeTable", "TagResource"].contains(&missing.as_str()) {
                assert_eq!(stored, desk.stored(), "{about}");
            }
        }
    }
}

#[test]
fn a_writer_who_may_not_get_items_learns_that_its_write_was_done() {
    for (tool, words) in [
        ("credsmash", &["put", "--no-compare", "once", "value"][..]),
        ("credstash", &["put", "-a", "once", "@value"]),
        ("stash", &["put", "once", "--file", "value", "--no-compare"]),
    ] {
        let desk = laid_out();
        desk.moto.allow_only(
            KEY,
            &["dynamodb:PutItem", "dynamodb:Query", "kms:GenerateDataKey"],
        );
        desk.moto.fault(Fault::drop_reply("PutItem"));
        let ran = desk.run(tool, words);
        assert_eq!(desk.moto.open_faults(), 0, "{tool}: no answer was lost");
        ran.ok();
        let rows: usize = desk.stored().iter().map(|(_, items)| items.len()).sum();
        assert_eq!(rows, 1, "{tool}: written once");
        let asked: Vec<_> = desk.moto.calls();
        assert!(
            asked.iter().any(|call| call.operation() == "GetItem"),
            "{tool} never looked whose the version is"
        );
    }
}
