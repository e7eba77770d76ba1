//! The log file of `--log-file`: failures, one line each. Without that option there is none.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::faces::{Done, Fault};
use crate::log_time::LogTime;
use crate::python_text::repr;

/// Where failures are logged, if anywhere.
pub(crate) struct LogFile {
    file: Option<File>,
    time: LogTime,
}

impl LogFile {
    /// Opens the file at once, as credstash does, and goes on at its end.
    ///
    /// Errors: no such level, with or without a file; a file that cannot be written.
    pub(crate) fn open(path: Option<&Path>, level: &str) -> Done<Self> {
        let failures_are_wanted = match level {
            "NOTSET" | "DEBUG" | "INFO" | "WARN" | "WARNING" | "ERROR" => true,
            "CRITICAL" | "FATAL" => false,
            _ => return Err(Fault::new(format!("Unknown level: {}", repr(level)))),
        };
        let file = path.map(|path| {
            let file = File::options().append(true).create(true).open(path);
            file.map_err(|error| Fault::new(format!("log file {}: {error}", path.display())))
        });
        Ok(Self {
            file: file.transpose()?.filter(|_| failures_are_wanted),
            time: LogTime::new(),
        })
    }

    /// Logs a failure. It was told on stderr too, so that a full disk loses nothing.
    pub(crate) fn failure(&mut self, text: &str) {
        if let Some(file) = &mut self.file {
            let line = format!("{} ERROR {text}\n", self.time.now());
            let _told_on_stderr = file.write_all(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::by_default("WARNING", 2)]
    #[case::only_worse("CRITICAL", 0)]
    fn failures_are_added_to_the_file(#[case] level: &str, #[case] lines: usize) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("my.log");
        for _ in 0..2 {
            let mut log = LogFile::open(Some(&path), level).unwrap();
            log.failure("Item {'name': 'x'} couldn't be found.");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), lines);
        for line in text.lines() {
            assert!(
                line.ends_with(" ERROR Item {'name': 'x'} couldn't be found."),
                "{line}"
            );
        }
    }

    #[test]
    fn an_unknown_level_is_refused_without_a_file_too() {
        let fault = LogFile::open(None, "NOPE").map(drop).unwrap_err();
        assert_eq!(fault, Fault::new("Unknown level: 'NOPE'"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let fault = LogFile::open(Some(Path::new("/no/x.log")), "INFO")
            .map(drop)
            .unwrap_err();
        assert!(fault.to_string().contains("/no/x.log"), "{fault}");
    }
}
