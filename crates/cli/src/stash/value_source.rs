//! Where the value of a `put` comes from: a file, standard input or a prompt, never an argument.

use std::io::{IsTerminal as _, Read};
use std::path::Path;

use keep::Plaintext;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::exit::{self, Failure, Kind, Outcome};
use crate::output;

/// The greatest value read, bytes: DynamoDB holds 400 KB a row, base64 and all.
const MAX_VALUE: usize = 400 * 1024;

/// Reads the value.
///
/// `trim` takes one line break off its end; without it, one of an otherwise single line is told,
/// since `echo` adds it.
///
/// Errors: `Usage` for nothing at all, unless `empty` says that it is meant: a pipe whose other end failed gives
/// nothing too.
pub(crate) fn read(name: &str, file: Option<&Path>, trim: bool, empty: bool) -> Outcome<Plaintext> {
    let terminal = || std::io::stdin().is_terminal();
    let bytes = match file {
        Some(path) if path.as_os_str() != "-" => {
            let mut file =
                std::fs::File::open(path).map_err(|error| exit::file("reading", path, &error))?;
            limited(&mut file, path, MAX_VALUE)?
        }
        None if terminal() => prompt(name)?,
        _ => limited(&mut std::io::stdin().lock(), Path::new("-"), MAX_VALUE)?,
    };
    if bytes.is_empty() && !empty {
        return Err(
            Failure::new(Kind::Usage, "the value is empty, and nothing was stored")
                .hint("--empty stores an empty value"),
        );
    }
    Ok(Plaintext::new(trimmed(&bytes, trim).into()))
}

fn trimmed(bytes: &[u8], trim: bool) -> &[u8] {
    let Some(line) = bytes.strip_suffix(b"\n") else {
        return bytes;
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if trim {
        return line;
    }
    if !line.contains(&b'\n') {
        output::warning(
            "the value ends with a line break, which is stored too; --trim takes it off",
        );
    }
    bytes
}

/// All of it, wiped on drop.
///
/// Errors: `Usage` when there is more than the limit.
pub(super) fn limited(
    source: &mut impl Read,
    path: &Path,
    limit: usize,
) -> Outcome<Zeroizing<Vec<u8>>> {
    // In pieces of their final size: a growing buffer would leave unwiped copies.
    let mut pieces: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    let mut length = 0;
    loop {
        let mut piece = Zeroizing::new(Vec::with_capacity(PIECE));
        let read = source
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .map_err(|error| exit::file("reading", path, &error))?;
        if read == 0 {
            break;
        }
        length += read;
        if length > limit {
            return Err(Failure::new(
                Kind::Usage,
                format!("{} holds more than {limit} bytes", path.display()),
            ));
        }
        pieces.push(piece);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    for piece in pieces {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

const PIECE: usize = 64 * 1024;

fn prompt(name: &str) -> Outcome<Zeroizing<Vec<u8>>> {
    let ask = |text: String| {
        rpassword::prompt_password(text)
            .map(SecretString::from)
            .map_err(|error| exit::internal("reading a value", error))
    };
    let name = crate::client::printable(name);
    let (value, again) = (
        ask(format!("value of {name}: "))?,
        ask("once more: ".to_owned())?,
    );
    if value.expose_secret() != again.expose_secret() {
        return Err(Failure::new(
            Kind::Usage,
            "the two values differ; nothing was stored",
        ));
    }
    Ok(Zeroizing::new(value.expose_secret().as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::kept("a\n", false, "a\n")]
    #[case::one_line_break("a\n\n", true, "a\n")]
    #[case::of_windows("a\r\n", true, "a")]
    #[case::none("a", true, "a")]
    #[case::nothing("", true, "")]
    #[case::nothing_else("\n", true, "")]
    fn takes_one_line_break_off_when_asked(
        #[case] bytes: &str,
        #[case] trim: bool,
        #[case] expected: &str,
    ) {
        assert_eq!(trimmed(bytes.as_bytes(), trim), expected.as_bytes());
    }

    #[test]
    fn more_than_a_row_holds_is_refused_before_it_is_in_memory() {
        let mut endless = std::io::repeat(b'x');
        let failure = limited(&mut endless, Path::new("f"), 10).expect_err("too much");
        assert_eq!(failure.kind(), Kind::Usage);
        let text = vec![b'x'; 3 * PIECE + 1];
        let read = limited(&mut text.as_slice(), Path::new("f"), text.len()).expect("it fits");
        assert_eq!(*read, text);
    }
}
