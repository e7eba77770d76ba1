//! CredSmash's log: lines on standard error, with the local time, at a level from the configuration.

use crate::faces::{Done, Fault};
use crate::log_time::LogTime;
use crate::output;
use crate::python_text::repr;

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What went on inside.
    Debug,
    /// What was done.
    Info,
    /// What may not be as wished.
    Warning,
    /// What failed; nothing is logged at this level, so it is how to have a quiet log.
    Error,
}

impl Level {
    /// The level of `log_level` in the configuration.
    ///
    /// Errors: any other word, letter case included.
    pub(crate) fn named(name: &str) -> Done<Self> {
        match name {
            "DEBUG" => Ok(Self::Debug),
            "INFO" => Ok(Self::Info),
            // Without a level of its own a Python logger has its parent's.
            "WARNING" | "WARN" | "NOTSET" => Ok(Self::Warning),
            "ERROR" | "CRITICAL" | "FATAL" => Ok(Self::Error),
            _ => Err(Fault::new(format!("Unknown level: {}", repr(name)))
                .hint("log_level is DEBUG, INFO, WARNING, ERROR or CRITICAL")),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// The log of one run.
pub(crate) struct Log {
    level: Level,
    time: LogTime,
}

impl Log {
    /// A log of lines from this level on.
    pub(crate) fn new(level: Level) -> Self {
        Self {
            level,
            time: LogTime::new(),
        }
    }

    /// Writes a line of this logger. Holds names and numbers, never a value.
    pub(crate) fn line(&self, level: Level, logger: &str, text: &str) {
        if level < self.level {
            return;
        }
        let line = format!("{} {}", self.time.now(), line(level, logger, text));
        output::told(&line);
    }

    /// A line at the level INFO.
    pub(crate) fn info(&self, logger: &str, text: &str) {
        self.line(Level::Info, logger, text);
    }
}

/// Shape, after the time: `credsmash.cli [INFO] Stored x @ version 1`.
fn line(level: Level, logger: &str, text: &str) -> String {
    format!("{logger} [{}] {text}", level.word())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_line_has_logger_level_and_text() {
        assert_eq!(
            line(Level::Info, "credsmash.cli", "Stored x @ version 1"),
            "credsmash.cli [INFO] Stored x @ version 1"
        );
    }

    #[rstest]
    #[case::quiet("ERROR", Level::Error)]
    #[case::loud("DEBUG", Level::Debug)]
    #[case::of_the_parent("NOTSET", Level::Warning)]
    fn a_level_is_known_by_pythons_name(#[case] name: &str, #[case] level: Level) {
        assert_eq!(Level::named(name), Ok(level));
    }

    #[rstest]
    #[case::no_word("nonsense")]
    #[case::small_letters("info")]
    fn another_level_is_refused(#[case] name: &str) {
        let told = Level::named(name).unwrap_err().to_string();
        assert!(
            told.starts_with(&format!("Unknown level: '{name}'")),
            "{told}"
        );
    }
}
