//! Unmodified confidant-client 2.7.1 and kmsauth 0.6.3: every call they have, as library and as command line.

mod command_line;
mod library;
mod tokens;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use conformance::{Login, Program, Running};
use serde_json::{Value, json};
use testkit::Moto;

use crate::openssl::token_keys;
use crate::world;

/// A server on moto, its user's login, and the published clients in a process of their own.
struct Stage {
    server: Running,
    user: Login,
    clients: Clients,
    program: Program,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// `table`: one of its own, since all share one moto.
    fn set(table: &str) -> Self {
        let moto = Moto::shared();
        let folder = tempfile::tempdir().expect("a folder");
        let program = world::on_moto(Program::keepward(), moto, table, folder.path())
            .set(
                "JWT_CERTIFICATE_AUTHORITIES",
                token_keys("production", "2026"),
            )
            .set_all(&[
                ("JWT_IS_CA_ENCRYPTED", "false"),
                ("JWT_ACTIVE_SIGNING_KEYS", r#"{"production": "2026"}"#),
                ("ACM_PRIVATE_CAS", "internal"),
                ("ACM_PRIVATE_CA_SELF_SIGN_INTERNAL", "true"),
                (
                    "ACM_PRIVATE_CA_DOMAIN_REGEX_INTERNAL",
                    r"(?P<service_name>[\w-]+)\.example\.com",
                ),
            ]);
        let user = world::kms_login(&program, "user", "ops");
        let server = program.serve().expect("it starts");
        let clients = Clients::start(&server.url, folder.path());
        Self {
            server,
            user,
            clients,
            program,
            _folder: folder,
        }
    }

    /// Stores a credential and gives its id.
    fn create(&self, name: &str, pairs: &Value) -> String {
        world::create(&self.server, &self.user, name, pairs)
    }

    fn end(self) {
        assert!(self.server.stop().contains("panics=0"));
    }
}

/// The published clients (`python/client_calls.py`). Who calls is a profile of their configuration
/// file: `ops`, a user, or `web`, a service.
struct Clients {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Clients {
    fn start(url: &str, folder: &Path) -> Self {
        let profile = |name: &str, kind: &str, key: &str| {
            json!({
                "url": url, "auth_key": key, "region": "us-east-1",
                "auth_context": { "from": name, "to": "confidant-testing", "user_type": kind },
                // Its default is a file that every test would share.
                "token_cache_file": "",
                // Five seconds are little for a busy machine.
                "timeout": 60,
            })
        };
        let config = json!({
            "ops": profile("ops", "user", "alias/authnz-user"),
            "web": profile("web", "service", "alias/authnz"),
        });
        let file = folder.join("confidant-client.yaml");
        // JSON is YAML.
        std::fs::write(&file, config.to_string()).expect("the file is written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/client_calls.py");
        let mut process = Command::new(testkit::python())
            .env_clear()
            .envs(world::aws_client(Moto::shared()))
            .env("PATH", "/usr/bin:/bin")
            .arg(script)
            .arg("--config")
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the clients start");
        let mut clients = Self {
            orders: process.stdin.take().expect("stdin is piped"),
            answers: BufReader::new(process.stdout.take().expect("stdout is piped")),
            process,
        };
        let versions = clients.answer();
        assert_eq!(
            versions,
            json!({ "confidant-client": "2.7.1", "kmsauth": "0.6.3" })
        );
        clients
    }

    /// A call of the library that returns: what it returned. With `log`, what it logged.
    fn library(&mut self, who: &str, call: &str, arguments: Value) -> Value {
        let told = self.order(&json!({ "as": who, "library": call, "arguments": arguments }));
        let mut returned = told["returned"].clone();
        assert!(returned.is_object(), "{call}: {told}");
        returned["log"] = told["log"].clone();
        returned
    }

    /// A call of the library that must succeed.
    fn succeeds(&mut self, who: &str, call: &str, arguments: Value) -> Value {
        let told = self.library(who, call, arguments);
        assert_eq!(told["result"], true, "{call}: {told}");
        told
    }

    /// A command line as a user types it, without `--retries`: a GET or PUT that is answered 500 or
    /// 503 is repeated for ever.
    fn cli(&mut self, who: &str, arguments: &[&str]) -> Ended {
        self.cli_within(who, arguments, 120)
    }

    fn cli_within(&mut self, who: &str, arguments: &[&str], seconds: u32) -> Ended {
        let told = self.order(&json!({ "as": who, "cli": arguments, "seconds": seconds }));
        Ended {
            status: told["exit"].as_i64(),
            stdout: world::text(&told, "stdout"),
            stderr: world::text(&told, "stderr"),
        }
    }

    /// Sends one order and waits for its answer.
    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").expect("the clients listen");
        self.answer()
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the clients answer");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// How a command line ended.
#[derive(Debug)]
struct Ended {
    /// `None` when it was still running after its time.
    status: Option<i64>,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// What it printed, when it went well.
    fn told(&self) -> Value {
        assert_eq!(self.status, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON")
    }
}
