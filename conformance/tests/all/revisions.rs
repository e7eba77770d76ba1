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
fn a_credential_goes_back_to_what_it_was() {
    let shell = Shell::open();
    let id = create(
        &shell,
        "db",
        &json!({ "kept": "kw-1", "old": "kw-2", "both": "kw-3" }),
    );
    let pairs = json!({ "kept": "kw-1", "new": "kw-4", "both": "kw-5" });
    ok(&update(
        &shell,
        &id,
        &pairs,
        &["--name", "database", "--tag", "blue"],
    ));
    ok(&shell.run(&[
        "credential",
        "update",
        &id,
        "--disable",
        "--metadata",
        r#"{"team": "a"}"#,
    ]));

    let history = ok(&shell.run(&["credential", "history", &id]));
    assert_eq!(history.lines().count(), 1 + 3, "{history}");
    assert!(history.contains("database"), "{history}");
    let told = json(&shell.run(&["credential", "history", &id, "--json"]));
    assert_eq!(told["revisions"][2]["revision"], 3);
    assert_eq!(rows(&shell.run(&["credential", "history"])), 3, "of all");
    assert_eq!(
        rows(&shell.run(&["credential", "history", "--limit", "2"])),
        2
    );

    let diff = ok(&shell.run(&["credential", "diff", &id, "1", "2"]));
    for line in [
        "~ name: db -> database\n",
        "+ credential_pairs: new\n",
        "- credential_pairs: old\n",
        "~ credential_pairs: both\n",
        "+ tags: blue\n",
    ] {
        assert!(diff.contains(line), "{line} is not in {diff}");
    }
    assert!(!diff.contains("kept") && !diff.contains("kw-"), "{diff}");
    let last = ok(&shell.run(&["credential", "diff", &id]));
    assert!(
        last.contains("~ enabled: true -> false\n") && last.contains("+ metadata: team\n"),
        "{last}"
    );
    assert_eq!(
        ok(&shell.run(&["credential", "diff", &id, "2", "2"])),
        "no difference\n"
    );

    let dry = ok(&shell.run(&["credential", "revert", &id, "--revision", "1", "--dry-run"]));
    for line in [
        "nothing is written",
        "~ name: database -> db\n",
        "- credential_pairs: new\n",
        "+ credential_pairs: old\n",
        "~ enabled: false -> true\n",
    ] {
        assert!(dry.contains(line), "{line} is not in {dry}");
    }
    assert!(!dry.contains("modified_by"), "{dry}");
    let now = json(&shell.run(&["credential", "show", &id]));
    assert_eq!(now["revision"], 3);

    let reverted = ok(&shell.run(&["credential", "revert", &id, "--revision", "1"]));
    assert!(reverted.contains("is at revision 4"), "{reverted}");
    let now = json(&shell.run(&["credential", "show", &id, "--values"]));
    assert_eq!(now["credential_pairs"]["old"], "kw-2");
    assert_eq!(
        (&now["name"], &now["enabled"]),
        (&json!("db"), &json!(true))
    );
    let back = ok(&shell.run(&["credential", "revert", &id]));
    assert!(
        back.contains("is at revision 5"),
        "to the one before: {back}"
    );

    refused(
        &shell.run(&["credential", "revert", &id, "--revision", "3"]),
        2,
        "No difference",
    );
    refused(
        &shell.run(&["credential", "revert", &id, "--revision", "99"]),
        3,
        "",
    );
    refused(
        &shell.run(&["credential", "diff", &id, "1", "99"]),
        3,
        "no revision 99",
    );
    refused(
        &shell.run(&["credential", "history", "nosuch"]),
        3,
        "no credential nosuch",
    );
    refused(
        &shell.run(&["credential", "update", &id]),
        2,
        "nothing is named",
    );
    let single = create(&shell, "single", &json!({ "k": "v" }));
    refused(
        &shell.run(&["credential", "revert", &single]),
        6,
        "one revision only",
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

#[test]
fn a_service_goes_back_to_what_it_was() {
    let shell = Shell::open();
    let one = create(&shell, "one", &json!({ "a": "1" }));
    let two = create(&shell, "two", &json!({ "b": "2" }));
    let set = |arguments: &[&str]| shell.run(&[&["service", "set", "web"], arguments].concat());
    let dry = ok(&set(&["--credential", &one, "--dry-run"]));
    assert!(dry.contains(&format!("+ credentials: {one}\n")), "{dry}");
    refused(&shell.run(&["service", "get", "web"]), 3, "");
    ok(&set(&["--credential", &one]));
    let dry = ok(&set(&["--add", &two, "--remove", &one, "--dry-run"]));
    assert!(
        dry.contains(&format!("- credentials: {one}\n"))
            && dry.contains(&format!("+ credentials: {two}\n")),
        "{dry}"
    );
    ok(&set(&["--add", &two]));
    ok(&set(&["--remove", &one, "--disable"]));
    assert_eq!(
        ok(&set(&["--add", &two, "--dry-run"])),
        "nothing would change\n"
    );

    assert_eq!(rows(&shell.run(&["service", "history", "web"])), 3);
    let diff = ok(&shell.run(&["service", "diff", "web", "1", "2"]));
    assert!(diff.contains(&format!("+ credentials: {two}\n")), "{diff}");
    let dry = ok(&shell.run(&["service", "revert", "web", "--dry-run"]));
    assert!(dry.contains(&format!("+ credentials: {one}\n")), "{dry}");
    assert!(ok(&shell.run(&["service", "revert", "web"])).contains("web is at revision 4"));
    let now = json(&shell.run(&["service", "get", "web", "--metadata-only"]));
    assert_eq!(now["credentials"].as_array().map(Vec::len), Some(2));
    refused(&set(&["--none", "--add", &one]), 2, "--add");
    refused(
        &shell.run(&["service", "diff", "nosuch"]),
        3,
        "no service nosuch",
    );
}
