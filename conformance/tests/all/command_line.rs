//! A team without AWS, at the command line: store, map, let a service in, fetch, throw it out.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use conformance::{Program, Running};
use serde_json::Value;

use crate::world;

/// A server on an empty folder, and the command line of its operator.
pub struct Shell {
    pub program: Program,
    pub server: Running,
    folder: tempfile::TempDir,
}

impl Shell {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let server = world::embedded(Program::keepward(), &data)
            .serve()
            .expect("it starts");
        let program = world::embedded(Program::keepward(), &data).set("KEEPWARD_URL", &server.url);
        Self {
            program,
            server,
            folder,
        }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        conformance::run(self.program.command(arguments))
    }

    pub fn feed(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.program.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin
            .write_all(input.as_bytes())
            .expect("the program reads");
        drop(stdin);
        child.wait_with_output().expect("the program ends")
    }
}

pub fn ok(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

pub fn json(output: &Output) -> Value {
    serde_json::from_str(&ok(output)).expect("JSON")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn refused(output: &Output, code: i32, says: &str) {
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(says), "{told} does not say {says}");
}

#[test]
fn a_service_gets_what_is_mapped_to_it_until_its_key_is_revoked() {
    let shell = Shell::open();
    let created = json(&shell.feed(
        &["credential", "create", "db", "--pairs-file", "-", "--json"],
        r#"{"password": "s3cret"}"#,
    ));
    let id = world::text(&created, "id");
    assert!(
        created.get("credential_pairs").is_none(),
        "the answer to a write repeats the value"
    );
    assert!(
        ok(&shell.run(&["service", "set", "web", "--credential", &id]))
            .contains("web is at revision 1")
    );

    let key = shell.path("web.key");
    let issued = json(&shell.run(&["client-key", "issue", "web", "--out", &key, "--json"]));
    let got = json(&shell.run(&["service", "get", "--key-file", &key]));
    assert_eq!(
        got["credentials"][0]["credential_pairs"]["password"],
        "s3cret"
    );
    assert_eq!(
        json(&shell.run(&["service", "get", "--key-file", &key, "--metadata-only"]))["credentials"]
            [0]["credential_pairs"],
        serde_json::json!({})
    );

    refused(
        &shell.run(&["service", "get", "other", "--key-file", &key]),
        4,
        "does not have access",
    );
    refused(
        &shell.run(&["credential", "list", "--key-file", &key]),
        4,
        "does not have access",
    );
    refused(
        &shell.run(&["client-key", "list", "--key-file", &key]),
        4,
        "",
    );

    let key_id = world::text(&issued, "id");
    assert!(ok(&shell.run(&["client-key", "list"])).contains(&key_id));
    assert!(ok(&shell.run(&["client-key", "revoke", &key_id])).contains("revoked"));
    refused(&shell.run(&["service", "get", "--key-file", &key]), 4, "");
    refused(&shell.run(&["client-key", "revoke", &key_id]), 3, &key_id);

    let lines = world::audit_lines(Path::new(&shell.path("data")));
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            format!(
                "{} {}",
                line["action"].as_str().unwrap_or("-"),
                line["outcome"].as_str().unwrap_or("-")
            )
        })
        .collect();
    for expected in [
        "credential.create allowed",
        "service.create allowed",
        "service.read allowed",
        "service.read refused",
        "client_key.create allowed",
        "client_key.delete allowed",
    ] {
        assert!(
            told.iter().any(|line| line == expected),
            "{expected} is not in {told:?}"
        );
    }
    assert!(shell.server.stop().contains("panics=0"));
}

#[test]
fn values_come_from_a_file_and_never_from_an_argument() {
    let shell = Shell::open();
    let file = shell.path("pairs.json");
    std::fs::write(&file, r#"{"a": "1", "b": "2"}"#).expect("the file is written");
    let created = json(&shell.run(&[
        "credential",
        "create",
        "two",
        "--pairs-file",
        &file,
        "--json",
    ]));
    let id = world::text(&created, "id");
    let shown = json(&shell.run(&["credential", "show", &id, "--values"]));
    assert_eq!(
        shown["credential_pairs"],
        serde_json::json!({ "a": "1", "b": "2" })
    );
    assert_eq!(
        json(&shell.run(&["credential", "show", &id]))["credential_pairs"],
        serde_json::json!({})
    );
    assert!(
        ok(&shell.feed(
            &["credential", "update", &id, "--pairs-file", "-"],
            r#"{"a": "3"}"#
        ))
        .contains("revision 2")
    );

    let pem = shell.path("key.pem");
    std::fs::write(&pem, "-----BEGIN\n\"x\"\n").expect("the file is written");
    let from_file = format!("tls_key={pem}");
    let created = json(&shell.run(&[
        "credential",
        "create",
        "pem",
        "--value-file",
        &from_file,
        "--json",
    ]));
    let shown = shell.run(&[
        "credential",
        "show",
        &world::text(&created, "id"),
        "--values",
    ]);
    assert_eq!(
        json(&shown)["credential_pairs"]["tls_key"],
        "-----BEGIN\n\"x\"\n"
    );
    std::fs::write(&pem, b"\xff").expect("the file is written");
    refused(
        &shell.run(&["credential", "create", "x", "--value-file", &from_file]),
        2,
        "UTF-8",
    );
    refused(
        &shell.run(&["credential", "create", "x", "--pairs-file", "/no/such/file"]),
        3,
        "/no/such/file",
    );
    refused(
        &shell.feed(
            &["credential", "create", "x", "--pairs-file", "-"],
            "{\"a\": \"kw-canary",
        ),
        2,
        "line 1",
    );
    refused(
        &shell.feed(&["credential", "create", "x", "--pairs-file", "-"], "[]"),
        2,
        "JSON object",
    );
    refused(
        &shell.run(&["credential", "create", "x", "--prompt", "a"]),
        2,
        "terminal",
    );
    refused(&shell.run(&["credential", "create", "x", "a=b"]), 2, "");
    refused(&shell.run(&["credential", "show", "nosuch"]), 3, "");
    refused(
        &shell.feed(
            &["credential", "create", "two", "--pairs-file", "-"],
            r#"{"c": "4"}"#,
        ),
        6,
        "Name already exists",
    );
}

#[test]
fn setting_the_credentials_of_a_service_leaves_all_else_as_it_is() {
    let shell = Shell::open();
    let operator = world::key_login(
        &shell.program,
        &Path::new(&shell.path("data")).join("operator.key"),
    );
    let body =
        serde_json::json!({ "credentials": [], "blind_credentials": ["b1"], "enabled": false });
    assert_eq!(
        shell
            .server
            .http
            .put("/v1/services/web", &operator, &body)
            .status,
        200
    );
    let id = world::create(
        &shell.server,
        &operator,
        "db",
        &serde_json::json!({ "k": "v" }),
    );
    assert!(ok(&shell.run(&["service", "set", "web", "--credential", &id])).contains("revision 2"));
    let web = json(&shell.run(&["service", "get", "web"]));
    assert_eq!(web["enabled"], false, "{web}");
    assert_eq!(web["credentials"][0]["id"], *id);
    refused(&shell.run(&["service", "set", "web"]), 2, "--credential");
    refused(&shell.run(&["service", "set", "..", "--none"]), 2, "..");
    assert!(ok(&shell.run(&["service", "set", "web", "--none"])).contains("revision 3"));
}

#[test]
fn a_proxy_in_the_environment_sees_no_token() {
    let shell = Shell::open();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    proxy.set_nonblocking(true).expect("it does not wait");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    let program = shell
        .program
        .clone()
        .set("HTTP_PROXY", &url)
        .set("http_proxy", &url)
        .set("ALL_PROXY", &url);
    ok(&conformance::run(program.command(&["credential", "list"])));
    assert!(proxy.accept().is_err(), "the proxy was asked");
    refused(
        &shell.run(&[
            "credential",
            "list",
            "--url",
            "http://u:kw-canary@127.0.0.1:1",
        ]),
        2,
        "no user",
    );
}

#[test]
fn a_token_works_for_other_programs_as_headers() {
    let shell = Shell::open();
    let made = ok(&shell.run(&["token"]));
    let header = |name: &str| {
        made.lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("the header")
            .trim()
            .to_owned()
    };
    let (from, token) = (header("X-Auth-From:"), header("X-Auth-Token:"));
    assert_eq!(from, "2/user/operator");
    let answer = ureq::get(format!("{}/v1/credentials", shell.server.url))
        .header("X-Auth-From", from)
        .header("X-Auth-Token", token)
        .call()
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[test]
fn a_server_that_is_not_there_is_told_with_the_next_step() {
    let shell = Shell::open();
    refused(
        &shell.run(&["credential", "list", "--url", "http://127.0.0.1:9"]),
        5,
        "keepward serve",
    );
    let nowhere = conformance::run(
        Program::keepward()
            .set("KEEPWARD_DATA_DIR", "/no/such/folder")
            .command(&["credential", "list"]),
    );
    refused(&nowhere, 4, "--key-file");
    let key = shell.path("web.key");
    ok(&shell.run(&["client-key", "issue", "web", "--out", &key]));
    refused(
        &shell.run(&["client-key", "issue", "web", "--out", &key]),
        6,
        "--out",
    );
}

#[test]
fn config_check_names_everything_wrong_and_what_has_no_effect() {
    let program = Program::keepward();
    let good = conformance::run(
        program
            .clone()
            .set("SAML_SP_KEY", "kw-canary-1")
            .command(&["config", "check"]),
    );
    let told = ok(&good);
    assert!(
        told.contains("SAML_SP_KEY (environment, without effect)") && !told.contains("kw-canary"),
        "{told}"
    );
    let bad = program
        .set_all(&[("PORT", "kw-canary-1"), ("AUDIT", "kw-canary-2")])
        .command(&["config", "check"]);
    let bad = conformance::run(bad);
    refused(&bad, 2, "PORT: ");
    refused(&bad, 2, "AUDIT: ");
    assert!(!text(&bad.stderr).contains("kw-canary"));
}

#[rstest::rstest]
#[case::settings("settings.md", &["config", "list", "--markdown"])]
#[case::command_line("cli.md", &["admin", "reference"])]
fn a_page_made_by_the_program_is_as_it_makes_it(#[case] page: &str, #[case] arguments: &[&str]) {
    let made = ok(&conformance::run(Program::keepward().command(arguments)));
    let path = format!("{}/../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let committed = std::fs::read_to_string(path).expect("the page");
    assert_eq!(
        committed,
        made,
        "run `keepward {} > docs/{page}`",
        arguments.join(" ")
    );
}

/// The case of the forum: a version 2 username, a context without `user_type`, a general error.
#[test]
fn one_command_names_what_a_general_error_hides() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let token = write(
        "request",
        "X-Auth-From: 2/user/alice\nX-Auth-Token: AQICAHgAAAA=\n",
    );
    let policy = write(
        "policy.json",
        r#"{"Statement": {"Sid": "Tokens", "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Condition": {
            "StringEquals": {"kms:EncryptionContext:user_type": "user"},
            "Bool": {"aws:MultiFactorAuthPresent": "true"}}}}"#,
    );
    let inspect = |context: &str, mfa: &str| {
        conformance::run(Program::keepward().command(&[
            "token",
            "inspect",
            "--json",
            "--token-file",
            &token,
            "--to",
            "confidant",
            "--context",
            context,
            "--policy",
            &policy,
            "--mfa",
            mfa,
        ]))
    };
    let wrong = inspect("from=alice,to=confidant", "absent");
    assert_eq!(wrong.status.code(), Some(4));
    let told: Value = serde_json::from_slice(&wrong.stdout).expect("JSON");
    assert_eq!(told["faults"], 2);
    let faults = told["findings"].to_string();
    for part in [
        "user_type is missing from the context",
        "statement 1 (Tokens) would allow it",
        "aws:MultiFactorAuthPresent wants",
    ] {
        assert!(faults.contains(part), "{part} is not in {faults}");
    }
    assert!(!faults.contains("AQICAHgAAAA="));
    let right = inspect("from=alice,to=confidant,user_type=user", "yes");
    assert!(
        right.status.success(),
        "{}",
        String::from_utf8_lossy(&right.stdout)
    );
}
