//! `ENABLE_SAVE_LAST_DECRYPTION_TIME`: reading values writes when, and disturbs nothing.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use confidant::{CredentialRead, Want};
use domain::Timestamp;
use keep::{
    Action, BatchGot, Clock as _, Condition, Consistency, Item, Key, Limits, Page, Query, Scan,
    Schema, Table, TableError, TableName, Value,
};
use serde_json::json;

use crate::house::{House, user};

const DATE: &str = "last_decrypted_date";

async fn read(house: &House, id: &str, want: Want) -> CredentialRead {
    house.clock.advance(Duration::from_secs(60));
    house
        .confidant
        .read_credential(&user(), id, want)
        .await
        .unwrap_or_else(|e| panic!("{e}"))
}

async fn dates(house: &House, id: &str) -> [Option<Value>; 2] {
    let date = async |id: &str| house.stored(id).await.unwrap().get(DATE).cloned();
    [date(id).await, date(&format!("{id}-1")).await]
}

#[tokio::test]
async fn reading_values_dates_both_copies_and_moves_the_rotation() {
    let house = House::with(
        |settings| settings.save_last_decryption_time = true,
        Limits::default(),
    )
    .await;
    let id = house.create("c", json!({"k": "v"})).await;
    house.map("svc", &[&id]).await;
    let before = house.stored(&id).await.unwrap();

    read(&house, &id, Want::Metadata).await;
    house
        .confidant
        .read_service(&user(), "svc", Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(dates(&house, &id).await, [None, None]);

    house.audit.take();
    let answer = read(&house, &id, Want::Values).await;
    let now = house.clock.now();
    assert_eq!(answer.credential.next_rotation_date, Some(now));
    let date = Some(Value::S(now.stored()));
    assert_eq!(dates(&house, &id).await, [date.clone(), date]);
    assert_eq!(house.audit.take().len(), 1);
    // Nothing else of the item is another.
    let mut after = house.stored(&id).await.unwrap();
    after.remove(DATE);
    assert_eq!(after, before);

    let later = read(&house, &id, Want::Metadata).await;
    assert_eq!(later.credential.next_rotation_date, Some(now));
}

#[tokio::test]
async fn nothing_is_written_unless_it_is_switched_on() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "v"})).await;
    read(&house, &id, Want::Values).await;
    assert_eq!(dates(&house, &id).await, [None, None]);
}

#[tokio::test]
async fn a_rewrite_at_the_same_time_is_not_undone_and_gets_no_date() {
    let (house, meddling) = meddled().await;
    let id = house.create("c", json!({"k": "v"})).await;
    let mut rewritten = house.stored(&id).await.unwrap();
    rewritten.insert("revision".to_owned(), Value::n(2));
    rewritten.insert("name".to_owned(), Value::s("renamed by an old server"));
    rewritten.insert(
        "modified_date".to_owned(),
        Value::S(Timestamp::from_seconds(1_900_000_000).stored()),
    );
    *meddling.rewrite.lock().unwrap() = Some(rewritten.clone());
    let answer = read(&house, &id, Want::Values).await;
    assert!(answer.values);
    assert_eq!(house.stored(&id).await.unwrap(), rewritten);
}

#[tokio::test]
async fn a_copy_that_is_not_there_is_not_made() {
    let (house, _) = meddled().await;
    let id = house.create("c", json!({"k": "v"})).await;
    let delete = Action::Delete {
        table: house.name.clone(),
        key: Key::id(format!("{id}-1")),
        condition: Condition::always(),
    };
    house.table.transact(&[delete]).await.unwrap();
    read(&house, &id, Want::Values).await;
    assert!(house.stored(&id).await.unwrap().contains_key(DATE));
    assert_eq!(house.stored(&format!("{id}-1")).await, None);
}

#[rstest::rstest]
#[case::throttled(1)]
#[case::denied(2)]
#[case::in_doubt(3)]
#[tokio::test]
async fn a_read_is_answered_when_its_date_cannot_be_written(#[case] failure: u8) {
    let (house, meddling) = meddled().await;
    let id = house.create("c", json!({"k": "v"})).await;
    meddling.failure.store(failure, Ordering::Relaxed);
    house.audit.take();
    let answer = read(&house, &id, Want::Values).await;
    assert_eq!(
        answer.credential.pairs.unwrap().expose_json(),
        br#"{"k": "v"}"#
    );
    assert_eq!(dates(&house, &id).await, [None, None]);
    let events = house.audit.take();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["outcome"], "allowed");
}

async fn meddled() -> (House, Arc<Meddling>) {
    let mut meddling = None;
    let house = House::behind(
        |table| {
            let between = Arc::new(Meddling {
                table,
                rewrite: Mutex::default(),
                failure: AtomicU8::new(0),
            });
            meddling = Some(Arc::clone(&between));
            between
        },
        |settings| settings.save_last_decryption_time = true,
        Limits::default(),
    )
    .await;
    (house, meddling.unwrap())
}

/// Meddles with updates of one attribute; passes on everything else.
struct Meddling {
    table: Arc<dyn Table>,
    /// Put right before the first of them.
    rewrite: Mutex<Option<Item>>,
    failure: AtomicU8,
}

#[async_trait::async_trait]
impl Table for Meddling {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.table.create(schema).await
    }
    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.table.get(table, key, consistency).await
    }
    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        self.table.batch_get(table, keys, consistency).await
    }
    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.table.query(query).await
    }
    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.table.scan(scan).await
    }
    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        if let [Action::Update { table, .. }] = actions {
            match self.failure.load(Ordering::Relaxed) {
                1 => return Err(TableError::Throttled),
                2 => return Err(TableError::Denied("dynamodb:UpdateItem".into())),
                3 => return Err(TableError::Ambiguous("no answer".to_owned())),
                _ => {}
            }
            let rewrite = self.rewrite.lock().unwrap().take();
            if let Some(item) = rewrite {
                let put = Action::Put {
                    table: table.clone(),
                    item,
                    condition: Condition::always(),
                };
                self.table.transact(&[put]).await?;
            }
        }
        self.table.transact(actions).await
    }
}
