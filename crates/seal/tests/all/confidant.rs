//! Credential pairs as Confidant 7.0.0 sealed them (`vectors/confidant/fernet.json`).

use rstest::rstest;
use seal::fernet::FernetKey;
use seal::unencrypted::{danger_read, danger_write};
use seal::{DataKey, SealError};
use serde_json::Value;

use crate::vectors::{data_key, fernet_key, list, plaintext, read, refusal, text};

const SEALED: [&str; 5] = [
    "simple",
    "unicode",
    "multiline",
    "non_string_values",
    "escapes",
];
const REFUSED: [&str; 2] = ["HMAC mismatch", "plaintext marker while encryption is on"];

fn file() -> Value {
    read("confidant/fernet.json")
}

fn case<'file>(file: &'file Value, group: &str, named: &str, name: &str) -> &'file Value {
    let found = list(file, group).iter().find(|case| case[named] == name);
    found.unwrap_or_else(|| panic!("no case {name}"))
}

#[test]
fn every_recorded_case_has_its_test() {
    let file = file();
    let names = |group, named| -> Vec<_> {
        list(&file, group)
            .iter()
            .map(|case| text(case, named).to_owned())
            .collect()
    };
    assert_eq!(names("cases", "name"), SEALED);
    assert_eq!(names("reject", "why"), REFUSED);
}

#[rstest]
#[case::simple(SEALED[0])]
#[case::unicode(SEALED[1])]
#[case::multiline(SEALED[2])]
#[case::non_string_values(SEALED[3])]
#[case::escapes(SEALED[4])]
fn opens_what_confidant_sealed_and_seals_the_same_token(#[case] name: &str) {
    let file = file();
    let case = case(&file, "cases", "name", name);
    let key = fernet_key(text(&file, "data_key_plaintext_ascii"));
    let pairs = hex::decode(text(case, "plaintext_hex")).unwrap();
    assert_eq!(pairs, text(case, "plaintext_utf8").as_bytes());

    let token = text(case, "token");
    assert!(key.open(token).unwrap().expose() == pairs);

    let time = case["time"].as_u64().unwrap();
    let iv = hex::decode(text(case, "iv_hex"))
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(key.seal(&plaintext(&pairs), time, iv).unwrap(), token);
}

#[rstest]
#[case::another_mac(REFUSED[0], SealError::Forged("Fernet token"))]
#[case::not_encrypted(REFUSED[1], SealError::Malformed("a Fernet token"))]
fn refuses_what_confidant_refuses(#[case] why: &str, #[case] expected: SealError) {
    let file = file();
    let key = fernet_key(text(&file, "data_key_plaintext_ascii"));
    let token = text(case(&file, "reject", "why", why), "token");
    assert_eq!(refusal(key.open(token)), expected);
}

#[test]
fn a_raw_key_becomes_the_text_that_confidant_wraps() {
    let file = file();
    let raw = hex::decode(text(&file, "data_key_raw_hex")).unwrap();
    let key: DataKey = FernetKey::text_of(&data_key(&raw));
    assert!(key.expose() == text(&file, "data_key_plaintext_ascii").as_bytes());
}

#[test]
fn reads_and_writes_the_form_of_use_encryption_false() {
    let file = file();
    let mode = &file["plaintext_mode"];
    let pairs = text(mode, "plaintext_utf8").as_bytes();
    assert_eq!(
        danger_write(&plaintext(pairs)).unwrap(),
        text(mode, "stored")
    );
    for name in ["stored", "also_accepted_on_read"] {
        assert!(
            danger_read(text(mode, name)).unwrap().expose() == pairs,
            "{name}"
        );
    }
}
