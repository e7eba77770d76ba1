//! `keepward service get --format`, read back by the programs that read such files.

use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::command_line::{Shell, json, ok, refused};
use crate::world;

/// Values that formats have stumbled over.
fn values() -> Map<String, Value> {
    let values = [
        "",
        " ",
        " a b ",
        "it's",
        "say \"x\"",
        "it's \"x\"",
        "$HOME ${HOME} `id` $(id)",
        r"C:\dir\new",
        r"\\host\",
        r"\",
        r"\'",
        "\\\"'",
        "-----BEGIN KEY-----\nMIIE\n\n-----END KEY-----\n",
        "a\r\nb\rc",
        "'\r\"\\\r$x",
        "tab\tbell\u{7}delete\u{7f}",
        "schlüssel 鍵 😀 \u{2028}\u{85}\u{feff}",
        "#no comment",
        "a # b",
        "a=b=c",
        "- x: {y}",
        "yes",
        "0123",
        "~",
        "!tag &a *a",
        "\nleading and trailing\n",
        "export x=1\nunset y",
    ];
    let mut dice = testkit::seed();
    let random = std::iter::repeat_with(|| random_value(&mut dice)).take(300);
    values
        .into_iter()
        .map(str::to_owned)
        .chain(random)
        .enumerate()
        .map(|(place, value)| (format!("k{place}"), json!(value)))
        .collect()
}

/// Up to eleven pieces of what has a meaning somewhere.
fn random_value(dice: &mut u64) -> String {
    let pieces = [
        "'", "\"", "\\", "$", "${a}", "`", "\n", "\r", "\r\n", " ", "#", "=", "a", "n", "é", "😀",
        "\t", "\u{85}", "\u{2028}", "\u{feff}", ":", "- ", "\u{1}", "\u{7f}", "{", "!", "%",
    ];
    let mut roll = |bound: usize| {
        // SplitMix64.
        *dice = dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).expect("a 64-bit machine") % bound
    };
    let length = roll(12);
    (0..length).map(|_| pieces[roll(pieces.len())]).collect()
}

/// A service `web` with these pairs.
fn with_pairs(shell: &Shell, pairs: &Value) {
    let made = json(&shell.feed(
        &["credential", "create", "c", "--pairs-file", "-", "--json"],
        &pairs.to_string(),
    ));
    let id = world::text(&made, "id");
    ok(&shell.run(&["service", "set", "web", "--credential", &id]));
}

#[rstest]
#[case::dotenv("dotenv")]
#[case::yaml("yaml")]
fn other_programs_read_back_the_same_values(#[case] format: &str) {
    let shell = Shell::open();
    let values = values();
    with_pairs(&shell, &Value::Object(values.clone()));
    let file = shell.path("secrets");
    let printed = ok(&shell.run(&["service", "get", "web", "--format", format]));
    std::fs::write(&file, printed).expect("the file is written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/read_formats.py");
    let mut reader = Command::new(testkit::python());
    reader.env_clear().arg(script).args([format, &file]);
    let read = json(&conformance::run(reader));
    for (name, value) in &values {
        assert_eq!(read[name], *value, "{name}");
    }
    assert_eq!(read.as_object().map(Map::len), Some(values.len()));
}

#[test]
fn each_form_says_what_it_cannot_hold() {
    let shell = Shell::open();
    with_pairs(&shell, &json!({ "a": "1", "bad-key": "x", "1st": "y" }));
    let get = |arguments: &[&str]| {
        shell.run(&[&["service", "get", "web", "--format"], arguments].concat())
    };

    let exported = get(&["export"]);
    assert_eq!(ok(&exported), "export a='1'\n");
    let told = crate::command_line::text(&exported.stderr);
    assert!(
        told.contains("\"bad-key\" of \"c\" cannot be a variable") && told.contains("\"1st\""),
        "{told}"
    );
    refused(&get(&["export", "--strict"]), 6, "bad-key");
    assert_eq!(
        ok(&get(&["export", "--prefix", "App_", "--upper"])),
        "export APP_A='1'\nexport APP_1ST='y'\n"
    );
    assert_eq!(ok(&get(&["env"])), "a=1\n");
    let yaml = ok(&get(&["yaml", "--strict"]));
    assert_eq!(yaml, "\"a\": \"1\"\n\"bad-key\": \"x\"\n\"1st\": \"y\"\n");
    assert_eq!(
        ok(&get(&["env_export"])),
        ": ${CREDENTIALS_A=1}\nexport CREDENTIALS_A\n"
    );
    assert!(ok(&get(&["credential_combined"])).contains("\"bad-key\": \"x\""));
    refused(&get(&["yaml", "--metadata-only"]), 2, "--metadata-only");
}

#[test]
fn an_error_is_json_when_asked_for() {
    let shell = Shell::open();
    let output = shell.run(&["credential", "show", "nosuch", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let told: Value = serde_json::from_slice(&output.stderr).expect("JSON");
    assert_eq!(told["error"]["kind"], "not_found", "{told}");
    assert_eq!(told["error"]["exit_code"], 3);
    assert!(output.stdout.is_empty());
}
