//! No error shows a value, whatever is wrong with the document that holds it.

use documents::ini::Config;
use documents::{Error, Format, NotText, read_many, read_one, read_tree, write_many};
use proptest::prelude::*;
use seal::Plaintext;

const CANARY: &str = "kwcanary";

fn is_silent(error: &Error) -> bool {
    let told = format!("{error} {error:?}");
    !told.contains(CANARY)
}

/// What a value may stand in or be beside.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "'",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "=",
        "\n",
        "\n",
        " ",
        "\\",
        "!",
        "&",
        "*",
        "|",
        ">",
        "@",
        "%",
        "#",
        "- ",
        "? ",
        "a: ",
        "a=",
        "\"a\": ",
        "[s]\n",
        "\\u12",
        "\t",
        "<<: ",
        "!!int ",
        "!!binary ",
        "0x",
        "---\n",
        "\u{2028}",
        "\u{85}",
        "\0",
    ];
    proptest::sample::select(PIECES).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn a_bad_document_is_told_by_place_and_never_by_what_stands_there(
        before in proptest::collection::vec(pieces(), 0..6),
        after in proptest::collection::vec(pieces(), 0..6),
    ) {
        let document = format!("{}{CANARY}{}", before.concat(), after.concat());
        for format in Format::ALL {
            if let Err(error) = read_tree(format, document.as_bytes()) {
                prop_assert!(is_silent(&error), "{error}");
            }
        }
        // A section or an option may be named.
        match Config::read(document.as_bytes(), "c.cfg") {
            Err(Error::Ini(documents::ini::Fault::NoSection { .. } | documents::ini::Fault::BadLines { .. })) | Ok(_) => {}
            Err(error) => prop_assert!(document.contains(['[', '=', ':']), "{error}"),
        }
    }
}

#[test]
fn a_value_that_is_no_text_is_told_by_its_name_and_kind() {
    let told = |format, document: &str| {
        let Err(error) = read_many(format, document.as_bytes()) else {
            panic!("{document} is read");
        };
        error.to_string()
    };
    assert_eq!(
        told(Format::Json, r#"{"a": "x", "b.c": 4711}"#),
        "the value of \"b.c\" is a number, not text: put it in quotes"
    );
    assert_eq!(
        told(Format::Yaml, "a: 2001-12-14\n"),
        "the value of \"a\" is a date, not text: put it in quotes"
    );
    assert_eq!(
        told(Format::Yaml, "a: yes\n"),
        "the value of \"a\" is a truth value, not text: put it in quotes"
    );
    assert_eq!(
        told(Format::Csv, "onlyname\n"),
        "entry 1 of the table has no value: each line is a name, a comma and a value"
    );
    assert_eq!(
        told(Format::Json, "[1]"),
        "Unsupported type: the document is a list, not a mapping of names to texts"
    );
    assert_eq!(
        told(Format::Yaml, "1: a\n"),
        "a name in the document is a number, not text: put it in quotes"
    );
}

#[test]
fn bytes_that_are_no_text_are_told_by_name() {
    let value = Plaintext::new(b"kwcanary\xff".to_vec().into());
    let Err(error) = write_many(
        Format::Json,
        documents::Dialect::Keepward,
        NotText::Refuse,
        [("bin", &value)],
    ) else {
        panic!("it is written");
    };
    assert_eq!(
        error.to_string(),
        "json cannot hold bytes that are not UTF-8 text: the value of \"bin\""
    );
    let Err(error) = read_one(Format::Json, "a", b"{\"a\": \"kwcanary\xff\"}") else {
        panic!("it is read");
    };
    assert_eq!(
        error.to_string(),
        "the document is not UTF-8 text: bad byte at position 15"
    );
}
