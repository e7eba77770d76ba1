//! The recorded templates: the real CredSmash still makes of them what is recorded, which `crates/templates` compares with.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

#[test]
fn the_real_credsmash_makes_of_every_recorded_template_what_is_recorded() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = here.join("../vectors/templates/corpus.json");
    let recorded: Value =
        serde_json::from_slice(&std::fs::read(&corpus).expect("the corpus is there"))
            .expect("the corpus is JSON");
    let cases = recorded["cases"].as_array().expect("a list of cases").len();
    let ran = Command::new(testkit::stash_tools().join("bin/python"))
        .args(["-B", "-I"])
        .arg(here.join("stash/record_templates.py"))
        .arg("check")
        .arg(&corpus)
        .output()
        .expect("Python runs");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let told: Value = serde_json::from_slice(&ran.stdout).expect("it prints JSON");
    assert_eq!(told, json!({"cases": cases, "other": []}));
    assert!(cases >= 300, "only {cases} templates");
}
