//! Every fact as counters and histograms in the text that Prometheus reads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keep::{Clock, Fact, KeyCall, Watch};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::peak::Peak;
use super::reference::PROMETHEUS;

/// The metrics of one server. Nothing global: two servers in one process count apart.
pub struct Metrics {
    registry: Registry,
    clock: Arc<dyn Clock>,
    requests: Family<Request, Counter>,
    request_seconds: Seconds<[(&'static str, Text); 2]>,
    operations: Counts<3>,
    audit_failures: Counter,
    logins: Counts<1>,
    logins_refused: Counts<1>,
    tokens: Counts<1>,
    key_calls: Counts<3>,
    key_seconds: Seconds<Words<2>>,
    key_calls_saved: Counts<1>,
    key_peak: Gauge,
    key_headroom: Option<(Gauge, u32)>,
    key_peaks: Peak,
    cache: Counts<2>,
    table_calls: Counts<2>,
    table_seconds: Seconds<Words<1>>,
    step_seconds: Seconds<Words<1>>,
    counted: Counts<1>,
    jwt: Counts<1>,
    notices: Counts<2>,
}

type Words<const N: usize> = [(&'static str, &'static str); N];
type Counts<const N: usize> = Family<Words<N>, Counter>;
type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;
type Request = [(&'static str, Text); 3];

/// A label's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Text {
    Word(&'static str),
    /// The pattern of a route, of which there are as many as the doors have.
    Route(Arc<str>),
    Number(u16),
}

impl EncodeLabelValue for Text {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        match self {
            Self::Word(word) => word.encode(encoder),
            Self::Route(route) => (&**route).encode(encoder),
            Self::Number(number) => u32::from(*number).encode(encoder),
        }
    }
}

impl Metrics {
    /// All metrics at zero. `key_quota` is what the key service allows in a second, where it says so.
    pub fn new(clock: Arc<dyn Clock>, key_quota: Option<u32>) -> Self {
        let mut registry = Registry::default();
        let quota = registered::<Gauge>(&mut registry, "keepward_key_calls_quota", key_quota);
        if let (Some(gauge), Some(quota)) = (&quota, key_quota) {
            gauge.set(quota.into());
        }
        let headroom = registered::<Gauge>(&mut registry, "keepward_key_calls_headroom", key_quota);
        let build: Family<Words<1>, Gauge> = register(&mut registry, "keepward_build_info");
        build
            .get_or_create(&[("version", env!("CARGO_PKG_VERSION"))])
            .set(1);
        let it = &mut registry;
        Self {
            requests: register(it, "keepward_requests"),
            request_seconds: seconds(it, "keepward_request_seconds"),
            operations: register(it, "keepward_operations"),
            audit_failures: register(it, "keepward_audit_failures"),
            logins: register(it, "keepward_logins"),
            logins_refused: register(it, "keepward_logins_refused"),
            tokens: register(it, "keepward_kms_tokens"),
            key_calls: register(it, "keepward_key_calls"),
            key_seconds: seconds(it, "keepward_key_call_seconds"),
            key_calls_saved: register(it, "keepward_key_calls_saved"),
            key_peak: register(it, "keepward_key_calls_peak"),
            key_headroom: headroom.zip(key_quota),
            key_peaks: Peak::new(),
            cache: register(it, "keepward_cache_lookups"),
            table_calls: register(it, "keepward_table_calls"),
            table_seconds: seconds(it, "keepward_table_call_seconds"),
            step_seconds: seconds(it, "keepward_step_seconds"),
            counted: register(it, "keepward_done"),
            jwt: register(it, "keepward_jwt"),
            notices: register(it, "keepward_notices"),
            registry,
            clock,
        }
    }

    /// Counts an answered request by its route's pattern; `None` for a path that leads nowhere.
    pub(crate) fn answered(
        &self,
        method: &'static str,
        route: Option<Arc<str>>,
        status: u16,
        took: Duration,
    ) {
        let method = ("method", Text::Word(method));
        let route = ("route", route.map_or(Text::Word("none"), Text::Route));
        let status = ("status", Text::Number(status));
        self.request_seconds
            .get_or_create(&[method.clone(), route.clone()])
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&[method, route, status]).inc();
    }

    /// Everything as it is now.
    ///
    /// Shape: OpenMetrics 1.0 text.
    pub fn text(&self) -> String {
        let peak = self.key_peaks.most(self.clock.monotonic());
        let peak = i64::try_from(peak).unwrap_or(i64::MAX);
        self.key_peak.set(peak);
        if let Some((headroom, quota)) = &self.key_headroom {
            headroom.set(i64::from(*quota).saturating_sub(peak));
        }
        let mut text = String::new();
        // Writing to memory does not fail.
        let _always_ok = encode(&mut text, &self.registry);
        text
    }
}

impl Watch for Metrics {
    fn happened(&self, fact: Fact<'_>) {
        match fact {
            Fact::Operation { action, outcome } => inc(
                &self.operations,
                [
                    ("resource", action.resource.word()),
                    ("verb", action.verb.word()),
                    ("outcome", outcome.word()),
                ],
            ),
            Fact::AuditFailed => drop(self.audit_failures.inc()),
            Fact::KeyCall {
                purpose,
                call,
                ended,
                took,
            } => {
                let (purpose, named) = (("purpose", purpose.word()), ("call", call.word()));
                inc(&self.key_calls, [purpose, named, ("ended", ended.word())]);
                observe(&self.key_seconds, [purpose, named], took);
                // What AWS counts together: the cryptographic calls.
                if call != KeyCall::Describe {
                    self.key_peaks.count(self.clock.monotonic());
                }
            }
            Fact::TableCall { call, ended, took } => {
                let call = ("call", call.word());
                inc(&self.table_calls, [call, ("ended", ended.word())]);
                observe(&self.table_seconds, [call], took);
            }
            Fact::Cache { cache, saved } => {
                let cache = ("cache", cache.word());
                let found = if saved.is_some() { "hit" } else { "miss" };
                inc(&self.cache, [cache, ("found", found)]);
                if let Some(saved) = saved {
                    self.key_calls_saved.get_or_create(&[cache]).inc_by(saved);
                }
            }
            Fact::Login { login } => inc(&self.logins, [("login", login.word())]),
            Fact::LoginRefused { refusal } => inc(&self.logins_refused, [("refusal", refusal)]),
            Fact::Token { version } => {
                let version = if version == 1 { "1" } else { "2" };
                inc(&self.tokens, [("version", version)]);
            }
            Fact::Took { step, took } => {
                observe(&self.step_seconds, [("step", step.word())], took);
            }
            Fact::Counted { count } => inc(&self.counted, [("what", count.word())]),
            Fact::Jwt { count, .. } => inc(&self.jwt, [("what", count.word())]),
            Fact::Notice { to, became } => {
                inc(
                    &self.notices,
                    [("to", to.word()), ("became", became.word())],
                );
            }
        }
    }
}

fn inc<const N: usize>(counts: &Counts<N>, words: Words<N>) {
    counts.get_or_create(&words).inc();
}

fn observe<const N: usize>(seconds: &Seconds<Words<N>>, words: Words<N>, took: Duration) {
    seconds.get_or_create(&words).observe(took.as_secs_f64());
}

fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &'static str) -> M {
    add(registry, name, M::default())
}

fn registered<M: Metric + Clone + Default>(
    registry: &mut Registry,
    name: &'static str,
    wanted: Option<u32>,
) -> Option<M> {
    wanted.map(|_| register(registry, name))
}

fn seconds<L: Clone + Eq + std::hash::Hash>(
    registry: &mut Registry,
    name: &'static str,
) -> Seconds<L>
where
    Seconds<L>: Metric,
{
    let family = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
    add(registry, name, family)
}

/// Under the meaning that the reference gives it, so that none is without.
fn add<M: Metric + Clone>(registry: &mut Registry, name: &'static str, metric: M) -> M {
    let meaning = PROMETHEUS
        .iter()
        .find(|described| described.name == name)
        .map_or("", |described| described.meaning);
    registry.register(name, meaning, metric.clone());
    metric
}

/// Units: seconds. From a view served from memory to the longest that a request may take.
const BUCKETS: [f64; 13] = [
    0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
