//! Metrics: what happened, counted for Prometheus and told to statsd.
//!
//! Both take the same facts from the one port [`keep::Watch`]. Names and labels come from the code
//! and the settings alone, so their number is bounded whatever callers send.

mod page;
mod peak;
mod prometheus;
mod reference;
mod requests;
mod statsd;

use std::sync::Arc;

use keep::{Fact, Watch};

pub use page::metrics_page;
pub use prometheus::Metrics;
pub use reference::{prometheus_reference, statsd_reference};
pub(crate) use requests::count;
pub use statsd::{Statsd, StatsdLines};

/// Several who count the same facts.
pub struct Watchers(pub Vec<Arc<dyn Watch>>);

impl Watch for Watchers {
    fn happened(&self, fact: Fact<'_>) {
        for watch in &self.0 {
            watch.happened(fact);
        }
    }
}
