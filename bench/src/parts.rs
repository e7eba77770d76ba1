//! The three parts of a run: the embedded default, AWS, and doing nothing.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::json;

use crate::aws::StandIn;
use crate::clock;
use crate::confidant;
use crate::keepward::{self, Embedded, HEALTH};
use crate::load::{Calls, drive, drive_and};
use crate::measure::{self, Figures, Spread, Subject};
use crate::process::{Memory, Process};
use crate::programs::Programs;
use crate::say;
use crate::workload::{Service, Shape};

/// How much is done.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) embedded_requests: usize,
    pub(crate) aws_requests: usize,
    pub(crate) confidant_requests: usize,
    pub(crate) starts: usize,
    /// Writes of each kind.
    pub(crate) writes: usize,
}

/// Two servers and the ratio of their CPU per request.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) ours: Figures,
    pub(crate) reference: Figures,
    pub(crate) ratio: Spread,
    /// The greatest median wanted.
    pub(crate) target: f64,
}

/// A server that nobody asks anything.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    pub(crate) what: &'static str,
    pub(crate) memory: Memory,
    pub(crate) first_start_ms: f64,
    pub(crate) start_ms: Spread,
    pub(crate) starts: usize,
}

/// (a) The embedded default against a handler that does nothing.
pub(crate) fn embedded(
    programs: &Programs,
    folder: &Path,
    shape: &Shape,
    services: &[Service],
    effort: &Effort,
) -> Result<(Comparison, Idle)> {
    say("embedded: starting, storing the data through the API");
    let server = Embedded::start(&programs.keepward, folder)?;
    let first_start = server.process.started_in;
    server.fill(services)?;
    say("embedded: a client key and a token for each service");
    let calls = Calls::new(services, &server.logins(services)?);
    let answers = folder.join("answers");
    record(&server.process, &calls, &answers)?;
    let null = Process::start(
        "null",
        &programs.null,
        folder,
        HEALTH,
        |command, address| {
            command.arg(address.to_string()).arg(&answers);
        },
    )?;
    say("embedded: measuring");
    let requests = effort.embedded_requests;
    let subjects = [
        Subject {
            name: "keepward",
            process: &server.process,
            requests,
        },
        Subject {
            name: "null axum handler",
            process: &null,
            requests,
        },
    ];
    let [ours, reference] =
        measure::by_turns(subjects, [&calls, &calls], shape, effort.rounds, None)?;
    let ratio = measure::ratios(&ours, &reference);
    drop((server, null));
    let idle = starts(
        "embedded, with the data",
        &programs.keepward,
        folder,
        effort.starts,
        Some(first_start),
    )?;
    Ok((
        Comparison {
            ours,
            reference,
            ratio,
            target: 3.0,
        },
        idle,
    ))
}

/// (b) On AWS's stand-in, against the real Confidant on the same one.
pub(crate) fn aws(
    programs: &Programs,
    folder: &Path,
    shape: &Shape,
    services: &[Service],
    effort: &Effort,
) -> Result<Comparison> {
    say("aws: setting up the reference");
    let environment = confidant::set_up()?;
    let stand_in = StandIn::start(&programs.stand_in, folder)?;
    stand_in.fill(services)?;
    let calls = Calls::new(services, &stand_in.logins(services)?);
    let ours = keepward::start_on_aws(&programs.keepward, folder, &stand_in)?;
    let reference = confidant::start(&environment, folder, &stand_in)?;
    // Each worker has caches of its own, so one pass warms only a part of them.
    say("aws: warming the caches");
    let all: Vec<usize> = (0..services.len()).collect();
    for process in [&ours, &reference] {
        for _ in 0..2 * confidant::WORKERS {
            let outcome = drive(process.address, &calls, &all);
            ensure!(
                outcome.errors == 0,
                "{}",
                outcome.first_error.unwrap_or_default()
            );
        }
    }
    say("aws: measuring");
    let subjects = [
        Subject {
            name: "keepward",
            process: &ours,
            requests: effort.aws_requests,
        },
        Subject {
            name: "confidant 7.0.0",
            process: &reference,
            requests: effort.confidant_requests,
        },
    ];
    let [ours, reference] = measure::by_turns(
        subjects,
        [&calls, &calls],
        shape,
        effort.rounds,
        Some(&stand_in),
    )?;
    let ratio = measure::ratios(&ours, &reference);
    Ok(Comparison {
        ours,
        reference,
        ratio,
        target: 0.1,
    })
}

/// (c) Start and rest, on an empty folder.
pub(crate) fn idle(programs: &Programs, folder: &Path, effort: &Effort) -> Result<Idle> {
    say("idle: starting and resting");
    starts(
        "embedded, empty",
        &programs.keepward,
        folder,
        effort.starts,
        None,
    )
}

/// Starts a server again and again, and lets the last one rest.
fn starts(
    what: &'static str,
    program: &Path,
    folder: &Path,
    starts: usize,
    first_start: Option<Duration>,
) -> Result<Idle> {
    let first_start = match first_start {
        Some(first) => first,
        // The first makes the table and the keyring, which no later one does.
        None => Embedded::start(program, folder)?.process.started_in,
    };
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    let (mut times, mut last) = (Vec::new(), None);
    for _ in 0..starts {
        // The one before has to be gone: the folder is locked.
        drop(last.take());
        let server = Embedded::start(program, folder)?;
        times.push(milliseconds(server.process.started_in));
        last = Some(server);
    }
    let server = last.context("no start at all")?;
    clock::wait(Duration::from_secs(5));
    let memory = server.process.memory()?;
    let first_start_ms = milliseconds(first_start);
    Ok(Idle {
        what,
        memory,
        first_start_ms,
        start_ms: Spread::of(times),
        starts,
    })
}

/// Writes down each service's answer, for the null handler to give.
fn record(process: &Process, calls: &Calls<'_>, file: &Path) -> Result<()> {
    let out = Mutex::new(std::io::BufWriter::new(std::fs::File::create(file)?));
    let all: Vec<usize> = (0..calls.services.len()).collect();
    let outcome = drive_and(process.address, calls, &all, |at, answer| {
        let headers: Vec<(&str, &str)> = answer
            .head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name, value.trim()))
            // Those that any HTTP server writes by itself.
            .filter(|(name, _)| {
                !["date", "content-length", "connection"]
                    .iter()
                    .any(|own| name.eq_ignore_ascii_case(own))
            })
            .collect();
        let id = calls.services.get(at).map(|service| service.id.as_str());
        let line =
            json!({ "id": id, "headers": headers, "body": String::from_utf8_lossy(&answer.body) });
        let mut out = out
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = writeln!(out, "{line}");
    });
    ensure!(
        outcome.errors == 0,
        "{}",
        outcome.first_error.unwrap_or_default()
    );
    out.into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .flush()?;
    Ok(())
}
