//! The attack cases on KMS-token login, by their numbers.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use login::{
    BadUsername, Browsers, CookieKey, Diagnosis, HeaderLogin, KmsTokenSettings, LoginRefused,
    Refusal, Sessions, TokenContext, Username,
};
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::world::{
    AT_REST, AUTHNZ, AUTHNZ_SANDBOX, AUTHNZ_USER, SOURCE, TO, World, dates, kms_settings, request,
};

const DAY: i64 = 86_400;
/// Calls of KMS that six diagnoses of nonsense make: the most in a minute.
const DIAGNOSES: u64 = 6 * 2;

/// Not valid for these seconds, with no grace.
fn not_yet(seconds: i64) -> LoginRefused {
    LoginRefused::NotYetValid { seconds, grace: 0 }
}

/// Expired these seconds ago, with no grace.
fn late(seconds: i64) -> LoginRefused {
    LoginRefused::Expired { seconds, grace: 0 }
}

fn version(version: u32) -> LoginRefused {
    LoginRefused::TokenVersion {
        version,
        minimum: 1,
        maximum: 2,
    }
}

fn user_type(given: &str) -> LoginRefused {
    LoginRefused::UserType {
        given: format!("\"{given}\""),
        allowed: "service, user".to_owned(),
    }
}

/// What was tried with this username, and what that showed.
fn closed(username: &str, diagnosis: Diagnosis) -> LoginRefused {
    LoginRefused::DoesNotOpen {
        tried: TokenContext::of(&Username::parse(username).expect("a username"), TO),
        diagnosis,
    }
}

fn wrong_key(under: &str, kind: &'static str) -> LoginRefused {
    let service = format!("alias/authnz ({AUTHNZ}) or alias/authnz-sandbox ({AUTHNZ_SANDBOX})");
    let user = format!("alias/authnz-user ({AUTHNZ_USER})");
    LoginRefused::WrongKey {
        under: under.to_owned(),
        kind,
        expected: if kind == "user" { user } else { service },
    }
}

#[rstest]
#[case::minutes_59(59 * 60, true)]
#[case::minutes_60(60 * 60, true)]
#[case::minutes_61(61 * 60, false)]
#[case::a_day_and_10_minutes(DAY + 600, false)]
#[case::ten_years(3_650 * DAY, false)]
#[tokio::test]
async fn case_1_a_token_that_holds_longer_than_allowed_is_refused(
    #[case] seconds: i64,
    #[case] passes: bool,
) {
    let world = World::new();
    let got = world
        .prove(
            "2/service/svc-a",
            &world.token_valid("svc-a", -180, seconds - 180),
        )
        .await;
    match got {
        Ok(_) => assert!(passes),
        Err(why) => assert_eq!(
            (why, passes),
            (
                LoginRefused::LifetimeExceeded {
                    seconds,
                    allowed: 3_600
                },
                false
            )
        ),
    }
}

#[tokio::test]
async fn case_2_a_token_that_ends_before_it_begins_is_refused() {
    let world = World::new();
    let got = world
        .prove("2/service/svc-a", &world.token_valid("svc-a", 60, -60))
        .await;
    assert_eq!(got, Err(LoginRefused::Reversed { seconds: 120 }));
}

#[rstest]
#[case::begins_now(0, 0, 60, Ok(()))]
#[case::begins_in_a_second(0, 1, 60, Err(not_yet(1)))]
#[case::ends_now(0, -60, 0, Ok(()))]
#[case::ended_a_second_ago(0, -60, -1, Err(late(1)))]
#[case::begins_within_the_grace(30, 30, 60, Ok(()))]
#[case::begins_after_the_grace(30, 31, 60, Err(LoginRefused::NotYetValid { seconds: 1, grace: 30 }))]
#[case::ended_within_the_grace(30, -60, -30, Ok(()))]
#[case::ended_before_the_grace(30, -60, -31, Err(LoginRefused::Expired { seconds: 1, grace: 30 }))]
#[tokio::test]
async fn case_3_a_token_counts_within_its_time_only(
    #[case] skew_seconds: u32,
    #[case] from: i64,
    #[case] to: i64,
    #[case] expected: Result<(), LoginRefused>,
) {
    let world = World::with_kms(KmsTokenSettings {
        skew_seconds,
        ..kms_settings()
    });
    assert_eq!(
        world
            .prove("2/service/svc-a", &world.token_valid("svc-a", from, to))
            .await
            .map(drop),
        expected
    );
}

#[tokio::test]
async fn case_3_a_remembered_token_expires_and_an_early_one_comes_to_count() {
    let world = World::new();
    let token = world.token_valid("svc-a", 0, 60);
    let early = world.token_valid("svc-a", 30, 90);
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    assert_eq!(
        world.prove("2/service/svc-a", &early).await,
        Err(not_yet(30))
    );
    world.clock.pass(Duration::from_secs(60));
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    assert!(world.prove("2/service/svc-a", &early).await.is_ok());
    world.clock.pass(Duration::from_micros(1));
    assert_eq!(world.prove("2/service/svc-a", &token).await, Err(late(0)));
}

#[rstest]
#[case::below("0/service/svc-a", version(0))]
#[case::above("3/service/svc-a", version(3))]
#[case::zero_before("01/service/svc-a", BadUsername::Version.into())]
#[case::blank_after("2 /service/svc-a", BadUsername::Version.into())]
#[case::minus("-1/service/svc-a", BadUsername::Version.into())]
#[case::fraction("2.0/service/svc-a", BadUsername::Version.into())]
#[case::huge("99999999999999999999/service/svc-a", BadUsername::Version.into())]
#[tokio::test]
async fn case_4_and_5_a_bad_version_is_refused_with_no_call_to_kms(
    #[case] username: &str,
    #[case] expected: LoginRefused,
) {
    refused_fresh_and_remembered(username, expected).await;
}

#[rstest]
#[case::one_slash("service/svc-a", BadUsername::Parts(2).into())]
#[case::three_slashes("2/service/svc-a/x", BadUsername::Parts(4).into())]
#[case::four_slashes("2/service/svc-a//", BadUsername::Parts(5).into())]
#[case::empty_version("/service/svc-a", BadUsername::EmptyPart.into())]
#[case::empty_type("2//svc-a", BadUsername::EmptyPart.into())]
#[case::empty_name("2/service/", BadUsername::EmptyPart.into())]
#[case::unknown_type("2/admin/svc-a", user_type("admin"))]
#[case::type_in_capitals("2/SERVICE/svc-a", user_type("SERVICE"))]
#[tokio::test]
async fn case_5_a_bad_username_is_refused_with_no_call_to_kms(
    #[case] username: &str,
    #[case] expected: LoginRefused,
) {
    refused_fresh_and_remembered(username, expected).await;
}

/// The original judges the type only when the token is new to it.
async fn refused_fresh_and_remembered(username: &str, expected: LoginRefused) {
    let world = World::new();
    let token = world.service_token("svc-a");
    assert_eq!(world.prove(username, &token).await, Err(expected.clone()));
    assert_eq!(world.kms.count(), 0);
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    assert_eq!(world.prove(username, &token).await, Err(expected));
    assert_eq!(world.kms.count(), 1);
}

#[tokio::test]
async fn case_5_a_bare_name_is_a_version_1_service() {
    let world = World::new();
    let token = world.kms.token(
        "alias/authnz",
        &[("from", "svc-a"), ("to", TO)],
        &dates("20260115T115700Z", "20260115T120700Z"),
    );
    let principal = world.prove("svc-a", &token).await.expect("proven");
    assert_eq!(
        (principal.name.as_str(), principal.kind.word()),
        ("svc-a", "service")
    );
}

#[tokio::test]
async fn case_6_a_remembered_token_is_remembered_for_its_exact_claim_only() {
    let world = World::new();
    let version_1 = world.kms.token(
        "alias/authnz",
        &[("from", "svc-a"), ("to", TO)],
        &dates("20260115T115700Z", "20260115T120700Z"),
    );
    assert!(world.prove("svc-a", &version_1).await.is_ok());
    // The original leaves the version out of its key, and joins token and name without a border.
    for username in [
        "2/service/svc-a",
        "1/user/svc-a",
        "1/service/svc-",
        "1/service/asvc-a",
        "1/service/svc-aa",
    ] {
        assert!(
            world.prove(username, &version_1).await.is_err(),
            "{username}"
        );
    }
    assert!(
        world.prove("1/service/svc-a", &version_1).await.is_ok(),
        "the same claim, spelled out"
    );
}

#[rstest]
#[case::other_from(&[("from", "svc-b"), ("to", TO), ("user_type", "service")], Diagnosis::SomethingElse)]
#[case::other_server(&[("from", "svc-a"), ("to", "elsewhere"), ("user_type", "service")], Diagnosis::SomethingElse)]
#[case::other_type(&[("from", "svc-a"), ("to", TO), ("user_type", "user")], Diagnosis::UserType(Some("user".to_owned())))]
#[case::no_type(&[("from", "svc-a"), ("to", TO)], Diagnosis::UserType(None))]
#[case::extra_pair(&[("from", "svc-a"), ("to", TO), ("user_type", "service"), ("x", "y")], Diagnosis::SomethingElse)]
#[tokio::test]
async fn case_7_a_token_of_another_context_does_not_open_and_its_user_type_is_named(
    #[case] context: &[(&str, &str)],
    #[case] diagnosis: Diagnosis,
) {
    let world = World::new();
    let token = world.kms.token(
        "alias/authnz",
        context,
        &dates("20260115T115700Z", "20260115T120700Z"),
    );
    let got = world.prove("2/service/svc-a", &token).await;
    assert_eq!(got, Err(closed("2/service/svc-a", diagnosis)));
}

#[tokio::test]
async fn case_7_a_version_1_username_with_a_version_2_token_is_told_its_type() {
    let world = World::new();
    let token = world.service_token("svc-a");
    for username in ["svc-a", "1/user/svc-a"] {
        let found = Diagnosis::UserType(Some("service".to_owned()));
        assert_eq!(
            world.prove(username, &token).await,
            Err(closed(username, found))
        );
    }
}

#[tokio::test]
async fn case_7_a_diagnosis_proves_nobody_is_made_a_few_times_a_minute_and_not_twice_for_a_token() {
    let world = World::new();
    let without_type = |n: u32| {
        let name = format!("svc-{n}");
        let token = world.kms.token(
            "alias/authnz",
            &[("from", &name), ("to", TO)],
            &dates("20260115T115700Z", "20260115T120700Z"),
        );
        (format!("2/service/{name}"), token)
    };
    for n in 0..20 {
        let (username, token) = without_type(n);
        let told = if n < 6 {
            Diagnosis::UserType(None)
        } else {
            Diagnosis::NotMade
        };
        for _ in 0..2 {
            let got = world.prove(&username, &token).await;
            assert_eq!(got, Err(closed(&username, told.clone())));
        }
    }
    assert_eq!(world.kms.count(), 20 + 6);
    world.clock.pass(Duration::from_secs(60));
    let (username, token) = without_type(99);
    let got = world.prove(&username, &token).await;
    assert_eq!(got, Err(closed(&username, Diagnosis::UserType(None))));
}

#[rstest]
#[case::service_under_the_user_key(
    "service",
    "alias/authnz-user",
    Err(wrong_key(AUTHNZ_USER, "service"))
)]
#[case::user_under_the_service_key("user", "alias/authnz", Err(wrong_key(AUTHNZ, "user")))]
#[case::user_under_a_scoped_key(
    "user",
    "alias/authnz-sandbox",
    Err(wrong_key(AUTHNZ_SANDBOX, "user"))
)]
#[case::service_under_the_key_at_rest(
    "service",
    "alias/atrest",
    Err(wrong_key(AT_REST, "service"))
)]
#[case::service("service", "alias/authnz", Ok(None))]
#[case::service_of_an_account("service", "alias/authnz-sandbox", Ok(Some("sandbox")))]
#[case::user("user", "alias/authnz-user", Ok(None))]
#[tokio::test]
async fn case_8_each_key_proves_its_own_type_and_account(
    #[case] user_type: &str,
    #[case] key: &str,
    #[case] expected: Result<Option<&str>, LoginRefused>,
) {
    let world = World::new();
    let context = [("from", "a"), ("to", TO), ("user_type", user_type)];
    let token = world.kms.token(
        key,
        &context,
        &dates("20260115T115700Z", "20260115T120700Z"),
    );
    let got = world
        .prove(&format!("2/{user_type}/a"), &token)
        .await
        .map(|principal| principal.account);
    assert_eq!(got, expected.map(|account| account.map(str::to_owned)));
}

#[tokio::test]
async fn case_8_a_key_that_is_both_scoped_and_not_proves_no_account() {
    let scoped = vec![
        ("authnz-sandbox".to_owned(), "sandbox".to_owned()),
        (AUTHNZ.to_owned(), "elsewhere".to_owned()),
    ];
    let world = World::with_kms(KmsTokenSettings {
        scoped,
        ..kms_settings()
    });
    let principal = world
        .prove("2/service/svc-a", &world.service_token("svc-a"))
        .await
        .expect("proven");
    assert_eq!(principal.account, None);
}

#[rstest]
#[case::nothing("", LoginRefused::EmptyToken)]
#[case::six_kib(&"A".repeat(6 * 1024), LoginRefused::TooLong { what: "token", bytes: 6 * 1024, most: 4_096 })]
#[case::not_base64("!!!", LoginRefused::NotBase64)]
#[case::no_ciphertext("aGVsbG8=", closed("2/service/svc-a", Diagnosis::SomethingElse))]
#[tokio::test]
async fn case_9_a_token_that_is_none_is_refused(
    #[case] token: &str,
    #[case] expected: LoginRefused,
) {
    let world = World::new();
    assert_eq!(world.prove("2/service/svc-a", token).await, Err(expected));
}

#[rstest]
#[case::not_json("x")]
#[case::twice(r#"{"not_before": "20260115T115700Z", "not_after": "20260115T120700Z", "not_after": "20260115T120700Z"}"#)]
#[tokio::test]
async fn case_9_a_token_that_holds_no_proper_json_is_refused(#[case] plaintext: &str) {
    let world = World::new();
    let token = world.kms.token(
        "alias/authnz",
        &[("from", "svc-a"), ("to", TO), ("user_type", "service")],
        plaintext,
    );
    assert_eq!(
        world.prove("2/service/svc-a", &token).await,
        Err(LoginRefused::NotJson)
    );
}

#[tokio::test]
async fn case_10_basic_and_headers_that_differ_are_refused() {
    let world = World::new();
    let (a, b) = (world.service_token("svc-a"), world.service_token("svc-b"));
    let basic = format!("Basic {}", STANDARD.encode(format!("2/service/svc-a:{a}")));
    for (from, token, expected) in [
        ("2/service/svc-b", &b, Err(LoginRefused::TwoIdentities)),
        ("2/service/svc-b", &a, Err(LoginRefused::TwoIdentities)),
        ("2/service/svc-a", &b, Err(LoginRefused::TwoIdentities)),
        ("2/service/svc-a", &a, Ok("svc-a".to_owned())),
    ] {
        let headers = |name: &'static str| {
            let value = match name {
                "authorization" => &basic,
                "x-auth-from" => from,
                _ => token,
            };
            std::iter::once(value.as_bytes())
        };
        let got = world.login.prove_headers(headers, SOURCE, &request()).await;
        assert_eq!(got.map(|principal| principal.name), expected, "{from}");
    }
}

#[tokio::test]
async fn case_11_a_withdrawn_key_lets_no_remembered_token_in_after_the_recheck_interval() {
    let world = World::with_kms(KmsTokenSettings {
        recheck: Duration::from_secs(120),
        ..kms_settings()
    });
    let token = world.service_token("svc-a");
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    world
        .kms
        .disabled
        .lock()
        .expect("no panic before")
        .insert(AUTHNZ.to_owned());
    world.clock.pass(Duration::from_secs(119));
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    world.clock.pass(Duration::from_secs(1));
    for _ in 0..2 {
        let got = world.prove("2/service/svc-a", &token).await;
        let tried = TokenContext::of(&Username::parse("2/service/svc-a").expect("good"), TO);
        let why = "master key unusable: disabled".to_owned();
        assert_eq!(got, Err(LoginRefused::KeyUnusable { why, tried }));
    }
    assert_eq!(world.kms.count(), 2);
}

#[tokio::test]
async fn case_11_kms_away_at_the_recheck_is_unavailable_and_neither_yes_nor_no() {
    let world = World::new();
    let token = world.service_token("svc-a");
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    world.kms.down.store(true, Ordering::SeqCst);
    assert!(
        world.prove("2/service/svc-a", &token).await.is_ok(),
        "remembered"
    );
    world.clock.pass(Duration::from_secs(300));
    let got = world.prove("2/service/svc-a", &token).await;
    assert_eq!(got.map_err(|why| why.refusal()), Err(Refusal::Unavailable));
    world.kms.down.store(false, Ordering::SeqCst);
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
}

#[tokio::test]
async fn case_12_a_thousand_first_uses_at_once_make_one_decrypt() {
    for (token_name, proven) in [("svc-a", true), ("svc-b", false)] {
        let world = Arc::new(World::new());
        // Nobody gets an answer before all have asked.
        world.kms.gate.forget_permits(Semaphore::MAX_PERMITS);
        let token = world.service_token(token_name);
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let (world, token) = (Arc::clone(&world), token.clone());
                tokio::spawn(async move { world.prove("2/service/svc-a", &token).await })
            })
            .collect();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.kms.count(), 1, "while all wait");
        world.kms.gate.add_permits(1_000);
        let diagnosis = if proven { 0 } else { 2 };
        let answers = join_all(tasks).await;
        assert!(
            answers
                .into_iter()
                .all(|answer| answer.expect("no panic").is_ok() == proven)
        );
        assert_eq!(world.kms.count(), 1 + diagnosis);
    }
}

#[tokio::test]
async fn case_12_a_refused_token_is_never_remembered_as_good() {
    let world = World::new();
    let token = world.service_token("svc-b");
    for _ in 0..3 {
        assert!(world.prove("2/service/svc-a", &token).await.is_err());
    }
    assert_eq!(
        world.kms.count(),
        1 + 2,
        "remembered as refused, with its diagnosis"
    );
    world.clock.pass(Duration::from_secs(30));
    assert!(world.prove("2/service/svc-a", &token).await.is_err());
    assert_eq!(world.kms.count(), 2 + 4, "and not for ever");
    assert!(world.prove("2/service/svc-b", &token).await.is_ok());
}

#[tokio::test]
async fn case_12_a_flood_from_one_source_evicts_no_good_token_and_spends_little() {
    let world = World::with_kms(KmsTokenSettings {
        cache_size: 4,
        ..kms_settings()
    });
    let good = world.service_token("svc-a");
    let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    assert!(
        world
            .prove_from(elsewhere, "2/service/svc-a", &good)
            .await
            .is_ok()
    );
    let mut limited = 0;
    for n in 0..20_000_u32 {
        let token = STANDARD.encode(seal::digest::sha256(&n.to_be_bytes()));
        match world.prove("2/service/svc-a", &token).await {
            Err(LoginRefused::TooManyFailures) => limited += 1,
            other => assert!(
                matches!(other, Err(LoginRefused::DoesNotOpen { .. })),
                "{other:?}"
            ),
        }
    }
    assert_eq!(
        (world.kms.count(), limited),
        (1 + 50 + DIAGNOSES, 20_000 - 50)
    );
    // Remembered: no further call. A new one from elsewhere: one call. From the flooding source: none.
    assert!(
        world
            .prove_from(elsewhere, "2/service/svc-a", &good)
            .await
            .is_ok()
    );
    assert!(
        world.prove("2/service/svc-a", &good).await.is_ok(),
        "remembered for everybody"
    );
    assert_eq!(world.kms.count(), 51 + DIAGNOSES);
    assert!(
        world
            .prove_from(elsewhere, "2/service/svc-b", &world.service_token("svc-b"))
            .await
            .is_ok()
    );
    assert_eq!(
        world
            .prove("2/service/svc-c", &world.service_token("svc-c"))
            .await,
        Err(LoginRefused::TooManyFailures)
    );
    assert_eq!(world.kms.count(), 52 + DIAGNOSES);
    // The recheck of a token that was good is made even for a source that floods.
    world.clock.pass(Duration::from_secs(300));
    for n in 0..100_u32 {
        let token = STANDARD.encode(seal::digest::sha256(&n.to_le_bytes()));
        assert!(world.prove("2/service/svc-a", &token).await.is_err());
    }
    let fresh = world.service_token("svc-c");
    assert_eq!(
        world.prove("2/service/svc-c", &fresh).await,
        Err(LoginRefused::TooManyFailures)
    );
    assert!(world.prove("2/service/svc-a", &good).await.is_ok());
}

#[tokio::test]
async fn case_12_a_flood_from_many_sources_spends_a_bounded_number_of_calls() {
    let world = World::new();
    let known = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    assert!(
        world
            .prove_from(known, "2/service/svc-a", &world.service_token("svc-a"))
            .await
            .is_ok()
    );
    for n in 0..20_000_u32 {
        let source = IpAddr::V6(Ipv6Addr::from_bits(u128::from(n) << 64));
        let token = STANDARD.encode(seal::digest::sha256(&n.to_be_bytes()));
        assert!(
            world
                .prove_from(source, "2/service/svc-a", &token)
                .await
                .is_err()
        );
    }
    assert_eq!(world.kms.count(), 1 + 500 + DIAGNOSES);
    assert!(
        world
            .prove_from(known, "2/service/svc-b", &world.service_token("svc-b"))
            .await
            .is_ok()
    );
}

fn header_login() -> Browsers {
    let sessions = Sessions {
        key: CookieKey::new("secret"),
        cookie: "session".to_owned(),
        xsrf_cookie: "XSRF-TOKEN".to_owned(),
        lifetime: 60,
        max_lifetime: 60,
    };
    Browsers::Header(HeaderLogin {
        username_header: "x-user".to_owned(),
        email_header: "x-email".to_owned(),
        sessions: Arc::new(sessions),
    })
}

#[tokio::test]
async fn case_13_refused_token_headers_never_fall_back_to_a_browsers_login() {
    let world =
        World::new().with_browsers(header_login(), "10.0.0.0/8".parse().expect("a network"));
    let asked = RefCell::new(Vec::new());
    let headers = |name: &str| {
        asked.borrow_mut().push(name.to_owned());
        let value: Option<&[u8]> = match name {
            "x-auth-from" => Some(b"2/service/svc-a"),
            "x-auth-token" => Some(b"aGVsbG8="),
            "cookie" => Some(b"session=good"),
            "x-user" => Some(b"ann"),
            "x-email" => Some(b"ann@example.com"),
            _ => None,
        };
        value.into_iter()
    };
    let got = world.login.prove_request(headers, SOURCE, &request()).await;
    assert_eq!(
        got.map(|proved| proved.who).map_err(|why| why.refusal()),
        Err(Refusal::Refused)
    );
    assert_eq!(
        *asked.borrow(),
        [
            "x-forwarded-for",
            "authorization",
            "x-auth-from",
            "x-auth-token"
        ]
    );
}

#[tokio::test]
async fn clients_behind_a_named_proxy_have_their_own_budgets_of_refusals() {
    let world = World::new();
    let world = world.with_browsers(Browsers::Nobody, "10.0.0.1".parse().expect("an address"));
    let from = async |client: &'static str, token: &str| {
        let headers = |name: &str| {
            let value = match name {
                "x-forwarded-for" => Some(client),
                "x-auth-from" => Some("2/service/svc-a"),
                "x-auth-token" => Some(token),
                _ => None,
            };
            value.map(str::as_bytes).into_iter()
        };
        let got = world.login.prove_request(headers, SOURCE, &request()).await;
        got.map(|proved| proved.who.name)
            .map_err(|why| why.refusal())
    };
    let mut limited = false;
    for n in 0..200 {
        let junk = STANDARD.encode(format!("no token {n}"));
        limited |= from("192.0.2.1", &junk).await == Err(Refusal::Limited);
    }
    assert!(limited);
    let token = world.service_token("svc-a");
    assert_eq!(from("192.0.2.1", &token).await, Err(Refusal::Limited));
    assert_eq!(from("192.0.2.2", &token).await, Ok("svc-a".to_owned()));
}

#[tokio::test]
async fn case_13_proven_token_headers_with_a_browsers_login_are_the_token_only() {
    let world =
        World::new().with_browsers(header_login(), "10.0.0.0/8".parse().expect("a network"));
    let token = world.service_token("svc-a");
    let headers = |name: &str| {
        let value: Option<&[u8]> = match name {
            "x-auth-from" => Some(b"2/service/svc-a"),
            "x-auth-token" => Some(token.as_bytes()),
            "cookie" => Some(b"session=good"),
            "x-user" => Some(b"ann"),
            "x-email" => Some(b"ann@example.com"),
            _ => None,
        };
        value.into_iter()
    };
    let proved = world.login.prove_request(headers, SOURCE, &request()).await;
    let proved = proved.expect("proven");
    assert_eq!(proved.who.name, "svc-a");
    assert!(proved.session.is_none(), "no cookie and no XSRF token");
}

#[tokio::test]
async fn verified_tokens_kept_are_bounded() {
    let world = World::with_kms(KmsTokenSettings {
        cache_size: 10,
        ..kms_settings()
    });
    let tokens: Vec<_> = (0..200)
        .map(|n| {
            let name = format!("svc-{n}");
            (format!("2/service/{name}"), world.service_token(&name))
        })
        .collect();
    for round in 1..=2 {
        for (username, token) in &tokens {
            assert!(world.prove(username, token).await.is_ok(), "round {round}");
        }
    }
    let remembered = 400 - world.kms.count();
    assert!(remembered <= 20, "{remembered} of 200 were remembered");
}

#[tokio::test]
async fn case_11_a_withdrawn_permission_is_told_as_such_and_lets_nobody_in() {
    let world = World::new();
    let token = world.service_token("svc-a");
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    world.kms.denied.store(true, Ordering::SeqCst);
    world.clock.pass(Duration::from_secs(300));
    let told = world
        .prove("2/service/svc-a", &token)
        .await
        .expect_err("withdrawn");
    assert_eq!(told.refusal(), Refusal::Refused);
    assert_eq!(
        told.to_string(),
        r#"the token's key cannot be used under from="svc-a" to="confidant-testing" user_type="service": missing permission kms:Decrypt"#
    );
}

#[tokio::test]
async fn configured_keys_are_resolved_once_and_only_when_needed() {
    let world = World::with_kms(KmsTokenSettings {
        auth_keys: vec![String::new(), "authnz".to_owned(), "missing".to_owned()],
        scoped: vec![(AUTHNZ_SANDBOX.to_owned(), "sandbox".to_owned())],
        ..kms_settings()
    });
    let describes = || world.kms.describes.load(Ordering::SeqCst);
    for n in 0..10 {
        let name = format!("svc-{n}");
        assert!(
            world
                .prove(&format!("2/service/{name}"), &world.service_token(&name))
                .await
                .is_ok()
        );
    }
    assert_eq!(describes(), 1, "the first that matches ends the search");
    for n in 0..10 {
        let name = format!("svc-{n}");
        let context = [
            ("from", name.as_str()),
            ("to", TO),
            ("user_type", "service"),
        ];
        let token = world.kms.token(
            "alias/authnz-sandbox",
            &context,
            &dates("20260115T115700Z", "20260115T120700Z"),
        );
        assert!(
            world
                .prove(&format!("2/service/{name}"), &token)
                .await
                .is_ok()
        );
    }
    assert_eq!(
        describes(),
        2,
        "a missing one is not asked for each time, an ARN never"
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_resolved_now_is_unavailable_and_not_wrong() {
    let world = World::new();
    world.kms.describe_down.store(true, Ordering::SeqCst);
    let token = world.service_token("svc-a");
    let got = world.prove("2/service/svc-a", &token).await;
    assert_eq!(got.map_err(|why| why.refusal()), Err(Refusal::Unavailable));
    world.kms.describe_down.store(false, Ordering::SeqCst);
    assert!(
        world.prove("2/service/svc-a", &token).await.is_ok(),
        "not remembered as refused"
    );
}

#[tokio::test]
async fn a_server_without_kms_says_so_in_the_log_reason() {
    let world = World::new();
    let login = login::Login::new(None, Arc::clone(&world.client_keys));
    let presented =
        login::Presented::new("2/service/svc-a", &world.service_token("svc-a")).expect("fits");
    assert_eq!(
        login.prove(&presented, SOURCE, &request()).await,
        Err(LoginRefused::KmsNotConfigured)
    );
    assert_eq!(world.kms.count(), 0);
}
