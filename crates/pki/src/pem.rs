//! PEM texts, as forgiving to read as OpenSSL, and written as it writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::PkiError;

/// One block: what it calls itself, the headers of an old locked key, and its bytes, wiped on drop.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// The first block whose label `wanted` accepts; `what` names it in the error.
pub(crate) fn first(
    text: &str,
    what: &'static str,
    wanted: fn(&str) -> bool,
) -> Result<Block, PkiError> {
    let mut lines = text.lines().map(str::trim);
    loop {
        let line = lines.next().ok_or(PkiError::NotPem(what))?;
        let Some(label) = label_of(line, "-----BEGIN ") else {
            continue;
        };
        let (mut headers, mut letters) = (Vec::new(), Zeroizing::new(Vec::new()));
        // Once, for the whole text: a buffer that grows leaves copies.
        letters.reserve_exact(text.len());
        loop {
            let line = lines.next().ok_or(PkiError::NotPem(what))?;
            if let Some(end) = label_of(line, "-----END ") {
                if end != label {
                    return Err(PkiError::NotPem(what));
                }
                break;
            }
            match line.split_once(':') {
                Some((name, value)) => {
                    headers.push((name.trim().to_owned(), value.trim().to_owned()))
                }
                None => letters.extend(line.bytes().filter(|byte| !byte.is_ascii_whitespace())),
            }
        }
        if wanted(label) {
            let mut der = Zeroizing::new(vec![0; letters.len()]);
            let length = STANDARD
                .decode_slice(letters.as_slice(), &mut der)
                .or(Err(PkiError::NotPem(what)))?;
            der.truncate(length);
            return Ok(Block {
                label: label.to_owned(),
                headers,
                der,
            });
        }
    }
}

/// How many blocks a text begins.
pub(crate) fn count(text: &str) -> usize {
    text.lines()
        .filter(|line| label_of(line.trim(), "-----BEGIN ").is_some())
        .count()
}

/// The block of these bytes.
///
/// Shape: lines of 64 letters, ending in a newline; as large as it will be from the start.
pub(crate) fn write(label: &str, der: &[u8]) -> String {
    let letters = Zeroizing::new(STANDARD.encode(der));
    let lines = letters.len().div_ceil(LINE);
    let mut text = String::with_capacity(letters.len() + lines + 2 * (label.len() + 20));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = letters.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

fn label_of<'t>(line: &'t str, start: &str) -> Option<&'t str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_stands_around_it() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = write("X", &bytes);
        assert!(text.lines().all(|line| line.len() <= 64));
        let inside = format!("Some words\r\n{}", text.replace('\n', "\r\n"));
        let block = first(&inside, "thing", |label| label == "X").unwrap();
        assert_eq!(*block.der, bytes);
        assert_eq!(count(&inside), 1);
    }

    #[rstest::rstest]
    #[case::empty("")]
    #[case::no_end("-----BEGIN X-----\nAAAA\n")]
    #[case::other_end("-----BEGIN X-----\nAAAA\n-----END Y-----\n")]
    #[case::not_base64("-----BEGIN X-----\nA*AA\n-----END X-----\n")]
    #[case::other_label("-----BEGIN Y-----\nAAAA\n-----END Y-----\n")]
    fn a_text_without_the_block_is_none(#[case] text: &str) {
        assert_eq!(
            first(text, "thing", |label| label == "X").err(),
            Some(PkiError::NotPem("thing"))
        );
    }
}
