//! Where metrics are shown, and what they are measured against.

use std::net::SocketAddr;

use super::reader::Reader;

/// Metrics for Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsShown {
    /// Where `/metrics` is served.
    pub at: MetricsAt,
    /// Cryptographic calls that KMS allows the account in a second.
    pub kms_quota: u32,
}

/// Where `/metrics` is served, to whoever reaches that address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// Nowhere.
    Off,
    /// Where everything is served.
    Main,
    /// On an address of its own.
    Own(SocketAddr),
}

pub(super) fn read_metrics(reader: &Reader<'_>) -> MetricsShown {
    let quota = reader.number("KEEPWARD_KMS_QUOTA", 5_500, 1..=10_000_000);
    let at = match reader.text("KEEPWARD_METRICS").as_deref() {
        None | Some("off") => MetricsAt::Off,
        Some("main") => MetricsAt::Main,
        Some(address) => address.parse().map_or_else(
            |_| {
                let fix = "takes off, main, or an address and port of its own, for example 127.0.0.1:9464";
                reader.complain("KEEPWARD_METRICS", fix);
                MetricsAt::Off
            },
            MetricsAt::Own,
        ),
    };
    MetricsShown {
        at,
        kms_quota: u32::try_from(quota).unwrap_or(u32::MAX),
    }
}
