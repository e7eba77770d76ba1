//! Every recorded case of the real kmsauth 0.6.3, through our login with the clock at their time.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use login::{
    BadUsername, CachedToken, KmsTokenSettings, LoginRefused, TokenContext, Username, kms_payload,
    read_kms_payload,
};
use serde_json::Value;

use crate::world::{NOW, SOURCE, TO, World, kms_settings, request};

/// Cases where we answer otherwise on purpose, and why.
const REPAIRED: [(&str, &str); 2] = [
    (
        "lifetime 24 h + 10 min (seconds-only arithmetic)",
        "Confidant drops the days of a lifetime, so its limit of an hour lets ten years pass",
    ),
    ("lifetime exactly 24 h", "the same: it counts as nothing"),
];

fn file() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../vectors/confidant/kmsauth.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON")
}

/// The reason that kmsauth gives where we give this one.
fn reference_reason(why: &LoginRefused) -> &'static str {
    match why {
        LoginRefused::BadUsername(BadUsername::Version) => "ValueError",
        LoginRefused::BadUsername(_) => "Unsupported username format.",
        LoginRefused::TokenVersion { .. } => "Unacceptable token version.",
        LoginRefused::UserType { .. } => "Authentication error. Unsupported user_type.",
        LoginRefused::DoesNotOpen { .. } | LoginRefused::NotJson => {
            "Authentication error. General error."
        }
        LoginRefused::WrongKey { .. } => "Authentication error (wrong KMS key).",
        LoginRefused::MissingValidity(_) => "Authentication error. Missing validity.",
        LoginRefused::LifetimeExceeded { .. } | LoginRefused::Reversed { .. } => {
            "Authentication error. Token lifetime exceeded."
        }
        LoginRefused::NotYetValid { .. } | LoginRefused::Expired { .. } => {
            "Authentication error. Invalid time validity for token."
        }
        other => panic!("no case ends so: {other}"),
    }
}

fn settings(case: &Value) -> KmsTokenSettings {
    let mut settings = kms_settings();
    let Some(overrides) = case.get("config_override") else {
        return settings;
    };
    for (name, value) in overrides.as_object().expect("an object") {
        let number = || u32::try_from(value.as_u64().expect("a number")).expect("a small number");
        let names = || match value {
            Value::Null => Vec::new(),
            names => names
                .as_array()
                .expect("names")
                .iter()
                .map(|n| n.as_str().expect("a name").to_owned())
                .collect(),
        };
        match name.as_str() {
            "min" => settings.minimum_version = number(),
            "max" => settings.maximum_version = number(),
            "lifetime" => settings.max_lifetime_minutes = number(),
            "auth_key" => settings.auth_keys = names(),
            "user_auth_key" => settings.user_auth_keys = names(),
            other => panic!("unknown override {other}"),
        }
    }
    settings
}

async fn run(name: &str) {
    let repaired = REPAIRED.iter().any(|(case, _why)| *case == name);
    judge(name, false, repaired).await;
    // With the old arithmetic nothing is repaired: every recorded verdict.
    judge(name, true, false).await;
}

async fn judge(name: &str, danger_drop_days: bool, repaired: bool) {
    let file = file();
    assert_eq!(
        (file["now"].as_str(), file["config"]["to"].as_str()),
        (Some(NOW), Some(TO))
    );
    let case = file["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .find(|case| case["name"] == name)
        .expect("the case");
    let world = World::with_kms(KmsTokenSettings {
        danger_drop_days,
        ..settings(case)
    });
    let made = &case["encrypted_with"];
    let context: Vec<(&str, &str)> = made["encryption_context"]
        .as_object()
        .expect("a context")
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().expect("text")))
        .collect();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let token = world
        .kms
        .token(&text(&made["key"]), &context, &text(&made["plaintext"]));
    let username = text(&case["username"]);

    // Twice: the second time from memory, where the same must come out.
    for time in ["first", "second"] {
        let got = world.prove(&username, &token).await;
        if repaired {
            assert_eq!(case["accept"], true, "not repaired but recorded so");
            assert!(
                matches!(got, Err(LoginRefused::LifetimeExceeded { .. })),
                "{time}: {got:?}"
            );
            continue;
        }
        match got {
            Ok(principal) => {
                assert_eq!(case["accept"], true, "{time}: accepted");
                assert_eq!(principal.name, text(&case["parsed"]["from"]), "{time}");
                assert_eq!(
                    principal.kind.word(),
                    text(&case["parsed"]["user_type"]),
                    "{time}"
                );
                let account = file["config"]["scoped"]
                    .get(text(&case["key_alias"]))
                    .map(text);
                assert_eq!(principal.account, account, "{time}");
            }
            Err(why) => {
                assert_eq!(case["accept"], false, "{time}: refused: {why}");
                assert_eq!(
                    reference_reason(&why),
                    text(&case["error"]),
                    "{time}: {why}"
                );
            }
        }
    }
}

macro_rules! cases {
    ($($test:ident => $name:literal,)+) => {
        $(#[tokio::test]
        async fn $test() {
            run($name).await;
        })+

        #[test]
        fn every_recorded_case_is_run() {
            let file = file();
            let recorded: Vec<&str> =
                file["cases"].as_array().expect("cases").iter().map(|case| case["name"].as_str().expect("a name")).collect();
            assert_eq!(recorded, [$($name),+]);
            assert_eq!(recorded.len(), 39);
            assert!(REPAIRED.iter().all(|(name, _why)| recorded.contains(name)));
        }
    };
}

cases! {
    v1_service => "v1 service",
    v2_service => "v2 service",
    v2_user => "v2 user",
    v2_name_v1_context => "v2 name, v1 context",
    v1_name_v2_context => "v1 name, v2 context",
    three_part_version_1_leaves_user_type_out_of_context => "three-part version 1 leaves user_type out of context",
    version_1_user => "version 1 user",
    user_with_service_key => "user with service key",
    service_with_user_key => "service with user key",
    service_with_scoped_key => "service with scoped key",
    service_with_unrelated_key => "service with unrelated key",
    other_from => "other from",
    other_to => "other to",
    not_before_exactly_now => "not_before exactly now",
    not_before_one_second_ahead => "not_before one second ahead",
    not_after_exactly_now => "not_after exactly now",
    not_after_one_second_ago => "not_after one second ago",
    lifetime_exactly_60_min => "lifetime exactly 60 min",
    lifetime_60_min_1_s => "lifetime 60 min 1 s",
    lifetime_24_h_10_min_seconds_only_arithmetic => "lifetime 24 h + 10 min (seconds-only arithmetic)",
    lifetime_exactly_24_h => "lifetime exactly 24 h",
    lifetime_23_h => "lifetime 23 h",
    reversed_window => "reversed window",
    max_lifetime_10_token_10_min => "max lifetime 10, token 10 min",
    max_lifetime_10_token_11_min => "max lifetime 10, token 11 min",
    payload_not_json => "payload not JSON",
    payload_without_dates => "payload without dates",
    payload_iso_dates => "payload ISO dates",
    payload_with_extra_fields => "payload with extra fields",
    version_3 => "version 3",
    version_0 => "version 0",
    v1_when_minimum_is_2 => "v1 when minimum is 2",
    v2_when_maximum_is_1 => "v2 when maximum is 1",
    two_parts => "two parts",
    four_parts => "four parts",
    version_not_a_number => "version not a number",
    unknown_user_type => "unknown user type",
    key_given_as_arn => "key given as ARN",
    no_user_key_configured => "no user key configured",
}

/// The window of the real client, and both ways in which it sends its token.
#[tokio::test]
async fn our_client_makes_the_recorded_window_and_its_recorded_headers_log_in() {
    let client = file()["client"].take();
    let minutes = client["token_lifetime_minutes"].as_u64().expect("minutes");
    let now = Timestamp::from_compact(NOW).expect("a time");
    assert_eq!(client["now"], NOW);
    let (validity, payload) = kms_payload(now, Duration::from_secs(60 * minutes));
    let plaintext = std::str::from_utf8(payload.expose()).expect("text");
    assert_eq!(client["plaintext"], plaintext);
    assert_eq!(read_kms_payload(payload.expose()), Ok(validity));

    let world = World::new();
    let headers = client["auth_headers"].as_object().expect("headers");
    assert_eq!(headers.len(), 2);
    for sent in headers.values() {
        let from = sent["X-Auth-From"].as_str().expect("a username");
        let context = TokenContext::of(&Username::parse(from).expect("a username"), TO).pairs();
        let token = world.kms.token(
            "alias/authnz",
            &context.iter().collect::<Vec<_>>(),
            plaintext,
        );
        let basic = format!("Basic {}", STANDARD.encode(format!("{from}:{token}")));
        for as_basic in [false, true] {
            let values = |name: &'static str| {
                let value = match name {
                    "authorization" if as_basic => Some(basic.as_bytes()),
                    "x-auth-from" if !as_basic => Some(from.as_bytes()),
                    "x-auth-token" if !as_basic => Some(token.as_bytes()),
                    _ => None,
                };
                value.into_iter()
            };
            let got = world.login.prove_headers(values, SOURCE, &request()).await;
            assert_eq!(got.expect("proven").name, "svc-a", "{from} {as_basic}");
        }
    }
}

#[test]
fn the_recorded_cache_file_is_read_and_written_and_used_as_long() {
    let recorded = file()["client"]["cache_file"].take();
    let content = &recorded["content"];
    let cached = CachedToken::parse(content.to_string().as_bytes()).expect("a token cache");
    let context = TokenContext::of(&Username::parse("2/service/svc-a").expect("good"), TO).pairs();
    assert_eq!(cached.context, context);
    assert_eq!(
        recorded["reuse_while"],
        "now <= not_after - 3 min and auth_context is equal"
    );
    let last = cached.not_after.plus_seconds(-180);
    assert!(cached.serves(&context, "alias/authnz", last));
    assert!(!cached.serves(&context, "alias/authnz", last.plus_seconds(1)));

    let folder = tempfile::tempdir().expect("a folder");
    let name = Path::new(recorded["path"].as_str().expect("a path"))
        .file_name()
        .expect("a name");
    let path = folder.path().join(name);
    cached.write(&path).expect("written");
    let written: Value =
        serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    assert_eq!(written, *content);
}
