//! What must not compile: a secret type with a trait that could show or copy it.

use std::fs;

const TYPES: [(&str, &str); 4] = [
    ("data_key", "DataKey"),
    ("plaintext", "Plaintext"),
    ("fernet_key", "FernetKey"),
    ("signing_key", "SigningKey"),
];
const TRAITS: [(&str, &str); 5] = [
    ("debug", "Debug"),
    ("display", "std::fmt::Display"),
    ("serialize", "Serialize"),
    ("clone", "Clone"),
    ("partial_eq", "PartialEq"),
];

#[test]
fn no_secret_type_can_be_shown_serialised_copied_or_compared() {
    let cases = trybuild::TestCases::new();
    // The same asking compiles for public types, so it is the secret that fails.
    cases.pass("tests/compile_fail/public_types_pass.rs");
    for (file, _) in TYPES {
        cases.compile_fail(format!("tests/compile_fail/{file}_*.rs"));
    }
}

#[test]
fn each_case_fails_for_the_trait_that_it_names() {
    let mut cases = 0;
    for (type_file, type_name) in TYPES {
        for (trait_file, trait_name) in TRAITS {
            let name = format!("{type_file}_{trait_file}");
            let folder = format!("{}/tests/compile_fail", env!("CARGO_MANIFEST_DIR"));
            assert!(fs::exists(format!("{folder}/{name}.rs")).unwrap(), "{name}");
            let said = fs::read_to_string(format!("{folder}/{name}.stderr")).expect(&name);
            let why = said.lines().next().unwrap();
            assert!(why.starts_with("error[E0277]:"), "{name}: {why}");
            assert!(why.contains(&format!("`{type_name}")), "{name}: {why}");
            assert!(said.contains(&format!("`{trait_name}`")), "{name}: {said}");
            assert_eq!(said.matches("error").count(), 1, "{name}: {said}");
            cases += 1;
        }
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/compile_fail");
    let files = fs::read_dir(folder).unwrap().count();
    // One source and one expected message each, and the public counterpart.
    assert_eq!((cases, files), (20, 2 * 20 + 1));
}
