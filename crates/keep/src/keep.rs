//! The object that every operation starts from.

use std::sync::Arc;
use std::time::Duration;

use domain::{Action, Decision, Outcome, Principal, RequestId, Rules, Target, Timestamp, decide};
use tokio::sync::Semaphore;

use crate::audit_sink::refused_logins_line;
use crate::event_item::line_of;
use crate::permit::event;
use crate::turns::Turns;
use crate::{
    AuditMode, AuditSink, AuditUnavailable, CachedKeys, Clock, Consistency, Fact, Items,
    KeyService, OpenedValues, Permit, Random, Step, Table, TableError, TableName, Turn, Unwatched,
    Watch, event_key, event_line,
};

/// The outside world, as the kernel sees it.
#[derive(Clone)]
pub struct Ports {
    /// Where items rest.
    pub table: Arc<dyn Table>,
    /// Makes and opens data keys.
    pub keys: Arc<dyn KeyService>,
    /// Where audit events go.
    pub audit: Arc<dyn AuditSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable bytes.
    pub random: Arc<dyn Random>,
}

/// Sizes and lifetimes of what the kernel keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unwrapped data keys kept.
    pub data_keys: u64,
    /// How long each is kept.
    pub data_key_life: Duration,
    /// Bytes of opened values kept.
    pub opened_bytes: u64,
    /// How long each is kept; zero keeps none.
    pub opened_life: Duration,
    /// Transactions under way at once; further ones wait.
    pub writes_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            data_keys: 100_000,
            data_key_life: Duration::from_secs(300),
            opened_bytes: 64 * 1024 * 1024,
            opened_life: Duration::from_secs(60),
            writes_in_flight: 64,
        }
    }
}

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The proven caller.
    pub who: Principal,
    /// The request it came with.
    pub request: RequestId,
    /// What is to be done.
    pub action: Action,
    /// With which thing.
    pub target: Target,
}

/// No rule allowed it. The refusal is recorded already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} may not {}", .ask.who.name, .ask.action)]
pub struct Refused {
    /// What was asked.
    pub ask: Ask,
    /// Why it was refused, for the log and for `explain`.
    pub decision: Decision,
}

/// The kernel. Its ports are private: a data model can ask, it cannot reach around a decision.
pub struct Keep {
    pub(crate) ports: Ports,
    pub(crate) mode: AuditMode,
    pub(crate) own: TableName,
    pub(crate) keys: CachedKeys,
    pub(crate) opened: OpenedValues,
    pub(crate) writers: Semaphore,
    turns: Turns,
    rules: Rules,
    watch: Arc<dyn Watch>,
}

impl Keep {
    /// A kernel over these ports. `own` is the table of our own items (hash attribute `id`), which
    /// may be a data model's table too.
    pub fn new(
        ports: Ports,
        own: TableName,
        rules: Rules,
        mode: AuditMode,
        limits: Limits,
    ) -> Self {
        Self {
            keys: CachedKeys::new(
                Arc::clone(&ports.keys),
                limits.data_keys,
                limits.data_key_life,
            ),
            opened: OpenedValues::new(limits.opened_bytes, limits.opened_life),
            writers: Semaphore::new(limits.writes_in_flight.max(1)),
            turns: Turns::default(),
            ports,
            mode,
            own,
            rules,
            watch: Arc::new(Unwatched),
        }
    }

    /// The same, with what happens told to `watch`. Calls to table and key service are told by
    /// [`WatchedTable`](crate::WatchedTable) and [`WatchedKeys`](crate::WatchedKeys) round the ports.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<dyn Watch>) -> Self {
        self.keys.watched_by(Arc::clone(&watch));
        self.opened.watched_by(Arc::clone(&watch));
        self.watch = watch;
        self
    }

    /// Who counts what happens.
    pub fn watch(&self) -> &Arc<dyn Watch> {
        &self.watch
    }

    /// Does a step of an operation, and tells how long it took.
    pub async fn timed<T>(&self, step: Step, work: impl Future<Output = T>) -> T {
        let begun = self.ports.clock.monotonic();
        let done = work.await;
        self.took(step, begun);
        done
    }

    /// Tells how long a step took that began at `begun`, by the clock that does not jump.
    pub fn took(&self, step: Step, begun: Duration) {
        let took = self.ports.clock.monotonic().saturating_sub(begun);
        self.watch.happened(Fact::Took { step, took });
    }

    /// Decides, and on yes returns the permit that leads to everything else. A no is recorded
    /// before it is returned.
    pub fn permit(&self, ask: Ask) -> Result<Permit<'_>, Box<Refused>> {
        let decision = self.would(&ask.who, ask.action, &ask.target);
        if decision.allowed {
            return Ok(Permit::new(self, ask, decision.rule));
        }
        let id = self.ports.audit.next_id();
        let refusal = event(
            &id,
            self.ports.clock.now(),
            &ask,
            None,
            Outcome::Refused,
            decision.rule,
        );
        if let Err(unavailable) = self.ports.audit.append(&id, &event_line(&refusal)) {
            tracing::error!(event = %id, %unavailable, "refusal not recorded");
            self.watch.happened(Fact::AuditFailed);
        }
        self.ended(ask.action, Outcome::Refused);
        Err(Box::new(Refused { ask, decision }))
    }

    /// What would be decided, without asking: for hints in answers and for `explain`. Records nothing.
    pub fn would(&self, who: &Principal, action: Action, target: &Target) -> Decision {
        decide(who, action, target, &self.rules)
    }

    /// Waits until nobody else in this process is writing the thing `id`.
    ///
    /// For fairness: what keeps writes apart are their conditions, since other servers write too.
    pub async fn turn(&self, table: &TableName, id: &str) -> Turn<'_> {
        self.turns.wait(table, id).await
    }

    /// Stored items, as ciphertext; reading them needs no permit, opening them does.
    pub fn items(&self) -> Items<'_> {
        Items {
            table: &*self.ports.table,
            clock: &*self.ports.clock,
            random: &*self.ports.random,
        }
    }

    /// The table of our own items.
    pub fn own_table(&self) -> &TableName {
        &self.own
    }

    /// The clock port.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.ports.clock
    }

    /// The random port.
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.ports.random
    }

    /// A name for a request.
    pub fn request_id(&self) -> RequestId {
        RequestId::new(self.ports.random.bytes())
    }

    /// Whether opened values may be kept in memory, and so things made of them.
    pub fn keeps_opened_values(&self) -> bool {
        self.opened.enabled()
    }

    /// Records login attempts from one source that proved nobody: one line a source and minute.
    pub fn record_refused_logins(&self, source: &str, count: u64, since: Timestamp) {
        let id = self.ports.audit.next_id();
        let line = refused_logins_line(&id, self.ports.clock.now(), source, count, since);
        if let Err(unavailable) = self.ports.audit.append(&id, &line) {
            tracing::error!(event = %id, %unavailable, "refused logins not recorded");
            self.watch.happened(Fact::AuditFailed);
        }
    }

    pub(crate) fn ended(&self, action: Action, outcome: Outcome) {
        self.watch.happened(Fact::Operation { action, outcome });
    }

    /// Drops expired data keys and values, which wipes them. Call it now and then.
    pub async fn sweep(&self) {
        self.keys.sweep().await;
        self.opened.sweep().await;
    }

    /// Exports the events of writes that were committed right before a crash. Call it at start.
    ///
    /// Returns how many were found.
    pub async fn export_missing_events(&self) -> Result<usize, ExportError> {
        let missing = self.ports.audit.missing();
        let mut exported = 0;
        for ids in missing.chunks(crate::MAX_BATCH_GET) {
            let keys: Vec<_> = ids.iter().map(event_key).collect();
            let items = self
                .items()
                .batch_get(&self.own, &keys, Consistency::Strong)
                .await?;
            for id in ids {
                let key = event_key(id);
                if let Some(line) = items.iter().find(|item| key.is_of(item)).and_then(line_of) {
                    self.ports.audit.append(id, line)?;
                    exported += 1;
                }
            }
        }
        Ok(exported)
    }
}

/// Why events of an earlier run could not be exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The audit log could not be written.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
}
