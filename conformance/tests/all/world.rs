//! What several tests need: a server on moto, a server on an empty folder, and logins for both.

use std::path::Path;
use std::process::Command;

use conformance::{Login, Program, Running, run};
use keep::{Item, Scan, Table, TableName};
use local::SqliteTable;
use serde_json::{Value, json};
use testkit::Moto;

/// The settings with which a client of AWS finds moto.
pub fn aws_client(moto: &Moto) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "AKIDTEST".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_ENDPOINT_URL", moto.url.clone()),
    ]
}

/// A server on moto with Confidant's own settings; its table is `table`.
pub fn on_moto(program: Program, moto: &Moto, table: &str, folder: &Path) -> Program {
    let program = aws_client(moto)
        .into_iter()
        .fold(program, |program, (name, value)| program.set(name, value));
    program
        .set("DYNAMODB_URL", &moto.url)
        .set("KMS_URL", &moto.url)
        .set("DYNAMODB_TABLE", table)
        .set("KEEPWARD_DATA_DIR", folder.display().to_string())
        .set_all(&[
            ("DYNAMODB_CREATE_TABLE", "true"),
            // The tests speak plain HTTP, with no proxy in between.
            ("SSLIFY", "false"),
            // moto is slower than the defaults of 1 s when the machine is busy.
            ("PYNAMO_READ_TIMEOUT_SECONDS", "20"),
            ("PYNAMO_CONNECT_TIMEOUT_SECONDS", "20"),
            ("KMS_READ_TIMEOUT", "20"),
            ("KMS_CONNECTION_TIMEOUT", "20"),
            ("KMS_MASTER_KEY", "alias/confidant"),
            ("AUTH_CONTEXT", "confidant-testing"),
            ("AUTH_KEY", "alias/authnz"),
            ("USER_AUTH_KEY", "alias/authnz-user"),
            ("SCOPED_AUTH_KEYS", r#"{"alias/authnz-sandbox": "sandbox"}"#),
            ("KMS_AUTH_USER_TYPES", "service,user"),
        ])
}

/// A server with no AWS, on this folder.
pub fn embedded(program: Program, folder: &Path) -> Program {
    program.set("KEEPWARD_DATA_DIR", folder.display().to_string())
}

/// A token of a client key file, made by the program itself.
pub fn key_login(program: &Program, key_file: &Path) -> Login {
    let key_file = key_file.display().to_string();
    login_of(program.command(&["token", "--json", "--key-file", &key_file]))
}

/// A KMS token, made by the program itself.
pub fn kms_login(program: &Program, caller: &str, name: &str) -> Login {
    let key = if caller == "user" {
        "alias/authnz-user"
    } else {
        "alias/authnz"
    };
    let arguments = [
        "token",
        "--json",
        "--kms-key",
        key,
        "--from",
        name,
        "--to",
        "confidant-testing",
        "--caller",
        caller,
        // Enough for the longest test; servers allow an hour.
        "--minutes",
        "55",
    ];
    login_of(program.command(&arguments))
}

fn login_of(command: Command) -> Login {
    let made = run(command);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    Login {
        username: text(&made, "username"),
        token: text(&made, "token"),
    }
}

/// A text field of an answer.
pub fn text(answer: &Value, field: &str) -> String {
    answer[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field} in {answer}"))
        .to_owned()
}

/// Stores a credential and gives its id.
pub fn create(server: &Running, login: &Login, name: &str, pairs: &Value) -> String {
    let body = json!({ "name": name, "credential_pairs": pairs, "metadata": {}, "enabled": true });
    let answer = server.http.post("/v1/credentials", login, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    text(&answer.body, "id")
}

/// Maps credentials to a service.
pub fn map(server: &Running, login: &Login, service: &str, credentials: &[&str]) {
    let body = json!({ "credentials": credentials, "blind_credentials": [], "enabled": true });
    let answer = server
        .http
        .put(&format!("/v1/services/{service}"), login, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// All items in an embedded server's folder, after it has stopped.
pub fn embedded_items(folder: &Path) -> Vec<Item> {
    let table = SqliteTable::open(&folder.join("table.sqlite")).expect("the table opens");
    let mut scan = Scan {
        table: TableName::new("keepward"),
        attributes: Vec::new(),
        limit: None,
        start: None,
        consistency: keep::Consistency::Eventual,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut items = Vec::new();
    loop {
        let page = runtime.block_on(table.scan(&scan)).expect("a page");
        items.extend(page.items);
        match page.next {
            Some(next) => scan.start = Some(next),
            None => return items,
        }
    }
}

/// The audit lines in a server's folder.
pub fn audit_lines(folder: &Path) -> Vec<Value> {
    let mut segments: Vec<_> = std::fs::read_dir(folder.join("audit"))
        .expect("the audit folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    segments.sort();
    segments
        .iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("a segment");
            text.lines()
                .map(|line| serde_json::from_str(line).expect("a line of JSON"))
                .collect::<Vec<_>>()
        })
        .collect()
}
