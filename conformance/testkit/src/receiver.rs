//! A receiver of notices in a process of its own, which takes them, refuses them, or never answers.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::settings::python;

/// One running receiver. It ends when this value is dropped, and in any case with this process.
pub struct Receiver {
    /// Its address.
    pub url: String,
    process: Child,
}

impl Receiver {
    /// Starts one that takes everything.
    ///
    /// Panics: when [`python`] does, or when it does not come up.
    pub fn start() -> Self {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/python/receiver.py");
        let mut process = Command::new(python())
            .arg("-B")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the receiver does not start: {error}"));
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .unwrap_or_else(|error| panic!("the receiver said nothing: {error}"));
        }
        let port = line.strip_prefix("ready ").map(str::trim);
        let port = port.unwrap_or_else(|| panic!("the receiver is not ready: {line:?}"));
        Self {
            url: format!("http://127.0.0.1:{port}"),
            process,
        }
    }

    /// How it answers the posts to come: statuses, or `"stall"` for no answer at all; then 200.
    pub fn answer(&self, answers: &Value) {
        let told = ureq::put(format!("{}/_ctl/answers", self.url)).send(answers.to_string());
        told.unwrap_or_else(|error| panic!("the receiver takes no order: {error}"));
    }

    /// What was posted to this path so far, each with `headers`, `body` and how it was `answered`.
    pub fn posts(&self, path: &str) -> Vec<Value> {
        let told = ureq::get(format!("{}/_ctl/posts", self.url)).call();
        let mut told = told.unwrap_or_else(|error| panic!("the receiver tells nothing: {error}"));
        let mut text = String::new();
        let read = told.body_mut().as_reader().read_to_string(&mut text);
        match (read, serde_json::from_str(&text)) {
            (Ok(_), Ok(Value::Array(posts))) => posts
                .into_iter()
                .filter(|post| post.get("path").and_then(Value::as_str) == Some(path))
                .collect(),
            _ => panic!("the receiver tells no list: {text}"),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Closing its standard input ends it; waiting leaves no zombie.
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}
