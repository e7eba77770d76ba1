//! Reading settings: everything wrong at once, never a value.

use std::collections::HashMap;
use std::path::PathBuf;

use rstest::rstest;
use server::Config;
use server::settings::{Backend, Defaults, SETTINGS, WrongSettings};

fn read(pairs: &[(&str, &str)], file: Option<&str>) -> Result<Config, WrongSettings> {
    let map: HashMap<String, String> = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let defaults = Defaults {
        data_dir: PathBuf::from("/data"),
    };
    Config::read(&|name| map.get(name).cloned(), file, &defaults)
}

#[test]
fn nothing_set_is_embedded_on_the_loopback_address() {
    let config = read(&[], None).unwrap();
    assert_eq!(config.backend, Backend::Embedded);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.audit_dir, PathBuf::from("/data/audit"));
    assert!(config.kms_login.is_none());
    assert!(config.administrators.contains("operator"));
}

#[test]
fn a_table_means_dynamodb_and_nobody_is_operator_by_default() {
    let config = read(
        &[("DYNAMODB_TABLE", "t"), ("KMS_MASTER_KEY", "alias/x")],
        None,
    )
    .unwrap();
    let Backend::Aws(aws) = config.backend else {
        panic!("embedded")
    };
    assert_eq!((aws.table.as_str(), aws.own_table.as_str()), ("t", "t"));
    assert!(config.administrators.is_empty());
}

#[test]
fn reports_everything_wrong_at_once_and_no_value() {
    let canary = "kw-canary-7f3a";
    let wrong = read(
        &[
            ("PORT", canary),
            ("HOST", canary),
            ("DYNAMODB_TABLE", "t"),
            ("DYNAMODB_URL", canary),
            ("SCOPED_AUTH_KEYS", canary),
            ("ACL_MODULE", canary),
            ("AUDIT", canary),
            ("KMS_READ_TIMEOUT", ""),
        ],
        None,
    )
    .unwrap_err();
    let text = wrong.to_string();
    for name in [
        "PORT",
        "HOST",
        "DYNAMODB_URL",
        "SCOPED_AUTH_KEYS",
        "ACL_MODULE",
        "AUDIT",
        "KMS_READ_TIMEOUT",
        "KMS_MASTER_KEY",
    ] {
        assert!(
            text.contains(&format!("  {name}: ")),
            "{name} is not named in:\n{text}"
        );
    }
    assert!(!text.contains(canary), "{text}");
}

#[rstest]
#[case::a_bad_file("PORT = [", "settings file")]
#[case::an_unknown_name("PORTT = 1", "PORTT")]
#[case::a_fraction("PORT = 1.5", "PORT")]
fn names_what_is_wrong_in_the_file(#[case] file: &str, #[case] named: &str) {
    assert!(
        read(&[], Some(file))
            .unwrap_err()
            .0
            .iter()
            .any(|wrong| wrong.name == named)
    );
}

#[test]
fn a_bad_file_is_not_quoted() {
    let text = read(&[], Some("SESSION_SECRET = kw-canary-7f3a"))
        .unwrap_err()
        .to_string();
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("line 1"), "{text}");
}

#[test]
fn the_environment_wins_over_the_file() {
    let config = read(&[("PORT", "1")], Some("port = 2\nHOST = \"0.0.0.0\"")).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:1");
}

#[test]
fn a_file_may_use_lists_and_tables() {
    let file = "AUTH_KEY = [\"alias/a\", \"alias/b\"]\nAUTH_CONTEXT = \"c\"\n[SCOPED_AUTH_KEYS]\n\"alias/s\" = \"sandbox\"";
    let login = read(&[], Some(file)).unwrap().kms_login.unwrap();
    assert_eq!(login.auth_keys, ["alias/a", "alias/b"]);
    assert_eq!(login.scoped, [("alias/s".to_owned(), "sandbox".to_owned())]);
}

#[rstest]
#[case::two_keys_of_one_account(&[("SCOPED_AUTH_KEYS", r#"{"a": "x", "b": "x"}"#), ("AUTH_CONTEXT", "c")], "SCOPED_AUTH_KEYS")]
#[case::versions_crossed(&[("KMS_MINIMUM_TOKEN_VERSION", "2"), ("KMS_MAXIMUM_TOKEN_VERSION", "1")], "KMS_MINIMUM_TOKEN_VERSION")]
#[case::a_key_without_a_context(&[("DYNAMODB_TABLE", "t"), ("KMS_MASTER_KEY", "k"), ("AUTH_KEY", "a")], "AUTH_CONTEXT")]
#[case::an_endpoint_without_a_table(&[("DYNAMODB_URL", "http://127.0.0.1:1")], "DYNAMODB_URL")]
#[case::values_in_the_clear_on_the_network(&[("USE_ENCRYPTION", "false"), ("HOST", "0.0.0.0")], "USE_ENCRYPTION")]
#[case::a_level_misspelt(&[("KEEPWARD_LOG", "inof")], "KEEPWARD_LOG")]
#[case::a_filter_misspelt(&[("KEEPWARD_LOG", "a=b=c")], "KEEPWARD_LOG")]
#[case::no_room_for_any_connection(&[("KEEPWARD_MAX_CONNECTIONS", "0")], "KEEPWARD_MAX_CONNECTIONS")]
fn refuses_settings_that_make_no_sense(#[case] pairs: &[(&str, &str)], #[case] named: &str) {
    let wrong = read(pairs, None).unwrap_err();
    assert!(wrong.0.iter().any(|wrong| wrong.name == named), "{wrong}");
}

#[test]
fn flags_read_as_confidant_reads_them() {
    let file = include_str!("../../../../vectors/confidant/env_bool.json");
    let vectors: serde_json::Value = serde_json::from_str(file).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let mut run = 0;
    for case in cases {
        let config = read(
            &[("IGNORE_CONFLICTS", case["value"].as_str().unwrap())],
            None,
        )
        .unwrap();
        assert_eq!(
            config.confidant.ignore_conflicts,
            case["result"].as_bool().unwrap(),
            "{case}"
        );
        run += 1;
    }
    assert!(run == cases.len() && run > 0);
}

#[test]
fn settings_without_effect_are_named() {
    let config = read(
        &[
            ("SSLIFY", "true"),
            ("GEVENT_RESOLVER", "ares"),
            ("PORT", "1"),
        ],
        None,
    )
    .unwrap();
    let names: Vec<_> = config
        .without_effect
        .iter()
        .map(|setting| setting.name)
        .collect();
    assert_eq!(names, ["SSLIFY", "GEVENT_RESOLVER"]);
}

#[test]
fn no_setting_stands_twice_in_the_table() {
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
