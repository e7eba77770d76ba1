//! How a command ends: one table of exit codes, one place that prints an error.

use std::fmt;
use std::process::ExitCode;

/// What went wrong, coarsely; picks the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something this program did not foresee.
    Internal,
    /// The command line, a setting or an input file is wrong.
    Usage,
    /// What was asked for does not exist.
    NotFound,
    /// The server refused the caller, or the caller's own files are not as they must be.
    Denied,
    /// The server or something behind it cannot be reached.
    Unavailable,
    /// It clashes with what is there.
    Conflict,
    /// An examination was done and found something.
    Findings,
    /// The command that `exec` should become is there and cannot be run.
    CannotRun,
    /// There is no such command.
    NoSuchCommand,
}

impl Kind {
    /// Stable over versions (docs/cli.md).
    pub fn code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Denied => 4,
            Self::Unavailable => 5,
            Self::Conflict => 6,
            Self::Findings => 7,
            // As shells and env(1) have them.
            Self::CannotRun => 126,
            Self::NoSuchCommand => 127,
        }
    }

    /// Its name in errors printed as JSON; stable as the codes are.
    fn word(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::Findings => "findings",
            Self::CannotRun => "cannot_run",
            Self::NoSuchCommand => "no_such_command",
        }
    }
}

/// Every failing exit code, in the order of the codes.
pub(crate) const EXIT_CODES: &[(Kind, &str)] = &[
    (Kind::Internal, "something this program did not foresee"),
    (
        Kind::Usage,
        "the command line, a setting or an input file is wrong",
    ),
    (Kind::NotFound, "what was asked for does not exist"),
    (
        Kind::Denied,
        "the server refused the caller, or the caller's own files are not as they must be",
    ),
    (
        Kind::Unavailable,
        "the server or something behind it cannot be reached",
    ),
    (Kind::Conflict, "it clashes with what is there"),
    (
        Kind::Findings,
        "an examination was done and found something; its report says what",
    ),
    (Kind::CannotRun, "`exec`: the command cannot be run"),
    (Kind::NoSuchCommand, "`exec`: there is no such command"),
];

/// An error for a person at a terminal: what happened, and what to do next.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    what: String,
    hint: Option<String>,
}

/// What commands return.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure of this kind. `what` holds names and numbers, never a value or a token.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            hint: None,
        }
    }

    /// With the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a further step after the hint that it has.
    #[must_use]
    pub(crate) fn hint_too(mut self, hint: &str) -> Self {
        self.hint = Some(match self.hint {
            Some(first) => format!("{first}\n  {hint}"),
            None => hint.to_owned(),
        });
        self
    }

    /// Of something: what it is stands before what went wrong.
    #[must_use]
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.what = format!("{what}: {}", self.what);
        self
    }

    /// With the kind and the next step of another one.
    #[must_use]
    pub(crate) fn like(mut self, other: &Self) -> Self {
        self.kind = other.kind;
        self.hint.clone_from(&other.hint);
        self
    }

    /// What went wrong, without the next step.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Prints it to stderr, as JSON when asked, and gives the exit code.
    #[expect(clippy::print_stderr, reason = "the one place that prints errors")]
    pub(crate) fn report(&self, as_json: bool) -> ExitCode {
        if as_json {
            let error = serde_json::json!({
                "kind": self.kind.word(),
                "message": self.what,
                "hint": self.hint,
                "exit_code": self.kind.code(),
            });
            eprintln!("{}", serde_json::json!({ "error": error }));
        } else {
            eprintln!("keepward: {self}");
        }
        ExitCode::from(self.kind.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

/// An unforeseen error with what was being done.
pub(crate) fn internal(doing: &str, error: impl fmt::Display) -> Failure {
    Failure::new(Kind::Internal, format!("{doing}: {error}"))
}

/// A file that cannot be read or written.
pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => Kind::NotFound,
        std::io::ErrorKind::PermissionDenied => Kind::Denied,
        _ => Kind::Usage,
    };
    Failure::new(kind, format!("{doing} {}: {error}", path.display()))
}
