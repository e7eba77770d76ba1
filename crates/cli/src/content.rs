//! Content of files that may hold secrets: read whole, up to the size of the largest document.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use documents::limits::MAX_BYTES;
use keep::Plaintext;
use zeroize::Zeroizing;

/// All of a file.
///
/// Errors: those of the system; `FileTooLarge`.
pub(crate) fn of_file(path: &Path) -> io::Result<Plaintext> {
    let mut file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    bounded(&mut file, length)
}

/// All of standard input.
///
/// Errors: as [`of_file`].
pub(crate) fn of_standard_input() -> io::Result<Plaintext> {
    bounded(&mut io::stdin().lock(), 0)
}

/// A line of standard input, without its end.
///
/// Errors: as [`of_file`]; `UnexpectedEof` when there is none.
pub(crate) fn line_of_standard_input() -> io::Result<Plaintext> {
    let mut line = Zeroizing::new(Vec::with_capacity(USUAL));
    let most = MAX_BYTES as u64 + 1;
    if io::stdin().lock().take(most).read_until(b'\n', &mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    whole(&line)
}

/// What the system says about a file, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let told = error.to_string();
    match told.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => told,
    }
}

/// Room for all of it at once, where its length is known: a growing buffer leaves unwiped copies.
fn bounded(source: &mut impl Read, length: usize) -> io::Result<Plaintext> {
    let room = length.clamp(USUAL, MAX_BYTES);
    let mut content = Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
    source
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut content)?;
    whole(&content)
}

fn whole(content: &[u8]) -> io::Result<Plaintext> {
    if content.len() > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Plaintext::new(Box::from(content)))
}

/// A value that is stored in a table is no larger than this.
const USUAL: usize = 400 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_without_an_end_is_refused() {
        let error = bounded(&mut io::repeat(b'x'), 0).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn content_is_taken_byte_for_byte() {
        let content = bounded(&mut &b"\xff\r\n"[..], 3).unwrap();
        assert_eq!(content.expose(), b"\xff\r\n");
    }

    #[test]
    fn a_reason_has_no_number() {
        let error = of_file(Path::new("/no/such")).map(drop).unwrap_err();
        assert_eq!(reason(&error), "No such file or directory");
    }
}
