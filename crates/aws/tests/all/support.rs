//! Connections, tables and a clock for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws::{AwsKms, Connection, DynamoTable, Endpoint, Identity, Keys, Settings};
use domain::Timestamp;
use keep::{Action, Clock, Condition, IndexSchema, Item, Key, Schema, Table, TableName, Value};
use testkit::Moto;

/// Goes on only when somebody sleeps, and then at once.
#[derive(Default)]
pub(crate) struct SleepClock(AtomicU64);

#[async_trait::async_trait]
impl Clock for SleepClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, pause: Duration) {
        self.0
            .fetch_add(u64::try_from(pause.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

/// Settings that lead to `url`, signed by `access_key`. Patient, because test machines are busy.
pub(crate) fn settings(url: &str, access_key: &str) -> Settings {
    let patience = Duration::from_secs(30);
    let endpoint = |attempts| Endpoint {
        url: Some(url.to_owned()),
        pool: 100,
        connect: patience,
        read: patience,
        attempts,
    };
    Settings {
        region: "us-east-1".to_owned(),
        kms_region: None,
        dynamodb: endpoint(2),
        kms: endpoint(3),
        identity: Identity::Keys(Keys::new(access_key, "secret")),
    }
}

pub(crate) async fn table_at(settings: &Settings) -> DynamoTable {
    DynamoTable::new(
        &Connection::open(settings).await,
        Arc::new(SleepClock::default()),
    )
}

pub(crate) async fn kms_at(settings: &Settings) -> AwsKms {
    AwsKms::new(&Connection::open(settings).await)
}

/// A table of its own name on the shared moto, made in Confidant's layout; calls are signed by that
/// name too.
pub(crate) async fn fresh_table(name: &str) -> (DynamoTable, TableName) {
    let table = table_at(&settings(&Moto::shared().url, name)).await;
    table.create(&confidant_schema(name)).await.unwrap();
    (table, TableName::new(name))
}

pub(crate) fn confidant_schema(name: &str) -> Schema {
    Schema {
        name: TableName::new(name),
        hash: "id".to_owned(),
        range: None,
        indexes: vec![IndexSchema {
            name: "data_type_date_index".to_owned(),
            hash: "data_type".to_owned(),
            range: "modified_date".to_owned(),
        }],
    }
}

pub(crate) fn item(id: &str, attributes: &[(&str, Value)]) -> Item {
    let rest = attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    [("id".to_owned(), Value::s(id))]
        .into_iter()
        .chain(rest)
        .collect()
}

pub(crate) fn put(table: &TableName, item: Item, condition: Condition) -> Action {
    Action::Put {
        table: table.clone(),
        item,
        condition,
    }
}

pub(crate) fn check(table: &TableName, id: &str, condition: Condition) -> Action {
    Action::Check {
        table: table.clone(),
        key: Key::id(id),
        condition,
    }
}
