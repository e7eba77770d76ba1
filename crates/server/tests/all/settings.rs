//! Reading settings: everything wrong at once, never a value.

use std::collections::HashMap;
use std::path::PathBuf;

use login::Browsers;
use rstest::rstest;
use server::Config;
use server::settings::{Backend, BootstrapSecrets, Defaults, SETTINGS, WrongSettings};

fn read(pairs: &[(&str, &str)], file: Option<&str>) -> Result<Config, WrongSettings> {
    let map: HashMap<String, String> = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let defaults = Defaults {
        data_dir: PathBuf::from("/data"),
    };
    let secrets = BootstrapSecrets::default();
    Config::read(&secrets, &|name| map.get(name).cloned(), file, &defaults)
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

/// What a header login needs.
const HEADER: [(&str, &str); 4] = [
    ("USER_AUTH_MODULE", "Header"),
    ("HEADER_AUTH_USERNAME_HEADER", "X-User"),
    ("HEADER_AUTH_EMAIL_HEADER", "X-Email"),
    ("SESSION_SECRET", "kw-canary-7f3a"),
];

#[test]
fn a_header_login_is_read_with_its_sessions_and_shows_no_secret() {
    let config = read(&HEADER, None).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    let Browsers::Header(login) = config.browsers else {
        panic!("no header login")
    };
    assert_eq!(login.email_header, "X-Email");
    assert_eq!(
        (login.sessions.lifetime, login.sessions.max_lifetime),
        (43_200, 86_400)
    );
    assert_eq!(login.sessions.xsrf_cookie, "XSRF-TOKEN");
}

#[rstest]
#[case::no_secret(&HEADER[..3], "SESSION_SECRET")]
#[case::no_headers(&[("USER_AUTH_MODULE", "header"), ("SESSION_SECRET", "s")], "HEADER_AUTH_EMAIL_HEADER")]
#[case::a_header_with_a_blank(&[HEADER[0], HEADER[1], HEADER[3], ("HEADER_AUTH_EMAIL_HEADER", "X Email")], "HEADER_AUTH_EMAIL_HEADER")]
#[case::a_header_of_every_request(&[HEADER[0], HEADER[1], HEADER[3], ("HEADER_AUTH_EMAIL_HEADER", "Cookie")], "HEADER_AUTH_EMAIL_HEADER")]
#[case::null_with_logins_on(&[("USER_AUTH_MODULE", "null")], "USER_AUTH_MODULE")]
#[case::an_unknown_module(&[("USER_AUTH_MODULE", "ldap")], "USER_AUTH_MODULE")]
#[case::a_cookie_with_a_semicolon(&[("XSRF_COOKIE_NAME", "a;b")], "XSRF_COOKIE_NAME")]
#[case::one_cookie_for_two(&[HEADER[0], HEADER[1], HEADER[2], HEADER[3], ("XSRF_COOKIE_NAME", "confidant_session")], "XSRF_COOKIE_NAME")]
#[case::a_name_for_a_peer(&[("FORWARDED_ALLOW_IPS", "10.0.0.1,proxy")], "FORWARDED_ALLOW_IPS")]
#[case::a_list_for_clients(&[("CLIENT_CONFIG", "[]")], "CLIENT_CONFIG")]
#[case::an_unknown_danger(&[("KEEPWARD_DANGER_ALLOW_INSECURE", "true")], "KEEPWARD_DANGER_ALLOW_INSECURE")]
fn refuses_a_browser_login_that_cannot_work(#[case] pairs: &[(&str, &str)], #[case] named: &str) {
    let wrong = read(pairs, None).unwrap_err();
    assert!(wrong.0.iter().any(|wrong| wrong.name == named), "{wrong}");
}

#[rstest]
#[case::google("google")]
#[case::saml("SAML")]
fn logins_of_later_versions_do_not_keep_a_server_from_starting(#[case] module: &str) {
    let config = read(&[("USER_AUTH_MODULE", module)], None).unwrap();
    assert!(matches!(config.browsers, Browsers::Nobody));
}

#[rstest]
#[case::use_auth("USE_AUTH", "false")]
#[case::use_encryption("USE_ENCRYPTION", "0")]
#[case::sslify("SSLIFY", "False")]
#[case::debug("DEBUG", "true")]
fn an_unsafe_switch_is_told_and_off_this_machine_needs_a_second_word(
    #[case] name: &str,
    #[case] value: &str,
) {
    let unsafe_here = read(&[(name, value)], None).unwrap();
    assert_eq!(unsafe_here.dangers.len(), 1);
    assert!(unsafe_here.dangers[0].warning.starts_with(name));
    for host in ["0.0.0.0", "::", "10.0.0.1"] {
        let there = [(name, value), ("HOST", host)];
        let wrong = read(&there, None).unwrap_err();
        let [wrong] = &wrong.0[..] else {
            panic!("{wrong}")
        };
        assert_eq!(wrong.name, name);
        assert!(
            wrong.fix.contains("HOST") && wrong.fix.contains("KEEPWARD_DANGER_ALLOW_INSECURE"),
            "{}",
            wrong.fix
        );
        let allowed = ("KEEPWARD_DANGER_ALLOW_INSECURE", name);
        let config = read(&[there[0], there[1], allowed], None).unwrap();
        assert_eq!(config.dangers.len(), 1, "it is told all the same");
        let other = if name == "DEBUG" { "SSLIFY" } else { "DEBUG" };
        let allowed = ("KEEPWARD_DANGER_ALLOW_INSECURE", other);
        assert!(read(&[there[0], there[1], allowed], None).is_err());
    }
}

#[rstest]
#[case::embedded_here(&[], false)]
#[case::embedded_for_others(&[("HOST", "0.0.0.0")], true)]
#[case::embedded_and_asked_for(&[("SSLIFY", "true")], true)]
#[case::confidants(&[("DYNAMODB_TABLE", "t"), ("KMS_MASTER_KEY", "k")], true)]
#[case::confidants_without(&[("DYNAMODB_TABLE", "t"), ("KMS_MASTER_KEY", "k"), ("SSLIFY", "0")], false)]
#[case::debug(&[("SSLIFY", "true"), ("DEBUG", "1")], false)]
fn requests_are_sent_to_https_as_by_confidant_and_not_on_a_laptop(
    #[case] pairs: &[(&str, &str)],
    #[case] expected: bool,
) {
    assert_eq!(read(pairs, None).unwrap().redirect_to_https, expected);
}

#[rstest]
#[case::nothing(&[], 30_000)]
#[case::confidants(&[("GEVENT_REQUEST_TIMEOUT_MS", "1500")], 1_500)]
#[case::ours_wins(&[("GEVENT_REQUEST_TIMEOUT_MS", "1500"), ("KEEPWARD_REQUEST_SECONDS", "7")], 7_000)]
fn the_time_of_a_request_is_bounded_by_either_setting(
    #[case] pairs: &[(&str, &str)],
    #[case] millis: u128,
) {
    assert_eq!(read(pairs, None).unwrap().http.request.as_millis(), millis);
}

#[test]
fn clients_are_told_what_the_operator_wants_keys_in_order() {
    let config = read(
        &[
            ("CLIENT_CONFIG", r#"{"b": {"d": 1, "c": [2]}, "a": null}"#),
            ("HISTORY_PAGE_LIMIT", "50"),
        ],
        None,
    )
    .unwrap();
    let told = serde_json::to_string(&config.client.defined).unwrap();
    assert_eq!(told, r#"{"a":null,"b":{"c":[2],"d":1}}"#);
    assert_eq!(config.client.history_page_limit, Some(50));
    assert_eq!(read(&[], None).unwrap().client.history_page_limit, None);
}

#[rstest]
#[case::of_its_guide("guide", 67)]
#[case::of_its_versions("others", 71)]
fn every_setting_of_confidant_has_its_row(#[case] list: &str, #[case] count: usize) {
    let file = include_str!("../../../../vectors/confidant/settings.json");
    let vectors: serde_json::Value = serde_json::from_str(file).unwrap();
    let names = vectors[list].as_array().unwrap();
    assert_eq!(names.len(), count);
    for name in names {
        assert!(
            SETTINGS.iter().any(|setting| setting.name == *name),
            "{name} is not in the table"
        );
    }
}

#[rstest]
#[case::of_a_shell("'authnz'", true)]
#[case::double("\"authnz\"", true)]
#[case::none("authnz", false)]
#[case::at_one_end("authnz'", false)]
#[case::one_alone("'", false)]
fn quotes_that_docker_has_kept_are_told(#[case] text: &str, #[case] told: bool) {
    let config = read(&[("AUTH_KEY", text), ("AUTH_CONTEXT", "c")], None).unwrap();
    let names: Vec<_> = config.quoted.iter().map(|setting| setting.name).collect();
    assert_eq!(names, if told { vec!["AUTH_KEY"] } else { vec![] });
}

#[test]
fn settings_without_effect_are_named() {
    let config = read(
        &[
            ("SAML_DEBUG", "true"),
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
    assert_eq!(names, ["SAML_DEBUG", "GEVENT_RESOLVER"]);
    let of_an_authority = "acm_private_cas = [\"dev\"]\nacm_private_ca_arn_dev = \"a\"\n\
        acm_private_ca_template_arn_dev = \"t\"";
    let config = read(&[], Some(of_an_authority)).unwrap();
    assert!(
        config
            .without_effect
            .iter()
            .any(|setting| setting.name == "ACM_PRIVATE_CA_TEMPLATE_ARN_x")
    );
}

#[test]
fn no_setting_stands_twice_in_the_table() {
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
