//! `documents` beside the Python whose documents it writes and reads.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use documents::{Dialect, Format, NotText, agreement, write_many};
use seal::Plaintext;
use serde_json::Value;

use crate::command_line::json;

/// What Python makes of documents that it makes up from this run's seed.
static CORPUS: LazyLock<Value> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/documents.py");
    let mut python = Command::new(testkit::python());
    python
        .env_clear()
        .env("PYTHONUTF8", "1")
        .arg(script)
        .args([&format!("live {}", testkit::seed()), "2000"]);
    json(&conformance::run(python))
});

#[test]
fn documents_are_written_and_read_as_by_the_live_python() {
    for (format, at_least) in [
        ("json", 3000),
        ("yaml", 3000),
        ("csv", 2000),
        ("dotenv", 2000),
        ("ini", 2000),
        ("pattern", 9000),
    ] {
        let compared = agreement::compare(format, &CORPUS[format]);
        assert!(
            compared.faults.is_empty(),
            "{} of {} differ, such as {}",
            compared.faults.len(),
            compared.cases,
            compared.faults[0]
        );
        assert!(
            compared.cases >= at_least,
            "{format}: only {} cases",
            compared.cases
        );
    }
}

/// Every text of the corpus that a variable can hold, with a name for each.
fn variables() -> Vec<(String, Plaintext)> {
    let mappings = CORPUS["yaml"]["written"].as_array().expect("cases");
    let texts: HashSet<&str> = mappings
        .iter()
        .filter_map(|case| case[0].as_object())
        .flat_map(|mapping| mapping.values().filter_map(Value::as_str))
        .filter(|text| !text.contains('\0'))
        .collect();
    assert!(texts.len() > 1000, "only {} texts", texts.len());
    texts
        .into_iter()
        .enumerate()
        .map(|(place, text)| {
            (
                format!("KW_{place}"),
                Plaintext::new(text.as_bytes().into()),
            )
        })
        .collect()
}

fn written(format: Format, variables: &[(String, Plaintext)]) -> Plaintext {
    let entries = variables.iter().map(|(name, value)| (name.as_str(), value));
    match write_many(format, Dialect::Keepward, NotText::Refuse, entries) {
        Ok(written) => written.document,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn python_dotenv_reads_back_every_value() {
    let variables = variables();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), written(Format::Dotenv, &variables).expose())
        .expect("it is written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/read_formats.py");
    let mut reader = Command::new(testkit::python());
    reader
        .env_clear()
        .arg(script)
        .arg("dotenv")
        .arg(file.path());
    let read = json(&conformance::run(reader));
    for (name, value) in &variables {
        assert_eq!(
            read[name].as_str().map(str::as_bytes),
            Some(value.expose()),
            "{name}"
        );
    }
}

#[test]
fn a_shell_reads_back_every_value() {
    let variables = variables();
    let mut script = written(Format::Export, &variables).expose().to_vec();
    for (name, _) in &variables {
        script.extend(format!("printf '%s\\0' \"${name}\"\n").bytes());
    }
    let mut shell = Command::new("sh")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = shell.stdin.take().expect("stdin is piped");
    let writer = std::thread::spawn(move || stdin.write_all(&script));
    let output = shell.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it is read");
    let mut read = output.stdout.split(|byte| *byte == 0);
    for (name, value) in &variables {
        assert_eq!(read.next(), Some(value.expose()), "{name}");
    }
}
