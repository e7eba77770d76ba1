//! Starting the program, and waiting for what it says.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::http::Http;

/// A program of this workspace, with its environment; nothing of the test's own environment is
/// handed on except what Rust coverage and the loader need.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    /// The arguments that make it a server.
    serve: Vec<String>,
    settings: Vec<(String, String)>,
}

impl Program {
    /// `keepward` as it is shipped.
    pub fn keepward() -> Self {
        Self::named("keepward")
    }

    /// `keepward` with a kill round every port call.
    pub fn that_dies() -> Self {
        Self::named("keepward-that-dies")
    }

    /// The real Confidant 7.0.0, as its authors ship it: under gunicorn, with two workers.
    /// `python` is the one of its virtual environment.
    pub fn confidant(python: PathBuf) -> Self {
        let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("confidant/gunicorn_settings.py");
        let settings = settings.display().to_string();
        let serve = [
            "-m",
            "gunicorn",
            "--config",
            &settings,
            "confidant.wsgi:app",
        ];
        Self {
            path: python,
            serve: serve.map(str::to_owned).into(),
            settings: Vec::new(),
        }
        .set_all(&[
            // Work that no request asks for.
            ("BACKGROUND_CACHE_IAM_ROLES", "false"),
            ("KMS_AUTH_MANAGE_GRANTS", "false"),
        ])
    }

    /// Panics when the program has not been built: `cargo xtask test` builds it first.
    fn named(name: &str) -> Self {
        let tests = std::env::current_exe().expect("the path of this test");
        let folder = tests
            .parent()
            .and_then(Path::parent)
            .expect("target/<profile>/deps/<test>");
        let path = folder.join(name);
        assert!(
            path.exists(),
            "{} is not built; run `cargo build --workspace --all-targets`",
            path.display()
        );
        Self {
            path,
            serve: vec!["serve".to_owned()],
            settings: Vec::new(),
        }
    }

    /// With this setting.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// With these settings.
    #[must_use]
    pub fn set_all(mut self, settings: &[(&str, &str)]) -> Self {
        self.settings.extend(
            settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        self
    }

    /// A command with these arguments and a clean environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments).env_clear().stdin(Stdio::null());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `serve` on a free port and waits until it answers.
    ///
    /// Errors: what it wrote to stderr, when it ended before it listened.
    pub fn serve(&self) -> Result<Running, String> {
        let arguments: Vec<&str> = self.serve.iter().map(String::as_str).collect();
        self.clone().set("PORT", "0").start(&arguments)
    }

    /// Starts a command that says `listening on <url>` and waits for that.
    pub fn start(&self, arguments: &[&str]) -> Result<Running, String> {
        let mut command = self.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut log = Log::follow(child.stderr.take());
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            if stdout
                .read_line(&mut line)
                .map_err(|error| error.to_string())?
                == 0
            {
                let status = child.wait().map_err(|error| error.to_string())?;
                // To the end of the pipe: its last words may not have been read yet.
                return Err(format!(
                    "ended with {status} before it listened:\n{said}{}",
                    log.finish()
                ));
            }
            said.push_str(&line);
            if let Some((_, url)) = line.trim_end().split_once("listening on ") {
                break url.to_owned();
            }
        };
        Ok(Running {
            child,
            http: Http::new(&url),
            url,
            stdout,
            said,
            log,
        })
    }
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

/// A server under way; killed when dropped.
pub struct Running {
    child: Child,
    /// Its address.
    pub url: String,
    /// For requests to it.
    pub http: Http,
    stdout: BufReader<std::process::ChildStdout>,
    said: String,
    log: Log,
}

impl Running {
    /// What it has said on stdout up to its address.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Its next line on stdout.
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout
            .read_line(&mut line)
            .expect("stdout can be read");
        line
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    /// Asks it to stop and waits; returns everything that it wrote.
    pub fn stop(mut self) -> String {
        self.terminate();
        let status = self.child.wait().expect("the server ends");
        assert!(
            status.success(),
            "the server ended with {status}:\n{}",
            self.log.text()
        );
        let mut rest = String::new();
        self.stdout
            .read_to_string(&mut rest)
            .expect("stdout can be read");
        format!("{}{rest}{}", self.said, self.log.finish())
    }

    /// Waits until it has ended; returns how, and what it logged.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("the server ends");
        (status, self.log.finish())
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the server can be asked")
            .is_some()
    }

    /// Kills it at once, as a power cut of this process.
    pub fn kill(mut self) -> String {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
        self.log.finish()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Follows stderr on its own thread, so that a full pipe never stops the server.
struct Log {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Log {
    fn follow(stderr: Option<ChildStderr>) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(stderr.expect("stderr is piped"));
        let reader = std::thread::spawn({
            let text = Arc::clone(&text);
            move || {
                let mut line = Vec::new();
                while lines
                    .read_until(b'\n', &mut line)
                    .is_ok_and(|read| read > 0)
                {
                    text.lock()
                        .expect("no holder panics")
                        .push_str(&String::from_utf8_lossy(&line));
                    line.clear();
                }
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        self.text.lock().expect("no holder panics").clone()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends with its pipe");
        }
        self.text()
    }
}
