//! Kills this process before or after its n-th port call, as `kill -9` would.
//!
//! Port calls are counted over table, key service and audit log together, in the order in which
//! they begin. `KEEPWARD_TEST_DIE` holds the point: `before:7`, `after:7`, or `never`; with
//! `never` each call is counted and told on stderr.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::EventId;
use keep::{
    Action, AuditSink, AuditUnavailable, BatchGot, Consistency, Item, Key, KeyError, KeyService,
    MasterKey, Page, Query, Scan, Schema, Table, TableError, TableName, Unwrapped,
};
use keepward::Wiring;
use rustix::process::{Signal, getpid, kill_process};
use seal::{DataKey, EncryptionContext, WrappedKey};

/// The environment variable that names the point.
pub const POINT: &str = "KEEPWARD_TEST_DIE";

static CALLS: AtomicU64 = AtomicU64::new(0);

/// A wiring in which every port call can be the last.
pub fn wiring() -> Wiring {
    Wiring {
        table: |inner| Arc::new(Dying(inner)),
        keys: |inner| Arc::new(Dying(inner)),
        audit: |inner| Arc::new(Dying(inner)),
    }
}

struct Dying<P: ?Sized>(Arc<P>);

/// One port call: its number, and whether to die before or after it.
struct Call {
    die_after: bool,
}

impl Call {
    fn begin(name: &str) -> Self {
        let number = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
        let point = point();
        if point == "never" {
            eprintln!("port call {number} {name}");
        }
        if point == format!("before:{number}") {
            die();
        }
        Self {
            die_after: point == format!("after:{number}"),
        }
    }

    fn end<T>(self, result: T) -> T {
        if self.die_after {
            die();
        }
        result
    }
}

#[expect(clippy::disallowed_methods, reason = "a test program's own switch")]
fn point() -> String {
    std::env::var(POINT).unwrap_or_default()
}

fn die() -> ! {
    let _never_fails = kill_process(getpid(), Signal::KILL);
    loop {
        std::hint::spin_loop();
    }
}

#[async_trait::async_trait]
impl Table for Dying<dyn Table> {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        let call = Call::begin("table.create");
        call.end(self.0.create(schema).await)
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        let call = Call::begin("table.get");
        call.end(self.0.get(table, key, consistency).await)
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        let call = Call::begin("table.batch_get");
        call.end(self.0.batch_get(table, keys, consistency).await)
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        let call = Call::begin("table.query");
        call.end(self.0.query(query).await)
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        let call = Call::begin("table.scan");
        call.end(self.0.scan(scan).await)
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        let call = Call::begin("table.transact");
        call.end(self.0.transact(actions).await)
    }

    fn generation(&self) -> Option<u64> {
        self.0.generation()
    }
}

#[async_trait::async_trait]
impl KeyService for Dying<dyn KeyService> {
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        let call = Call::begin("keys.generate");
        call.end(self.0.generate(master, bytes, context).await)
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        let call = Call::begin("keys.wrap");
        call.end(self.0.wrap(master, key, context).await)
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        let call = Call::begin("keys.unwrap");
        call.end(self.0.unwrap(wrapped, context).await)
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        let call = Call::begin("keys.random");
        call.end(self.0.random(bytes).await)
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        let call = Call::begin("keys.describe");
        call.end(self.0.describe(master).await)
    }
}

impl AuditSink for Dying<dyn AuditSink> {
    fn next_id(&self) -> EventId {
        self.0.next_id()
    }

    fn append(&self, id: &EventId, line: &str) -> Result<(), AuditUnavailable> {
        let call = Call::begin("audit.append");
        call.end(self.0.append(id, line))
    }

    fn missing(&self) -> Vec<EventId> {
        self.0.missing()
    }
}
