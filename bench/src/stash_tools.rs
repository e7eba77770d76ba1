//! (e) One command, from the start of its process to its end: against the real CredSmash and credstash on the
//! stand-in, and its first packet against programs that do nothing.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Map, json};

use crate::aws::StandIn;
use crate::clock;
use crate::measure::Spread;
use crate::programs::{Programs, root};
use crate::say;

/// Secrets in the table, as in the reference's own baseline (spec/credsmash.md section 7).
const SECRETS: usize = 200;
/// Bytes of each value.
const VALUE: usize = 48;

/// A table of secrets that the real credstash wrote, and the programs that read it.
pub(crate) struct Tools<'a> {
    keepward: &'a Path,
    theirs: PathBuf,
    stand_in: StandIn,
    folder: &'a Path,
}

/// One command of ours and the same of the reference.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) what: &'static str,
    pub(crate) ours: Runs,
    pub(crate) reference: Runs,
    /// Of wall time, round by round.
    pub(crate) wall_ratio: Spread,
    /// Of CPU time, round by round.
    pub(crate) cpu_ratio: Spread,
    pub(crate) wall_target: f64,
    pub(crate) cpu_target: Option<f64>,
    /// Runs whose output was not the reference's.
    pub(crate) wrong: usize,
}

/// What was measured of one command, a value for each round.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Runs {
    pub(crate) wall_ms: Vec<f64>,
    /// User and system.
    pub(crate) cpu_ms: Vec<f64>,
}

/// From the start of a process to what it does first.
#[derive(Debug, Serialize)]
pub(crate) struct FirstPacket {
    /// `/bin/true`, to its end.
    pub(crate) true_ms: Spread,
    /// A Rust program that does nothing, to its end.
    pub(crate) empty_ms: Spread,
    /// `keepward credstash get`, to its first byte on the connection to AWS.
    pub(crate) ours_ms: Spread,
    pub(crate) starts: usize,
}

impl<'a> Tools<'a> {
    /// Starts the stand-in and has the real credstash fill the table; sets up both references.
    pub(crate) fn prepare(programs: &'a Programs, folder: &'a Path) -> Result<Self> {
        say("stash: setting up the real CredSmash and credstash, and a table");
        let theirs = set_up()?;
        let stand_in = StandIn::start(&programs.stand_in, folder)?;
        stand_in.stash_tables(&["credential-store", "secret-store"])?;
        let tools = Self {
            keepward: &programs.keepward,
            theirs,
            stand_in,
            folder,
        };
        let secrets: Map<_, _> = (0..SECRETS)
            .map(|number| {
                let value = format!("{number:04}").repeat(VALUE / 4);
                (format!("service.secret.{number:03}"), json!(value))
            })
            .collect();
        let file = folder.join("secrets.json");
        fs::write(&file, serde_json::to_vec(&secrets)?)?;
        let mut put = tools.command(&tools.theirs.join("credstash"));
        put.arg("putall")
            .args(["-k", "alias/credstash"])
            .arg(format!("@{}", file.display()));
        let output = put.output()?;
        ensure!(
            output.status.success(),
            "credstash putall: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(tools)
    }

    /// Each command by turns, `rounds` times after a first time that does not count.
    pub(crate) fn compare(&self, rounds: usize) -> Result<Vec<Pair>> {
        let smash = |rest: &[&'static str]| [&["-t", "credential-store"], rest].concat();
        let one = "service.secret.100";
        let cases = [
            (
                "credstash get",
                "credstash",
                vec!["get", one],
                1.0 / 20.0,
                None,
            ),
            (
                "credsmash get",
                "credsmash",
                smash(&["get", one]),
                1.0 / 20.0,
                None,
            ),
            (
                "credstash getall",
                "credstash",
                vec!["getall"],
                0.1,
                Some(1.0 / 20.0),
            ),
            (
                "credsmash get-all",
                "credsmash",
                smash(&["get-all"]),
                0.1,
                Some(1.0 / 20.0),
            ),
        ];
        let mut pairs = Vec::new();
        for (what, program, arguments, wall_target, cpu_target) in cases {
            say(&format!("stash: {what}"));
            let mut ours = self.command(self.keepward);
            ours.arg(program).args(&arguments);
            let mut reference = self.command(&self.theirs.join(program));
            reference.args(&arguments);
            let expected = timed(&mut reference)?.output;
            ensure!(
                !expected.is_empty(),
                "{what} of the reference printed nothing"
            );
            timed(&mut ours)?;
            let mut pair = Pair {
                what,
                ours: Runs::default(),
                reference: Runs::default(),
                wall_ratio: Spread::of([]),
                cpu_ratio: Spread::of([]),
                wall_target,
                cpu_target,
                wrong: 0,
            };
            for _ in 0..rounds {
                // The CPU clock ticks in hundredths of a second: a short command is run often enough.
                let often = if cpu_target.is_some() { 3 } else { 10 };
                pair.wrong += pair.ours.round(&mut ours, often, &expected)?;
                pair.wrong += pair.reference.round(&mut reference, 1, &expected)?;
            }
            pair.wall_ratio = ratio(&pair.ours.wall_ms, &pair.reference.wall_ms);
            pair.cpu_ratio = ratio(&pair.ours.cpu_ms, &pair.reference.cpu_ms);
            pairs.push(pair);
        }
        Ok(pairs)
    }

    /// Three programs by turns.
    pub(crate) fn first_packet(&self, programs: &Programs, starts: usize) -> Result<FirstPacket> {
        say("stash: start to first packet");
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        // The first of each does not count.
        for number in 0..=starts {
            let started = [
                to_the_end(Path::new("/bin/true"))?,
                to_the_end(&programs.empty)?,
                self.to_the_first_byte(&listener)?,
            ];
            if number > 0 {
                for (times, started) in times.iter_mut().zip(started) {
                    times.push(milliseconds(started));
                }
            }
        }
        let [true_ms, empty_ms, ours_ms] = times.map(Spread::of);
        Ok(FirstPacket {
            true_ms,
            empty_ms,
            ours_ms,
            starts,
        })
    }

    /// Starts a command that finds a listener in place of AWS, and waits for what it sends.
    fn to_the_first_byte(&self, listener: &TcpListener) -> Result<Duration> {
        let mut command = self.command(self.keepward);
        command.args(["credstash", "get", "service.secret.100"]);
        command.env("AWS_ENDPOINT_URL", url(listener.local_addr()?));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = clock::now();
        let mut child = command.spawn()?;
        let (mut connection, _) = listener.accept()?;
        connection.read_exact(&mut [0])?;
        let taken = start.elapsed();
        child.kill()?;
        child.wait()?;
        Ok(taken)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder)
            .env("LC_ALL", "C.UTF-8")
            .env("AWS_ENDPOINT_URL", self.stand_in.url())
            .env("AWS_ACCESS_KEY_ID", "AKIDBENCH")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }
}

impl Runs {
    /// Runs a command some times and notes the mean; returns how many outputs were wrong.
    fn round(&mut self, command: &mut Command, times: usize, expected: &[u8]) -> Result<usize> {
        let (mut wall, mut wrong) = (0.0, 0);
        let before = children_cpu_ms()?;
        for _ in 0..times {
            let run = timed(command)?;
            wall += milliseconds(run.wall);
            wrong += usize::from(run.output != expected);
        }
        self.wall_ms.push(wall / times as f64);
        self.cpu_ms
            .push((children_cpu_ms()? - before) / times as f64);
        Ok(wrong)
    }
}

/// The folder with both references' commands; installs them unless they are there.
fn set_up() -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["xtask", "stash"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo xtask stash failed");
    let text = String::from_utf8(output.stdout)?;
    let folder = text
        .lines()
        .next_back()
        .context("cargo xtask stash named no folder")?;
    Ok(Path::new(folder).join("bin"))
}

struct Run {
    wall: Duration,
    output: Vec<u8>,
}

fn timed(command: &mut Command) -> Result<Run> {
    let start = clock::now();
    let output = command.output()?;
    let wall = start.elapsed();
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Run {
        wall,
        output: output.stdout,
    })
}

fn to_the_end(program: &Path) -> Result<Duration> {
    let start = clock::now();
    let status = Command::new(program).env_clear().status()?;
    let taken = start.elapsed();
    ensure!(status.success(), "{} failed", program.display());
    Ok(taken)
}

/// CPU of all children that have ended, the stand-in not among them.
///
/// Units: milliseconds, in steps of ten.
fn children_cpu_ms() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // After the name, which is in parentheses: cutime and cstime are the 14th and 15th field.
    let (_, fields) = stat.rsplit_once(") ").context("a stat without a name")?;
    let ticks: Vec<u64> = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    ensure!(ticks.len() == 2, "a short stat");
    // Hundredths of a second on every platform that Rust knows.
    Ok(ticks.iter().sum::<u64>() as f64 * 10.0)
}

fn ratio(ours: &[f64], reference: &[f64]) -> Spread {
    Spread::of(
        ours.iter()
            .zip(reference)
            .map(|(ours, theirs)| ours / theirs),
    )
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
