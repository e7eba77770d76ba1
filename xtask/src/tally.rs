//! Counts what test programs say about themselves, line by line.

use std::ops::AddAssign;

/// How many tests passed, failed and were left out; how many panics were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) panicked: usize,
}

impl Tally {
    /// Takes in one line of a test program's output.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(counts) = rust_counts(line).or_else(|| python_counts(line)) {
            *self += counts;
        }
        // A passing test's own panic is not shown by the test harness: what is seen happened in another program or in a
        // failing test.
        if line.starts_with("thread '") && line.contains(" panicked at ") {
            self.panicked += 1;
        }
    }

    /// How many tests ran.
    pub(crate) fn ran(&self) -> usize {
        self.passed + self.failed
    }

    /// Whether a run with these counts is good: something ran, and all of it, and nothing went wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0 && self.skipped == 0 && self.panicked == 0 && self.passed > 0
    }

    /// The closing line.
    pub(crate) fn closing_line(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
        self.panicked += more.panicked;
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s`
fn rust_counts(line: &str) -> Option<Tally> {
    // A program that a test runs may have left its last line open.
    let (_, counts) = line.split_once("test result: ")?;
    let (verdict, counts) = counts.split_once(". ")?;
    if !["ok", "FAILED"].contains(&verdict) {
        return None;
    }
    let count = |what: &str| {
        let word = counts
            .split("; ")
            .find_map(|part| part.strip_suffix(what))?;
        word.trim().parse().ok()
    };
    Some(Tally {
        passed: count("passed")?,
        failed: count("failed")?,
        skipped: count("ignored")?,
        panicked: 0,
    })
}

/// `keepward checks: 3 passed, 0 failed, 0 skipped`, which our Python checks print.
fn python_counts(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("keepward checks: ")?;
    let mut numbers = counts
        .split(", ")
        .map(|part| part.split_once(' ')?.0.parse().ok());
    Some(Tally {
        passed: numbers.next()??,
        failed: numbers.next()??,
        skipped: numbers.next()??,
        panicked: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn sums_the_results_of_all_test_programs() {
        let tally = counted(&[
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 1.20s",
        ]);
        assert_eq!(
            tally,
            Tally {
                passed: 13,
                failed: 2,
                skipped: 1,
                panicked: 0
            }
        );
        assert_eq!(tally.closing_line(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn finds_the_result_behind_a_line_that_a_program_left_open() {
        let tally = counted(&[
            "hello test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
        ]);
        assert_eq!(tally.passed, 1);
    }

    #[test]
    fn sums_what_the_python_checks_print() {
        assert_eq!(
            counted(&["keepward checks: 9 passed, 1 failed, 2 skipped"]),
            Tally {
                passed: 9,
                failed: 1,
                skipped: 2,
                panicked: 0
            }
        );
    }

    #[test]
    fn counts_panics_that_reach_the_output() {
        let tally = counted(&[
            "thread 'main' panicked at src/main.rs:1:2:",
            "thread 'tokio-runtime-worker' (4711) panicked at src/door.rs:3:4:",
            "the service panicked at noon",
        ]);
        assert_eq!(tally.panicked, 2);
    }

    #[test]
    fn a_run_is_good_only_when_something_ran_and_nothing_else_happened() {
        let good = Tally {
            passed: 1,
            ..Tally::default()
        };
        assert!(good.is_good());
        assert!(!Tally::default().is_good());
        for bad in [
            Tally { failed: 1, ..good },
            Tally { skipped: 1, ..good },
            Tally {
                panicked: 1,
                ..good
            },
        ] {
            assert!(!bad.is_good(), "{bad:?}");
        }
    }

    #[test]
    fn other_lines_count_nothing() {
        let tally = counted(&[
            "test result: maybe. 1 passed; 0 failed; 0 ignored",
            "12 passed",
            "",
            "keepward checks: many",
        ]);
        assert_eq!(tally, Tally::default());
    }
}
