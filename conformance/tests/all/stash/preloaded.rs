//! The real tools without their start: Python and its imports are there already, each run is a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::tools::{Desk, LIMIT, Ran, Tools};

/// One Python that runs the real tools at a desk; it ends with this value.
pub struct Preloaded {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Preloaded {
    pub fn at(desk: &Desk) -> Self {
        let mut command = Command::new(testkit::stash_tools().join("bin/python"));
        command
            .arg("-B")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("stash/real.py"));
        let mut process = desk
            .ready(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python runs");
        Self {
            requests: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().expect("stdout is piped")),
            process,
        }
    }

    pub fn run(&mut self, tool: &str, arguments: &[&str]) -> Ran {
        self.feed(tool, arguments, b"")
    }

    pub fn feed(&mut self, tool: &str, arguments: &[&str], input: &[u8]) -> Ran {
        let request = json!({
            "tool": tool, "args": arguments, "input": STANDARD.encode(input), "seconds": LIMIT.as_secs(),
        });
        let requests = self.requests.as_mut().expect("it is open");
        writeln!(requests, "{request}").expect("a request is taken");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no answer to {tool} {arguments:?}: {line}"));
        let bytes = |name: &str| {
            let encoded = answer[name].as_str().expect("a text");
            STANDARD.decode(encoded).expect("base64")
        };
        let code = answer["code"].as_i64();
        Ran {
            code: code.map(|code| i32::try_from(code).expect("a small code")),
            stdout: bytes("stdout"),
            stderr: bytes("stderr"),
        }
    }
}

impl Drop for Preloaded {
    fn drop(&mut self) {
        // The end of its requests ends it.
        drop(self.requests.take());
        let _ended = self.process.wait();
    }
}

#[test]
fn a_preloaded_tool_does_what_its_command_does() {
    let desk = Desk::open(Tools::real());
    let mut preloaded = Preloaded::at(&desk);
    desk.write("value", "from a file");
    assert_eq!(desk.run("credsmash", &["put", "a", "value"]).code, Some(0));
    assert_eq!(
        preloaded.feed("credsmash", &["put", "b", "-"], b"fed").code,
        Some(0)
    );
    desk.run("credstash", &["put", "a", "b c"]).ok();
    for (tool, arguments) in [
        ("credsmash", &["get", "a"][..]),
        ("credsmash", &["get-all"]),
        ("credsmash", &["get", "no"]),
        ("credsmash", &["no"]),
        ("credstash", &["get", "a"]),
        ("credstash", &["get", "no"]),
        ("credstash", &["put"]),
    ] {
        let (one, other) = (desk.run(tool, arguments), preloaded.run(tool, arguments));
        assert_eq!(
            (one.code, one.text()),
            (other.code, other.text()),
            "{tool} {arguments:?}"
        );
        // Of a stack dump only the last line says something about the run.
        let last = |ran: &Ran| ran.told().lines().last().map(str::to_owned);
        assert_eq!(last(&one), last(&other), "{tool} {arguments:?}");
    }
}

#[test]
fn the_list_of_the_real_tools_is_complete_and_nothing_else_is_installed() {
    let list = include_str!("../../../stash/requirements.txt");
    let listed: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(
        listed.is_sorted_by_key(|line| line.to_lowercase()),
        "{listed:?}"
    );
    let pip = |task: &str| {
        let mut command = Command::new(testkit::stash_tools().join("bin/python"));
        command.args(["-m", "pip", "--disable-pip-version-check", task]);
        let output = conformance::run(command);
        (
            output.status.success(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    let (complete, told) = pip("check");
    assert!(complete, "{told}");
    let (_, installed) = pip("freeze");
    let installed: Vec<_> = installed
        .lines()
        // Part of a fresh environment up to Python 3.11.
        .filter(|line| !line.starts_with("setuptools=="))
        .collect();
    assert_eq!(installed, listed);
}
