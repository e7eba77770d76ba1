//! What CredSmash's commands make of items that CredSmash would not write, on a local table.

use std::path::Path;

use clap::Parser as _;
use keep::Plaintext;
use stash::{Form, Sealing, SecretName, Secrets, Version};
use tempfile::TempDir;

use super::arguments::{Arguments, Command, Globals};
use super::run::Run;
use super::{deleting, reading, writing};
use crate::faces::Done;
use crate::stash_reach::StashReach;

/// A table in a folder, and runs on it.
struct House {
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let run = house.run();
        let ports = run.ports().unwrap();
        let table = run.config.table().unwrap();
        run.wait(ports.table.create(&Secrets::schema(&table)))
            .unwrap();
        house
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self) -> Run {
        Run::begin(Globals {
            config: Some(self.path().join("none.cfg")),
            reach: StashReach::within(self.path().join("data")),
            ..Globals::default()
        })
        .unwrap()
    }

    /// Stores a value under exactly this version and context.
    fn put(&self, name: &str, version: &str, value: &str, context: &[(&str, &str)]) {
        let run = self.run();
        let sealing = Sealing {
            master: "alias/credsmash".to_owned(),
            context: keep::EncryptionContext::new(context.iter().copied()),
            form: Form::CREDSTASH,
            comment: None,
        };
        let secrets = run.secrets().unwrap();
        run.wait(secrets.put(
            &named(name),
            &Version::stored(version),
            &Plaintext::new(Box::from(value.as_bytes())),
            &sealing,
        ))
        .unwrap();
    }

    fn versions(&self, name: &str) -> Vec<String> {
        let run = self.run();
        let secrets = run.secrets().unwrap();
        let versions = run.wait(secrets.versions(&named(name))).unwrap();
        versions.iter().map(|one| one.version.to_string()).collect()
    }

    /// What a reading command writes into a file.
    fn read(&self, words: &str) -> Done<String> {
        let out = self.path().join("out");
        let words = format!("credsmash {words} {}", out.display());
        let arguments = Arguments::try_parse_from(words.split(' ')).unwrap();
        let run = self.run();
        match &arguments.command {
            Command::Get(get) => reading::get(&run, get)?,
            Command::GetAll(get) => reading::get_all(&run, get)?,
            Command::FindOne(find) => reading::find_one(&run, find)?,
            other => panic!("{other:?}"),
        }
        Ok(std::fs::read_to_string(out).unwrap())
    }

    fn put_many(&self, document: &str, compare: &str) -> Done {
        let source = self.path().join("in.json");
        std::fs::write(&source, document).unwrap();
        let words = format!("credsmash put-many {} {compare}", source.display());
        match Arguments::try_parse_from(words.split(' ')).unwrap().command {
            Command::PutMany(put) => writing::put_many(&self.run(), &put),
            other => panic!("{other:?}"),
        }
    }
}

fn named(name: &str) -> SecretName {
    name.parse().unwrap()
}

#[test]
fn an_unpadded_version_is_deleted_as_it_is_stored() {
    let house = House::new();
    house.put("x", "2", "v", &[]);
    house.put("x", "0000000000000000001", "v", &[]);
    house.put("xy", "1", "v", &[]);
    deleting::delete(&house.run(), "x").unwrap();
    assert!(house.versions("x").is_empty());
    assert_eq!(house.versions("xy"), ["1"]);
}

#[test]
fn pruning_keeps_what_is_read_and_the_highest_number() {
    let house = House::new();
    for version in ["2", "0000000000000000009", "0000000000000000010"] {
        house.put("x", version, version, &[]);
    }
    deleting::prune_many(&house.run(), "x*").unwrap();
    assert_eq!(house.versions("x"), ["0000000000000000010", "2"]);
    assert_eq!(house.read("get x"), Ok("2".to_owned()));
}

#[test]
fn an_unpadded_version_is_found_by_its_number() {
    let house = House::new();
    house.put("x", "2", "two", &[]);
    assert_eq!(house.read("get x -v 2"), Ok("two".to_owned()));
    assert_eq!(house.read("find-one x* -v 2"), Ok("two".to_owned()));
    let fault = house.read("get x -v 3").unwrap_err().to_string();
    assert_eq!(fault, "Item {'name': 'x', 'version': 3} couldn't be found.");
}

#[test]
fn one_value_that_cannot_be_opened_fails_all_and_leaves_no_file() {
    let house = House::new();
    house.put("a", "1", "1", &[]);
    house.put("b", "1", "2", &[("env", "prod")]);
    let fault = house.read("get-all").unwrap_err().to_string();
    assert!(
        fault.starts_with("b: KMS ERROR: Could not decrypt"),
        "{fault}"
    );
    assert!(
        fault.contains("1 of 2 secrets could not be read"),
        "{fault}"
    );
    assert!(!house.path().join("out").exists());
}

#[test]
fn an_unknown_format_is_refused_before_there_is_any_call() {
    // There is no table to call.
    let house = House {
        folder: tempfile::tempdir().unwrap(),
    };
    let fault = house.read("get-all -f xml").unwrap_err().to_string();
    assert!(fault.starts_with("Unsupported format: xml"), "{fault}");
}

#[test]
fn many_puts_stop_at_a_failure_and_the_same_command_goes_on_from_there() {
    let house = House::new();
    house.put("b", "7", "unpadded", &[]);
    let document = r#"{"a": "1", "b": "2", "c": "3"}"#;
    let fault = house
        .put_many(document, "--compare")
        .unwrap_err()
        .to_string();
    assert!(
        fault.contains("at b: 1 of 3 secrets are stored, 2 are not"),
        "{fault}"
    );
    assert!(
        fault.contains("the same command again goes on from there"),
        "{fault}"
    );
    assert_eq!(house.versions("c"), Vec::<String>::new());

    deleting::delete(&house.run(), "b").unwrap();
    house.put_many(document, "--compare").unwrap();
    for name in ["a", "b", "c"] {
        assert_eq!(house.versions(name), ["0000000000000000001"], "{name}");
    }
}

#[test]
fn a_latest_value_that_cannot_be_compared_is_told_with_the_way_round() {
    let house = House::new();
    house.put("x", "0000000000000000001", "1", &[("env", "prod")]);
    let fault = house
        .put_many(r#"{"x": "2"}"#, "--compare")
        .unwrap_err()
        .to_string();
    assert!(
        fault.contains("--no-compare stores without reading it"),
        "{fault}"
    );
    house.put_many(r#"{"x": "2"}"#, "--no-compare").unwrap();
    assert_eq!(house.read("get x"), Ok("2".to_owned()));
}
