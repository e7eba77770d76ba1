//! Builds every fuzz target and runs each for a short time.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::machine::Machine;
use crate::stream;
use crate::tally::Tally;

#[derive(Deserialize)]
struct Manifest {
    bin: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Runs each target for `seconds`; one test each.
///
/// Errors: there is no target, or they do not build.
pub(crate) fn run(machine: &Machine, seconds: u32) -> Result<Tally> {
    let folder = machine.root.join("fuzz");
    let text = std::fs::read_to_string(folder.join("Cargo.toml"))
        .context("fuzz/Cargo.toml cannot be read")?;
    let targets = toml::from_str::<Manifest>(&text)
        .context("fuzz/Cargo.toml names no targets")?
        .bin;
    if targets.is_empty() {
        bail!("fuzz/Cargo.toml names no targets");
    }
    crate::machine::run(cargo(machine, &folder).args([
        "build",
        "--locked",
        "--release",
        "--bins",
    ]))?;
    let mut tally = Tally::default();
    for target in targets {
        println!("fuzz target {}, {seconds} s", target.name);
        match one(machine, &folder, &target.name, seconds) {
            Ok(()) => tally.passed += 1,
            Err(fault) => {
                eprintln!("error: fuzz target {}: {fault:#}", target.name);
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}

fn one(machine: &Machine, folder: &PathBuf, name: &str, seconds: u32) -> Result<()> {
    // What is found goes to the cache: a run changes nothing in the repository.
    let (found, crashes) = (
        machine.cache.join("fuzz/corpus").join(name),
        machine.cache.join("fuzz/crashes").join(name),
    );
    std::fs::create_dir_all(&found)?;
    std::fs::create_dir_all(&crashes)?;
    let mut command = cargo(machine, folder);
    command
        .args([
            "run",
            "--quiet",
            "--locked",
            "--release",
            "--bin",
            name,
            "--",
        ])
        .args([
            format!("-max_total_time={seconds}"),
            "-timeout=10".to_owned(),
            "-print_final_stats=1".to_owned(),
            format!("-artifact_prefix={}/", crashes.display()),
        ]);
    command.arg(&found);
    // Inputs to start from, read only.
    command.args(
        [
            folder.join("seeds").join(name),
            folder.join("corpus").join(name),
        ]
        .iter()
        .filter(|seeds| seeds.is_dir()),
    );

    let mut watched = Watched::default();
    let well = stream::run(&mut command, |line| watched.read(line))?;
    if !well {
        bail!(
            "it found an input that it does not survive (kept under {})",
            crashes.display()
        );
    }
    watched.verdict()
}

/// What libFuzzer says about its own run.
#[derive(Default)]
struct Watched {
    instrumented: bool,
    runs: u64,
}

impl Watched {
    fn read(&mut self, line: &str) {
        self.instrumented |= line.contains("inline 8-bit counters");
        if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
            self.runs = runs.trim().parse().unwrap_or_default();
        }
    }

    /// Errors: the run was blind or did nothing, and so proves nothing.
    fn verdict(&self) -> Result<()> {
        if !self.instrumented {
            bail!("the target was built without coverage counters: see fuzz/.cargo/config.toml");
        }
        if self.runs == 0 {
            bail!("no input was tried");
        }
        Ok(())
    }
}

/// Cargo in the fuzz folder, whose own settings carry the flags that count coverage.
fn cargo(machine: &Machine, folder: &PathBuf) -> Command {
    let mut command = machine.cargo(&[]);
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", machine.cache.join("fuzz/target"));
    // These would win over the settings of the folder.
    for flags in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
    ] {
        command.env_remove(flags);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(lines: &[&str]) -> Result<()> {
        let mut watched = Watched::default();
        lines.iter().for_each(|line| watched.read(line));
        watched.verdict()
    }

    #[test]
    fn a_run_with_counters_and_inputs_is_good() {
        watched(&[
            "INFO: Loaded 1 modules   (23 inline 8-bit counters): 23 [0x55, 0x66), ",
            "stat::number_of_executed_units: 4096",
        ])
        .unwrap();
    }

    #[test]
    fn a_run_without_counters_or_without_inputs_fails() {
        let blind = watched(&["stat::number_of_executed_units: 4096"]).unwrap_err();
        assert!(
            blind.to_string().contains("without coverage counters"),
            "{blind}"
        );
        let idle =
            watched(&["INFO: Loaded 1 modules   (23 inline 8-bit counters): 23"]).unwrap_err();
        assert_eq!(idle.to_string(), "no input was tried");
    }
}
