//! A value that may stand elsewhere: `-` is standard input, `@FILE` a file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use keep::Plaintext;

use crate::credstash::arguments::Typed;
use crate::faces::{Done, Fault};
use crate::{content, environment};

/// What this word stands for: bytes as they are, whatever their lines end in.
///
/// Errors: a usage error, as credstash's parser reads the file.
pub(crate) fn value(typed: &Typed) -> Done<Plaintext> {
    match typed.expose() {
        b"-" => content::of_standard_input()
            .map_err(|_| Fault::usage("argument value: Unable to read value from stdin")),
        [b'@', name @ ..] => {
            let name = Path::new(OsStr::from_bytes(name));
            content::of_file(&expanded(name)).map_err(|error| {
                Fault::usage(format!(
                    "argument value: Unable to read file {}: {}",
                    name.display(),
                    content::reason(&error)
                ))
            })
        }
        bytes => Ok(Plaintext::new(Box::from(bytes))),
    }
}

/// With the home folder in the place of a leading `~`.
fn expanded(name: &Path) -> PathBuf {
    match (name.strip_prefix("~"), environment::home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::credstash::arguments::{Arguments, Command};

    fn of(word: &str) -> Done<Plaintext> {
        let words = ["credstash", "put", "x", word];
        match Arguments::try_parse_from(words).unwrap().command {
            Some(Command::Put(put)) => value(&put.value.unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_is_taken_byte_for_byte() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("v.bin");
        std::fs::write(&path, b"\xff\r\n").unwrap();
        let word = format!("@{}", path.display());
        assert_eq!(of(&word).unwrap().expose(), b"\xff\r\n");
    }

    #[test]
    fn a_word_is_itself() {
        assert_eq!(of("hunter2\n").unwrap().expose(), b"hunter2\n");
        assert_eq!(of("").unwrap().expose(), b"");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_usage_error_that_names_it() {
        let fault = of("@/no/such.txt").map(drop).unwrap_err();
        assert_eq!(
            fault,
            Fault::usage(
                "argument value: Unable to read file /no/such.txt: No such file or directory"
            )
        );
    }
}
