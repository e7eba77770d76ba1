//! The repository's own tasks: `cargo xtask`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod deps;
mod fuzzing;
mod licence;
mod machine;
mod metadata;
mod promises;
mod python;
mod rooms;
mod stream;
mod tally;
mod test_run;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::machine::Machine;
use crate::test_run::Wanted;

const HELP: &str = "\
usage: cargo xtask TASK

tasks:
  test [--long] [FILTER...]  set up what the tests need, run every test and check, and add up;
                             --long: more seeds and longer fuzzing; FILTER: only tests whose name contains it
  python                     print the Python that tests use, installed first if need be:
                             KEEPWARD_TEST_PYTHON=$(cargo xtask python) cargo test -p conformance
  confidant                  print the folder of the real Confidant 7.0.0, installed first if need be:
                             KEEPWARD_TEST_CONFIDANT=$(cargo xtask confidant), for the tests beside it
  stash                      print the folder of the real CredSmash 3.0.2 and credstash 1.17.1, installed first if need
                             be: KEEPWARD_TEST_STASH_TOOLS=$(cargo xtask stash), for the tests that compare with them
  rooms                      check which room imports which (the table in xtask/src/rooms.rs)
  promises                   check that every test named in docs/guarantees.md exists
  deps                       check licences, sources and banned crates (deny.toml)
  bench [ARGUMENT...]        run the benchmarks in a release build";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match task(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one task; returns whether what it checked is good.
fn task(arguments: &[String]) -> Result<bool> {
    let Some((task, rest)) = arguments.split_first() else {
        bail!("no task\n{HELP}");
    };
    let machine = Machine::here()?;
    match (task.as_str(), rest) {
        ("test", rest) => test_run::run(&machine, &Wanted::parse(rest)?),
        ("python", []) => {
            println!("{}", python::ensure_python(&machine)?.display());
            Ok(true)
        }
        ("confidant", []) => {
            println!("{}", python::ensure_confidant(&machine)?.display());
            Ok(true)
        }
        ("stash", []) => {
            println!("{}", python::ensure_stash_tools(&machine)?.display());
            Ok(true)
        }
        ("rooms", []) => {
            println!("{} imports keep the rooms", rooms::check(&machine)?);
            Ok(true)
        }
        ("promises", []) => {
            println!(
                "{} tests stand behind the guarantees",
                promises::check(&machine)?
            );
            Ok(true)
        }
        ("deps", []) => {
            println!("{} packages are allowed", deps::check(&machine)?);
            println!(
                "{} crates in the build without AWS, none of its SDK",
                deps::demo_has_no_aws(&machine)?
            );
            Ok(true)
        }
        ("bench", rest) => {
            let mut command =
                machine.cargo(&["run", "--locked", "--release", "--package=bench", "--"]);
            machine::run(command.args(rest))?;
            Ok(true)
        }
        ("help" | "--help" | "-h", _) => {
            println!("{HELP}");
            Ok(true)
        }
        _ => bail!("no such task: {}\n{HELP}", arguments.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_task_is_an_error_that_shows_the_help() {
        for arguments in [&["tests"][..], &["rooms", "extra"], &[]] {
            let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
            let told = task(&arguments).unwrap_err().to_string();
            assert!(told.contains("usage: cargo xtask"), "{told}");
        }
    }
}
