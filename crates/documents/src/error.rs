//! Why a document cannot be read or written: names, kinds and places, never a value.

use crate::{Format, Kind};

/// Why a document cannot be read or written. Never shows a value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No format has this name.
    #[error("Unsupported format: {0}")]
    UnknownFormat(String),
    /// Several values, or a tree, in a format that has no place for them.
    #[error(
        "Unsupported format: {0} holds one value without a name; use json, yaml, csv or dotenv"
    )]
    OneValueOnly(Format),
    /// A format that is only written.
    #[error(
        "Unsupported format: {0} is for a shell and cannot be read; use dotenv, json, yaml or csv"
    )]
    WrittenOnly(Format),
    /// Not JSON, in the words of Python's `json`.
    #[error("{problem}: line {line} column {column} (char {char})")]
    Json {
        /// What was missing or wrong.
        problem: &'static str,
        /// Counted from 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// In characters from the start of the document, from 0.
        char: usize,
    },
    /// Not YAML that we read.
    #[error("not valid YAML: {problem}, line {line} column {column}")]
    Yaml {
        /// What was missing or wrong.
        problem: String,
        /// Counted from 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
    },
    /// A line that is not of a `.env` file.
    #[error("line {line} of the dotenv document: {problem}")]
    Dotenv {
        /// What was missing or wrong.
        problem: &'static str,
        /// Counted from 1.
        line: usize,
    },
    /// Not a configuration file.
    #[error(transparent)]
    Ini(#[from] crate::ini::Fault),
    /// A document that must be text and is not.
    #[error("the document is not UTF-8 text: bad byte at position {position}")]
    NotUtf8 {
        /// Of the first bad byte, from 0.
        position: usize,
    },
    /// A document that holds something else than names with values.
    #[error("Unsupported type: the document is {0}, not a mapping of names to texts")]
    NotAMap(Kind),
    /// A name that is not text.
    #[error("a name in the document is {0}, not text: put it in quotes")]
    NameNotText(Kind),
    /// A value that is not text.
    #[error("the value of {name:?} is {kind}, not text: put it in quotes")]
    ValueNotText {
        /// Of the entry.
        name: String,
        /// What it is instead.
        kind: Kind,
    },
    /// A row of a table with a name alone. Not named: it may be a value that is no table at all.
    #[error("entry {0} of the table has no value: each line is a name, a comma and a value")]
    NoValue(usize),
    /// The document has no such entry.
    #[error("the document has no entry named {0:?}")]
    NoEntry(String),
    /// Values that are not UTF-8, where the caller wants none left out.
    #[error("{format} cannot hold bytes that are not UTF-8 text: the value of {}", quoted(.names))]
    ValuesNotUtf8 {
        /// Of the document.
        format: Format,
        /// Of the entries.
        names: Vec<String>,
    },
    /// A name from which no variable's name can be made.
    #[error("{0:?} cannot be the name of a variable: it needs a letter, a digit or _")]
    NoVariable(String),
    /// Two names that make the same variable.
    #[error("{first:?} and {second:?} would both be the variable {variable}")]
    SameVariable {
        /// The one that came first.
        first: String,
        /// The other one.
        second: String,
        /// What both become.
        variable: String,
    },
    /// A value with a NUL, which no variable can hold.
    #[error("a variable cannot hold the NUL byte in the value of {0:?}")]
    Nul(String),
    /// More bytes than [`crate::limits::MAX_BYTES`].
    #[error("the document is larger than {} MiB, with its aliases expanded", crate::limits::MAX_BYTES >> 20)]
    TooLarge,
    /// Deeper than [`crate::limits::MAX_DEPTH`].
    #[error(
        "the document has more than {} lists and maps inside each other",
        crate::limits::MAX_DEPTH
    )]
    TooDeep,
    /// More values than [`crate::limits::MAX_VALUES`].
    #[error(
        "the document has more than {} values, with its aliases expanded",
        crate::limits::MAX_VALUES
    )]
    TooMany,
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}
