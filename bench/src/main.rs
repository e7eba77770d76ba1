//! `cargo run --release -p bench`: measures a built Keepward from outside, each figure beside a named reference.

mod aws;
mod check;
mod clock;
mod confidant;
mod connection;
mod growth;
mod keepward;
mod load;
mod measure;
mod parts;
mod process;
mod programs;
mod report;
mod stash_tools;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use crate::parts::Effort;
use crate::programs::Programs;
use crate::report::{Place, Report};
use crate::stash_tools::Tools;
use crate::workload::Shape;

/// Measures Keepward, each figure beside a named reference from the same run
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Little data, one round: shows that everything runs, measures nothing
    #[arg(long)]
    quick: bool,
    /// Only these parts
    #[arg(long, value_delimiter = ',', default_values = ["embedded", "aws", "idle", "growth", "stash"], hide_default_value = true)]
    only: Vec<Part>,
    /// Also write the figures here, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this program instead of building it
    #[arg(long, value_name = "PROGRAM")]
    keepward: Option<PathBuf>,
    /// Of the data and the order of requests
    #[arg(long, default_value_t = 20_260_101)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Embedded, against a null handler
    Embedded,
    /// On a stand-in for AWS, against Confidant 7.0.0
    Aws,
    /// Memory at rest, and start
    Idle,
    /// One write, with a hundred times as many credentials
    Growth,
    /// Commands on a credstash table, against the real CredSmash and credstash
    Stash,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_wrong_answers) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The number of wrong answers.
fn run(arguments: Arguments) -> Result<usize> {
    ensure!(
        !cfg!(debug_assertions),
        "an unoptimised build measures nothing: cargo run --release -p bench"
    );
    let services = if arguments.quick { 50 } else { 1_000 };
    let shape = Shape {
        seed: arguments.seed,
        services,
        credentials_per_service: 20,
        pairs_per_credential: 2,
        value_bytes: 100,
    };
    let effort = if arguments.quick { QUICK } else { FULL };
    say("building");
    let programs = Programs::build(arguments.keepward.clone())?;
    let services = shape.services();
    let mut report = Report {
        place: Place::here()?,
        shape,
        effort,
        quick: arguments.quick,
        embedded: None,
        aws: None,
        idle: Vec::new(),
        growth: Vec::new(),
        stash: Vec::new(),
        first_packet: None,
    };
    let wanted = |part| arguments.only.contains(&part);
    if wanted(Part::Idle) {
        report.idle.push(parts::idle(
            &programs,
            tempfile::tempdir()?.path(),
            &effort,
        )?);
    }
    if wanted(Part::Embedded) {
        let folder = tempfile::tempdir()?;
        let (both, idle) = parts::embedded(&programs, folder.path(), &shape, &services, &effort)?;
        report.embedded = Some(both);
        report.idle.push(idle);
    }
    if wanted(Part::Aws) {
        let folder = tempfile::tempdir()?;
        report.aws = Some(parts::aws(
            &programs,
            folder.path(),
            &shape,
            &services,
            &effort,
        )?);
    }
    if wanted(Part::Growth) {
        let sizes: &[usize] = if arguments.quick {
            &[1_000, 2_000]
        } else {
            &[1_000, 10_000, 100_000]
        };
        for credentials in sizes {
            let folder = tempfile::tempdir()?;
            let writes = effort.writes;
            report.growth.push(growth::at(
                &programs,
                folder.path(),
                &shape,
                *credentials,
                writes,
            )?);
        }
    }
    if wanted(Part::Stash) {
        let folder = tempfile::tempdir()?;
        let tools = Tools::prepare(&programs, folder.path())?;
        report.stash = tools.compare(effort.rounds)?;
        report.first_packet = Some(tools.first_packet(&programs, effort.starts)?);
    }
    #[expect(clippy::print_stdout, reason = "the report is this program's output")]
    {
        println!("{}", report.text());
    }
    if let Some(file) = arguments.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    Ok(report.errors())
}

/// Says what is going on.
#[expect(clippy::print_stderr, reason = "progress of a command line program")]
fn say(text: &str) {
    eprintln!("bench: {text}");
}

const FULL: Effort = Effort {
    rounds: 5,
    embedded_requests: 100_000,
    aws_requests: 20_000,
    confidant_requests: 3_000,
    starts: 11,
    writes: 200,
};
const QUICK: Effort = Effort {
    rounds: 1,
    embedded_requests: 1_000,
    aws_requests: 1_000,
    confidant_requests: 200,
    starts: 3,
    writes: 20,
};
