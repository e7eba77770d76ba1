//! What the audit directory promises: every line once, whole, and no number twice.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::EventId;
use keep::AuditSink as _;
use local::{AuditFile, LocalError, SystemRandom};

use crate::TestClock;

fn open(directory: &Path) -> AuditFile {
    AuditFile::open(directory, Arc::new(TestClock::default()), &SystemRandom).unwrap()
}

fn line(id: &EventId) -> String {
    format!("{{\"id\":\"{id}\",\"what\":\"é\"}}")
}

fn append(audit: &AuditFile) -> EventId {
    let id = audit.next_id();
    audit.append(&id, &line(&id)).unwrap();
    id
}

/// All lines of all segments, in the order of the segments.
fn lines(directory: &Path) -> Vec<String> {
    let mut segments: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    segments.sort();
    segments
        .iter()
        .flat_map(|path| {
            fs::read_to_string(path)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Goes away like a killed process: nothing is closed or written down, the lock is let go.
fn crash(audit: AuditFile, directory: &Path) {
    let before = fs::read(directory.join("numbering.json")).unwrap();
    drop(audit);
    fs::write(directory.join("numbering.json"), before).unwrap();
}

#[test]
fn a_line_is_in_the_file_when_append_returns_and_private() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let first = append(&audit);
    assert_eq!((first.number, first.server.len()), (1, 32));
    assert_eq!(lines(&directory), [line(&first)]);
    assert_eq!(
        fs::metadata(&directory).unwrap().permissions().mode() & 0o777,
        0o700
    );
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{entry:?}"
        );
    }
    assert!(directory.join("000000000001.jsonl").exists());
}

#[test]
fn the_same_event_appended_twice_is_kept_once_also_after_a_crash() {
    let place = tempfile::tempdir().unwrap();
    let audit = open(place.path().join("audit").as_path());
    let directory = place.path().join("audit");
    let id = append(&audit);
    audit.append(&id, &line(&id)).unwrap();
    crash(audit, &directory);
    let audit = open(&directory);
    audit.append(&id, &line(&id)).unwrap();
    assert_eq!(lines(&directory), [line(&id)]);
}

#[test]
fn numbers_without_a_line_are_missing_after_a_crash_until_they_get_one() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let ids: Vec<_> = (0..6).map(|_| audit.next_id()).collect();
    for position in [0, 2, 3] {
        audit.append(&ids[position], &line(&ids[position])).unwrap();
    }
    assert_eq!(audit.missing(), [], "missing are those of earlier runs");
    crash(audit, &directory);

    let audit = open(&directory);
    let missing = audit.missing();
    for (position, written) in [true, false, true, true, false, false]
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            !missing.contains(&ids[position]),
            written,
            "number {}",
            position + 1
        );
    }
    audit.append(&ids[4], &line(&ids[4])).unwrap();
    assert!(!audit.missing().contains(&ids[4]));
    let fresh = audit.next_id();
    assert!(!missing.contains(&fresh) && !ids.contains(&fresh));
    crash(audit, &directory);
    // A second crash forgets nothing either.
    let audit = open(&directory);
    assert!(audit.missing().contains(&ids[1]) && audit.missing().contains(&fresh));
    assert!(!audit.missing().contains(&ids[4]));
}

#[test]
fn a_number_that_waited_over_many_segments_is_still_missing_after_a_crash() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let slow = audit.next_id();
    for _ in 0..4 {
        append(&audit);
        audit.close_segment();
    }
    append(&audit);
    crash(audit, &directory);
    let audit = open(&directory);
    let missing = audit.missing();
    assert!(missing.contains(&slow));
    let written: BTreeSet<_> = lines(&directory).into_iter().collect();
    assert!(
        missing.iter().all(|id| !written.contains(&line(id))),
        "a written one is missing"
    );
}

#[test]
fn after_a_clean_stop_numbers_go_on_and_nothing_is_missing() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    for expected in 1..=3 {
        let audit = open(&directory);
        assert_eq!(audit.missing(), []);
        assert_eq!(append(&audit).number, expected);
    }
    assert_eq!(lines(&directory).len(), 3);
}

#[test]
fn no_number_is_given_twice_over_crashes_without_a_line() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let mut given = BTreeSet::new();
    for _ in 0..5 {
        let audit = open(&directory);
        for _ in 0..3 {
            assert!(given.insert(audit.next_id()));
        }
        crash(audit, &directory);
    }
}

#[test]
fn a_torn_last_line_is_cut_off_and_told() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let (first, second) = (append(&audit), append(&audit));
    let segment = audit.directory().join("000000000001.jsonl");
    crash(audit, &directory);
    let whole = fs::read(&segment).unwrap();
    for cut in 1..line(&second).len() {
        fs::write(&segment, &whole[..whole.len() - cut]).unwrap();
        let numbering = fs::read(directory.join("numbering.json")).unwrap();
        let audit = open(&directory);
        assert_eq!(
            audit.repaired_bytes() as usize,
            line(&second).len() + 1 - cut
        );
        assert_eq!(lines(&directory), [line(&first)]);
        assert!(
            audit.missing().contains(&second),
            "its event may rest in the table"
        );
        drop(audit);
        fs::write(directory.join("numbering.json"), numbering).unwrap();
    }
    // Nothing but a torn first line: no segment at all.
    fs::write(&segment, "{\"id\"").unwrap();
    let audit = open(&directory);
    assert_eq!(audit.repaired_bytes(), 5);
    assert_eq!(audit.closed_segments(), []);
}

#[test]
fn a_segment_closes_at_ten_thousand_lines_and_at_ten_minutes() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let clock = Arc::new(TestClock::default());
    let audit = AuditFile::open(
        &directory,
        Arc::clone(&clock) as Arc<dyn keep::Clock>,
        &SystemRandom,
    )
    .unwrap();
    for _ in 0..10_000 {
        append(&audit);
    }
    append(&audit);
    let closed = audit.closed_segments();
    assert_eq!(
        closed
            .iter()
            .map(|segment| segment.number)
            .collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(
        fs::read_to_string(&closed[0].path).unwrap().lines().count(),
        10_000
    );
    clock.advance(Duration::from_secs(599));
    assert_eq!(audit.closed_segments().len(), 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(audit.closed_segments().len(), 2);
    append(&audit);
    audit.close_segment();
    assert_eq!(
        audit
            .closed_segments()
            .iter()
            .map(|segment| segment.number)
            .collect::<Vec<_>>(),
        [1, 10_001, 10_002]
    );
}

#[test]
fn a_late_line_in_a_new_segment_gives_it_a_new_name() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let late = audit.next_id();
    append(&audit);
    audit.close_segment();
    audit.append(&late, &line(&late)).unwrap();
    audit.close_segment();
    assert_eq!(
        audit
            .closed_segments()
            .iter()
            .map(|segment| segment.number)
            .collect::<Vec<_>>(),
        [2, 3]
    );
}

#[test]
fn threads_that_append_at_once_mix_no_lines() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    append(&audit);
                }
            });
        }
    });
    let lines = lines(&directory);
    let distinct: BTreeSet<_> = lines.iter().collect();
    assert_eq!((lines.len(), distinct.len()), (4_000, 4_000));
    for line in &lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn refuses_a_line_break_and_an_event_of_another_server() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let id = audit.next_id();
    assert!(audit.append(&id, "{}\n{}").is_err());
    assert!(
        audit
            .append(
                &EventId {
                    server: "0".repeat(32),
                    ..id.clone()
                },
                "{}"
            )
            .is_err()
    );
    audit.append(&id, &line(&id)).unwrap();
    assert_eq!(lines(&directory), [line(&id)]);
}

#[test]
fn when_no_segment_can_be_made_append_says_so_and_works_again_later() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let id = audit.next_id();
    // The name is taken: the nearest to a failing disk that needs no rights and no device.
    let taken = directory.join("000000000001.jsonl");
    fs::create_dir(&taken).unwrap();
    assert!(audit.append(&id, &line(&id)).is_err());
    fs::remove_dir(&taken).unwrap();
    audit.append(&id, &line(&id)).unwrap();
    assert_eq!(lines(&directory), [line(&id)]);
}

#[test]
fn segments_without_their_numbering_are_refused_since_numbers_would_come_again() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    append(&open(&directory));
    fs::remove_file(directory.join("numbering.json")).unwrap();
    let refused = AuditFile::open(&directory, Arc::new(TestClock::default()), &SystemRandom);
    assert!(matches!(refused.err(), Some(LocalError::Damaged { .. })));
}

#[test]
fn a_directory_is_open_once_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let _audit = open(&directory);
    let refused = AuditFile::open(&directory, Arc::new(TestClock::default()), &SystemRandom);
    assert!(matches!(refused.err(), Some(LocalError::InUse { .. })));
}

#[test]
fn a_foreign_line_in_a_segment_does_not_stop_a_start() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("audit");
    let audit = open(&directory);
    let id = append(&audit);
    crash(audit, &directory);
    let mut segment = OpenOptions::new()
        .append(true)
        .open(directory.join("000000000001.jsonl"))
        .unwrap();
    segment.write_all(b"what is this\n").unwrap();
    let audit = open(&directory);
    assert!(!audit.missing().contains(&id));
}

/// In this directory, which only the parent makes, files may grow to a few KB only.
const SMALL: &str = "small-disk";

/// Also the program that `a_write_cut_short_leaves_no_half_line` starts, by this name: there the
/// disk is full soon, here it never is.
#[test]
fn appends_until_the_disk_is_full_and_goes_on_when_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let is_small = Path::new(SMALL).is_dir();
    let directory = if is_small {
        Path::new(SMALL).join("audit")
    } else {
        place.path().join("audit")
    };
    let audit = open(&directory);
    let mut written = Vec::new();
    let mut refused = 0;
    while refused < 3 && written.len() < 1_000 {
        let id = audit.next_id();
        match audit.append(&id, &line(&id)) {
            Ok(()) => written.push(line(&id)),
            Err(_) => refused += 1,
        }
        assert_eq!(
            fs::read_to_string(directory.join("000000000001.jsonl")).unwrap(),
            written.join("\n") + "\n"
        );
    }
    assert_eq!(refused > 0, is_small);
    if is_small {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
        let room = rustix::process::Rlimit {
            current: limit.maximum,
            ..limit
        };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, room).unwrap();
    }
    let id = append(&audit);
    written.push(line(&id));
    assert_eq!(lines(&directory), written);
    println!("refused {refused}");
}

#[test]
fn a_write_cut_short_leaves_no_half_line() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join(SMALL)).unwrap();
    // An ignored signal and a soft limit are inherited; a write over the limit is then cut short
    // and the next one fails, as on a full disk.
    let program = std::env::current_exe().unwrap();
    let command = "trap '' XFSZ; ulimit -S -f 9; exec \"$0\" --exact \"$1\" --nocapture";
    let output = std::process::Command::new("sh")
        .args(["-c", command, program.to_str().unwrap()])
        .arg("audit_file::appends_until_the_disk_is_full_and_goes_on_when_there_is_room")
        .current_dir(place.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("refused 3"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
