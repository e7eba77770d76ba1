//! What is told of a refused login: everything to the log, a count to the audit, nothing else.

use std::future::Future;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::{LoginMethod, Principal, PrincipalKind};
use login::{KmsTokenSettings, LoginRefused, NewClientKey, Refusal, Refusals, Username};
use rstest::rstest;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{AUTHNZ, SOURCE, TO, World, dates, kms_settings, request};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .expect("no panic before")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// Everything logged while `work` runs, one line each, without the time.
async fn logged(work: impl Future<Output = ()>) -> Vec<String> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    work.await;
    drop(guard);
    let log = String::from_utf8(log.0.lock().expect("no panic before").clone()).expect("UTF-8");
    log.lines()
        .filter_map(|line| {
            line.split_once(' ')
                .map(|(_time, rest)| rest.trim_start().to_owned())
        })
        .collect()
}

const GOOD_DATES: (&str, &str) = ("20260115T115700Z", "20260115T120700Z");

/// One token, and what its refusal must say.
struct Refused {
    username: &'static str,
    key: &'static str,
    context: &'static [(&'static str, &'static str)],
    plaintext: String,
    settings: fn(&mut KmsTokenSettings),
}

impl Refused {
    fn new(username: &'static str) -> Self {
        Self {
            username,
            key: "alias/authnz",
            context: &[("from", "svc-a"), ("to", TO), ("user_type", "service")],
            plaintext: dates(GOOD_DATES.0, GOOD_DATES.1),
            settings: |_| (),
        }
    }

    fn context(self, context: &'static [(&'static str, &'static str)]) -> Self {
        Self { context, ..self }
    }

    fn key(self, key: &'static str) -> Self {
        Self { key, ..self }
    }

    fn holds(self, plaintext: &str) -> Self {
        Self {
            plaintext: plaintext.to_owned(),
            ..self
        }
    }

    fn valid(self, not_before: &str, not_after: &str) -> Self {
        Self {
            plaintext: dates(not_before, not_after),
            ..self
        }
    }

    fn with(self, settings: fn(&mut KmsTokenSettings)) -> Self {
        Self { settings, ..self }
    }
}

const V2: &str = "2/service/svc-a";

#[rstest]
#[case::no_user_type(
    Refused::new(V2).context(&[("from", "svc-a"), ("to", TO)]),
    r#"the token does not open under from="svc-a" to="confidant-testing" user_type="service": it was encrypted without user_type, which the context of a version 2 token must have"#
)]
#[case::other_user_type(
    Refused::new(V2).context(&[("from", "svc-a"), ("to", TO), ("user_type", "user")]),
    r#"the token does not open under from="svc-a" to="confidant-testing" user_type="service": it was encrypted with user_type="user""#
)]
#[case::version_1_name(
    Refused::new("svc-a"),
    r#"the token does not open under from="svc-a" to="confidant-testing" (no user_type): it was encrypted with user_type="service", so its username is "2/service/svc-a""#
)]
#[case::other_server(
    Refused::new(V2).context(&[("from", "svc-a"), ("to", "elsewhere"), ("user_type", "service")]),
    r#"the token does not open under from="svc-a" to="confidant-testing" user_type="service": no other user_type opens it, so from, to, a further pair, the region or the token itself is wrong"#
)]
#[case::wrong_key(
    Refused::new(V2).key("alias/atrest"),
    "the token is under arn:aws:kms:us-east-1:123456789012:key/44444444-4444-4444-4444-444444444444, which proves no service; expected is alias/authnz (arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111) or alias/authnz-sandbox (arn:aws:kms:us-east-1:123456789012:key/33333333-3333-3333-3333-333333333333)"
)]
#[case::a_key_that_is_configured_and_does_not_exist(
    Refused::new(V2).key("alias/atrest").with(|settings| {
        settings.auth_keys = vec!["gone".to_owned(), AUTHNZ.to_owned()];
        settings.scoped.clear();
    }),
    "the token is under arn:aws:kms:us-east-1:123456789012:key/44444444-4444-4444-4444-444444444444, which proves no service; expected is alias/gone (which cannot be resolved) or arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"
)]
#[case::no_key_of_this_type(
    Refused::new("2/user/svc-a")
        .context(&[("from", "svc-a"), ("to", TO), ("user_type", "user")])
        .with(|settings| settings.user_auth_keys.clear()),
    "the token is under arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111, which proves no user; expected is no key at all, USER_AUTH_KEY is not set"
)]
#[case::version_too_low(
    Refused::new("svc-a").with(|settings| settings.minimum_version = 2),
    "token version 1 is not taken: KMS_MINIMUM_TOKEN_VERSION is 2, KMS_MAXIMUM_TOKEN_VERSION 2"
)]
#[case::user_type_not_taken(
    Refused::new("2/user/svc-a").with(|settings| settings.user_types = vec!["service".to_owned()]),
    r#"user_type "user" is not taken: KMS_AUTH_USER_TYPES has service, and only service and user have keys"#
)]
#[case::lifetime(
    Refused::new(V2).valid("20260115T115700Z", "20260116T120700Z"),
    "token lifetime exceeded: 87000 s, AUTH_TOKEN_MAX_LIFETIME allows 3600 s"
)]
#[case::reversed(
    Refused::new(V2).valid("20260115T120700Z", "20260115T115700Z"),
    "invalid time validity: it ends 600 s before it begins"
)]
#[case::not_yet_valid(
    Refused::new(V2).valid("20260115T120100Z", "20260115T120700Z"),
    "invalid time validity: not valid for another 60 s (clocks differ? grace is 0 s)"
)]
#[case::expired(
    Refused::new(V2).valid("20260115T115000Z", "20260115T115800Z").with(|settings| settings.skew_seconds = 30),
    "invalid time validity: expired 90 s ago (grace is 30 s)"
)]
#[case::not_json(
    Refused::new(V2).holds("kw-canary-7f3a"),
    "the token opens but holds no proper JSON object"
)]
#[case::no_dates(
    Refused::new(V2).holds(r#"{"not_before": "20260115T115700Z", "not_after": "kw-canary-7f3a"}"#),
    "missing validity: not_after is not there or not of the form YYYYMMDDTHHMMSSZ"
)]
#[case::bad_username(
    Refused::new("2/service/svc-a/x"),
    "unsupported username format: 4 parts instead of 1 or 3"
)]
#[tokio::test]
async fn each_refusal_is_logged_under_its_request_with_its_exact_reason_and_without_the_token(
    #[case] refused: Refused,
    #[case] reason: &str,
) {
    let mut settings = kms_settings();
    (refused.settings)(&mut settings);
    let world = World::with_kms(settings);
    let token = world
        .kms
        .token(refused.key, refused.context, &refused.plaintext);
    let mut told = None;
    let lines = logged(async {
        told = world.prove(refused.username, &token).await.err();
    })
    .await;
    let told = told.expect("refused");
    assert_eq!(told.refusal(), Refusal::Refused);
    let named = if Username::parse(refused.username).is_ok() {
        "svc-a"
    } else {
        ""
    };
    let line = format!(
        r#"WARN login::login: login refused request=abababababababababababababababab source=10.0.0.1 name="{named}" reason={reason}"#
    );
    assert_eq!(lines.last(), Some(&line));
    for line in lines {
        assert!(
            !line.contains(&token[..16]) && !line.contains("canary"),
            "{line}"
        );
    }
}

/// The three login headers of one request.
struct Headers {
    authorization: Option<String>,
    from: Option<String>,
    token: Option<String>,
}

impl Headers {
    fn pair(from: &str, token: &str) -> Self {
        Self {
            authorization: None,
            from: Some(from.to_owned()),
            token: Some(token.to_owned()),
        }
    }

    fn basic(pair: &str) -> Self {
        Self {
            authorization: Some(format!("Basic {}", STANDARD.encode(pair))),
            from: None,
            token: None,
        }
    }

    async fn ask(&self, world: &World) -> LoginRefused {
        let values = |name: &'static str| {
            let value = match name {
                "authorization" => &self.authorization,
                "x-auth-from" => &self.from,
                "x-auth-token" => &self.token,
                _ => &None,
            };
            value.iter().map(String::as_bytes)
        };
        let got = world.login.prove_headers(values, SOURCE, &request()).await;
        got.expect_err("refused")
    }
}

/// What a client key's token is made of, which is then sent with the username `2/service/svc-a`.
fn key_token(world: &World, kind: PrincipalKind, name: &str, to: &str) -> String {
    let mut file = world.file(kind, name);
    file.to = Some(to.to_owned());
    let (_, token) = file
        .mint(&**world.keep.clock(), Duration::from_secs(600))
        .expect("a token");
    token.expose().to_owned()
}

type Made = fn(&World) -> Headers;

#[rstest]
#[case::nothing(
    |_: &World| Headers { authorization: None, from: None, token: None },
    "no credentials presented"
)]
#[case::two_identities(
    |_: &World| Headers { from: Some("eve".to_owned()), token: Some("AQID".to_owned()), ..Headers::basic("svc-a:AQID") },
    "Basic credentials and X-Auth headers differ"
)]
#[case::no_colon(|_: &World| Headers::basic("svc-a"), "the Basic credentials have no colon")]
#[case::no_token(|_: &World| Headers::pair(V2, ""), "the token is empty")]
#[case::no_username(|_: &World| Headers::pair("", "AQID"), "the username is empty")]
#[case::long_username(
    |_: &World| Headers::pair(&"u".repeat(1_025), "AQID"),
    "the username has 1025 bytes, at most 1024 are taken"
)]
#[case::long_token(
    |_: &World| Headers::pair(V2, &"A".repeat(4_097)),
    "the token has 4097 bytes, at most 4096 are taken"
)]
#[case::not_base64(|_: &World| Headers::pair(V2, "kw-canary 7f3a!"), "the token is not base64")]
#[case::version(
    |_: &World| Headers::pair("2.0/service/svc-a", "AQID"),
    "the version in the username is no plain number"
)]
#[case::cut_client_key(
    |_: &World| Headers::pair(V2, "S1dDSwE="),
    "a client key's token is malformed: too short"
)]
#[case::other_server(
    |world: &World| Headers::pair(V2, &key_token(world, PrincipalKind::Service, "svc-a", "elsewhere")),
    r#"the token is for another server: its `to` is "elsewhere", AUTH_CONTEXT here is "confidant-testing""#
)]
#[case::other_name(
    |world: &World| Headers::pair(V2, &key_token(world, PrincipalKind::Service, "svc-b", TO)),
    r#"name of the username is "svc-a", but of the token "svc-b""#
)]
#[case::other_type(
    |world: &World| Headers::pair(V2, &key_token(world, PrincipalKind::User, "svc-a", TO)),
    r#"user_type of the username is "service", but of the token "user""#
)]
#[tokio::test]
async fn headers_and_client_keys_are_refused_with_their_exact_reason_and_without_what_they_held(
    #[case] made: Made,
    #[case] reason: &str,
) {
    let world = World::new();
    let headers = made(&world);
    let mut told = None;
    let lines = logged(async { told = Some(headers.ask(&world).await) }).await;
    assert_eq!(told.expect("refused").to_string(), reason);
    let [line] = &lines[..] else {
        panic!("one line: {lines:?}")
    };
    let head = "WARN login::login: login refused request=abababababababababababababababab source=10.0.0.1 name=";
    assert!(
        line.starts_with(head) && line.ends_with(&format!("reason={reason}")),
        "{line}"
    );
    let token = headers.token.unwrap_or_default();
    assert!(!line.contains("canary") && (token.len() < 16 || !line.contains(&token[..16])));
}

#[tokio::test]
async fn an_unknown_a_forged_and_an_expired_client_key_are_told_apart_in_the_log_only() {
    let world = World::new();
    let file = world.file(PrincipalKind::Service, "svc-a");
    let id = file.id();
    let (username, token) = file
        .mint(&**world.keep.clock(), Duration::from_secs(600))
        .expect("a token");
    let unknown = world.prove(&username, token.expose()).await;
    let unknown = unknown.expect_err("not registered");
    assert_eq!(
        unknown.to_string(),
        format!("client key {id} is unknown or revoked")
    );
    let key = NewClientKey {
        public_key: file.public_key().as_bytes().to_vec(),
        kind: file.kind,
        name: file.name.clone(),
        account: None,
        days: 1,
    };
    let operator = Principal {
        kind: PrincipalKind::User,
        name: "operator".to_owned(),
        login: LoginMethod::ClientKey,
        account: None,
    };
    world
        .client_keys
        .issue(&operator, &request(), &key)
        .await
        .expect("registered");
    let mut bytes = URL_SAFE_NO_PAD.decode(token.expose()).expect("base64");
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let forged = world.prove(&username, &STANDARD.encode(bytes)).await;
    let forged = forged.expect_err("forged");
    assert_eq!(
        forged.to_string(),
        "the signature is not of the registered key"
    );
    world.clock.pass(Duration::from_secs(86_401));
    let (_, token) = file
        .mint(&**world.keep.clock(), Duration::from_secs(600))
        .expect("a token");
    let expired = world.prove(&username, token.expose()).await;
    let expired = expired.expect_err("expired");
    assert_eq!(expired.to_string(), format!("client key {id} expired"));
    for told in [unknown, forged, expired] {
        assert_eq!(told.refusal(), Refusal::Refused);
    }
}

#[tokio::test]
async fn a_token_in_the_wrong_header_is_not_logged() {
    let world = World::new();
    let token = world.service_token("svc-a");
    let lines = logged(async {
        for username in [
            token.replace('/', "_"),
            format!("2/{}/svc-a", token.replace('/', "_")),
            format!("2/service/{}", token.replace('/', "_")),
        ] {
            for proof in ["svc-a", &token] {
                let got = world.prove(&username, proof).await;
                assert!(got.is_err());
            }
        }
    })
    .await;
    assert_eq!(lines.len(), 6);
    for line in lines {
        assert!(!line.contains(&token.replace('/', "_")[..16]), "{line}");
    }
}

#[tokio::test]
async fn kms_out_of_reach_is_an_error_and_no_refusal() {
    let world = World::new();
    world.kms.down.store(true, Ordering::SeqCst);
    let lines = logged(async {
        world
            .prove(V2, &world.service_token("svc-a"))
            .await
            .expect_err("KMS away");
    })
    .await;
    assert_eq!(
        lines,
        [
            r#"ERROR login::login: login impossible request=abababababababababababababababab source=10.0.0.1 name="svc-a" reason=cannot prove anybody now: the key service is unavailable: connection refused"#,
        ]
    );
}

#[tokio::test]
async fn a_token_that_only_the_old_arithmetic_lets_pass_is_logged() {
    let world = World::with_kms(KmsTokenSettings {
        danger_drop_days: true,
        ..kms_settings()
    });
    let lines = logged(async {
        let long = world.token_valid("svc-a", -180, 10 * 86_400 + 600 - 180);
        assert!(world.prove(V2, &long).await.is_ok());
        let short = world.service_token("svc-a");
        assert!(world.prove(V2, &short).await.is_ok());
    })
    .await;
    assert_eq!(
        lines,
        [
            r#"WARN login::kms_token: a token longer than allowed is taken, because whole days are dropped (KEEPWARD_TOKEN_DROP_DAYS) name="svc-a" seconds=864600 allowed=3600"#,
        ]
    );
}

#[tokio::test]
async fn refusals_are_counted_by_source_and_flushed_as_one_line_each() {
    let world = World::new();
    let network = |host: u128| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | host));
    for (source, times) in [(SOURCE, 3), (network(1), 2), (network(2), 1)] {
        for _ in 0..times {
            world
                .prove_from(source, "2/service/svc-a", "aGVsbG8=")
                .await
                .expect_err("no token");
        }
    }
    let none = |_: &'static str| std::iter::empty::<&[u8]>();
    let got = world.login.prove_headers(none, SOURCE, &request()).await;
    assert_eq!(got, Err(LoginRefused::NothingPresented));
    assert!(world.lines().is_empty(), "not written one by one");
    world.clock.pass(Duration::from_secs(60));
    world.login.refusals().flush(&world.keep);
    world.login.refusals().flush(&world.keep);
    assert_eq!(
        world.lines(),
        [
            r#"{"id":"test.1","at":"2026-01-15T12:01:00+00:00","source":"10.0.0.1","refused_logins":4,"since":"2026-01-15T12:00:00+00:00"}"#,
            r#"{"id":"test.2","at":"2026-01-15T12:01:00+00:00","source":"2001:db8::/64","refused_logins":3,"since":"2026-01-15T12:00:00+00:00"}"#,
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_proven_now_is_no_refusal() {
    let world = World::new();
    world.kms.down.store(true, Ordering::SeqCst);
    world
        .prove("2/service/svc-a", &world.service_token("svc-a"))
        .await
        .expect_err("KMS away");
    world.login.refusals().flush(&world.keep);
    assert!(world.lines().is_empty());
}

#[test]
fn the_number_of_counted_sources_is_bounded() {
    let world = World::new();
    let refusals = Refusals::default();
    let sources = u32::try_from(Refusals::MAX_SOURCES).expect("few") + 100;
    for n in 0..sources {
        refusals.count(
            IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)),
            world.keep.clock().now(),
        );
    }
    refusals.flush(&world.keep);
    let lines = world.lines();
    assert_eq!(lines.len(), Refusals::MAX_SOURCES + 1);
    assert!(
        lines
            .last()
            .expect("a line")
            .contains(r#""source":"others","refused_logins":100"#)
    );
}
