//! `kill -9` of a process that writes: what it was told is written, is there and whole.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use keep::{AuditSink as _, Consistency, Key, Schema, Table as _, TableName, Value, event_key};
use local::{AuditFile, SqliteTable, SystemRandom};

use crate::{item, put, system_clock};

/// In this directory, which only the parent makes, the writer goes on until it is killed.
const ORDERS: &str = "write-until-killed";

async fn open(place: &Path) -> (SqliteTable, AuditFile) {
    let table = SqliteTable::open(&place.join("table.sqlite")).unwrap();
    let schema = Schema {
        name: TableName::new("t"),
        hash: "id".to_owned(),
        range: None,
        indexes: Vec::new(),
    };
    table.create(&schema).await.unwrap();
    (
        table,
        AuditFile::open(&place.join("audit"), system_clock(), &SystemRandom).unwrap(),
    )
}

/// Writes two items and an event each round, and prints the event's number when all are written.
async fn write(place: &Path, rounds: u64) {
    let (table, audit) = open(place).await;
    for round in 0..rounds {
        let id = audit.next_id();
        let both = ["left", "right"].map(|side| {
            let key = Value::s(format!("{side}/{}", id.number));
            put(
                "t",
                item([
                    ("id", key),
                    ("round", Value::n(round)),
                    ("filler", Value::s("x".repeat(500))),
                ]),
            )
        });
        table.transact(&both).await.unwrap();
        audit
            .append(&id, &format!("{{\"id\":\"{id}\",\"round\":{round}}}"))
            .unwrap();
        println!("written {}", id.number);
    }
}

/// Also the program that `acknowledged_writes_survive_kill_9` starts, by this name.
#[tokio::test]
async fn a_process_that_is_not_killed_writes_all() {
    if Path::new(ORDERS).is_dir() {
        write(Path::new(ORDERS), u64::MAX).await;
    }
    let place = tempfile::tempdir().unwrap();
    write(place.path(), 20).await;
    let (table, audit) = open(place.path()).await;
    for number in 1..=20 {
        check(&table, &audit, number).await;
    }
    assert_eq!(audit.next_id().number, 21);
}

async fn check(table: &SqliteTable, audit: &AuditFile, number: u64) {
    for side in ["left", "right"] {
        let key = Key::id(format!("{side}/{number}"));
        let found = table
            .get(&TableName::new("t"), &key, Consistency::Strong)
            .await
            .unwrap();
        assert!(found.is_some(), "{side}/{number} is lost");
    }
    let lines = lines(audit);
    let id = format!("\"id\":\"{}.{number}\"", audit.server());
    assert_eq!(
        lines.iter().filter(|line| line.contains(&id)).count(),
        1,
        "the event of {number}"
    );
}

fn lines(audit: &AuditFile) -> Vec<String> {
    let segments = audit.closed_segments();
    segments
        .iter()
        .flat_map(|segment| {
            let text = std::fs::read_to_string(&segment.path).unwrap();
            assert!(text.ends_with('\n'), "{} is torn", segment.path.display());
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn acknowledged_writes_survive_kill_9() {
    let place = tempfile::tempdir().unwrap();
    let orders = place.path().join(ORDERS);
    std::fs::create_dir(&orders).unwrap();
    let mut acknowledged: Vec<u64> = Vec::new();
    for kill in 1..=12_usize {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "durability::a_process_that_is_not_killed_writes_all",
                "--nocapture",
            ])
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let told = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut this_time = 0;
        // At another point each time, and what it said before it died counts too.
        for line in told {
            let line = line.unwrap();
            if let Some(number) = line
                .strip_prefix("written ")
                .and_then(|number| number.parse().ok())
            {
                acknowledged.push(number);
                this_time += 1;
                if this_time == kill * 7 {
                    writer.kill().unwrap();
                }
            }
        }
        writer.wait().unwrap();
        assert!(
            this_time >= kill * 7,
            "the writer ended by itself after {this_time} writes"
        );

        let (table, audit) = open(&orders).await;
        for number in acknowledged.iter().rev().take(50) {
            check(&table, &audit, *number).await;
        }
        // A transaction is there whole or not at all, also the one that was under way; its event is
        // either a line or among the missing, under a number that is not given again.
        let missing = audit.missing();
        let last = *acknowledged.last().unwrap();
        for number in last + 1..last + 10 {
            let id = domain::EventId {
                server: audit.server().to_owned(),
                number,
            };
            let mut sides = 0;
            for side in ["left", "right"] {
                let key = Key::id(format!("{side}/{number}"));
                sides += usize::from(
                    table
                        .get(&TableName::new("t"), &key, Consistency::Strong)
                        .await
                        .unwrap()
                        .is_some(),
                );
            }
            assert_ne!(sides, 1, "half of {number} is there");
            let line = lines(&audit)
                .iter()
                .any(|line| line.contains(&format!("\"{id}\"")));
            assert!(
                line || missing.contains(&id),
                "{} is forgotten",
                event_key(&id).hash.1.as_s().unwrap()
            );
        }
        assert!(audit.next_id().number > last + 10);
    }
    let mut distinct = acknowledged.clone();
    distinct.dedup();
    assert_eq!(distinct, acknowledged, "a number was given twice");
    let (table, audit) = open(&orders).await;
    for number in acknowledged.iter().step_by(17) {
        check(&table, &audit, *number).await;
    }
}
