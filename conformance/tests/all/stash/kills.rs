//! Killed at every call, before it is applied and after: each name has its old value or the new one, whole.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;
use testkit::Fault;

use super::tools::{Desk, LIMIT, Tools, run};

/// What is there before; `same` is put again as it is.
const BEFORE: [(&str, &str); 3] = [("a", "old a"), ("b", "old b"), ("same", "as it was")];

/// What is put, in this order.
const AFTER: [(&str, &str); 4] = [
    ("a", "new a"),
    ("same", "as it was"),
    ("b", "new b"),
    ("c", "new c"),
];

/// A command, and what it puts.
fn commands() -> Vec<(&'static str, Vec<&'static str>, Vec<u8>, usize)> {
    let many: Value = AFTER.iter().map(|(name, value)| (*name, *value)).collect();
    let many = many.to_string().into_bytes();
    vec![
        (
            "credsmash",
            vec!["-t", TABLE, "put", "a", "-"],
            b"new a".to_vec(),
            1,
        ),
        (
            "credsmash",
            vec!["-t", TABLE, "put-many", "-"],
            many.clone(),
            AFTER.len(),
        ),
        (
            "credstash",
            vec!["put", "-a", "a", "-"],
            b"new a".to_vec(),
            1,
        ),
        ("credstash", vec!["putall", "-a", "-"], many, AFTER.len()),
        ("stash", vec!["put", "a"], b"new a".to_vec(), 1),
    ]
}

const TABLE: &str = "credential-store";

fn filled(desk: &Desk) -> Vec<(String, Vec<Value>)> {
    for (name, value) in BEFORE {
        desk.feed("credstash", &["put", name, "-"], value.as_bytes())
            .ok();
    }
    desk.stored()
}

/// The same command, with the number of its process in a file before it begins.
fn told(desk: &Desk, command: Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", r#"echo $$ > "$0" && exec "$@""#])
        .arg(desk.path("process"))
        .arg(command.get_program())
        .args(command.get_args());
    desk.ready(shell)
}

/// Every version of every name, opened.
fn stored(desk: &Desk, about: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in desk.moto.dump(TABLE) {
        let field = |name: &str| item[name]["S"].as_str().expect("a text").to_owned();
        let (name, version) = (field("name"), field("version"));
        let ran = desk.run("credstash", &["get", "-n", &name, "-v", &version]);
        assert_eq!(
            ran.code,
            Some(0),
            "{about}: {name} {version} does not open: {}",
            ran.told()
        );
        found.entry(name).or_default().push(ran.text());
    }
    found
}

#[test]
fn a_killed_put_leaves_each_name_with_its_old_value_or_the_new_one() {
    let desk = Desk::open(Tools::ours());
    let prepared = filled(&desk);
    let before: BTreeMap<&str, &str> = BEFORE.into();
    let (mut kills, mut written) = (0, 0);
    for (tool, words, input, puts) in commands() {
        desk.put_back(&prepared);
        let ran = run(desk.command(tool, &words), &input, LIMIT);
        assert_eq!(ran.code, Some(0), "{}", ran.told());
        let calls = u32::try_from(desk.moto.calls().len()).expect("a few");
        assert!(calls as usize > puts, "{tool}: {calls} calls");
        for call in 0..calls {
            for applied in [false, true] {
                desk.put_back(&prepared);
                let fault = if applied {
                    Fault::drop_reply("*")
                } else {
                    Fault::drop_request("*")
                };
                desk.moto
                    .fault(fault.after(call).killing(&desk.path("process")));
                let ran = run(told(&desk, desk.command(tool, &words)), &input, LIMIT);
                let about = format!(
                    "{tool} {words:?} killed at call {call} of {calls}, applied: {applied}"
                );
                assert_eq!(ran.code, None, "{about}: it lives: {}", ran.told());
                kills += 1;
                let stored = stored(&desk, &about);
                let mut unwritten = false;
                for (name, new) in AFTER.into_iter().take(puts) {
                    let values = stored.get(name).cloned().unwrap_or_default();
                    let old: Vec<String> = before
                        .get(name)
                        .map(|value| (*value).to_owned())
                        .into_iter()
                        .collect();
                    let and_new = [old.clone(), vec![new.to_owned()]].concat();
                    // CredSmash leaves alone what is the same.
                    let is_new = values == and_new;
                    assert!(is_new || values == old, "{about}: {name} is {values:?}");
                    if tool == "credsmash" && before.get(name) == Some(&new) {
                        continue;
                    }
                    assert!(
                        !(is_new && unwritten),
                        "{about}: {name} before one that comes first"
                    );
                    unwritten |= !is_new;
                    written += usize::from(is_new);
                }
                // And again, to its end: what is there already is not put twice by who compares.
                let again = run(desk.command(tool, &words), &input, LIMIT);
                assert_eq!(again.code, Some(0), "{about}: {}", again.told());
                let now = self::stored(&desk, &about);
                for (name, new) in AFTER.into_iter().take(puts) {
                    let values = now.get(name).cloned().unwrap_or_default();
                    assert_eq!(
                        values.last().map(String::as_str),
                        Some(new),
                        "{about}: {name}"
                    );
                    if tool == "credsmash" {
                        let most = 2 - usize::from(before.get(name).is_none_or(|old| *old == new));
                        assert_eq!(values.len(), most, "{about}: {name} is {values:?}");
                    }
                }
            }
        }
    }
    println!("{kills} kills, {written} values were written by then");
    assert!(kills > 40 && written > 10);
}
