//! What is run as `credsmash` and `credstash`: our program under both its names, or the real tools.

use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use conformance::Program;
use serde_json::Value;
use testkit::Moto;

/// How our program is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `keepward credsmash ...`
    Subcommand,
    /// Through a link named `credsmash`.
    Link,
}

impl Way {
    /// One after the other: the n-th call's way.
    pub fn in_turn(number: usize) -> Self {
        if number.is_multiple_of(2) {
            Self::Subcommand
        } else {
            Self::Link
        }
    }
}

/// One pair of programs.
pub enum Tools {
    /// Ours, with a folder of links to it.
    Ours { links: tempfile::TempDir },
    /// The real CredSmash 3.0.2 and credstash 1.17.1: the folder of their environment.
    Real(PathBuf),
}

impl Tools {
    pub fn ours() -> Self {
        let links = tempfile::tempdir().expect("a folder");
        let keepward = Program::keepward().command(&[]).get_program().to_owned();
        for tool in ["credsmash", "credstash"] {
            symlink(&keepward, links.path().join(tool)).expect("a link");
        }
        symlink(&keepward, links.path().join("keepward")).expect("a link");
        Self::Ours { links }
    }

    pub fn real() -> Self {
        Self::Real(testkit::stash_tools())
    }

    /// One of them with these arguments, an empty environment and a file mode mask of 022.
    pub fn command(&self, tool: &str, way: Way, arguments: &[String]) -> Command {
        let (program, face) = match (self, way) {
            (Self::Real(folder), _) => (folder.join("bin").join(tool), None),
            // The modern face has no name of its own to be linked to.
            (Self::Ours { links }, Way::Link) if tool != "stash" => (links.path().join(tool), None),
            (Self::Ours { links }, _) => (links.path().join("keepward"), Some(tool)),
        };
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#"umask 022 && exec "$@""#, "sh"])
            .arg(program)
            .args(face)
            .args(arguments)
            .env_clear();
        command
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// `None`: ended by a signal, as after its time was up.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Ran {
    pub fn told(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its standard output, after success.
    pub fn ok(&self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.text(), self.told());
        self.text()
    }
}

/// Feeds a command and follows it to its end, or kills it when it takes longer than `limit`.
pub fn run(mut command: Command, input: &[u8], limit: Duration) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let (mut stdin, stdout, stderr) = (
        child.stdin.take().expect("stdin is piped"),
        child.stdout.take().expect("stdout is piped"),
        child.stderr.take().expect("stderr is piped"),
    );
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that reads nothing has closed it.
            let _closed = stdin.write_all(input);
        });
        let (said, ended) = mpsc::channel();
        let follow = |mut pipe: Box<dyn Read + Send>| {
            let said = said.clone();
            scope.spawn(move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).expect("the pipe can be read");
                let _nobody_waits = said.send(());
                bytes
            })
        };
        let (stdout, stderr) = (follow(Box::new(stdout)), follow(Box::new(stderr)));
        let in_time = (0..2).all(|_| ended.recv_timeout(limit).is_ok());
        if !in_time {
            child.kill().expect("the program can be killed");
        }
        let status = child.wait().expect("the program ends");
        Ran {
            code: status.code(),
            stdout: stdout.join().expect("a reader ends"),
            stderr: stderr.join().expect("a reader ends"),
        }
    })
}

/// The environment of a run: AWS is `moto`, the home is `home`.
pub fn settings(moto: &Moto, home: &Path) -> Vec<(&'static str, String)> {
    let mut settings = crate::world::aws_client(moto);
    settings.extend([
        ("HOME", home.display().to_string()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("COLUMNS", "80".to_owned()),
        ("TZ", "UTC".to_owned()),
    ]);
    settings
}

/// A moto, a working folder with its home, and the programs that work there.
pub struct Desk {
    pub moto: Moto,
    pub tools: Tools,
    folder: tempfile::TempDir,
}

impl Desk {
    /// With both tools' own tables, empty.
    pub fn open(tools: Tools) -> Self {
        let desk = Self {
            moto: Moto::start(),
            tools,
            folder: tempfile::tempdir().expect("a folder"),
        };
        fs::create_dir(desk.path("home")).expect("a home");
        desk.empty_tables();
        desk
    }

    /// Forgets everything of AWS; the working folder stays.
    pub fn empty_tables(&self) {
        self.moto.reset();
        for table in TABLES {
            self.moto.load(table, "stash", &[]);
        }
    }

    /// All items of its tables.
    pub fn stored(&self) -> Vec<(String, Vec<Value>)> {
        let names = self.moto.tables();
        names
            .into_iter()
            .map(|name| {
                let items = self.moto.dump(&name);
                (name, items)
            })
            .collect()
    }

    /// Its tables as they were, and no others; calls, faults and permissions are forgotten.
    pub fn put_back(&self, stored: &[(String, Vec<Value>)]) {
        self.moto.reset();
        for (table, items) in stored {
            self.moto.load(table, "stash", items);
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("the file is written");
    }

    /// A command of one of the tools; both ways in turn, by the length of what is asked.
    pub fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let way = Way::in_turn(arguments.len());
        self.ready(self.tools.command(tool, way, &arguments))
    }

    /// A command made elsewhere, in this folder and this environment.
    pub fn ready(&self, mut command: Command) -> Command {
        command
            .env_clear()
            .envs(settings(&self.moto, &self.path("home")))
            .current_dir(self.folder.path());
        command
    }

    pub fn run(&self, tool: &str, arguments: &[&str]) -> Ran {
        self.feed(tool, arguments, b"")
    }

    pub fn feed(&self, tool: &str, arguments: &[&str], input: &[u8]) -> Ran {
        run(self.command(tool, arguments), input, LIMIT)
    }
}

/// The default tables: CredSmash's and credstash's.
pub const TABLES: [&str; 2] = ["secret-store", "credential-store"];

/// A run that takes longer hangs: most of them take a second or less.
pub const LIMIT: Duration = Duration::from_secs(60);
