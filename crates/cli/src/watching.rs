//! Who counts what happens, as the settings name them.

use std::sync::Arc;

use keep::{Clock, Ports, Purpose, Watch, WatchedKeys, WatchedTable};
use server::Config;
use server::metrics::{Metrics, Statsd, StatsdLines, Watchers};
use server::settings::{Backend, MetricsAt};
use tokio::task::JoinHandle;

/// All of them, ready to count.
pub(crate) struct Watching {
    /// The port that everything else sees.
    pub(crate) watch: Arc<dyn Watch>,
    /// For Prometheus, where `/metrics` is served.
    pub(crate) metrics: Option<Arc<Metrics>>,
    statsd: Option<Sending>,
}

struct Sending {
    lines: StatsdLines,
    host: String,
    port: u16,
}

impl Watching {
    /// Begins to count.
    pub(crate) fn begin(config: &Config, clock: &Arc<dyn Clock>) -> Self {
        let mut watchers = Vec::<Arc<dyn Watch>>::new();
        let metrics = (config.metrics.at != MetricsAt::Off).then(|| {
            let on_kms = matches!(config.backend, Backend::Aws(_));
            let quota = on_kms.then_some(config.metrics.kms_quota);
            Arc::new(Metrics::new(Arc::clone(clock), quota))
        });
        if let Some(metrics) = &metrics {
            watchers.push(Arc::clone(metrics) as _);
        }
        let statsd = config.notices.statsd.as_ref().map(|server| {
            let (statsd, lines) = Statsd::new();
            watchers.push(Arc::new(statsd));
            Sending {
                lines,
                host: server.host.clone(),
                port: server.port,
            }
        });
        Self {
            watch: Arc::new(Watchers(watchers)),
            metrics,
            statsd,
        }
    }

    /// The same ports, with the calls to table and key service counted.
    pub(crate) fn ports(&self, ports: Ports) -> Ports {
        let table = WatchedTable::new(
            Arc::clone(&ports.table),
            Arc::clone(&self.watch),
            Arc::clone(&ports.clock),
        );
        Ports {
            table: Arc::new(table),
            keys: self.keys(&ports, Purpose::AtRest),
            ..ports
        }
    }

    /// The key service, with its calls counted as made for `purpose`.
    pub(crate) fn keys(&self, ports: &Ports, purpose: Purpose) -> Arc<WatchedKeys> {
        Arc::new(WatchedKeys::new(
            Arc::clone(&ports.keys),
            Arc::clone(&self.watch),
            Arc::clone(&ports.clock),
            purpose,
        ))
    }

    /// Sends metrics to statsd from now on, where there is one.
    pub(crate) fn start_statsd(&mut self, clock: Arc<dyn Clock>) -> Option<JoinHandle<()>> {
        let Sending { lines, host, port } = self.statsd.take()?;
        Some(tokio::spawn(lines.send_to(host, port, clock)))
    }
}
