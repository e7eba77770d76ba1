//! What is told of a refused login: everything to the log, a count to the audit, nothing else.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use login::{LoginRefused, Refusals};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{SOURCE, TO, World, dates, request};

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

#[tokio::test]
async fn a_refusal_is_logged_with_request_source_and_exact_reason_and_without_the_token() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let world = World::new();
    let token = world.kms.token(
        "alias/authnz",
        &[("from", "svc-a"), ("to", TO)],
        &dates("20260115T115700Z", "20260115T120700Z"),
    );
    world
        .prove("2/service/svc-a", &token)
        .await
        .expect_err("no user_type in the context");
    let swapped = world.prove(&token.replace('/', "_"), "svc-a").await;
    assert!(swapped.is_err());
    world.kms.down.store(true, Ordering::SeqCst);
    world
        .prove("2/service/svc-a", &world.service_token("svc-a"))
        .await
        .expect_err("KMS away");
    drop(guard);
    let log = String::from_utf8(log.0.lock().expect("no panic before").clone()).expect("UTF-8");
    let told: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once(' ').map(|(_time, rest)| rest.trim_start()))
        .collect();
    assert_eq!(
        told,
        [
            r#"WARN login::login: login refused request=abababababababababababababababab source=10.0.0.1 name="svc-a" reason=the token does not open under this context; a version 2 token must be encrypted with user_type in its context"#,
            r#"WARN login::login: login refused request=abababababababababababababababab source=10.0.0.1 name="" reason=the token is not base64"#,
            r#"ERROR login::login: login impossible request=abababababababababababababababab source=10.0.0.1 name="svc-a" reason=cannot prove anybody now: the key service is unavailable: connection refused"#,
        ]
    );
    assert!(!log.contains(&token[..16]));
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
