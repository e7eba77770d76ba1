//! Copying to another region, where the tables and the master keys are others.

use crate::stash::tools::{Desk, Tools};

#[test]
fn secrets_are_copied_to_another_region_under_its_own_master_key() {
    let desk = Desk::open(Tools::ours());
    for (name, value) in [("db", "one"), ("db", "two"), ("web", "three")] {
        desk.feed("stash", &["put", name], value.as_bytes()).ok();
    }
    let there = ["--region", "eu-west-1"];
    desk.run("stash", &[&["setup"], &there[..]].concat()).ok();
    let copy = ["copy", "--to-region", "eu-west-1"];
    let planned = desk.run("stash", &copy).ok();
    assert!(planned.contains("would copy db"), "{planned}");
    let list = [&["list", "--all", "--json"], &there[..]].concat();
    assert!(!desk.run("stash", &list).ok().contains("db"));
    desk.run("stash", &[&copy[..], &["--yes"]].concat()).ok();
    // The real keys of there: those of here do not open them, which KMS would say.
    for (name, value) in [("db", "two"), ("web", "three")] {
        let get = ["-r", "eu-west-1", "get", "-n", name];
        assert_eq!(desk.run("credstash", &get).ok(), value);
    }
    let first = ["get", "db", "--version", "1"];
    let got = desk.run("stash", &[&first[..], &there[..]].concat()).ok();
    assert_eq!(got, "one");
    let across = [
        "get",
        "db",
        "--region",
        "eu-west-1",
        "--kms-region",
        "us-east-1",
    ];
    assert_ne!(desk.run("stash", &across).code, Some(0));
    // Once more copies nothing.
    let again = desk.run("stash", &[&copy[..], &["--yes"]].concat()).ok();
    assert!(!again.contains("copied db"), "{again}");
}
