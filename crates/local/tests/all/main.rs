//! The adapters from outside: what they promise over limits, restarts, crashes and tampering.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test speaks by panicking"
)]

mod audit_file;
mod audit_segments;
mod contract;
mod durability;
mod table;
mod table_model;

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use keep::{Action, Condition, Item, TableName, Value};
use local::SystemClock;

/// An item of these attributes.
fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
    attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn put(table: &str, item: Item) -> Action {
    Action::Put {
        table: TableName::new(table),
        item,
        condition: Condition::always(),
    }
}

/// A clock that a test can move.
#[derive(Default)]
struct TestClock(std::sync::Mutex<Duration>);

impl TestClock {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait::async_trait]
impl keep::Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
        tokio::task::yield_now().await;
    }
}

fn system_clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::new())
}
