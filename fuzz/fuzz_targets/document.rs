//! Documents of every format, configuration files and patterns: no bytes panic, and what is read is written and read
//! again as it was.
#![no_main]

use documents::ini::Config;
use documents::pattern::Pattern;
use documents::{Dialect, Error, Format, NotText, json, read_many, read_tree, write_many};
use libfuzzer_sys::fuzz_target;

// The first byte chooses the format.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, document)) = bytes.split_first() else {
        return;
    };
    match choice % 6 {
        0 => reads(Format::Json, document),
        1 => reads(Format::Yaml, document),
        2 => reads(Format::Csv, document),
        3 => reads(Format::Dotenv, document),
        4 => configures(document),
        _ => matches(document),
    }
});

fn reads(format: Format, document: &[u8]) {
    if let Ok(tree) = read_tree(format, document) {
        // Whatever it holds has a form in JSON.
        assert!(json::read(json::line(&tree).expose()).is_ok());
        assert!(json::read(json::pretty(&tree).expose()).is_ok());
    }
    let Ok(entries) = read_many(format, document) else {
        return;
    };
    for (format, dialect) in [
        (Format::Json, Dialect::CredSmash),
        (Format::Yaml, Dialect::Credstash),
        (Format::Csv, Dialect::CredSmash),
    ] {
        let borrowed = entries.iter().map(|(name, value)| (name.as_str(), value));
        let written = match write_many(format, dialect, NotText::Refuse, borrowed) {
            Ok(written) => written,
            // Bytes of YAML.
            Err(Error::ValuesNotUtf8 { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        let mut read =
            read_many(format, written.document.expose()).unwrap_or_else(|error| panic!("{error}"));
        let mut wanted: Vec<_> = entries
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        read.sort_by(|(one, _), (other, _)| one.cmp(other));
        wanted.sort_by_key(|(name, _)| *name);
        // A mark of byte order is no part of the first name of CSV.
        if format == Format::Csv
            && entries
                .first()
                .is_some_and(|(name, _)| name.starts_with('\u{feff}'))
        {
            return;
        }
        assert_eq!(read.len(), wanted.len());
        for ((name, value), (wanted_name, wanted)) in read.iter().zip(wanted) {
            assert!(name == wanted_name && value.expose() == wanted.expose());
        }
    }
}

fn configures(document: &[u8]) {
    if let Ok(config) = Config::read(document, "c.cfg") {
        for (name, section) in config.sections().take(9) {
            assert!(config.section(name).is_some_and(|known| known == section));
            assert!(
                section
                    .options()
                    .take(9)
                    .all(|(option, _)| section.get(option).is_some())
            );
        }
    }
}

/// A pattern and a name, one line each.
fn matches(document: &[u8]) {
    let text = String::from_utf8_lossy(document);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, &text));
    let _ = Pattern::fnmatch(pattern).matches(name);
    assert!(Pattern::wildcard(&format!("*{name}*")).matches(name));
    if !pattern.contains('[') {
        assert!(Pattern::fnmatch(&format!("*{pattern}")).matches(pattern));
    }
}
