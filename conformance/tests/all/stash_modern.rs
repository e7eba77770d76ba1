//! `keepward stash` as a newcomer meets it: in a folder, with no AWS and no server; and on DynamoDB.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use conformance::Program;
use keep::{Action, Condition, Item, Scan, Table, TableName, Value};
use rstest::rstest;
use serde_json::json;

use crate::command_line::{Shell, json, ok, refused, text};
use crate::world;

/// A folder, and the commands in it.
struct Folder {
    folder: tempfile::TempDir,
    program: Program,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let stash = folder.path().join("stash").display().to_string();
        Self {
            program: Program::keepward().set("KEEPWARD_STASH_DIR", stash),
            folder,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.feed(arguments, b"")
    }

    fn feed(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .program
            .command(&[&["stash"], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A command that refuses its arguments reads nothing.
        let _unread = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().expect("the program ends")
    }

    fn put(&self, name: &str, value: &str) {
        ok(&self.feed(&["put", name, "--empty"], value.as_bytes()));
    }

    /// What is stored, as whoever may write the table sees it.
    fn rows(&self) -> Vec<Item> {
        self.with_table(async |table| {
            let scan = Scan {
                table: TableName::new("credential-store"),
                attributes: vec![],
                limit: None,
                start: None,
                consistency: keep::Consistency::Strong,
            };
            table.scan(&scan).await.expect("rows").items
        })
    }

    /// Puts a row as it is into another place.
    fn copy_row(&self, place: usize, name: &str, version: &str) {
        let mut item = self.rows()[place].clone();
        item.insert("name".to_owned(), Value::s(name));
        item.insert("version".to_owned(), Value::s(version));
        self.with_table(async |table| {
            let put = Action::Put {
                table: TableName::new("credential-store"),
                item: item.clone(),
                condition: Condition::always(),
            };
            table.transact(&[put]).await.expect("it is written");
        });
    }

    fn with_table<T>(&self, work: impl AsyncFn(&local::SqliteTable) -> T) -> T {
        let file = self.folder.path().join("stash/table.sqlite");
        let table = local::SqliteTable::open(&file).expect("a table");
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(work(&table))
    }
}

/// The shared emulator, with a table and an access key of a test's own.
fn on_moto(table: &str, access_key: &str) -> Program {
    world::aws_client(testkit::Moto::shared())
        .into_iter()
        .fold(Program::keepward(), |program, (name, value)| {
            program.set(name, value)
        })
        .set("AWS_ACCESS_KEY_ID", access_key)
        .set("KEEPWARD_STASH_TABLE", table)
        .set("CREDSTASH_DEFAULT_TABLE", table)
}

const ONE: &str = "0000000000000000001";

#[test]
fn nothing_is_a_value_only_when_it_is_meant() {
    let folder = Folder::new();
    folder.put("token", "t0ken");
    let ended = folder.feed(&["put", "token"], b"");
    assert_eq!(ended.status.code(), Some(2));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(told.contains("--empty stores an empty value"), "{told}");
    assert_eq!(ok(&folder.run(&["get", "token"])), "t0ken");
    ok(&folder.feed(&["put", "token", "--empty"], b""));
    assert_eq!(ok(&folder.run(&["get", "token"])), "");
}

#[test]
fn a_newcomer_stores_lists_reads_and_deletes_with_no_aws() {
    let folder = Folder::new();
    assert_eq!(ok(&folder.run(&["list"])), "NAME  VERSION  COMMENT\n");
    let put = ["put", "db.password", "--comment", "main"];
    assert_eq!(
        ok(&folder.feed(&put, b"hunter2")),
        "db.password is at version 1\n"
    );
    assert_eq!(
        ok(&folder.feed(&put, b"hunter2")),
        "db.password stays at version 1, which holds the same value\n"
    );
    assert_eq!(
        ok(&folder.feed(&put, b"hunter3")),
        "db.password is at version 2\n"
    );
    let ended = folder.feed(&["put", "token"], b"t0ken\n");
    assert!(
        text(&ended.stderr).contains("--trim takes it off"),
        "{ended:?}"
    );
    ok(&folder.feed(&["put", "token", "--trim"], b"t0ken\n"));

    assert_eq!(ok(&folder.run(&["get", "db.password"])), "hunter3");
    assert_eq!(
        ok(&folder.run(&["get", "db.password", "--version", "1"])),
        "hunter2"
    );
    assert_eq!(ok(&folder.run(&["get", "token"])), "t0ken");
    assert_eq!(
        ok(&folder.run(&["list"])),
        "NAME         VERSION  COMMENT\ndb.password  2        main\ntoken        2        -\n"
    );
    assert_eq!(ok(&folder.run(&["find", "db*"])), "db.password\n");
    assert_eq!(
        json(&folder.run(&["versions", "db.password", "--json"]))["secrets"][0],
        json!({ "name": "db.password", "version": ONE, "comment": "main" })
    );

    let shown = ok(&folder.run(&["delete", "db.password"]));
    assert_eq!(
        shown,
        "would delete db.password version 0000000000000000001\n\
         would delete db.password version 0000000000000000002\n\
         nothing was deleted; --yes does it\n"
    );
    ok(&folder.run(&["prune", "*", "--pattern"]));
    assert_eq!(folder.rows().len(), 4, "nothing is deleted without --yes");
    ok(&folder.run(&["prune", "*", "--pattern", "--yes"]));
    assert_eq!(folder.rows().len(), 2);
    ok(&folder.run(&["delete", "db.password", "--yes"]));
    refused(
        &folder.run(&["get", "db.password"]),
        3,
        "keepward: no secret named db.password in table credential-store\n  `keepward stash list` names",
    );
}

#[test]
fn values_are_bytes_and_a_file_of_one_is_its_owners_alone() {
    let folder = Folder::new();
    let bytes: Vec<u8> = (0..=255).collect();
    for form in ["legacy", "aes-ctr", "aes-gcm"] {
        ok(&folder.feed(&["put", form, "--form", form], &bytes));
        assert_eq!(folder.run(&["get", form]).stdout, bytes);
    }
    let file = folder.path("value");
    ok(&folder.run(&["get", "legacy", "--out", &file]));
    assert_eq!(fs::read(&file).expect("a file"), bytes);
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let told = json(&folder.run(&["get", "legacy", "--json"]));
    assert!(told.get("value").is_none() && told["value_base64"].is_string());
    // A document is text: bytes are refused unless something is said about them.
    refused(&folder.run(&["export"]), 6, "--binary base64");
    let skipped = folder.run(&["export", "--binary", "skip"]);
    assert_eq!(ok(&skipped), "{}\n");
    assert!(text(&skipped.stderr).contains("left out: aes-ctr, aes-gcm, legacy"));
}

#[rstest]
#[case::json("json", "values.json")]
#[case::yaml("yaml", "values.yml")]
#[case::csv("csv", "values.csv")]
fn what_is_exported_is_imported_and_a_second_import_stores_nothing(
    #[case] format: &str,
    #[case] file: &str,
) {
    let (one, other) = (Folder::new(), Folder::new());
    let values = [
        ("app/db.password", "it's \"x\", $y `z`\n"),
        ("empty", ""),
        ("ключ", "значение: # {}"),
    ];
    for (name, value) in values {
        one.put(name, value);
    }
    let file = one.path(file);
    ok(&one.run(&["export", "--format", format, "--out", &file]));
    let shown = ok(&other.run(&["import", &file, "--dry-run"]));
    assert!(
        shown.ends_with("3 new, 0 to change, 0 the same; nothing was stored\n"),
        "{shown}"
    );
    assert!(other.rows().is_empty());
    ok(&other.run(&["import", &file]));
    for (name, value) in values {
        assert_eq!(ok(&other.run(&["get", name])), value);
    }
    let again = ok(&other.run(&["import", &file]));
    assert!(
        again.starts_with("0 new, 0 to change, 3 the same\n"),
        "{again}"
    );
    assert_eq!(other.rows().len(), 3);
}

#[test]
fn exported_lines_are_read_by_a_shell_and_by_an_import() {
    let folder = Folder::new();
    folder.put("app/db.password", "it's $HOME");
    let lines = ok(&folder.run(&["export", "--format", "env"]));
    let file = folder.path("env.sh");
    fs::write(&file, lines).expect("a file");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", ". \"$0\"; printf %s \"$APP_DB_PASSWORD\"", &file]);
    assert_eq!(ok(&conformance::run(shell)), "it's $HOME");
    let dotenv = folder.path(".env");
    ok(&folder.run(&["export", "--format", "dotenv", "--out", &dotenv]));
    ok(&folder.run(&["import", &dotenv]));
    assert_eq!(ok(&folder.run(&["get", "APP_DB_PASSWORD"])), "it's $HOME");
}

#[test]
fn an_import_stores_nothing_when_one_value_cannot_be_compared_and_says_which() {
    let folder = Folder::new();
    ok(&folder.feed(&["put", "other", "--context", "env=prod"], b"kw-canary-1"));
    let document = br#"{"new": "kw-canary-2", "other": "kw-canary-3"}"#;
    let output = folder.feed(&["import", "-"], document);
    refused(&output, 4, "nothing was stored: other");
    assert!(
        text(&output.stdout).contains("cannot     other"),
        "{output:?}"
    );
    assert!(!text(&output.stderr).contains("kw-canary"), "{output:?}");
    assert_eq!(folder.rows().len(), 1);
    // The row that cannot be followed is told too; the others are stored with what makes it right.
    ok(&folder.feed(&["import", "-", "--no-compare"], document));
    assert_eq!(folder.rows().len(), 3);
    refused(
        &folder.feed(&["import", "-"], b"[1]"),
        2,
        "--format names the form",
    );
}

#[test]
fn a_command_gets_the_secrets_that_are_meant_under_names_that_shells_take() {
    let folder = Folder::new();
    folder.put("app/db.password", "s3cret");
    folder.put("app/url", "http://x");
    folder.put("web/key", "k");
    let print =
        "printf '%s|%s|%s|' \"$DB_PASSWORD\" \"$URL\" \"$KEY\"; tr '\\0' ' ' < /proc/$$/cmdline";
    let exec = [
        "exec",
        "app/*",
        "--strip-prefix",
        "app/",
        "--",
        "/bin/sh",
        "-c",
        print,
    ];
    let told = ok(&folder.run(&exec));
    assert!(
        told.starts_with("s3cret|http://x||") && !told[17..].contains("s3cret"),
        "{told}"
    );
    let pristine = ["exec", "web/*", "--pristine", "--", "/usr/bin/env"];
    assert_eq!(
        ok(&folder.run(&pristine)),
        "PATH=/usr/local/bin:/usr/bin:/bin\nWEB_KEY=k\n"
    );
    folder.put("app.url", "clash");
    refused(
        &folder.run(&["exec", "--", "/bin/true"]),
        6,
        "app.url and app/url would both be the variable APP_URL",
    );
    refused(
        &folder.run(&["exec", "none*", "--", "/bin/true"]),
        3,
        "no secret matches none*",
    );
    let status = folder.run(&["exec", "web/*", "--", "/bin/sh", "-c", "exit 9"]);
    assert_eq!(status.status.code(), Some(9));
}

#[test]
fn a_copied_row_and_one_that_was_set_back_are_told_with_exit_code_7() {
    let folder = Folder::new();
    folder.put("db", "old");
    folder.put("db", "new");
    let manifest = folder.path("manifest.json");
    let doctor = ["doctor", "--open", "--manifest", &manifest];
    assert_eq!(
        ok(&folder.run(&doctor)),
        "table credential-store: 2 rows of 1 secrets\nnothing is wrong\n"
    );
    // As whoever may write the table: the old value over the new one, and under another name.
    folder.copy_row(0, "db", "0000000000000000002");
    folder.copy_row(0, "admin", ONE);
    let output = folder.run(&doctor);
    assert_eq!(output.status.code(), Some(7));
    let told = text(&output.stdout);
    assert!(
        told.contains("copied to another name or version\n  - admin version")
            && told.contains(
                "db version 0000000000000000002 holds what version 0000000000000000001 held"
            ),
        "{told}"
    );
    assert!(text(&output.stderr).contains("--accept"), "{output:?}");
    let json_told: serde_json::Value =
        serde_json::from_slice(&folder.run(&[&doctor[..], &["--json"]].concat()).stdout)
            .expect("JSON");
    assert_eq!(json_told["findings"][0]["finding"], "copied-key");
    let accepted = [&doctor[..], &["--accept", "--ignore", "copied-key"]].concat();
    refused(&folder.run(&accepted), 7, "1 finding");
    ok(&folder.run(&[&doctor[..], &["--ignore", "copied-key"]].concat()));
}

#[test]
fn a_new_master_key_and_padded_versions_come_only_with_yes() {
    let folder = Folder::new();
    folder.put("db", "one");
    folder.copy_row(0, "old", "9");
    folder.copy_row(0, "old", "10");
    refused(
        &folder.feed(&["put", "old"], b"next"),
        6,
        "keepward stash migrate",
    );

    let shown = ok(&folder.run(&["migrate"]));
    assert!(
        shown.ends_with("nothing was moved; --yes does it\n"),
        "{shown}"
    );
    assert!(
        shown.contains("would move old version 9 to 0000000000000000009\n"),
        "{shown}"
    );
    ok(&folder.run(&["migrate", "--yes"]));
    assert_eq!(ok(&folder.run(&["migrate"])), "there is nothing to move\n");
    assert_eq!(
        ok(&folder.feed(&["put", "old"], b"next")),
        "old is at version 11\n"
    );

    let rotate = folder
        .program
        .clone()
        .set("KEEPWARD_DATA_DIR", folder.path("stash"));
    ok(&conformance::run(
        rotate.command(&["admin", "rotate-keyring"]),
    ));
    let before = folder.rows();
    let shown = ok(&folder.run(&["rewrap", "--key-id", "alias/any"]));
    assert!(
        shown.ends_with("nothing was changed; --yes does it\n"),
        "{shown}"
    );
    assert_eq!(folder.rows(), before);
    let done = json(&folder.run(&["rewrap", "--key-id", "alias/any", "--yes", "--json"]));
    assert_eq!(done["changed"].as_array().map(Vec::len), Some(4));
    let again = json(&folder.run(&["rewrap", "--key-id", "alias/any", "--yes", "--json"]));
    assert_eq!(
        (&again["already"], &again["changed"]),
        (&json!(4), &json!([]))
    );
    assert_eq!(ok(&folder.run(&["get", "db"])), "one");
    refused(&folder.run(&["rewrap"]), 2, "--key-id names it");
    refused(
        &folder.run(&["rewrap", "--key-id", "keyring:x"]),
        3,
        "no master key keyring:x",
    );
}

#[test]
fn a_table_with_copies_is_not_bound_unless_they_are_accepted() {
    let folder = Folder::new();
    folder.put("db", "s3cret");
    folder.copy_row(0, "admin", ONE);
    let bind = ["rewrap", "--key-id", "alias/any", "--bind", "--yes"];
    let before = folder.rows();
    refused(&folder.run(&bind), 6, "one row is a copy of another");
    assert_eq!(folder.rows(), before);
    ok(&folder.run(&[&bind[..], &["--accept-copies"]].concat()));
    assert_eq!(ok(&folder.run(&["get", "admin", "--strict"])), "s3cret");
}

#[test]
fn a_version_is_named_by_its_number_or_exactly() {
    let folder = Folder::new();
    folder.put("db", "padded");
    folder.copy_row(0, "db", "1");
    let rows = folder.rows().len();
    ok(&folder.run(&["delete", "db", "--version", "=1", "--yes"]));
    assert_eq!(folder.rows().len(), rows - 1);
    assert_eq!(ok(&folder.run(&["get", "db", "--version", "1"])), "padded");
    refused(&folder.run(&["get", "db", "--version", "=1"]), 3, "db");
}

#[test]
fn a_bound_value_that_is_moved_does_not_open_and_strict_takes_no_other() {
    let folder = Folder::new();
    ok(&folder.feed(&["put", "db", "--bind"], b"s3cret"));
    folder.put("plain", "p");
    assert_eq!(ok(&folder.run(&["get", "db"])), "s3cret");
    assert_eq!(ok(&folder.run(&["get", "db", "--strict"])), "s3cret");
    refused(
        &folder.run(&["get", "plain", "--strict"]),
        4,
        "rewrap --bind",
    );
    folder.copy_row(0, "admin", ONE);
    refused(&folder.run(&["get", "admin"]), 4, "does not open");
    let told = text(&folder.run(&["doctor", "--open"]).stdout);
    assert!(
        told.contains("admin version 0000000000000000001 holds the value of db version"),
        "{told}"
    );
    ok(&folder.run(&["delete", "admin", "--yes"]));
    ok(&folder.run(&["rewrap", "--key-id", "alias/any", "--bind", "--yes"]));
    assert_eq!(ok(&folder.run(&["get", "plain", "--strict"])), "p");
    // An old program reads it under the two pairs, and not without them.
    let stash = folder.path("stash");
    let old = |pairs: &[&str]| {
        let arguments = [&["credstash", "--local", &stash, "get", "plain"], pairs].concat();
        conformance::run(Program::keepward().command(&arguments))
    };
    let pairs = [
        "keepward:name=plain",
        "keepward:version=0000000000000000001",
    ];
    assert_eq!(ok(&old(&pairs)), "p\n");
}

#[test]
fn secrets_are_copied_to_another_table_and_folder_and_nothing_is_written_over() {
    let folder = Folder::new();
    folder.put("db", "one");
    folder.put("db", "two");
    refused(&folder.run(&["copy"]), 2, "--to-table");
    let shown = ok(&folder.run(&["copy", "--to-table", "other"]));
    assert!(
        shown.ends_with("nothing was copied; --yes does it\n"),
        "{shown}"
    );
    ok(&folder.run(&["copy", "--to-table", "other", "--yes"]));
    assert_eq!(
        ok(&folder.run(&["get", "db", "--table", "other", "--version", "1"])),
        "one"
    );
    let away = folder.path("away");
    ok(&folder.run(&["copy", "--to-local", &away, "--newest", "--yes"]));
    let there = format!("--local={away}");
    assert_eq!(ok(&folder.run(&[&there, "get", "db"])), "two");
    refused(
        &folder.run(&[&there, "get", "db", "--version", "1"]),
        3,
        "no version 1",
    );
    // Another value at its place stays.
    ok(&folder.run(&["delete", "db", "--version", "2", "--yes"]));
    ok(&folder.feed(&["put", "db"], b"changed"));
    refused(
        &folder.run(&["copy", "--to-table", "other", "--yes"]),
        6,
        "which was left",
    );
    assert_eq!(ok(&folder.run(&["get", "db", "--table", "other"])), "two");
}

#[test]
fn secrets_become_credentials_of_a_running_server_once() {
    let (folder, shell) = (Folder::new(), Shell::open());
    ok(&folder.feed(&["put", "db.password", "--comment", "main"], b"s3cret"));
    folder.put("URL", "http://x");
    let copy = |arguments: &[&str]| {
        let stash = folder.path("stash");
        let arguments = [&["stash", "copy", "--to-confidant"], arguments].concat();
        conformance::run(
            shell
                .program
                .clone()
                .set("KEEPWARD_STASH_DIR", stash)
                .command(&arguments),
        )
    };
    assert!(ok(&copy(&[])).ends_with("nothing was made; --yes does it\n"));
    assert_eq!(
        json(&shell.run(&["credential", "list", "--json"]))["credentials"],
        json!([])
    );
    assert!(ok(&copy(&["--yes"])).ends_with("made 2 credentials; 0 are there already\n"));
    assert!(ok(&copy(&["--yes"])).ends_with("made 0 credentials; 2 are there already\n"));
    let list = json(&shell.run(&["credential", "list", "--json"]));
    let ids: Vec<_> = list["credentials"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    let one = ids
        .iter()
        .find(|one| one["name"] == "db.password")
        .expect("it is there");
    let id = world::text(one, "id");
    let shown = json(&shell.run(&["credential", "show", &id, "--values"]));
    assert_eq!(shown["credential_pairs"], json!({ "value": "s3cret" }));
    assert_eq!(shown["documentation"], "main");
    assert_eq!(shown["metadata"]["copied_from"], "credential-store");
    ok(&copy(&["--into", "all", "--yes"]));
    let list = json(&shell.run(&["credential", "list", "--json"]));
    let all = list["credentials"].as_array().expect("a list").iter();
    let id = world::text(
        all.clone()
            .find(|one| one["name"] == "all")
            .expect("it is there"),
        "id",
    );
    let shown = json(&shell.run(&["credential", "show", &id, "--values"]));
    assert_eq!(
        shown["credential_pairs"],
        json!({ "db.password": "s3cret", "url": "http://x" })
    );
    // Another value is left, and said.
    folder.put("URL", "http://y");
    refused(&copy(&["URL", "--yes"]), 6, "which were left");
}

#[test]
fn a_template_gets_the_secrets_it_names_and_is_written_whole_or_not_at_all() {
    let folder = Folder::new();
    folder.put("db.password", "it's");
    let template = "password={{ secrets['db.password'] | sh }}\n";
    assert_eq!(
        ok(&folder.feed(&["template", "-"], template.as_bytes())),
        "password='it'\"'\"'s'"
    );
    let file = folder.path("out");
    fs::write(&file, "as before").expect("a file");
    let wrong = folder.feed(
        &["template", "-", "--out", &file],
        b"{{ secrets.get_str('none') }}",
    );
    refused(&wrong, 2, "none");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "as before");
}

#[test]
fn errors_say_what_to_do_and_hold_no_value() {
    let folder = Folder::new();
    let put = ["put", "db", "--context", "env=prod", "--bind"];
    ok(&folder.feed(&put, b"kw-canary-1"));
    let wrong = folder.run(&["get", "db", "--context", "env=test"]);
    refused(&wrong, 4, "give each with --context NAME=VALUE");
    let absent = folder.run(&["get", "db"]);
    refused(
        &absent,
        4,
        "the row says that it was sealed with --context env=...",
    );
    let as_json = folder.run(&["get", "db", "--json"]);
    let error: serde_json::Value = serde_json::from_slice(&as_json.stderr).expect("JSON");
    assert_eq!(error["error"]["kind"], "denied");
    // A value on the command line is refused and not repeated.
    let typed = folder.run(&["put", "db", "kw-canary-2"]);
    refused(&typed, 2, "never stands on a command line");
    let taken = folder.feed(
        &["put", "db", "--context", "env=prod", "--version", "1"],
        b"kw-canary-3",
    );
    refused(&taken, 6, "without --version");
    for output in [&wrong, &absent, &as_json, &typed, &taken] {
        let told = [text(&output.stdout), text(&output.stderr)].concat();
        assert!(!told.contains("kw-canary"), "{told}");
    }
}

#[test]
fn two_commands_at_once_wait_for_the_folder() {
    let folder = Folder::new();
    folder.put("db", "0");
    std::thread::scope(|scope| {
        for number in 1..=4 {
            let folder = &folder;
            scope.spawn(move || folder.put("db", &number.to_string()));
        }
    });
    assert_eq!(folder.rows().len(), 5);
}

#[test]
fn the_same_commands_work_on_dynamodb_and_the_old_ones_read_what_they_write() {
    let program = on_moto("stash-modern", "AKIDSTASHMODERN");
    let run = |arguments: &[&str], input: &[u8]| {
        let folder = Folder {
            folder: tempfile::tempdir().expect("a folder"),
            program: program.clone(),
        };
        folder.feed(arguments, input)
    };
    let key = ["--key-id", "alias/confidant"];
    let put = |name: &str, value: &str| {
        let arguments = [&["put", name], &key[..]].concat();
        run(&arguments, value.as_bytes())
    };
    refused(&put("db", "x"), 3, "`keepward stash setup` makes it");
    assert_eq!(ok(&run(&["setup"], b"")), "table stash-modern is made\n");
    assert_eq!(ok(&run(&["setup"], b"")), "table stash-modern is there\n");
    ok(&put("db", "s3cret"));
    ok(&put("web", "w"));
    assert_eq!(ok(&run(&["get", "db"], b"")), "s3cret");
    let old = conformance::run(program.command(&["credstash", "get", "db"]));
    assert_eq!(ok(&old), "s3cret\n");
    assert_eq!(
        json(&run(&["export"], b"")),
        json!({ "db": "s3cret", "web": "w" })
    );
    let rewrap = ["rewrap", "--key-id", "alias/authnz", "--yes", "--json"];
    let done = json(&run(&rewrap, b""));
    assert_eq!(done["changed"].as_array().map(Vec::len), Some(2), "{done}");
    let again = json(&run(&rewrap, b""));
    assert_eq!(again["already"], 2);
    assert_eq!(
        ok(&conformance::run(program.command(&[
            "credstash",
            "get",
            "web"
        ]))),
        "w\n"
    );
    ok(&run(&["doctor", "--open"], b""));
    ok(&run(&["delete", "web", "--yes"], b""));
    assert_eq!(json(&run(&["export"], b"")), json!({ "db": "s3cret" }));
}

#[test]
fn a_missing_right_is_named_with_the_statement_to_add() {
    let moto = testkit::Moto::shared();
    let program = on_moto("stash-rights", "AKIDSTASHRIGHTS");
    ok(&conformance::run(program.command(&["stash", "setup"])));
    moto.allow_only("AKIDSTASHRIGHTS", &["dynamodb:Scan"]);
    let output =
        conformance::run(program.command(&["stash", "--region", "us-east-1", "get", "db"]));
    refused(
        &output,
        4,
        r#"{"Effect":"Allow","Action":"dynamodb:Query","Resource":"arn:aws:dynamodb:us-east-1:*:table/stash-rights"}"#,
    );
    ok(&conformance::run(program.command(&["stash", "list"])));
}
