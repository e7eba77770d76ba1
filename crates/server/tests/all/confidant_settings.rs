//! Settings of Confidant's features: what they are by default, in use, and wrong.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use server::Config;
use server::settings::{
    Authorities, Backend, Bootstrap, BootstrapSecrets, Defaults, SETTINGS, Sealed, SecretText,
    Source, State, WrongSettings,
};

/// Nobody may see it.
const CANARY: &str = "kw-canary-7f3a";

fn read_with(
    secrets: &[(&str, &str)],
    pairs: &[(&str, &str)],
    file: Option<&str>,
) -> Result<Config, WrongSettings> {
    let map: HashMap<&str, &str> = pairs.iter().copied().collect();
    let secrets = BootstrapSecrets::new(
        secrets
            .iter()
            .map(|(name, text)| ((*name).to_owned(), SecretText::new((*text).to_owned()))),
    );
    let defaults = Defaults {
        data_dir: PathBuf::from("/data"),
    };
    let var = |name: &str| map.get(name).map(|text| (*text).to_owned());
    Config::read(&secrets, &var, file, &defaults)
}

fn read(pairs: &[(&str, &str)]) -> Result<Config, WrongSettings> {
    read_with(&[], pairs, None)
}

#[test]
fn nothing_set_is_what_confidant_does_then() {
    let config = read(&[]).unwrap();
    let statsd = config.notices.statsd.unwrap();
    assert_eq!((statsd.host.as_str(), statsd.port), ("localhost", 8_125));
    assert!(config.notices.graphite.is_none() && config.notices.webhook.is_none());
    assert!(matches!(config.authorities, Authorities::Acm(list) if list.is_empty()));
    let tokens = config.web_tokens;
    assert!(tokens.keys.is_empty() && tokens.cache.is_none());
    assert_eq!(tokens.lifetime, Duration::from_secs(3_600));
    let roles = config.iam_roles;
    assert!(roles.in_background);
    assert_eq!((roles.refresh.as_secs(), roles.jitter.as_secs()), (600, 20));
}

#[test]
fn who_is_told_of_changes_is_read_with_its_login_and_shows_no_secret() {
    let config = read(&[
        ("STATSD_HOST", ""),
        ("GRAPHITE_EVENT_URL", "https://graphite.test/events"),
        ("GRAPHITE_PASSWORD", CANARY),
        ("WEBHOOK_URL", "https://hook.test/"),
        ("WEBHOOK_USERNAME", CANARY),
    ])
    .unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    assert!(config.notices.statsd.is_none());
    let graphite = config.notices.graphite.unwrap();
    assert_eq!(graphite.url, "https://graphite.test/events");
    assert_eq!(
        (graphite.username.expose(), graphite.password.expose()),
        ("", CANARY)
    );
    assert_eq!(config.notices.webhook.unwrap().username.expose(), CANARY);
}

#[test]
fn a_private_ca_is_read_by_its_name_in_capitals() {
    let pairs = [
        ("ACM_PRIVATE_CAS", " dev-ca , prod "),
        ("ACM_PRIVATE_CA_ARN_DEV-CA", "arn:dev"),
        ("ACM_PRIVATE_CA_MAX_VALIDITY_DAYS_DEV-CA", "7"),
        ("ACM_PRIVATE_CA_CSR_COUNTRY_NAME_DEV-CA", "CH"),
        ("ACM_PRIVATE_CA_CERTIFICATE_USE_CACHE_DEV-CA", "true"),
        (
            "ACM_PRIVATE_CA_DOMAIN_REGEX_DEV-CA",
            r"(?P<service_name>[\w-]+)\.example\.com",
        ),
        ("ACM_PRIVATE_CA_SELF_SIGN_PROD", "1"),
    ];
    let Authorities::Acm(list) = read(&pairs).unwrap().authorities else {
        panic!("no private CAs")
    };
    let [dev, prod] = &list[..] else {
        panic!("{list:?}")
    };
    assert_eq!((dev.name.as_str(), dev.arn.as_str()), ("dev-ca", "arn:dev"));
    assert_eq!(
        (dev.max_validity_days, dev.key_bits, dev.public_exponent),
        (7, 2_048, 65_537)
    );
    assert_eq!(dev.subject.country.as_deref(), Some("CH"));
    assert_eq!(dev.cache_size, Some(1_028));
    assert!(dev.domain_pattern.is_some() && !dev.self_sign);
    assert_eq!((prod.max_validity_days, prod.cache_size), (120, None));
    assert!(prod.self_sign && prod.domain_pattern.is_none());
}

/// `{environment: [key]}` in base64, as Confidant wants it.
fn keys() -> String {
    STANDARD.encode(format!(
        r#"{{"staging": [{{"kid": "k1", "key": "{CANARY}", "crt": "CERT", "passphrase": null}}]}}"#
    ))
}

#[test]
fn signing_keys_come_sealed_unless_they_may_stand_open() {
    let keys = keys();
    for (name, flag) in [
        ("JWT_CERTIFICATE_AUTHORITIES", "JWT_IS_CA_ENCRYPTED"),
        ("CERTIFICATE_AUTHORITIES", "JWT_IS_CA_ENCRYPTED"),
        ("CUSTOM_CERTIFICATE_AUTHORITIES", "CUSTOM_CA_ENCRYPTED"),
    ] {
        let found = |config: Config| match (name, config.authorities) {
            ("CUSTOM_CERTIFICATE_AUTHORITIES", Authorities::Custom(custom)) => custom.keys,
            _ => config.web_tokens.keys,
        };
        let custom = ("CA_TYPE", "custom_ca");
        let open = read(&[(name, &keys), (flag, "false"), custom]).unwrap();
        assert!(!format!("{open:?}").contains("canary"));
        let key = &found(open)["staging"][0];
        assert_eq!((key.kid.as_str(), key.key.expose()), ("k1", CANARY));
        assert!(key.passphrase.is_none() && key.root_certificate.is_none());
        if name == "CERTIFICATE_AUTHORITIES" {
            continue;
        }
        let wrong = read(&[(name, &keys), custom]).unwrap_err();
        assert!(wrong.to_string().contains(flag), "{wrong}");
        let sealed = read_with(&[(name, &keys)], &[custom], None).unwrap();
        assert_eq!(found(sealed)["staging"][0].certificate, "CERT");
    }
}

#[test]
fn a_cache_of_tokens_is_in_memory_or_in_redis() {
    let cached = ("JWT_CACHING_ENABLED", "true");
    let cache = read(&[cached]).unwrap().web_tokens.cache.unwrap();
    assert_eq!((cache.size, cache.life.as_secs()), (1_000, 900));
    assert!(cache.redis.is_none());
    let redis = ("JWT_CACHING_USE_REDIS", "true");
    let url = (
        "REDIS_URL_JWT_CACHE",
        "redis://:kw-canary-7f3a@localhost:6379",
    );
    let config = read(&[cached, redis, url]).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    let redis = config.web_tokens.cache.unwrap().redis.unwrap();
    assert_eq!((redis.url.expose(), redis.timeout.as_secs()), (url.1, 2));
}

#[test]
fn roles_are_never_read_more_often_than_once_a_minute() {
    let rate = ("BACKGROUND_CACHE_IAM_ROLE_REFRESH_RATE", "5");
    let roles = read(&[rate, ("BACKGROUND_CACHE_IAM_ROLE_JITTER", "0")])
        .unwrap()
        .iam_roles;
    assert_eq!((roles.refresh.as_secs(), roles.jitter.as_secs()), (60, 0));
}

#[rstest]
#[case::a_kind_of_ca("CA_TYPE", "custom")]
#[case::a_ca_without_an_arn("ACM_PRIVATE_CA_ARN_DEV", "")]
#[case::days_without_end("CUSTOM_CA_MAX_VALIDITY_DAYS", "1000000")]
#[case::keys_that_are_no_base64("JWT_CERTIFICATE_AUTHORITIES", CANARY)]
#[case::keys_that_are_no_json("CUSTOM_CERTIFICATE_AUTHORITIES", "a3ctY2FuYXJ5LTdmM2E=")]
#[case::active_keys_that_are_a_list("JWT_ACTIVE_SIGNING_KEYS", "[]")]
#[case::a_redis_without_a_scheme("REDIS_URL_JWT_CACHE", CANARY)]
#[case::a_hook_without_a_scheme("WEBHOOK_URL", CANARY)]
#[case::a_port_beyond_all("STATSD_PORT", "65536")]
#[case::jitter_beyond_the_rate("BACKGROUND_CACHE_IAM_ROLE_JITTER", "600")]
#[case::no_connection("KMS_MAX_POOL_CONNECTIONS", "0")]
fn what_is_wrong_is_named_and_not_shown(#[case] name: &str, #[case] text: &str) {
    let wrong = read(&[
        ("ACM_PRIVATE_CAS", "dev"),
        ("ACM_PRIVATE_CA_ARN_DEV", "arn:dev"),
        ("JWT_IS_CA_ENCRYPTED", "false"),
        ("CUSTOM_CA_ENCRYPTED", "false"),
        ("JWT_CACHING_USE_REDIS", "true"),
        ("REDIS_URL_JWT_CACHE", "redis://localhost"),
        ("DYNAMODB_TABLE", "t"),
        ("KMS_MASTER_KEY", "alias/k"),
        (name, text),
    ])
    .unwrap_err();
    let [only] = &wrong.0[..] else {
        panic!("{wrong}")
    };
    assert_eq!(only.name, name);
    assert!(!wrong.to_string().contains("canary"), "{wrong}");
}

/// An older name, a text for it, and what must come of it.
#[rstest]
#[case::timeouts(&[("PYNAMO_REQUEST_TIMEOUT_SECONDS", "3"), ("PYNAMO_READ_TIMEOUT_SECONDS", "7")], |config: Config| {
    let Backend::Aws(aws) = config.backend else { panic!("embedded") };
    aws.dynamodb_timeouts == (Duration::from_secs(3), Duration::from_secs(7))
})]
#[case::the_note_of_readings(&[("ENABLE_SAVE_LAST_DECRYPT_TIME", "true")], |config: Config| config.confidant.save_last_decryption_time)]
#[case::a_token_s_life(&[("DEFAULT_JWT_EXPIRATION_SECONDS", "60")], |config: Config| config.web_tokens.lifetime.as_secs() == 60)]
#[case::active_keys(&[("ACTIVE_SIGNING_KEYS", r#"{"staging": "k1"}"#)], |config: Config| config.web_tokens.active["staging"] == "k1")]
#[case::the_new_one_wins(&[("DEFAULT_JWT_EXPIRATION_SECONDS", "60"), ("JWT_DEFAULT_JWT_EXPIRATION_SECONDS", "61")], |config: Config| config.web_tokens.lifetime.as_secs() == 61)]
fn older_names_are_read(#[case] pairs: &[(&str, &str)], #[case] holds: fn(Config) -> bool) {
    let table = [("DYNAMODB_TABLE", "t"), ("KMS_MASTER_KEY", "alias/k")];
    assert!(holds(read(&[&table[..], pairs].concat()).unwrap()));
}

#[test]
fn older_names_are_of_settings_that_are_there_and_read_alike() {
    let mut seen = 0;
    for setting in SETTINGS {
        let State::OldName(of) = setting.state else {
            continue;
        };
        seen += 1;
        for name in of {
            let new = SETTINGS.iter().find(|new| new.name == *name).unwrap();
            assert_eq!(new.kind, setting.kind, "{name}");
            assert_eq!(new.has_effect(), setting.has_effect(), "{name}");
        }
    }
    assert_eq!(seen, 7);
}

#[test]
fn bootstrap_secrets_win_over_the_environment_and_no_other_name_counts() {
    let header = [
        ("USER_AUTH_MODULE", "header"),
        ("HEADER_AUTH_USERNAME_HEADER", "X-User"),
        ("HEADER_AUTH_EMAIL_HEADER", "X-Email"),
        ("WEBHOOK_URL", "https://hook.test"),
        ("WEBHOOK_PASSWORD", "from the environment"),
        ("PORT", "1"),
    ];
    let secrets = [
        ("SESSION_SECRET", CANARY),
        ("WEBHOOK_PASSWORD", CANARY),
        ("PORT", "2"),
    ];
    let config = read_with(&secrets, &header, None).unwrap();
    assert_eq!(config.notices.webhook.unwrap().password.expose(), CANARY);
    assert_eq!(config.listen.port(), 1);
    let from = |name: &str| {
        let mut given = config.given.iter();
        given
            .find(|(setting, _)| setting.name == name)
            .map(|(_, from)| *from)
    };
    assert_eq!(from("SESSION_SECRET"), Some(Source::Bootstrap));
    assert_eq!(from("PORT"), Some(Source::Environment));
}

#[rstest]
#[case::none(&[], None)]
#[case::empty(&[("SECRETS_BOOTSTRAP", "")], None)]
#[case::text(&[("SECRETS_BOOTSTRAP", "{}")], Some(Sealed::Text("{}".to_owned())))]
#[case::file(&[("SECRETS_BOOTSTRAP", "file:///etc/s.json")], Some(Sealed::File("/etc/s.json".to_owned())))]
fn sealed_secrets_are_a_text_or_a_file(
    #[case] pairs: &[(&str, &str)],
    #[case] expected: Option<Sealed>,
) {
    let map: HashMap<&str, &str> = pairs.iter().copied().collect();
    let var = |name: &str| map.get(name).map(|text| (*text).to_owned());
    assert_eq!(Bootstrap::read(&var, None).unwrap().sealed, expected);
}
