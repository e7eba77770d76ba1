//! Lists, history, diff, revert and dry runs at the command line.

use std::process::Output;

use serde_json::{Value, json};

use crate::command_line::{Shell, json, ok, refused, text};
use crate::world;

fn create(shell: &Shell, name: &str, pairs: &Value) -> String {
    let arguments = ["credential", "create", name, "--pairs-file", "-", "--json"];
    world::text(&json(&shell.feed(&arguments, &pairs.to_string())), "id")
}

fn update(shell: &Shell, id: &str, pairs: &Value, more: &[&str]) -> Output {
    let arguments = ["credential", "update", id, "--pairs-file", "-"];
    shell.feed(&[&arguments, more].concat(), &pairs.to_string())
}

/// The lines of a table without its head.
fn rows(output: &Output) -> usize {
    ok(output).lines().count() - 1
}

#[test]
fn a_list_goes_on_where_it_ended() {
    let shell = Shell::open();
    for name in ["a", "b", "c", "d", "e"] {
        create(&shell, name, &json!({ "k": name }));
    }
    assert_eq!(rows(&shell.run(&["credential", "list"])), 5);
    let list = |more: &[&str]| shell.run(&[&["credential", "list", "--limit", "2"], more].concat());
    assert!(text(&list(&[]).stderr).contains("there is more: --page "));

    let mut names = Vec::new();
    let mut page: Option<String> = None;
    for _ in 0..3 {
        let more = match &page {
            Some(page) => vec!["--json", "--page", page],
            None => vec!["--json"],
        };
        let told = json(&list(&more));
        let some = told["credentials"].as_array().expect("credentials");
        assert!(some.len() <= 2, "{told}");
        names.extend(some.iter().map(|one| world::text(one, "name")));
        page = told["next_page"].as_str().map(str::to_owned);
    }
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    let all = json(&shell.run(&["credential", "list", "--limit", "1000", "--json"]));
    assert_eq!(all["credentials"].as_array().map(Vec::len), Some(5));
    assert_eq!(all["next_page"], Value::Null);
    refused(&list(&["--page", "?"]), 2, "page");
    refused(
        &shell.run(&["credential", "list", "--page", "x"]),
        2,
        "--limit",
    );
}

#[test]
fn a_dry_run_tells_by_name_and_writes_nothing() {
    let shell = Shell::open();
    let id = create(
        &shell,
        "db",
        &json!({ "kept": "kw-1", "old": "kw-2", "both": "kw-3" }),
    );
    let pairs = json!({ "Kept": "kw-1", "new": "kw-4", "both": "kw-5" });
    let dry = ok(&update(
        &shell,
        &id,
        &pairs,
        &["--dry-run", "--documentation", "ask Eve"],
    ));
    assert_eq!(
        dry,
        "this would change; nothing is written:\n\
         ~ documentation: - -> ask Eve\n\
         ~ credential_pairs: both\n\
         + credential_pairs: new\n\
         - credential_pairs: old\n"
    );
    let told = json(&update(&shell, &id, &pairs, &["--dry-run", "--json"]));
    assert_eq!(
        told,
        json!({
            "dry_run": true,
            "changes": { "credential_pairs": { "added": ["both", "new"], "removed": ["both", "old"] } },
        })
    );
    let now = json(&shell.run(&["credential", "show", &id]));
    assert_eq!(
        (&now["revision"], &now["documentation"]),
        (&json!(1), &Value::Null)
    );
}
