//! `keepward blind` and the real client open what the other sealed, in two regions of KMS.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use conformance::{Program, Running};
use serde_json::{Value, json};
use testkit::Moto;

use crate::command_line::{json, ok, refused, text};
use crate::world;

const KEYS: &str = r#"{"us-east-1": "alias/blind-east", "us-west-2": "alias/blind-west"}"#;
const CONTEXT: &str = r#"{"group": "web"}"#;
/// What JSON, Fernet and encodings have stumbled over.
fn pairs() -> Value {
    json!({ "Ssl_Key": "-----BEGIN\n\"x\" é 😀 \u{7f}", "empty": "", "number": 5432 })
}

struct World {
    moto: Moto,
    server: Running,
    program: Program,
    _folder: tempfile::TempDir,
}

impl World {
    fn open(settings: &[(&str, &str)]) -> Self {
        let moto = Moto::start();
        let folder = tempfile::tempdir().expect("a folder");
        let program = world::on_moto(Program::keepward(), &moto, "blind", folder.path());
        let server = program
            .clone()
            .set_all(settings)
            .serve()
            .expect("it starts");
        let program = world::aws_client(&moto)
            .into_iter()
            .fold(Program::keepward(), |program, (name, value)| {
                program.set(name, value)
            })
            .set("KEEPWARD_URL", &server.url)
            .set_all(&[
                ("KEEPWARD_KMS_KEY", "alias/authnz-user"),
                ("KEEPWARD_FROM", "eve"),
                ("KEEPWARD_TO", "confidant-testing"),
            ]);
        Self {
            moto,
            server,
            program,
            _folder: folder,
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.feed(arguments, "")
    }

    fn feed(&self, arguments: &[&str], input: &str) -> Output {
        feed(
            self.program
                .command(&[arguments, &["--caller", "user"]].concat()),
            input,
        )
    }

    /// A call of confidant-client 2.7.1.
    fn real(&self, call: &str, region: &str, arguments: &Value) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/client_blind.py");
        let context = r#"{"from": "eve", "to": "confidant-testing", "user_type": "user"}"#;
        let mut command = Command::new(testkit::python());
        command
            .env_clear()
            .envs(world::aws_client(&self.moto))
            .arg(script)
            .args([
                "--url",
                &self.server.url,
                "--context",
                context,
                "--region",
                region,
                call,
            ]);
        let told = json(&feed(command, &arguments.to_string()));
        assert_eq!(told["result"], true, "{told}");
        told
    }

    fn create(&self, more: &[&str]) -> Output {
        let arguments = ["blind", "create", "tls", "--pairs-file", "-", "--json"];
        self.feed(&[&arguments, more].concat(), &pairs().to_string())
    }
}

fn feed(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // It may end without a look at its input.
    let _unread = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

#[test]
fn the_real_client_opens_what_keepward_sealed() {
    let world = World::open(&[]);
    let made = json(&world.create(&["--blind-keys", KEYS, "--group-context", CONTEXT]));
    let id = world::text(&made, "id");
    assert_eq!(made["credential_keys"].as_array().map(Vec::len), Some(3));
    for region in ["us-east-1", "us-west-2"] {
        let told = world.real("read", region, &json!({ "id": id }));
        assert_eq!(
            told["blind_credential"]["decrypted_credential_pairs"],
            pairs(),
            "{region}"
        );
        assert_eq!(told["blind_credential"]["cipher_version"], 2);
    }
    // Ours to read, then theirs to change.
    world.real(
        "update",
        "us-east-1",
        &json!({ "id": id, "blind_keys": { "us-west-2": "alias/blind-west" }, "credential_pairs": { "k": "v" } }),
    );
    let read = json(&world.run(&["blind", "read", &id, "--region", "us-west-2"]));
    assert_eq!(read["decrypted_credential_pairs"], json!({ "k": "v" }));
    refused(
        &world.run(&["blind", "read", &id, "--region", "us-east-1"]),
        3,
        "it has one for: us-west-2",
    );
    assert!(world.server.stop().contains("panics=0"));
}

#[test]
fn keepward_opens_what_the_real_client_sealed_and_changes_it() {
    let world = World::open(&[]);
    let contexts = json!({ "us-east-1": { "to": "east" }, "us-west-2": { "to": "west" } });
    let keys: Value = serde_json::from_str(KEYS).expect("JSON");
    let made = world.real(
        "create",
        "us-east-1",
        &json!({ "blind_keys": keys, "contexts": contexts, "name": "tls", "credential_pairs": pairs(),
                 "metadata": { "path": "/etc/x" }, "documentation": "ask Eve" }),
    );
    let id = world::text(&made["blind_credential"], "id");
    for region in ["us-east-1", "us-west-2"] {
        let read = json(&world.run(&["blind", "read", &id, "--region", region]));
        assert_eq!(read["decrypted_credential_pairs"], pairs(), "{region}");
    }
    let format = [
        "blind", "read", &id, "--format", "export", "--prefix", "T_", "--upper",
    ];
    let exported = ok(&world.run(&format));
    assert!(exported.contains("export T_NUMBER='5432'\n"), "{exported}");

    let new = json!({ "empty": "", "other": "x" });
    let update = |more: &[&str]| {
        let arguments = [
            "blind",
            "update",
            &id,
            "--pairs-file",
            "-",
            "--blind-keys",
            KEYS,
        ];
        world.feed(&[&arguments, more].concat(), &new.to_string())
    };
    let dry = ok(&update(&["--dry-run"]));
    for line in [
        "+ credential_keys: other\n",
        "- credential_keys: Ssl_Key\n",
        "~ credential_pairs: us-east-1\n",
    ] {
        assert!(dry.contains(line), "{line} is not in {dry}");
    }
    assert!(!dry.contains("metadata"), "the contexts stay: {dry}");
    assert!(ok(&update(&[])).contains("is at revision 2"));
    for region in ["us-east-1", "us-west-2"] {
        let told = world.real("read", region, &json!({ "id": id }));
        let told = &told["blind_credential"];
        assert_eq!(told["decrypted_credential_pairs"], new, "{region}");
        assert_eq!(
            told["metadata"],
            json!({ "path": "/etc/x", "context": contexts })
        );
        assert_eq!(told["documentation"], "ask Eve");
    }
    ok(&world.run(&[
        "blind",
        "update",
        &id,
        "--metadata",
        r#"{"path": "/etc/y"}"#,
        "--name",
        "y",
    ]));
    let read = json(&world.run(&["blind", "read", &id]));
    assert_eq!(read["decrypted_credential_pairs"], new, "the contexts stay");

    assert!(ok(&world.run(&["blind", "list"])).contains(" y "));
    let shown = json(&world.run(&["blind", "show", &id]));
    assert!(shown.get("decrypted_credential_pairs").is_none(), "{shown}");
    assert!(world.server.stop().contains("panics=0"));
}

#[test]
fn a_blind_credential_goes_back_to_what_it_was() {
    let world = World::open(&[]);
    let made = json(&world.create(&["--blind-keys", KEYS, "--group-context", CONTEXT]));
    let id = world::text(&made, "id");
    let new = [
        "blind",
        "update",
        &id,
        "--name",
        "y",
        "--pairs-file",
        "-",
        "--blind-keys",
        KEYS,
    ];
    ok(&world.feed(&new, r#"{"empty": "1"}"#));

    let history = ok(&world.run(&["blind", "history", &id]));
    assert_eq!(history.lines().count(), 1 + 2, "{history}");
    assert!(
        history.contains("tls") && history.contains(" y "),
        "{history}"
    );
    let dry = ok(&world.run(&["blind", "revert", &id, "--dry-run"]));
    for line in [
        "nothing is written",
        "~ name: y -> tls\n",
        "+ credential_keys: Ssl_Key\n",
        "~ credential_pairs: us-west-2\n",
    ] {
        assert!(dry.contains(line), "{line} is not in {dry}");
    }
    assert!(!dry.contains("metadata"), "{dry}");
    assert!(ok(&world.run(&["blind", "revert", &id])).contains("is at revision 3"));
    let told = world.real("read", "us-east-1", &json!({ "id": id }));
    assert_eq!(
        told["blind_credential"]["decrypted_credential_pairs"],
        pairs()
    );
    refused(
        &world.run(&["blind", "revert", &id, "--revision", "9"]),
        3,
        "",
    );
    assert!(world.server.stop().contains("panics=0"));
}

#[test]
fn keys_and_contexts_come_from_the_servers_client_config_when_not_typed() {
    let config = format!(
        r#"{{"blind_keys": {KEYS}, "blind_contexts": {{"us-east-1": {CONTEXT}, "us-west-2": {CONTEXT}}}}}"#
    );
    let world = World::open(&[("CLIENT_CONFIG", &config)]);
    let id = world::text(&json(&world.create(&["--no-store-keys"])), "id");
    let shown = json(&world.run(&["blind", "show", &id]));
    assert_eq!(shown["credential_keys"], json!([]));
    let told = world.real("read", "us-west-2", &json!({ "id": id }));
    assert_eq!(
        told["blind_credential"]["decrypted_credential_pairs"],
        pairs()
    );
}

#[test]
fn a_service_gets_its_blind_credentials_opened() {
    let world = World::open(&[]);
    let made = json(&world.create(&["--blind-keys", KEYS, "--group-context", CONTEXT]));
    let id = world::text(&made, "id");
    ok(&world.run(&["service", "set", "web", "--blind-credential", &id]));
    let got = json(&world.run(&["service", "get", "web"]));
    assert_eq!(
        got["blind_credentials"][0]["decrypted_credential_pairs"],
        pairs()
    );
    let told = world.real(
        "service",
        "us-east-1",
        &json!({ "service": "web", "decrypt_blind": true }),
    );
    assert_eq!(
        told["service"]["blind_credentials"][0]["decrypted_credential_pairs"],
        got["blind_credentials"][0]["decrypted_credential_pairs"]
    );
    let sealed = json(&world.run(&["service", "get", "web", "--no-blind"]));
    assert!(
        sealed["blind_credentials"][0]
            .get("decrypted_credential_pairs")
            .is_none()
    );
    let printed = world.program.command(&[
        "exec",
        "--service",
        "web",
        "--caller",
        "user",
        "--region",
        "us-west-2",
        "--pristine",
        "--",
        "/bin/sh",
        "-c",
        "echo $number",
    ]);
    assert_eq!(ok(&feed(printed, "")), "5432\n");
}

#[test]
fn says_what_is_missing_before_anything_is_sealed() {
    let world = World::open(&[]);
    refused(&world.create(&[]), 2, "--blind-keys");
    refused(&world.create(&["--blind-keys", KEYS]), 2, "--group-context");
    let contexts = r#"{"us-east-1": {"a": "b"}}"#;
    refused(
        &world.create(&["--blind-keys", KEYS, "--blind-contexts", contexts]),
        2,
        "for us-west-2",
    );
    let stranger = r#"{"us-east-1": "alias/nosuch"}"#;
    let denied = world.create(&["--blind-keys", stranger, "--group-context", CONTEXT]);
    refused(&denied, 4, "alias/nosuch");
    refused(&world.create(&["--blind-keys", "[]"]), 2, "JSON object");
    refused(
        &world.run(&["blind", "read", "nosuch"]),
        3,
        "no blind credential nosuch",
    );
    assert!(!text(&denied.stderr).contains("BEGIN"));
}
