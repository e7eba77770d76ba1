//! JSON as Python's `json.dumps` prints it: `", "` and `": "`, everything but ASCII escaped.
//!
//! Old servers and old clients never look at the spacing, but equal values then have equal bytes,
//! whoever wrote them.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// `value` as Python would print it, in a buffer that never grew: a secret leaves no copy behind.
pub(crate) fn python_json<T: Serialize + ?Sized>(value: &T) -> Box<[u8]> {
    let mut length = Counted(0);
    print(value, &mut length);
    let mut text = Vec::with_capacity(length.0);
    print(value, &mut text);
    text.into_boxed_slice()
}

/// Public `value` as Python would print it.
///
/// Shape: JSON in ASCII, `", "` and `": "`, other letters as `\uXXXX`.
pub fn python_json_text<T: Serialize + ?Sized>(value: &T) -> String {
    // ASCII by construction.
    String::from_utf8(python_json(value).into_vec()).unwrap_or_default()
}

fn print<T: Serialize + ?Sized, W: Write>(value: &T, out: &mut W) {
    // Maps with text keys printed to memory: neither a key nor a write can fail.
    let _always_ok = value.serialize(&mut Serializer::with_formatter(out, Python));
}

struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(|letter| !(' '..='~').contains(&letter)) {
            let (plain, other) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut letters = other.chars();
            if let Some(letter) = letters.next() {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = letters.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn prints_what_python_printed_byte_for_byte() {
        let file: Value =
            serde_json::from_str(include_str!("../../../vectors/confidant/fernet.json")).unwrap();
        let cases = file["cases"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            assert_eq!(
                python_json_text(&case["pairs"]),
                case["plaintext_utf8"].as_str().unwrap()
            );
        }
    }

    #[test]
    fn separates_the_elements_of_arrays() {
        assert_eq!(
            python_json_text(&serde_json::json!([1, [], {}, [true, null]])),
            "[1, [], {}, [true, null]]"
        );
    }
}
