//! Every reader stops at its limits, soon and with a clear error.

use documents::ini::Config;
use documents::limits::{MAX_BYTES, MAX_DEPTH, MAX_VALUES};
use documents::pattern::Pattern;
use documents::{Error, Format, read_one, read_tree};

fn fault(format: Format, document: &str) -> Error {
    let Err(error) = read_tree(format, document.as_bytes()) else {
        panic!("it is read");
    };
    error
}

#[test]
fn nesting_ends_at_the_limit() {
    for format in [Format::Json, Format::Yaml] {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(
            read_tree(format, nested(MAX_DEPTH).as_bytes()).is_ok(),
            "{format}"
        );
        assert_eq!(
            fault(format, &nested(MAX_DEPTH + 1)),
            Error::TooDeep,
            "{format}"
        );
        assert_eq!(fault(format, &nested(100_000)), Error::TooDeep, "{format}");
    }
    assert_eq!(
        fault(Format::Yaml, &"- ".repeat(MAX_DEPTH + 1)),
        Error::TooDeep
    );
    assert_eq!(
        fault(Format::Json, &"{\"a\":".repeat(100_000)),
        Error::TooDeep
    );
}

#[test]
fn aliases_of_aliases_of_aliases_end_at_the_limit() {
    let mut bomb = "a0: &a0 kwcanary\n".to_owned();
    for level in 1..20 {
        let before = level - 1;
        let tens = vec![format!("*a{before}"); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{tens}]\n"));
    }
    assert_eq!(fault(Format::Yaml, &bomb), Error::TooMany);

    let long = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1 << 20),
        "*a, ".repeat(100)
    );
    assert_eq!(fault(Format::Yaml, &long), Error::TooLarge);

    let merged = format!(
        "a: &a {{{}}}\nb:\n{}",
        "x: 1, y: 2",
        "  <<: *a\n".repeat(10)
    );
    assert!(read_tree(Format::Yaml, merged.as_bytes()).is_ok());
    assert!(
        fault(Format::Yaml, "a: &a [*a]\n")
            .to_string()
            .contains("inside of what it stands for")
    );
    assert!(
        fault(Format::Yaml, "a: *nowhere\n")
            .to_string()
            .contains("unknown anchor")
    );
}

#[test]
fn a_document_has_no_more_bytes_and_values_than_the_limit() {
    let large = "a".repeat(MAX_BYTES + 1);
    for format in [Format::Json, Format::Yaml, Format::Csv, Format::Dotenv] {
        assert_eq!(fault(format, &large), Error::TooLarge, "{format}");
    }
    assert_eq!(
        read_one(Format::Raw, "a", large.as_bytes()).err(),
        Some(Error::TooLarge)
    );
    assert_eq!(
        Config::read(large.as_bytes(), "c.cfg").err(),
        Some(Error::TooLarge)
    );
    assert_eq!(
        fault(Format::Json, &format!("[{}0]", "0,".repeat(MAX_VALUES))),
        Error::TooMany
    );
    assert_eq!(
        fault(Format::Csv, &"a,b\n".repeat(MAX_VALUES + 1)),
        Error::TooMany
    );
    assert_eq!(
        fault(Format::Dotenv, &"a=b\n".repeat(MAX_VALUES + 1)),
        Error::TooMany
    );
}

#[test]
fn options_that_hold_for_all_sections_end_at_the_limit() {
    let options: String = (0..2000).map(|number| format!("o{number}=\n")).collect();
    let sections: String = (0..2000).map(|number| format!("[s{number}]\n")).collect();
    let document = format!("[DEFAULT]\n{options}{sections}");
    assert_eq!(
        Config::read(document.as_bytes(), "c.cfg").err(),
        Some(Error::TooMany)
    );
}

#[test]
fn a_pattern_of_many_stars_is_judged_soon() {
    // With a try for every way to share the letters out, this would not end in this life.
    let name = "a".repeat(2000);
    let pattern = Pattern::fnmatch(&"a*".repeat(500));
    assert!(pattern.matches(&name));
    let pattern = Pattern::fnmatch(&format!("{}b", "*a?".repeat(300)));
    assert!(!pattern.matches(&name));
}

#[test]
fn formats_without_names_or_a_reader_say_so() {
    assert_eq!(fault(Format::Raw, "a"), Error::OneValueOnly(Format::Raw));
    assert_eq!(
        fault(Format::Export, "a"),
        Error::WrittenOnly(Format::Export)
    );
    assert_eq!(
        read_one(Format::Json, "b", b"{\"a\": \"x\"}").err(),
        Some(Error::NoEntry("b".to_owned()))
    );
}
