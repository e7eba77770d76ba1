//! The two old command lines, CredSmash's and credstash's: which one was called, and how it ends.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use tokio::runtime::Runtime;

use crate::exit::Failure;
use crate::output;

/// One of the old command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// CredSmash 3.0.2.
    Credsmash,
    /// credstash 1.17.1.
    Credstash,
}

impl Face {
    /// The name of the program and of our command.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Credsmash => "credsmash",
            Self::Credstash => "credstash",
        }
    }

    fn named(name: &OsStr) -> Option<Self> {
        [Self::Credsmash, Self::Credstash]
            .into_iter()
            .find(|face| name == face.name())
    }

    /// Runs it on these words, of which the first is the program's name, and prints how it ended.
    pub(crate) fn run(self, words: &[OsString]) -> ExitCode {
        match self {
            Self::Credsmash => crate::credsmash::main(words),
            Self::Credstash => crate::credstash::main(words),
        }
    }
}

/// The face that this process was called as, by its own name (a link or a copy of the program) or
/// by its first word; and the words for it, the program's name first.
pub(crate) fn called(words: &[OsString]) -> Option<(Face, Vec<OsString>)> {
    let (program, rest) = words.split_first()?;
    if let Some(face) = Path::new(program).file_name().and_then(Face::named) {
        return Some((face, words.to_vec()));
    }
    let (word, rest) = rest.split_first()?;
    let face = Face::named(word)?;
    let program = format!("keepward {}", face.name()).into();
    Some((
        face,
        [program].into_iter().chain(rest.iter().cloned()).collect(),
    ))
}

/// Why a command of an old tool did not do what it was asked, in that tool's words and with its
/// exit code. Holds names and numbers, never a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    code: u8,
    text: String,
}

/// What commands of the old tools return.
pub(crate) type Done<T = ()> = Result<T, Fault>;

impl Fault {
    /// Exit code 1: everything that is not the command line's shape.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            code: 1,
            text: text.into(),
        }
    }

    /// Exit code 2: the command line is wrong, or a file that it names cannot be read.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self {
            code: 2,
            text: text.into(),
        }
    }

    /// With the next step, on a line of its own.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.text.push_str(&format!("\n  {hint}"));
        self
    }

    /// Whether the command line is what is wrong.
    pub(crate) fn is_usage(&self) -> bool {
        self.code == 2
    }

    /// Prints it to stderr after `label`, and gives the exit code.
    pub(crate) fn report(&self, label: &str) -> ExitCode {
        output::told(&format!("{label}{self}"));
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::new(failure.to_string())
    }
}

/// What a command waits on.
pub(crate) fn runtime() -> Done<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(format!("starting the runtime: {error}")))
}

/// Prints what the parser of a command line says (help to stdout, errors to stderr), and gives the
/// exit code: 0 or 2, as both tools.
pub(crate) fn misread(face: Face, error: &clap::Error) -> ExitCode {
    match unquoted(face, error) {
        Some(text) => output::told(&text),
        // Where nobody reads, nothing is lost.
        None => drop(error.print()),
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// What to say in the parser's place, which would quote the word: after `credstash`, one that begins
/// with `-` can be a value, also where it looks like an option (`-dragon` is `-d ragon`).
fn unquoted(face: Face, error: &clap::Error) -> Option<String> {
    if face != Face::Credstash {
        return None;
    }
    match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => Some(
            "credstash: error: unrecognized arguments: a value that begins with - goes after --, or into a file"
                .to_owned(),
        ),
        ErrorKind::InvalidValue => {
            let argument = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::String(argument)) => argument.as_str(),
                _ => "of an option",
            };
            let expected = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) if !valid.is_empty() => {
                    format!("invalid choice (choose from {})", valid.join(", "))
                }
                _ => "expected one argument".to_owned(),
            };
            Some(format!("credstash: error: argument {argument}: {expected}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::by_a_link(&["/usr/bin/credsmash", "list"], Some((Face::Credsmash, vec!["/usr/bin/credsmash", "list"])))]
    #[case::by_a_copy(&["./credstash"], Some((Face::Credstash, vec!["./credstash"])))]
    #[case::as_a_command(&["keepward", "credstash", "get", "x"], Some((Face::Credstash, vec!["keepward credstash", "get", "x"])))]
    #[case::own_name_first(&["credsmash", "credstash"], Some((Face::Credsmash, vec!["credsmash", "credstash"])))]
    #[case::another_command(&["keepward", "exec", "credsmash"], None)]
    #[case::no_word(&["keepward"], None)]
    #[case::nothing(&[], None)]
    fn a_face_is_called_by_its_name_or_as_a_command(
        #[case] words: &[&str],
        #[case] expected: Option<(Face, Vec<&str>)>,
    ) {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        let expected =
            expected.map(|(face, words)| (face, words.into_iter().map(OsString::from).collect()));
        assert_eq!(called(&words), expected);
    }

    #[rstest]
    #[case::no_option("-swordfish", "unrecognized arguments")]
    #[case::no_long_option("--swordfish", "unrecognized arguments")]
    #[case::a_value_of_an_option(
        "-dswordfish",
        "--digest <DIGEST>: invalid choice (choose from SHA, "
    )]
    #[case::a_value_of_a_flag("--prompt=swordfish", "unrecognized arguments")]
    fn a_word_that_is_no_option_is_not_shown(#[case] word: &str, #[case] expected: &str) {
        let words = ["credstash", "put", "x", word];
        let error = crate::credstash::arguments::Arguments::try_parse_from(words).unwrap_err();
        let told = unquoted(Face::Credstash, &error).unwrap_or_default();
        assert!(
            told.contains(expected) && !told.contains("swordfish"),
            "{told}"
        );
    }
}
