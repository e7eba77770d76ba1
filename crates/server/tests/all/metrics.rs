//! Metrics: every one is on the page, none grows with what callers send, and none tells a value.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use domain::{Action, LoginMethod, Outcome, Resource, Verb};
use keep::{
    CacheName, Clock, Count, Ended, Fact, JwtCount, KeyCall, NoticeEnd, NoticeTo, Purpose, Step,
    TableCall, Watch,
};
use server::metrics::{Metrics, Statsd, metrics_page, prometheus_reference, statsd_reference};
use server::{HttpLimits, Https, Site};
use tokio::net::{TcpListener, UdpSocket};

use crate::http::{TokioClock, close, exchange};

fn clock() -> Arc<dyn Clock> {
    Arc::new(TokioClock(tokio::time::Instant::now()))
}

const TOOK: Duration = Duration::from_millis(12);

/// Each kind of fact at least once.
fn facts() -> Vec<Fact<'static>> {
    let mut facts = vec![
        Fact::Operation {
            action: Action::new(Resource::Credential, Verb::Read),
            outcome: Outcome::Allowed,
        },
        Fact::AuditFailed,
        Fact::TableCall {
            call: TableCall::Get,
            ended: Ended::Done,
            took: TOOK,
        },
        Fact::Cache {
            cache: CacheName::DataKeys,
            saved: Some(1),
        },
        Fact::Login {
            login: LoginMethod::KmsToken,
        },
        Fact::LoginRefused { refusal: "missing" },
        Fact::Token { version: 1 },
        Fact::Token { version: 2 },
        Fact::Notice {
            to: NoticeTo::Webhook,
            became: NoticeEnd::Sent,
        },
        key_call(Purpose::AtRest, KeyCall::Wrap),
        key_call(Purpose::Login, KeyCall::Unwrap),
    ];
    facts.extend(Step::ALL.iter().map(|step| Fact::Took {
        step: *step,
        took: TOOK,
    }));
    facts.extend(
        Count::ALL
            .iter()
            .map(|count| Fact::Counted { count: *count }),
    );
    facts.extend(JwtCount::ALL.iter().map(|count| Fact::Jwt {
        count: *count,
        of: "of",
        to: Some("to"),
    }));
    facts
}

fn key_call(purpose: Purpose, call: KeyCall) -> Fact<'static> {
    Fact::KeyCall {
        purpose,
        call,
        ended: Ended::Done,
        took: TOOK,
    }
}

fn page() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    fs::read_to_string(page).unwrap()
}

#[test]
fn docs_metrics_lists_every_metric_as_the_code_does() {
    let page = page();
    for table in [prometheus_reference(), statsd_reference()] {
        assert!(
            page.contains(&table),
            "docs/metrics.md needs this table:\n\n{table}"
        );
    }
}

/// What the text has: each metric as `name kind`, and the labels of its samples.
fn told(text: &str) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    let (mut family, mut kind) = ("", "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            (family, kind) = rest.split_once(' ').unwrap();
        } else if !line.starts_with('#') {
            let (sample, _) = line.rsplit_once(' ').unwrap();
            let labels = sample.split_once('{').map_or("", |(_, labels)| labels);
            let labels: Vec<_> = labels
                .split(',')
                .filter_map(|label| label.split_once('=').map(|(name, _)| name))
                .filter(|name| *name != "le")
                .collect();
            told.insert(format!("{family} {kind} {}", labels.join(" ")));
        }
    }
    told
}

/// The same of the reference.
fn documented() -> BTreeSet<String> {
    prometheus_reference()
        .lines()
        .skip(2)
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let name = cells
                .get(1)
                .unwrap()
                .trim_matches('`')
                .trim_end_matches("_total");
            let labels: Vec<_> = cells
                .get(3)
                .unwrap()
                .split(", ")
                .map(|label| label.trim_matches('`'))
                .collect();
            format!("{name} {} {}", cells.get(2).unwrap(), labels.join(" "))
        })
        .collect()
}

#[tokio::test]
async fn every_metric_that_is_told_is_documented_and_every_documented_one_is_told() {
    let metrics = Arc::new(Metrics::new(clock(), Some(100)));
    for fact in facts() {
        metrics.happened(fact);
    }
    let address = serve(&metrics).await;
    exchange(address, &close("GET", "/things/1")).await;
    assert_eq!(told(&metrics.text()), documented());
}

async fn serve(metrics: &Arc<Metrics>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let doors = vec![
        Router::new().route("/things/{id}", get(|| async { "a thing" })),
        metrics_page(Arc::clone(metrics)),
    ];
    let limits = HttpLimits::default();
    let site = Site::new(doors, limits, Https::default(), clock())
        .counted_by(Arc::clone(metrics), clock());
    tokio::spawn(server::serve(
        listener,
        site,
        limits,
        clock(),
        std::future::pending(),
    ));
    address
}

#[tokio::test]
async fn requests_are_counted_by_route_and_callers_make_no_series_of_their_own() {
    let metrics = Arc::new(Metrics::new(clock(), None));
    let address = serve(&metrics).await;
    for number in 0..40 {
        exchange(
            address,
            &close("GET", &format!("/things/kw-canary-{number}")),
        )
        .await;
        exchange(
            address,
            &close("GET", &format!("/nowhere/kw-canary-{number}")),
        )
        .await;
        exchange(address, &close(&format!("ODD{number}"), "/things/x")).await;
    }
    let page = exchange(address, &close("GET", "/metrics")).await;
    let has = |line: &str| assert!(page.contains(line), "{line} is not in {page}");
    has("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8");
    has(r#"keepward_requests_total{method="GET",route="/things/{id}",status="200"} 40"#);
    has(r#"keepward_requests_total{method="GET",route="none",status="404"} 40"#);
    has(r#"keepward_requests_total{method="other",route="/things/{id}",status="405"} 40"#);
    has(r#"keepward_request_seconds_count{method="GET",route="/things/{id}"} 40"#);
    assert!(!page.contains("canary"), "{page}");
    assert_eq!(
        page.matches("keepward_requests_total{").count(),
        3,
        "{page}"
    );
}

#[tokio::test]
async fn calls_to_the_key_service_are_told_with_those_saved_and_the_headroom() {
    let metrics = Metrics::new(clock(), Some(100));
    for _ in 0..7 {
        metrics.happened(key_call(Purpose::AtRest, KeyCall::Unwrap));
    }
    // Not of the quota for cryptographic calls.
    metrics.happened(key_call(Purpose::Login, KeyCall::Describe));
    for saved in [Some(3), Some(4), None] {
        let cache = CacheName::ServiceViews;
        metrics.happened(Fact::Cache { cache, saved });
    }
    let text = metrics.text();
    for line in [
        r#"keepward_key_calls_total{purpose="at_rest",call="unwrap",ended="done"} 7"#,
        r#"keepward_key_calls_saved_total{cache="service_views"} 7"#,
        r#"keepward_cache_lookups_total{cache="service_views",found="miss"} 1"#,
        "keepward_key_calls_quota 100",
        "keepward_key_calls_headroom 93",
        "keepward_key_calls_peak 7",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    // A keyring file has no quota.
    let text = Metrics::new(clock(), None).text();
    assert!(
        !text.contains("headroom") && !text.contains("quota "),
        "{text}"
    );
}

#[tokio::test]
async fn statsd_gets_each_fact_by_udp_under_confidants_names() {
    let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (statsd, lines) = Statsd::new();
    let sending = tokio::spawn(lines.send_to("localhost".to_owned(), port, clock()));
    for fact in facts() {
        statsd.happened(fact);
    }
    drop(statsd);
    // Ends with the last line sent.
    sending.await.unwrap();
    let mut got = BTreeSet::new();
    let mut datagram = [0; 2_048];
    while let Ok(length) = listener.try_recv(&mut datagram) {
        assert!(length <= 1_432, "a datagram of {length} bytes");
        let text = std::str::from_utf8(&datagram[..length]).unwrap();
        got.extend(text.lines().map(str::to_owned));
    }
    let named: BTreeSet<_> = got
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            match value {
                "1|c" => format!("{name} counter"),
                "12.000000|ms" => format!("{name} timer"),
                other => panic!("{name} is {other}"),
            }
        })
        .collect();
    let documented: BTreeSet<_> = statsd_reference()
        .lines()
        .skip(2)
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            format!("{} {}", cells[1].trim_matches('`'), cells[2])
        })
        .collect();
    assert_eq!(named, documented);
}
