//! What every metric is called and means: docs/metrics.md is made of it.

use std::fmt::Write as _;

use keep::{Count, JwtCount, Step};

/// One metric as Prometheus sees it.
pub(super) struct Described {
    /// Without the `_total` of a counter.
    pub(super) name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub(super) kind: &'static str,
    /// Its labels, blank between.
    pub(super) labels: &'static str,
    /// What it counts; no full stop, which the text form adds.
    pub(super) meaning: &'static str,
}

const fn counter(name: &'static str, labels: &'static str, meaning: &'static str) -> Described {
    described(name, "counter", labels, meaning)
}

const fn seconds(name: &'static str, labels: &'static str, meaning: &'static str) -> Described {
    described(name, "histogram", labels, meaning)
}

const fn gauge(name: &'static str, labels: &'static str, meaning: &'static str) -> Described {
    described(name, "gauge", labels, meaning)
}

const fn described(
    name: &'static str,
    kind: &'static str,
    labels: &'static str,
    meaning: &'static str,
) -> Described {
    Described {
        name,
        kind,
        labels,
        meaning,
    }
}

/// Every one, in the order of the page.
pub(super) const PROMETHEUS: &[Described] = &[
    gauge(
        "keepward_build_info",
        "version",
        "Always 1: the version that runs",
    ),
    counter(
        "keepward_requests",
        "method route status",
        "Answered requests by the pattern of their route; the route none is a path that leads nowhere",
    ),
    seconds(
        "keepward_request_seconds",
        "method route",
        "Time from a request's headers to its answer",
    ),
    counter(
        "keepward_operations",
        "resource verb outcome",
        "Operations as the audit log has them: allowed, refused by a rule, or failed",
    ),
    counter(
        "keepward_audit_failures",
        "",
        "Audit events that could not be appended",
    ),
    counter(
        "keepward_logins",
        "login",
        "Requests whose caller was proven, by the kind of login",
    ),
    counter(
        "keepward_logins_refused",
        "refusal",
        "Requests whose caller was not proven, by what the caller was told",
    ),
    counter(
        "keepward_kms_tokens",
        "version",
        "KMS tokens of a version that is taken, proven or not",
    ),
    counter(
        "keepward_key_calls",
        "purpose call ended",
        "Calls made to the key service, at rest or for logins; the SDK's own retries are within one call",
    ),
    seconds(
        "keepward_key_call_seconds",
        "purpose call",
        "Time of calls to the key service",
    ),
    counter(
        "keepward_key_calls_saved",
        "cache",
        "Calls to the key service that a cache made unneeded",
    ),
    gauge(
        "keepward_key_calls_peak",
        "",
        "Most cryptographic calls of this server to the key service in one second of the last minute",
    ),
    gauge(
        "keepward_key_calls_quota",
        "",
        "Calls that KMS allows the account in a second, as KEEPWARD_KMS_QUOTA says; absent without KMS",
    ),
    gauge(
        "keepward_key_calls_headroom",
        "",
        "The quota less this server's peak; other servers and programs of the account use the same quota",
    ),
    counter(
        "keepward_cache_lookups",
        "cache found",
        "Look-ups in the caches, hit or miss",
    ),
    counter(
        "keepward_table_calls",
        "call ended",
        "Calls made to the table",
    ),
    seconds(
        "keepward_table_call_seconds",
        "call",
        "Time of calls to the table",
    ),
    seconds(
        "keepward_step_seconds",
        "step",
        "Time of the steps that Confidant times, under the names of the list below",
    ),
    counter(
        "keepward_done",
        "what",
        "What Confidant counts besides, under the names of the list below",
    ),
    counter(
        "keepward_jwt",
        "what",
        "JSON web tokens made, and found in caches; without key, caller and environment",
    ),
    counter(
        "keepward_notices",
        "to became",
        "Notices of changes for the webhook and graphite: queued, dropped, sent, retried, given up",
    ),
];

/// The metrics of `/metrics` as a table in Markdown.
pub fn prometheus_reference() -> String {
    let mut page = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for Described {
        name,
        kind,
        labels,
        meaning,
    } in PROMETHEUS
    {
        let suffix = if *kind == "counter" { "_total" } else { "" };
        let labels: Vec<_> = labels
            .split_whitespace()
            .map(|label| format!("`{label}`"))
            .collect();
        let labels = labels.join(", ");
        let _always_ok = writeln!(page, "| `{name}{suffix}` | {kind} | {labels} | {meaning} |");
    }
    page
}

/// The metrics of statsd as a table in Markdown.
pub fn statsd_reference() -> String {
    let mut page = String::from("| metric | kind | of what |\n|---|---|---|\n");
    let mut row = |name: &str, kind: &str, meaning: &str| {
        let _always_ok = writeln!(page, "| `confidant.{name}` | {kind} | {meaning} |");
    };
    for step in Step::ALL {
        row(step.word(), "timer", step.meaning());
    }
    row(
        "kms_decrypt_token",
        "timer",
        "The call to KMS about a token.",
    );
    row(
        "at_rest_action",
        "counter",
        "A call to the key service for a data key: two for a new one.",
    );
    row(
        "token_version_1",
        "counter",
        "A KMS token of version 1, proven or not.",
    );
    row(
        "token_version_2",
        "counter",
        "A KMS token of version 2, proven or not.",
    );
    for count in Count::ALL {
        row(count.word(), "counter", count.meaning());
    }
    for count in JwtCount::ALL {
        let name = super::statsd::jwt_name(*count, "`of`", Some("`to`"));
        row(&name.replace('`', ""), "counter", count.meaning());
    }
    page
}
