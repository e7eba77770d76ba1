//! No command of the two faces writes a value down: not in an error, a log, a request to AWS or a stored item.
//!
//! Each command runs with every call that it makes failing in every way in turn, with all logs on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use testkit::Fault;

use crate::canary::{CANARY, find};

use super::tools::{Desk, LIMIT, Ran, Tools, run};

/// What is done with the value: tool, arguments, input. In the arguments is never the value.
fn commands() -> Vec<(&'static str, Vec<&'static str>, String)> {
    let pair = json!({ "canary": CANARY, "other": "x" }).to_string();
    let nothing = String::new;
    vec![
        ("credsmash", vec!["put", "new", "-"], CANARY.to_owned()),
        (
            "credsmash",
            vec!["put", "canary", "-"],
            format!("{CANARY} "),
        ),
        (
            "credsmash",
            vec!["put", "canary", "-", "-f", "json"],
            pair.clone(),
        ),
        ("credsmash", vec!["put-many", "-"], pair.clone()),
        ("credsmash", vec!["get", "canary"], nothing()),
        ("credsmash", vec!["get", "canary", "out"], nothing()),
        ("credsmash", vec!["get-all"], nothing()),
        ("credsmash", vec!["find-one", "can*"], nothing()),
        (
            "credsmash",
            vec!["find-many", "can*", "-f", "csv"],
            nothing(),
        ),
        ("credsmash", vec!["list"], nothing()),
        (
            "credsmash",
            vec!["render-template", "template", "-"],
            nothing(),
        ),
        (
            "credsmash",
            vec!["render-template", "template", "out"],
            nothing(),
        ),
        (
            "credsmash",
            vec!["render-templates", "manifest.json"],
            nothing(),
        ),
        ("credstash", vec!["put", "new", "-"], CANARY.to_owned()),
        (
            "credstash",
            vec!["put", "-a", "canary", "@value"],
            nothing(),
        ),
        ("credstash", vec!["putall", "-a", "-"], pair),
        ("credstash", vec!["get", "canary"], nothing()),
        ("credstash", vec!["get", "can*"], nothing()),
        ("credstash", vec!["getall", "-f", "dotenv"], nothing()),
        ("credstash", vec!["list"], nothing()),
        ("stash", vec!["put", "canary", "--file", "value"], nothing()),
        ("stash", vec!["get", "canary"], nothing()),
        ("stash", vec!["export", "--format", "yaml"], nothing()),
        ("stash", vec!["import", "pair.json"], nothing()),
    ]
}

/// What goes wrong before AWS is asked or after it answered: with the value in hand.
fn mistakes() -> Vec<(&'static str, Vec<&'static str>, String)> {
    let broken = format!("{{\"canary\": \"{CANARY}");
    let nested = json!({ "canary": { "in": CANARY } }).to_string();
    let text = json!(CANARY).to_string();
    let list = json!([CANARY]).to_string();
    let mut mistakes = Vec::new();
    for input in [&broken, &nested, &text, &list, &CANARY.to_owned()] {
        for format in ["json", "yaml", "csv"] {
            mistakes.push((
                "credsmash",
                vec!["put-many", "-", "-f", format],
                input.clone(),
            ));
            mistakes.push((
                "credsmash",
                vec!["put", "canary2", "-", "-f", format],
                input.clone(),
            ));
        }
        mistakes.push(("credstash", vec!["putall", "-"], input.clone()));
    }
    for (tool, words) in [
        ("credsmash", vec!["get", "canary", "no/such/folder"]),
        ("credsmash", vec!["get", "canary", "-f", "xml"]),
        ("credsmash", vec!["get-all", "no/such/folder"]),
        ("credsmash", vec!["render-template", "bad-call", "-"]),
        ("credsmash", vec!["render-template", "bad-filter", "-"]),
        ("credsmash", vec!["render-template", "bad-int", "-"]),
        (
            "credsmash",
            vec!["render-template", "template", "no/such/folder"],
        ),
        (
            "credsmash",
            vec![
                "render-template",
                "template",
                "-",
                "--secrets-file",
                "broken.json",
            ],
        ),
        (
            "credsmash",
            vec![
                "render-template",
                "template",
                "-",
                "--secrets-file",
                "list.json",
            ],
        ),
        (
            "credsmash",
            vec![
                "render-template",
                "template",
                "-",
                "--template-vars",
                "broken.json",
            ],
        ),
        (
            "credsmash",
            vec!["put", "canary", "value", "--no-such-option"],
        ),
        ("credstash", vec!["putall", "@broken.json"]),
        ("credstash", vec!["put", "-v", "1", "canary", "@value"]),
        ("credstash", vec!["get", "canary", "other=context"]),
        ("credstash", vec!["getall", "other=context"]),
        ("credstash", vec!["get", "canary", "-f", "xml"]),
    ] {
        mistakes.push((tool, words, String::new()));
    }
    mistakes
}

/// A desk with the value stored in both tables, in every file that a command reads, and nowhere else.
fn laid_out() -> Desk {
    let desk = Desk::open(Tools::ours());
    desk.write("value", CANARY);
    desk.write(
        "pair.json",
        json!({ "canary": CANARY, "other": "x" }).to_string(),
    );
    desk.write("broken.json", format!("{{\"canary\": \"{CANARY}"));
    desk.write("list.json", json!([CANARY]).to_string());
    desk.write("template", "key = {{ secrets.canary }}");
    desk.write("bad-call", "{{ secrets.canary() }}");
    desk.write("bad-filter", "{{ secrets.canary | nosuch }}");
    desk.write("bad-int", "{{ 1 + secrets.canary }}");
    desk.write(
        "manifest.json",
        json!([
            { "source": "template", "destination": "out", "mode": 384 },
            { "secret": "canary", "destination": "out", "owner": "nobody-of-this-name", "group": "none" },
        ])
        .to_string(),
    );
    desk
}

/// The tables with the value in both of them.
fn filled(desk: &Desk) -> Vec<(String, Vec<Value>)> {
    for tool in ["credsmash", "credstash"] {
        let put = desk.feed(tool, &["put", "canary", "-"], CANARY.as_bytes());
        assert_eq!(put.code, Some(0), "{}", put.told());
    }
    desk.moto.forget_calls();
    desk.stored()
}

/// With every log that there is.
fn loud(mut command: Command) -> Command {
    command.envs([
        ("KEEPWARD_LOG", "trace"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "full"),
    ]);
    command
}

/// Looks for the value everywhere that a run leaves something.
fn nowhere(desk: &Desk, ran: &Ran, about: &str) {
    find(&format!("what {about} says"), &ran.stderr);
    if ran.code != Some(0) && !about.contains("all") && !about.contains("many") {
        // A bulk read shows what it could read; nothing else shows anything.
        find(&format!("what {about} prints"), &ran.stdout);
    }
    for call in desk.moto.calls() {
        find(
            &format!("a request of {about}"),
            call.0.to_string().as_bytes(),
        );
    }
    for table in desk.moto.tables() {
        find(
            &format!("{table} after {about}"),
            json!(desk.moto.dump(&table)).to_string().as_bytes(),
        );
    }
    let log = desk.path("credstash.log");
    if log.exists() {
        find(
            &format!("the log of {about}"),
            &fs::read(&log).expect("the log"),
        );
    }
}

#[test]
fn no_command_that_fails_at_any_step_writes_a_value_down() {
    let desk = laid_out();
    let stored = filled(&desk);
    let (mut runs, mut sung) = (0, 0);
    for (tool, mut words, input) in commands() {
        if tool == "credstash" {
            words.splice(
                0..0,
                ["--log-level", "DEBUG", "--log-file", "credstash.log"],
            );
        }
        let mut once = |fault: Option<Fault>| {
            desk.put_back(&stored);
            if let Some(fault) = fault {
                desk.moto.fault(fault);
            }
            let ran = run(loud(desk.command(tool, &words)), input.as_bytes(), LIMIT);
            let about = format!("{tool} {}", words.join(" "));
            nowhere(&desk, &ran, &about);
            runs += 1;
            let open = desk.moto.open_faults();
            (ran, open, desk.moto.calls().len())
        };
        let (ran, _, calls) = once(None);
        let about = format!("{tool} {words:?}");
        if ran.code == Some(0) && ran.text().contains("canary/9f3b") {
            sung += 1;
        }
        assert!(
            calls > 0 && calls < 20,
            "{about} makes {calls} calls: {}",
            ran.told()
        );
        for step in 0..calls {
            let step = u32::try_from(step).expect("a few");
            for fault in [
                Fault::refuse("*", "AccessDeniedException", 400),
                Fault::drop_reply("*"),
            ] {
                let (_, open, _) = once(Some(fault.after(step)));
                assert_eq!(open, 0, "{about}: the fault at {step} did not strike");
            }
        }
    }
    println!("{runs} runs, {sung} commands showed the value when all went well");
    assert!(sung >= 7, "the canary does not sing");
}

#[test]
fn no_mistake_with_a_value_in_hand_tells_it() {
    let desk = laid_out();
    filled(&desk);
    let mistakes = mistakes();
    let mut refused = 0;
    for (tool, words, input) in &mistakes {
        let ran = run(loud(desk.command(tool, words)), input.as_bytes(), LIMIT);
        nowhere(&desk, &ran, &format!("{tool} {}", words.join(" ")));
        refused += usize::from(ran.code != Some(0));
    }
    println!("{} mistakes, {refused} of them refused", mistakes.len());
    assert!(refused > mistakes.len() / 2);
}

#[test]
fn a_damaged_item_is_refused_without_a_word_of_its_value() {
    let desk = laid_out();
    filled(&desk);
    let mut refused = 0;
    for table in super::tools::TABLES {
        for item in desk.moto.dump(table) {
            for attribute in ["key", "contents", "hmac"] {
                let mut damaged = item.clone();
                for value in damaged[attribute]
                    .as_object_mut()
                    .expect("a value")
                    .values_mut()
                {
                    let mut text = value.as_str().expect("a text").to_owned();
                    let middle = text.len() / 2;
                    let other = if text[middle..].starts_with('0') {
                        "1"
                    } else {
                        "0"
                    };
                    text.replace_range(middle..=middle, other);
                    *value = json!(text);
                }
                desk.moto.load(table, "stash", &[damaged]);
                for ran in [
                    run(
                        loud(desk.command("credsmash", &["-t", table, "get", "canary"])),
                        b"",
                        LIMIT,
                    ),
                    run(
                        loud(desk.command("credstash", &["-t", table, "get", "canary"])),
                        b"",
                        LIMIT,
                    ),
                ] {
                    assert_eq!(ran.code, Some(1), "{table} {attribute}: {}", ran.told());
                    find("a refusal", &ran.stderr);
                    assert!(ran.stdout.is_empty(), "{table} {attribute}: {}", ran.text());
                    refused += 1;
                }
            }
            desk.moto.load(table, "stash", &[item]);
        }
    }
    println!("{refused} damaged items refused");
    assert_eq!(refused, 12);
}
