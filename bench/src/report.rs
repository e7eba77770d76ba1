//! What a run prints: where it ran, what it measured, and whether the targets are met.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::Result;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::clock;
use crate::growth::{Size, Write};
use crate::load::CONNECTIONS;
use crate::measure::{Figures, Spread};
use crate::parts::{Comparison, Effort, Idle};
use crate::process::Memory;
use crate::programs::root;
use crate::stash_tools::{FirstPacket, Pair};
use crate::workload::Shape;

/// Idle memory wanted, megabytes.
const IDLE_MB: f64 = 40.0;
/// Start wanted, milliseconds.
const START_MS: f64 = 200.0;

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) place: Place,
    pub(crate) shape: Shape,
    pub(crate) effort: Effort,
    pub(crate) quick: bool,
    pub(crate) embedded: Option<Comparison>,
    pub(crate) aws: Option<Comparison>,
    pub(crate) idle: Vec<Idle>,
    pub(crate) growth: Vec<Size>,
    pub(crate) stash: Vec<Pair>,
    pub(crate) first_packet: Option<FirstPacket>,
}

/// Where, when and with what.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    date: String,
    command: String,
    commit: String,
    cpu: String,
    cores: usize,
    kernel: String,
    rustc: String,
}

impl Place {
    /// Looks round.
    pub(crate) fn here() -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let mut commit = told("git", &["rev-parse", "--short=12", "--verify", "HEAD"]);
        if commit.is_empty() {
            commit.push_str("none");
        }
        if !told("git", &["status", "--porcelain"]).is_empty() {
            commit.push_str(" and uncommitted changes");
        }
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Ok(Self {
            date: clock::today().replace_nanosecond(0)?.format(&Rfc3339)?,
            command: format!("cargo run --release -p bench -- {}", arguments.join(" "))
                .trim_end_matches(" -- ")
                .to_owned(),
            commit,
            cpu: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            rustc: told("rustc", &["--version"]),
        })
    }
}

impl Report {
    /// How many answers were wrong.
    pub(crate) fn errors(&self) -> usize {
        let comparisons = [&self.embedded, &self.aws];
        comparisons
            .into_iter()
            .flatten()
            .map(|both| both.ours.errors() + both.reference.errors())
            .chain(self.stash.iter().map(|pair| pair.wrong))
            .sum()
    }

    /// The report as text.
    pub(crate) fn text(&self) -> String {
        let (place, shape, effort) = (&self.place, &self.shape, &self.effort);
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(line.trim_end());
            text.push('\n');
        };
        line(format!("date     {}", place.date));
        line(format!("command  {}", place.command));
        line(format!("commit   {}", place.commit));
        line(format!(
            "machine  {}, {} cores, Linux {}",
            place.cpu, place.cores, place.kernel
        ));
        line(format!("rustc    {}", place.rustc));
        line(format!(
            "data     {} services of {} credentials, {} pairs of {} bytes each; seed {}",
            shape.services,
            shape.credentials_per_service,
            shape.pairs_per_credential,
            shape.value_bytes,
            shape.seed
        ));
        line(format!(
            "load     {CONNECTIONS} keep-alive connections, services drawn by Zipf (s = 1), {} rounds by turns, audit on",
            effort.rounds
        ));
        if self.quick {
            line("         --quick: too little for figures worth keeping".to_owned());
        }
        if let Some(both) = &self.embedded {
            line(String::new());
            line("(a) embedded: server CPU per request against a null axum handler with the same bytes".to_owned());
            line(comparison(both));
        }
        if let Some(both) = &self.aws {
            line(String::new());
            line("(b) on a stand-in for DynamoDB and KMS: server CPU per request against the real Confidant".to_owned());
            line(comparison(both));
            for figures in [&both.ours, &both.reference] {
                line(format!("    {}: {}", figures.name, aws_calls(figures)));
            }
        }
        if !self.idle.is_empty() {
            line(String::new());
            line(
                "(c) keepward at rest: memory after 5 s idle, and start to first answer".to_owned(),
            );
        }
        for idle in &self.idle {
            let Spread { min, median, max } = idle.start_ms;
            line(format!("    {}", idle.what));
            let Memory {
                resident_mb,
                anonymous_mb,
            } = idle.memory;
            let mapped = resident_mb - anonymous_mb;
            line(format!(
                "      VmRSS {resident_mb:.1} MB ({anonymous_mb:.1} own, {mapped:.1} mapped files); \
                 below {IDLE_MB:.0} MB: {}",
                met(resident_mb < IDLE_MB)
            ));
            line(format!(
                "      start {min:.1} / {median:.1} / {max:.1} ms (min / median / max of {}), very first {:.1} ms; \
                 median below {START_MS:.0} ms: {}",
                idle.starts,
                idle.first_start_ms,
                met(median < START_MS)
            ));
        }
        if !self.growth.is_empty() {
            line(String::new());
            line(format!(
                "(d) one write on the stand-in, mean of {} one after the other, with so many credentials in the table",
                effort.writes
            ));
            for text in growth(&self.growth) {
                line(text);
            }
        }
        if !self.stash.is_empty() {
            line(String::new());
            line(format!(
                "(e) one command on the stand-in, start to end of its process, {} rounds by turns",
                effort.rounds
            ));
        }
        for pair in &self.stash {
            for text in commands(pair) {
                line(text);
            }
        }
        if let Some(first) = &self.first_packet {
            line(first_packet(first));
        }
        line(String::new());
        line(format!("wrong answers: {}", self.errors()));
        text
    }
}

fn comparison(both: &Comparison) -> String {
    let mut text = format!(
        "    {:<18} {:>26} {:>9} {:>11} {:>8} {:>8} {:>7} {:>8} {:>9} {:>8}\n",
        "",
        "CPU us/request min/med/max",
        "requests",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "errors",
        "RSS MB",
        "processes",
        "threads"
    );
    for figures in [&both.ours, &both.reference] {
        let of = |value: fn(&crate::measure::Round) -> f64| {
            Spread::of(figures.rounds.iter().map(value)).median
        };
        let cpu = Spread::of(figures.rounds.iter().map(|round| round.cpu_us_per_request));
        let requests: usize = figures
            .rounds
            .iter()
            .map(|round| round.outcome.requests)
            .sum();
        let cpu = format!("{:.1} / {:.1} / {:.1}", cpu.min, cpu.median, cpu.max);
        let _ = writeln!(
            text,
            "    {:<18} {:>26} {:>9} {:>11.0} {:>8.2} {:>8.2} {:>7} {:>8.1} {:>9} {:>8}",
            figures.name,
            cpu,
            requests,
            of(|round| round.outcome.requests_per_second),
            of(|round| round.outcome.p50_ms),
            of(|round| round.outcome.p99_ms),
            figures.errors(),
            figures.memory_after_load.resident_mb,
            figures.processes,
            figures.threads,
        );
        if let Some(error) = figures.first_error() {
            let _ = writeln!(text, "      first error: {error}");
        }
    }
    let Spread { min, median, max } = both.ratio;
    let (digits, target) = (3, both.target);
    let _ = write!(
        text,
        "    ratio {min:.digits$} / {median:.digits$} / {max:.digits$} (min / median / max); median at most {target}: {}",
        met(median <= target)
    );
    text
}

/// A row for each kind of write and size, and under the last size what it is of the first.
fn growth(sizes: &[Size]) -> Vec<String> {
    let mut rows = vec![format!(
        "    {:<16} {:>12} {:>10} {:>11} {:>8}",
        "", "credentials", "AWS calls", "items read", "CPU us"
    )];
    let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else {
        return rows;
    };
    for (place, smallest) in first.writes.iter().enumerate() {
        for size in sizes {
            if let Some(write) = size.writes.get(place) {
                rows.push(format!(
                    "    {:<16} {:>12} {:>10.2} {:>11.1} {:>8.0}",
                    write.what,
                    size.credentials,
                    write.calls(),
                    write.items_read,
                    write.cpu_us
                ));
            }
        }
        let Some(greatest) = last.writes.get(place) else {
            continue;
        };
        let ratio = |of: fn(&Write) -> f64| of(greatest) / of(smallest);
        rows.push(format!(
            "    {:<16} {:>12} {:>10.2} {:>11.2} {:>8.2}",
            "",
            "ratio",
            ratio(Write::calls),
            ratio(|write| write.items_read),
            ratio(|write| write.cpu_us)
        ));
        let calls: Vec<String> = greatest
            .aws_calls
            .iter()
            .map(|(operation, calls)| format!("{operation} {calls:.2}"))
            .collect();
        rows.push(format!("      {}", calls.join(", ")));
    }
    rows
}

/// A pair's figures, and whether its targets are met.
fn commands(pair: &Pair) -> Vec<String> {
    let spread = |values: &[f64]| {
        let Spread { min, median, max } = Spread::of(values.iter().copied());
        format!("{min:.1} / {median:.1} / {max:.1}")
    };
    let row = |name: &str, runs: &crate::stash_tools::Runs| {
        format!(
            "      {name:<10} wall ms {:>24}   CPU ms {:>24}",
            spread(&runs.wall_ms),
            spread(&runs.cpu_ms)
        )
    };
    let judged = |ratio: &Spread, target: Option<f64>| {
        let Spread { min, median, max } = ratio;
        let judged =
            target.map(|target| format!(" (at most {target:.2}: {})", met(*median <= target)));
        format!(
            "{min:.3} / {median:.3} / {max:.3}{}",
            judged.unwrap_or_default()
        )
    };
    vec![
        format!("    {}", pair.what),
        row("keepward", &pair.ours),
        row("reference", &pair.reference),
        format!(
            "      ratio wall {}, CPU {}; wrong outputs {}",
            judged(&pair.wall_ratio, Some(pair.wall_target)),
            judged(&pair.cpu_ratio, pair.cpu_target),
            pair.wrong
        ),
    ]
}

fn first_packet(first: &FirstPacket) -> String {
    let spread = |of: &Spread| format!("{:.2} / {:.2} / {:.2}", of.min, of.median, of.max);
    format!(
        "    start to first packet (credstash get), {} starts: {} ms; /bin/true to its end {} ms; an empty Rust \
         program {} ms; ratio of medians to /bin/true {:.1}, to the empty program {:.1}",
        first.starts,
        spread(&first.ours_ms),
        spread(&first.true_ms),
        spread(&first.empty_ms),
        first.ours_ms.median / first.true_ms.median,
        first.ours_ms.median / first.empty_ms.median,
    )
}

fn aws_calls(figures: &Figures) -> String {
    let mut operations: Vec<&str> = figures
        .rounds
        .iter()
        .flat_map(|round| round.aws_calls_per_request.keys())
        .map(String::as_str)
        .collect();
    operations.sort_unstable();
    operations.dedup();
    let calls: Vec<String> = operations
        .iter()
        .map(|operation| {
            let calls = |round: &crate::measure::Round| {
                round
                    .aws_calls_per_request
                    .get(*operation)
                    .copied()
                    .unwrap_or_default()
            };
            let spread = Spread::of(figures.rounds.iter().map(calls));
            format!("{operation} {:.3}", spread.median)
        })
        .collect();
    let stand_in = Spread::of(
        figures
            .rounds
            .iter()
            .filter_map(|round| round.stand_in_cpu_us_per_request),
    );
    format!(
        "AWS calls per request: {}; stand-in CPU {:.1} us per request",
        calls.join(", "),
        stand_in.median
    )
}

fn met(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// What a program prints; empty when it cannot be asked.
fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
