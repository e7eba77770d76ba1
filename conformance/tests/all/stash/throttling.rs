//! A bulk read is complete, or it fails and says so; what it asks of AWS is bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use serde_json::{Value, json};
use testkit::Fault;

use super::tools::{Desk, LIMIT, Ran, Tools, run};

/// How many secrets there are.
const SECRETS: usize = 40;

/// Long enough that a listing has several pages: DynamoDB ends one at 1 MB.
const LENGTH: usize = 40_000;

/// The commands that read everything, each printing JSON.
const READS: [(&str, &[&str]); 4] = [
    ("credsmash", &["-t", "credential-store", "get-all"]),
    ("credsmash", &["-t", "credential-store", "find-many", "s*"]),
    ("credstash", &["getall"]),
    ("stash", &["export", "--format", "json"]),
];

/// A desk with all secrets, and what a complete read of them is.
fn laid_out() -> (Desk, Value) {
    let desk = Desk::open(Tools::ours());
    let secrets: BTreeMap<String, String> = (0..SECRETS)
        .map(|number| {
            (
                format!("s{number}"),
                format!("{number} {}", "x".repeat(LENGTH)),
            )
        })
        .collect();
    desk.write("many.json", json!(secrets).to_string());
    desk.run("credstash", &["putall", "@many.json"]).ok();
    (desk, json!(secrets))
}

fn shown(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("no JSON: {ran:?}"))
}

/// So many calls of an operation succeeded, and so many were refused as ordered.
fn calls(desk: &Desk, operation: &str) -> (usize, usize) {
    let calls = desk.moto.calls();
    let made: Vec<_> = calls
        .iter()
        .filter(|call| call.operation() == operation)
        .collect();
    let refused = made.iter().filter(|call| call.fault().is_some()).count();
    (made.len() - refused, refused)
}

fn throttle(operation: &str) -> Fault {
    let code = match operation {
        "Decrypt" => "ThrottlingException",
        _ => "ProvisionedThroughputExceededException",
    };
    Fault::refuse(operation, code, 400).saying("slow down")
}

#[test]
fn a_bulk_read_asks_the_key_service_once_a_secret_over_few_connections() {
    let (desk, all) = laid_out();
    for (tool, words) in READS {
        desk.moto.forget_calls();
        assert_eq!(shown(&desk.run(tool, words)), all, "{tool} {words:?}");
        assert_eq!(calls(&desk, "Decrypt"), (SECRETS, 0), "{tool} {words:?}");
        let (pages, _) = calls(&desk, "Scan");
        assert!(pages > 1, "{tool} {words:?}: one page, no test of the rest");
        let calls = desk.moto.calls();
        let connections: BTreeSet<_> = calls.iter().map(|call| call.connection()).collect();
        println!(
            "{tool} {words:?}: {} calls over {} connections, {pages} pages",
            calls.len(),
            connections.len()
        );
        assert!(
            connections.len() <= calls.len() / 2,
            "{tool}: {connections:?}"
        );
    }
}

#[test]
fn a_throttled_bulk_read_is_complete_or_fails_and_says_so() {
    let (desk, all) = laid_out();
    let (mut complete, mut failed) = (0, 0);
    for (tool, words) in READS {
        // Some: complete. The first page, and a later one.
        for operation in ["Scan", "Decrypt"] {
            for skip in [0, 1] {
                desk.moto.forget_calls();
                desk.moto.fault(throttle(operation).after(skip).times(3));
                let ran = desk.run(tool, words);
                let about = format!("{tool} {words:?} {operation} {skip}: {}", ran.told());
                assert_eq!(ran.code, Some(0), "{about}");
                assert_eq!(shown(&ran), all, "{about}");
                assert_eq!(desk.moto.open_faults(), 0, "{about}");
                let (opened, refused) = calls(&desk, "Decrypt");
                assert_eq!(opened, SECRETS, "{about}");
                assert!(refused <= 3, "{about}");
                complete += 1;
            }
        }
        // Many: either, and never a short set with success.
        for operation in ["Scan", "Decrypt"] {
            desk.moto.fault(throttle(operation).after(1).times(30));
            let ran = desk.run(tool, words);
            desk.moto.forget_faults();
            complete_or_told(&ran, &all, &format!("{tool} {words:?} many {operation}"));
            if ran.code == Some(0) {
                complete += 1
            } else {
                failed += 1
            }
        }
    }
    // For ever, from the second on: each fails in bounded time. All at once, since they mostly wait.
    let runs: Vec<_> = READS
        .iter()
        .flat_map(|read| ["Scan", "Decrypt"].map(|operation| (read, operation)))
        .enumerate()
        .map(|(number, (read, operation))| (format!("AKIDTHROTTLED{number}"), read, operation))
        .collect();
    thread::scope(|scope| {
        for (key, (tool, words), operation) in &runs {
            desk.moto
                .fault(throttle(operation).after(1).times(u32::MAX).by(key));
            let mut command = desk.command(tool, words);
            command.env("AWS_ACCESS_KEY_ID", key);
            let all = &all;
            scope.spawn(move || {
                let ran = run(command, b"", LIMIT);
                let about = format!("{tool} {words:?} for ever {operation}: {}", ran.told());
                assert!(ran.code.is_some_and(|code| code != 0), "{about}");
                complete_or_told(&ran, all, &about);
            });
        }
    });
    failed += runs.len();
    println!("{complete} throttled reads complete, {failed} failed and said so");
}

#[test]
fn one_secret_that_does_not_open_fails_the_whole_read() {
    let (desk, all) = laid_out();
    for (tool, words) in READS {
        desk.moto.fault(
            Fault::refuse("Decrypt", "AccessDeniedException", 400)
                .after(7)
                .saying("nope"),
        );
        let ran = desk.run(tool, words);
        let about = format!("{tool} {words:?}: {}", ran.told());
        assert!(ran.code.is_some_and(|code| code != 0), "{about}");
        // Ours names the right that is missing.
        let words = match tool {
            "stash" => "missing permission kms:Decrypt",
            _ => "AccessDeniedException",
        };
        assert!(ran.told().contains(words), "{about}");
        assert_eq!(desk.moto.open_faults(), 0, "{about}");
        complete_or_told(&ran, &all, &about);
    }
}

/// Success shows everything; a failure says something, and shows nothing that is not true.
fn complete_or_told(ran: &Ran, all: &Value, about: &str) {
    match ran.code {
        Some(0) => assert_eq!(shown(ran), *all, "{about}"),
        Some(_) => {
            assert!(!ran.told().trim().is_empty(), "{about}: nothing is said");
            if !ran.stdout.is_empty() {
                for (name, value) in shown(ran).as_object().expect("an object") {
                    assert_eq!(Some(value), all.get(name), "{about}: {name}");
                }
            }
        }
        None => panic!("{about}: it hangs"),
    }
}
