//! Runs a program whose output is both shown and counted.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::machine::shown;

/// Runs `command`, passes every line on as it comes, and gives each to `read` as well.
///
/// Returns whether the program ended well.
/// Errors: it does not start, its output cannot be read, or it leaves other programs behind.
pub(crate) fn run(command: &mut Command, mut read: impl FnMut(&str)) -> Result<bool> {
    let name = shown(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{name} does not start"))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(anyhow!("{name} starts without pipes"));
    };
    let (lines, received) = channel();
    let more = lines.clone();
    let readers = [
        thread::spawn(move || pass_on(stdout, |line| print!("{line}"), &lines)),
        thread::spawn(move || pass_on(stderr, |line| eprint!("{line}"), &more)),
    ];
    let mut patience = PATIENCE;
    loop {
        match received.recv_timeout(PAUSE) {
            Ok(line) => read(&line),
            Err(RecvTimeoutError::Disconnected) => break,
            // The program has ended and its output stays open: somebody it started is still there.
            Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => {
                patience = patience.saturating_sub(PAUSE);
                if patience.is_zero() {
                    bail!("{name} ended and left programs behind that hold its output");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    for reader in readers {
        let read = reader
            .join()
            .unwrap_or_else(|_| Err(anyhow!("its reader ended early")));
        read.with_context(|| format!("the output of {name} cannot be read"))?;
    }
    Ok(child
        .wait()
        .with_context(|| format!("{name} cannot be waited for"))?
        .success())
}

/// How long the output may stay open after the program's end.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Copies line by line, bytes that are no UTF-8 with replacements.
///
/// Through the `print` macros, which a test of ours captures: else a line made up by a test would be counted as real.
fn pass_on(from: impl Read, show: impl Fn(&str), lines: &Sender<String>) -> Result<()> {
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        show(&line);
        // Nobody listens any more only when the other end has given up: there is nothing left to tell.
        let _ = lines.send(line.trim_end().to_owned());
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(script: &str) -> (bool, Vec<String>) {
        let mut lines = Vec::new();
        let well = run(Command::new("sh").args(["-c", script]), |line| {
            lines.push(line.to_owned())
        })
        .unwrap();
        lines.sort();
        (well, lines)
    }

    #[test]
    fn reads_both_outputs_and_the_last_line_without_an_end() {
        let (well, lines) = lines_of("echo out; echo err >&2; printf last");
        assert!(well);
        assert_eq!(lines, ["err", "last", "out"]);
    }

    #[test]
    fn says_when_the_program_fails() {
        assert!(!lines_of("exit 3").0);
        assert!(!lines_of("kill -9 $$").0);
    }

    #[test]
    fn a_program_left_behind_is_an_error_and_no_endless_wait() {
        let mut behind = String::new();
        let left = run(
            Command::new("sh").args(["-c", "sleep 60 & echo $!"]),
            |process| behind = process.to_owned(),
        );
        Command::new("kill").arg(&behind).status().unwrap();
        let told = left.unwrap_err().to_string();
        assert!(told.contains("left programs behind"), "{told}");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(run(&mut Command::new("/nonexistent/program"), |_| ()).is_err());
    }

    #[test]
    fn a_line_that_is_no_utf8_does_not_end_the_reading() {
        assert_eq!(lines_of(r"printf '\377\nafter\n'").1, ["after", "\u{fffd}"]);
    }
}
