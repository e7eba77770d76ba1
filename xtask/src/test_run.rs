//! `cargo xtask test`: sets up what the tests need, runs every one, and adds up.

use anyhow::{Result, bail};

use crate::machine::{self, Machine, now, seconds_since};
use crate::tally::Tally;
use crate::{deps, fuzzing, promises, python, rooms, stream, tools};

/// What the caller asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The long mode: more seeds, longer fuzzing.
    pub(crate) long: bool,
    /// Only tests whose name contains one of these; then the checks around the tests are left out.
    pub(crate) filters: Vec<String>,
}

impl Wanted {
    /// Errors: an option that is not known.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut wanted = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--long" => wanted.long = true,
                option if option.starts_with('-') => {
                    bail!("unknown option {option}; known: --long")
                }
                filter => wanted.filters.push(filter.to_owned()),
            }
        }
        Ok(wanted)
    }
}

/// Runs everything; returns whether all of it was good.
///
/// Errors: the set-up failed, and nothing ran.
pub(crate) fn run(machine: &Machine, wanted: &Wanted) -> Result<bool> {
    let mut report = Report::default();
    let start = now();
    println!("== set up");
    tools::ensure_compilers(machine)?;
    tools::ensure_programs(machine)?;
    let python = python::ensure_python(machine)?;
    report.add("set up", start, Tally::default());
    let start = now();
    let confidant = python::ensure_confidant(machine)?;
    report.add("set up the real Confidant", start, Tally::default());
    let start = now();
    let stash_tools = python::ensure_stash_tools(machine)?;
    report.add("set up the real CredSmash", start, Tally::default());

    let whole = wanted.filters.is_empty();
    if whole {
        report.check("format", || {
            machine::run(&mut machine.cargo(&["fmt", "--all", "--check"]))?;
            machine::run(&mut machine.cargo(&["fmt", "--manifest-path=fuzz/Cargo.toml", "--check"]))
        });
        report.check("rooms", || {
            rooms::check(machine).map(|count| println!("{count} imports keep the rooms"))
        });
        report.check("guarantees", || {
            promises::check(machine)
                .map(|count| println!("{count} tests stand behind the guarantees"))
        });
        report.check("lints", || {
            let clippy = [
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--",
                "--deny=warnings",
            ];
            machine::run(&mut machine.cargo(&clippy))
        });
        report.check("dependencies", || {
            deps::check(machine).map(|count| println!("{count} packages are allowed"))
        });
    }
    // `cargo test` builds no program that its own package's tests do not ask for, and the demo
    // build below leaves another `keepward` in its place. All targets, so that features are the
    // same as in the tests and nothing is compiled twice.
    report.check("programs", || {
        machine::run(&mut machine.cargo(&["build", "--locked", "--workspace", "--all-targets"]))
    });
    report.step("tests", || {
        let mut command = machine.cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]);
        command
            .env("KEEPWARD_TEST_PYTHON", &python)
            .env("KEEPWARD_TEST_CONFIDANT", &confidant)
            .env("KEEPWARD_TEST_STASH_TOOLS", &stash_tools);
        if wanted.long {
            command.env("KEEPWARD_TEST_LONG", "1");
        }
        command.arg("--").args(&wanted.filters);
        counted(&mut command)
    });
    if whole {
        report.step("checks of the AWS emulator", || {
            let mut command = machine.program(&python);
            counted(command.args(["-B", "conformance/python/checks.py"]))
        });
        report.step("fuzz targets", || {
            fuzzing::run(machine, if wanted.long { 60 } else { 5 })
        });
        report.check("demo build without AWS", || {
            let count = deps::demo_has_no_aws(machine)?;
            println!("{count} crates, none of the AWS SDK");
            machine::run(&mut machine.cargo(&[
                "build",
                "--locked",
                "--package=keepward",
                "--no-default-features",
            ]))
        });
    }
    report.print(whole);
    Ok(report.is_good())
}

/// Runs a test program (or a program of test programs) and counts.
///
/// A program that ends badly without a failed test was killed, or did not even build: that counts as one failure.
fn counted(command: &mut std::process::Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let well = stream::run(command, |line| tally.read(line))?;
    if !well && tally.failed == 0 {
        tally.failed = 1;
    }
    if tally.ran() == 0 {
        bail!("no test ran");
    }
    Ok(tally)
}

/// The steps so far.
#[derive(Default)]
struct Report {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    seconds: f64,
    tally: Tally,
}

impl Report {
    fn add(&mut self, name: &'static str, start: std::time::Instant, tally: Tally) {
        self.steps.push(Step {
            name,
            seconds: seconds_since(start),
            tally,
        });
    }

    /// A step that counts its own tests; one that cannot run counts as one failure.
    fn step(&mut self, name: &'static str, run: impl FnOnce() -> Result<Tally>) {
        println!("== {name}");
        let start = now();
        let tally = run().unwrap_or_else(|fault| {
            eprintln!("error: {name}: {fault:#}");
            Tally {
                failed: 1,
                ..Tally::default()
            }
        });
        self.add(name, start, tally);
    }

    /// A step that is one test.
    fn check(&mut self, name: &'static str, run: impl FnOnce() -> Result<()>) {
        self.step(name, || {
            run().map(|()| Tally {
                passed: 1,
                ..Tally::default()
            })
        });
    }

    fn total(&self) -> Tally {
        self.steps.iter().fold(Tally::default(), |mut sum, step| {
            sum += step.tally;
            sum
        })
    }

    fn is_good(&self) -> bool {
        self.total().is_good()
    }

    fn print(&self, whole: bool) {
        println!("\n{}", self.table());
        if !whole {
            println!("a filtered run: the checks and fuzz targets were left out");
        }
        println!("{} panics", self.total().panicked);
        println!("{}", self.total().closing_line());
    }

    fn table(&self) -> String {
        let row = |name: &str, seconds: f64, tally: Tally| {
            let Tally {
                passed,
                failed,
                skipped,
                ..
            } = tally;
            format!(
                "{name:<28}{seconds:>8.1} s {passed:>7} passed {failed:>5} failed {skipped:>5} skipped\n"
            )
        };
        let mut table: String = self
            .steps
            .iter()
            .map(|step| row(step.name, step.seconds, step.tally))
            .collect();
        table += &row(
            "all",
            self.steps.iter().map(|step| step.seconds).sum(),
            self.total(),
        );
        table
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn words(arguments: &[&str]) -> Vec<String> {
        arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect()
    }

    fn shell(script: &str) -> Result<Tally> {
        counted(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn reads_the_mode_and_the_filters() {
        assert_eq!(Wanted::parse(&[]).unwrap(), Wanted::default());
        assert_eq!(
            Wanted::parse(&words(&["fernet", "--long", "token"])).unwrap(),
            Wanted {
                long: true,
                filters: words(&["fernet", "token"])
            }
        );
        assert!(Wanted::parse(&words(&["--short"])).is_err());
    }

    #[test]
    fn a_test_program_that_dies_counts_as_a_failure() {
        let passes =
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'";
        assert_eq!(
            shell(passes).unwrap(),
            Tally {
                passed: 2,
                ..Tally::default()
            }
        );
        assert_eq!(
            shell(&format!("{passes}; kill -9 $$")).unwrap(),
            Tally {
                passed: 2,
                failed: 1,
                ..Tally::default()
            }
        );
    }

    #[test]
    fn a_run_without_a_test_is_an_error() {
        assert!(
            shell(
                "echo 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out'"
            )
            .is_err()
        );
    }

    #[test]
    fn the_report_is_good_only_when_every_step_is() {
        let mut report = Report::default();
        report.check("one", || Ok(()));
        report.step("two", || {
            Ok(Tally {
                passed: 3,
                ..Tally::default()
            })
        });
        assert!(report.is_good());
        assert_eq!(
            report.total().closing_line(),
            "4 passed, 0 failed, 0 skipped"
        );
        report.check("three", || bail!("broken"));
        assert!(!report.is_good());
        assert_eq!(
            report.total().closing_line(),
            "4 passed, 1 failed, 0 skipped"
        );
    }

    #[test]
    fn a_step_that_left_a_test_out_spoils_the_report() {
        let mut report = Report::default();
        report.step("tests", || {
            Ok(Tally {
                passed: 3,
                skipped: 1,
                ..Tally::default()
            })
        });
        assert!(!report.is_good());
    }

    #[test]
    fn the_table_has_a_row_for_each_step_and_the_sum() {
        let mut report = Report::default();
        report.step("tests", || {
            Ok(Tally {
                passed: 3,
                failed: 1,
                ..Tally::default()
            })
        });
        let table = report.table();
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|row| row.split_whitespace().collect())
            .collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0][0], "tests");
        assert_eq!(rows[1][0], "all");
        assert_eq!(rows[1][3..], ["3", "passed", "1", "failed", "0", "skipped"]);
    }
}
