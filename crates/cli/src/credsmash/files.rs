//! The files that CredSmash's commands read and write, with click's words when they cannot.

use std::path::Path;

use documents::Format;
use keep::Plaintext;

use crate::faces::{Done, Fault};
use crate::{content, output, placed_file};

/// Reads the file of this argument, or standard input for `-`.
///
/// Errors: a usage error when there is no such file, as CredSmash opens its files before anything
/// else.
pub(crate) fn read(path: &Path, argument: &str) -> Done<Plaintext> {
    let read = if is_standard(path) {
        content::of_standard_input()
    } else {
        content::of_file(path)
    };
    read.map_err(|error| {
        Fault::usage(format!(
            "Invalid value for '{argument}': '{}': {}",
            path.display(),
            content::reason(&error)
        ))
    })
}

/// Writes the file, or to standard output for `-`; a file that is there is replaced whole and keeps its mode, and
/// that of a new one is the umask's.
pub(crate) fn write(path: &Path, content: &Plaintext) -> Done {
    if is_standard(path) {
        return Ok(output::bytes(content.expose())?);
    }
    placed_file::replace(path, content.expose()).map_err(|error| {
        Fault::new(format!(
            "Could not open file '{}': {}",
            path.display(),
            content::reason(&error)
        ))
    })
}

/// The format that was named, or that the file's name stands for, or the command's own.
///
/// Errors: no such format, or one that holds one value only where there may be many.
pub(crate) fn format(named: Option<&str>, path: &Path, default: Format) -> Done<Format> {
    let format = match named {
        Some(name) => name.parse().map_err(unsupported)?,
        None => path
            .to_str()
            .and_then(Format::of_file)
            // What else we know of names would change what CredSmash does.
            .filter(|format| matches!(format, Format::Json | Format::Yaml | Format::Csv))
            .unwrap_or(default),
    };
    if format == Format::Raw && default != Format::Raw {
        return Err(Fault::new("Unsupported format: raw").hint("it holds one value only"));
    }
    Ok(format)
}

fn unsupported(error: documents::Error) -> Fault {
    Fault::new(error.to_string()).hint("formats are raw, json, yaml, csv, dotenv and export")
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::named(Some("csv"), "o.json", Format::Raw, Ok(Format::Csv))]
    #[case::by_extension(None, "o.JSON", Format::Raw, Ok(Format::Json))]
    #[case::by_the_command(None, "o.txt", Format::Raw, Ok(Format::Raw))]
    #[case::standard_output(None, "-", Format::Json, Ok(Format::Json))]
    #[case::env_files_are_raw_to_credsmash(None, "o.env", Format::Raw, Ok(Format::Raw))]
    #[case::unknown(Some("toml"), "-", Format::Json, Err("Unsupported format: toml"))]
    #[case::raw_for_many(Some("raw"), "-", Format::Json, Err("Unsupported format: raw"))]
    fn a_format_is_named_or_told_by_the_file(
        #[case] named: Option<&str>,
        #[case] path: &str,
        #[case] default: Format,
        #[case] expected: Result<Format, &str>,
    ) {
        match (format(named, Path::new(path), default), expected) {
            (Ok(format), Ok(expected)) => assert_eq!(format, expected),
            (Err(fault), Err(text)) => assert!(fault.to_string().starts_with(text), "{fault}"),
            (got, expected) => panic!("{got:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_usage_error_in_clicks_words() {
        let fault = read(Path::new("/no/such.txt"), "SOURCE")
            .map(drop)
            .unwrap_err();
        assert_eq!(
            fault,
            Fault::usage("Invalid value for 'SOURCE': '/no/such.txt': No such file or directory")
        );
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_mode() {
        let place = tempfile::tempdir().unwrap();
        let path: PathBuf = place.path().join("out");
        std::fs::write(&path, "something longer").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        write(&path, &Plaintext::new(Box::from(*b"new"))).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_told_in_clicks_words() {
        let fault = write(Path::new("/no/out.txt"), &Plaintext::new(Box::default())).unwrap_err();
        assert_eq!(
            fault,
            Fault::new("Could not open file '/no/out.txt': No such file or directory")
        );
    }
}
