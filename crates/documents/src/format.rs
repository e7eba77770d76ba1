//! The forms a document can have, and whose habits it is written in.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The bytes of one value and nothing else.
    Raw,
    /// An object of texts.
    Json,
    /// A mapping of texts.
    Yaml,
    /// Rows of name and value, without a header.
    Csv,
    /// `NAME='value'` lines of a `.env` file.
    Dotenv,
    /// `export NAME='value'` lines for a POSIX shell. It is written, never read.
    Export,
}

impl Format {
    /// All of them, in the order a help text lists them.
    pub const ALL: [Self; 6] = [
        Self::Raw,
        Self::Json,
        Self::Yaml,
        Self::Csv,
        Self::Dotenv,
        Self::Export,
    ];

    /// The word for it on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Csv => "csv",
            Self::Dotenv => "dotenv",
            Self::Export => "export",
        }
    }

    /// The format that the extension of a file name stands for; `None` when it stands for none.
    ///
    /// Shape: `.json`, `.yml`, `.yaml`, `.csv`, `.env`, in any case. As in Python, a name that begins with a dot and
    /// has no other one has no extension; here alone, `.env` counts as one.
    /// Source: CredSmash 3.0.2, `detect_format`; `.env` is ours.
    pub fn of_file(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        if name.eq_ignore_ascii_case(".env") {
            return Some(Self::Dotenv);
        }
        let (_, extension) = name.trim_start_matches('.').rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yml" | "yaml" => Some(Self::Yaml),
            "csv" => Some(Self::Csv),
            "env" => Some(Self::Dotenv),
            _ => None,
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    /// Errors: `UnknownFormat`.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| Error::UnknownFormat(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose habits a document is written in. Reading is the same for all.
///
/// | | YAML beyond ASCII | CSV lines end | dotenv |
/// |---|---|---|---|
/// | `CredSmash` | kept | CR LF | quoted |
/// | `Credstash` | escaped | LF | not quoted: upper-case name, value between apostrophes as it is |
/// | `Keepward` | kept | LF | quoted |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// CredSmash 3.0.2.
    CredSmash,
    /// credstash 1.17.1.
    Credstash,
    /// Our own.
    Keepward,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::json("a.json", Some(Format::Json))]
    #[case::upper("/x/y.JSON", Some(Format::Json))]
    #[case::yml("a.b.Yml", Some(Format::Yaml))]
    #[case::yaml("a.yaml", Some(Format::Yaml))]
    #[case::csv("a.csv", Some(Format::Csv))]
    #[case::dot_env("dir/.env", Some(Format::Dotenv))]
    #[case::env("prod.env", Some(Format::Dotenv))]
    #[case::hidden(".json", None)]
    #[case::hidden_twice("..json", None)]
    #[case::of_the_folder("a.json/b", None)]
    #[case::other("a.txt", None)]
    #[case::none("-", None)]
    #[case::dot_at_the_end("json.", None)]
    fn a_file_name_tells_its_format(#[case] path: &str, #[case] format: Option<Format>) {
        assert_eq!(Format::of_file(path), format);
    }

    #[test]
    fn a_word_is_the_format_that_prints_it() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().ok(), Some(format));
        }
        let told = "toml".parse::<Format>().expect_err("unknown").to_string();
        assert_eq!(told, "Unsupported format: toml");
    }
}
