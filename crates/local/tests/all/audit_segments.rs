//! Sealed audit segments: one chain over all servers, and every tampering is found.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use keep::{
    Action, AuditSink as _, Condition, Consistency, Item, Key, Schema, Table, TableName, Value,
};
use local::{
    AuditFile, AuditSegments, Finding, Report, SqliteTable, SystemRandom, signing_key, verify,
};
use seal::signature::VerifyingKey;

use crate::TestClock;

struct House {
    place: tempfile::TempDir,
    table: Arc<SqliteTable>,
    clock: Arc<TestClock>,
}

struct Server {
    audit: Arc<AuditFile>,
    segments: AuditSegments,
    key: VerifyingKey,
}

fn own() -> TableName {
    TableName::new("own")
}

impl House {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let table = SqliteTable::open(&place.path().join("table.sqlite")).unwrap();
        let schema = Schema {
            name: own(),
            hash: "id".to_owned(),
            range: None,
            indexes: Vec::new(),
        };
        table.create(&schema).await.unwrap();
        Self {
            place,
            table: Arc::new(table),
            clock: Arc::default(),
        }
    }

    fn server(&self, name: &str) -> Server {
        let directory = self.place.path().join(name);
        let clock = || Arc::clone(&self.clock) as Arc<dyn keep::Clock>;
        let audit = Arc::new(AuditFile::open(&directory, clock(), &SystemRandom).unwrap());
        let key = signing_key(&directory, &SystemRandom).unwrap();
        let verifying = key.verifying_key();
        let table = Arc::clone(&self.table) as Arc<dyn Table>;
        let segments = AuditSegments::new(Arc::clone(&audit), table, own(), clock(), key);
        Server {
            audit,
            segments,
            key: verifying,
        }
    }

    async fn verify(&self, servers: &[&Server]) -> Report {
        let directories: Vec<PathBuf> = servers
            .iter()
            .map(|server| server.audit.directory().to_owned())
            .collect();
        let keys: Vec<_> = servers.iter().map(|server| server.key).collect();
        verify(&*self.table, &own(), &directories, &keys)
            .await
            .unwrap()
    }

    async fn get(&self, id: &str) -> Item {
        self.table
            .get(&own(), &Key::id(id), Consistency::Strong)
            .await
            .unwrap()
            .unwrap()
    }

    async fn put(&self, item: Item) {
        let condition = Condition::always();
        self.table
            .transact(&[Action::Put {
                table: own(),
                item,
                condition,
            }])
            .await
            .unwrap();
    }

    async fn delete(&self, id: &str) {
        let condition = Condition::always();
        self.table
            .transact(&[Action::Delete {
                table: own(),
                key: Key::id(id),
                condition,
            }])
            .await
            .unwrap();
    }

    /// One server with three sealed segments of three lines, and an open one.
    async fn with_three_sealed() -> (Self, Server) {
        let house = Self::new().await;
        let server = house.server("one");
        for _ in 0..3 {
            server.write(3);
            assert_eq!(server.segments.seal_now().await.unwrap(), 1);
        }
        server.write(1);
        let report = house.verify(&[&server]).await;
        assert_eq!(
            (
                report.records,
                report.intact,
                report.unsealed.len(),
                report.findings
            ),
            (3, 3, 1, vec![])
        );
        (house, server)
    }
}

impl Server {
    fn write(&self, lines: usize) {
        for _ in 0..lines {
            let id = self.audit.next_id();
            self.audit
                .append(&id, &format!("{{\"id\":\"{id}\"}}"))
                .unwrap();
        }
    }

    fn file(&self, position: usize) -> PathBuf {
        self.audit.closed_segments()[position].path.clone()
    }
}

#[tokio::test]
async fn one_chain_holds_the_segments_of_all_servers() {
    let house = House::new().await;
    let servers = [
        house.server("one"),
        house.server("two"),
        house.server("three"),
    ];
    for round in 0..4 {
        for server in &servers {
            server.write(round + 1);
            server.audit.close_segment();
        }
        let (one, two, three) = tokio::join!(
            servers[0].segments.seal_closed(),
            servers[1].segments.seal_closed(),
            servers[2].segments.seal_closed()
        );
        assert_eq!(one.unwrap() + two.unwrap() + three.unwrap(), 3);
    }
    let report = house.verify(&[&servers[0], &servers[1], &servers[2]]).await;
    assert_eq!(
        (report.records, report.intact, report.elsewhere),
        (12, 12, 0)
    );
    assert!(report.is_clean(), "{:?}", report.findings);
    // With one directory only, the others' records are still chained and signed.
    let directory = vec![servers[0].audit.directory().to_owned()];
    let keys: Vec<_> = servers.iter().map(|server| server.key).collect();
    let report = verify(&*house.table, &own(), &directory, &keys)
        .await
        .unwrap();
    assert_eq!(
        (report.intact, report.elsewhere, report.is_clean()),
        (4, 8, true)
    );
}

#[tokio::test]
async fn an_empty_house_is_clean_and_sealing_nothing_writes_nothing() {
    let house = House::new().await;
    let server = house.server("one");
    assert_eq!(server.segments.seal_now().await.unwrap(), 0);
    assert_eq!(house.verify(&[&server]).await, Report::default());
}

#[tokio::test]
async fn sealing_goes_on_after_a_kill_and_seals_nothing_twice() {
    let (house, server) = House::with_three_sealed().await;
    // Killed after the transaction and before the marker was written.
    let marker = server.audit.directory().join("sealed");
    fs::remove_file(&marker).unwrap();
    assert_eq!(server.segments.seal_now().await.unwrap(), 1);
    fs::write(&marker, "1").unwrap();
    assert_eq!(server.segments.seal_now().await.unwrap(), 0);
    drop(server);
    // A new process seals what the old one had left.
    let server = house.server("one");
    server.write(2);
    drop(server);
    let server = house.server("one");
    assert_eq!(server.segments.seal_closed().await.unwrap(), 1);
    let report = house.verify(&[&server]).await;
    assert_eq!(
        (report.records, report.intact, report.is_clean()),
        (5, 5, true)
    );
}

#[tokio::test]
async fn the_signing_key_is_made_once_and_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let first = signing_key(place.path(), &SystemRandom).unwrap();
    let again = signing_key(place.path(), &SystemRandom).unwrap();
    assert_eq!(first.verifying_key(), again.verifying_key());
    let path = place.path().join("signing.key");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(signing_key(place.path(), &SystemRandom).is_err());
}

/// Each changes the lines of one sealed file.
#[rstest::rstest]
#[case::changed(|lines: &mut Vec<String>| lines[1] = lines[1].replace('2', "9"))]
#[case::removed(|lines: &mut Vec<String>| drop(lines.remove(1)))]
#[case::last_removed(|lines: &mut Vec<String>| drop(lines.pop()))]
#[case::added(|lines: &mut Vec<String>| lines.push(lines[0].clone()))]
#[case::reordered(|lines: &mut Vec<String>| lines.swap(0, 1))]
#[tokio::test]
async fn finds_lines_that_were(#[case] change: fn(&mut Vec<String>)) {
    let (house, server) = House::with_three_sealed().await;
    let path = server.file(0);
    let mut lines: Vec<_> = fs::read_to_string(&path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    change(&mut lines);
    fs::write(
        &path,
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    )
    .unwrap();
    let altered = Finding::FileAltered {
        path,
        sealed_lines: 3,
        lines: lines.len() as u64,
    };
    assert_eq!(house.verify(&[&server]).await.findings, [altered]);
}

#[tokio::test]
async fn finds_a_file_that_was_removed() {
    let (house, server) = House::with_three_sealed().await;
    fs::remove_file(server.file(1)).unwrap();
    assert_eq!(
        house.verify(&[&server]).await.findings,
        [Finding::FileMissing(server.file(1))]
    );
}

#[tokio::test]
async fn finds_a_file_that_was_added_between_sealed_ones() {
    let (house, server) = House::with_three_sealed().await;
    let added = server.audit.directory().join("000000000005.jsonl");
    fs::write(&added, "{}\n").unwrap();
    assert_eq!(
        house.verify(&[&server]).await.findings,
        [Finding::FileAdded(added)]
    );
}

#[tokio::test]
async fn finds_two_files_that_were_exchanged() {
    let (house, server) = House::with_three_sealed().await;
    let (one, two) = (server.file(0), server.file(1));
    let spare = one.with_extension("spare");
    fs::rename(&one, &spare).unwrap();
    fs::rename(&two, &one).unwrap();
    fs::rename(&spare, &two).unwrap();
    assert_eq!(house.verify(&[&server]).await.findings.len(), 2);
}

#[rstest::rstest]
#[case::first(1)]
#[case::middle(2)]
#[case::last(3)]
#[tokio::test]
async fn finds_a_record_that_was_removed(#[case] number: u64) {
    let (house, server) = House::with_three_sealed().await;
    house.delete(&format!("kw/segment/{number}")).await;
    let findings = house.verify(&[&server]).await.findings;
    assert!(
        findings.contains(&Finding::RecordMissing(number)),
        "{findings:?}"
    );
}

#[rstest::rstest]
#[case("count", Value::n(4))]
#[case("first", Value::n(2))]
#[case("last", Value::n(2))]
#[case("at", Value::s("2030-01-01T00:00:00+00:00"))]
#[case("server", Value::s("00000000000000000000000000000000"))]
#[case("segment", Value::n(77))]
#[case("sha256", Value::B(vec![0; 32]))]
#[case("previous", Value::B(vec![7; 32]))]
#[case("number", Value::n(3))]
#[case("signature", Value::B(vec![0; 64]))]
#[tokio::test]
async fn finds_a_changed_attribute_of_a_record(#[case] attribute: &str, #[case] value: Value) {
    let (house, server) = House::with_three_sealed().await;
    let mut record = house.get("kw/segment/2").await;
    record.insert(attribute.to_owned(), value);
    house.put(record).await;
    let findings = house.verify(&[&server]).await.findings;
    assert!(
        findings.contains(&Finding::SignatureWrong(2)),
        "{findings:?}"
    );
}

#[tokio::test]
async fn finds_two_records_that_were_exchanged() {
    let (house, server) = House::with_three_sealed().await;
    let (mut one, mut two) = (
        house.get("kw/segment/1").await,
        house.get("kw/segment/2").await,
    );
    one.insert("id".to_owned(), Value::s("kw/segment/2"));
    two.insert("id".to_owned(), Value::s("kw/segment/1"));
    house.put(one).await;
    house.put(two).await;
    let findings = house.verify(&[&server]).await.findings;
    assert!(
        findings.contains(&Finding::ChainBroken(1)) && findings.contains(&Finding::OutOfOrder(2)),
        "{findings:?}"
    );
}

#[tokio::test]
async fn finds_a_record_that_was_signed_again_with_another_key() {
    let (house, server) = House::with_three_sealed().await;
    let intruder = house.server("intruder");
    intruder.write(1);
    intruder.segments.seal_now().await.unwrap();
    let report = house.verify(&[&server]).await;
    assert_eq!(report.findings, [Finding::KeyNotTrusted(4)]);
}

#[tokio::test]
async fn finds_a_chain_whose_end_was_cut_off_with_its_head_set_back() {
    let (house, server) = House::with_three_sealed().await;
    // What the intruder saw when there were two records, put back.
    let record = house.get("kw/segment/3").await;
    let Some(Value::B(digest)) = record.get("previous") else {
        panic!("no previous digest")
    };
    let mut head = house.get("kw/segment/head").await;
    head.insert("number".to_owned(), Value::n(2));
    head.insert("digest".to_owned(), Value::B(digest.clone()));
    house.put(head).await;
    assert!(
        house
            .verify(&[&server])
            .await
            .findings
            .contains(&Finding::HeadWrong)
    );
    house.delete("kw/segment/3").await;
    assert_eq!(
        house.verify(&[&server]).await.findings,
        [Finding::SealRemoved(server.file(2))]
    );
}

#[tokio::test]
async fn finds_a_head_that_was_removed_or_changed() {
    let (house, server) = House::with_three_sealed().await;
    let mut head = house.get("kw/segment/head").await;
    house.delete("kw/segment/head").await;
    assert!(
        house
            .verify(&[&server])
            .await
            .findings
            .contains(&Finding::HeadWrong)
    );
    head.insert("digest".to_owned(), Value::B(vec![0; 32]));
    house.put(head).await;
    assert_eq!(
        house.verify(&[&server]).await.findings,
        [Finding::HeadWrong]
    );
}
