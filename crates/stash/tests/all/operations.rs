//! Put, read, list, delete, many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keep::simulator::{Faults, MemoryKeys, World};
use keep::{
    Action, Clock, Condition, DataKey, EncryptionContext, KeyError, KeyService, MasterKey, Table,
    TableError, TableName, Timestamp, Unwrapped, WrappedKey,
};
use rstest::rstest;
use seal::Hash;
use stash::{Error, Form, Ports, Record, Sealing, SecretName, Secrets, Stored, Version};

use crate::house::{House, sealing, secret, secrets, sqlite, value};

struct Made {
    house: House,
    table: Arc<dyn Table>,
    name: TableName,
    _place: tempfile::TempDir,
}

async fn made() -> Made {
    let (table, place) = sqlite();
    let name = TableName::new("stash");
    table.create(&Secrets::schema(&name)).await.unwrap();
    let world = World::new(1, Faults::none());
    Made {
        house: secrets(&world, &table, &name),
        table,
        name,
        _place: place,
    }
}

impl Made {
    fn secrets(&self) -> &Secrets {
        &self.house.secrets
    }

    /// As an old program does, without a condition.
    async fn old_put(&self, name: &SecretName, version: &str, text: &str) {
        let version = Version::stored(version);
        let sealed = self
            .secrets()
            .sealed(name, &version, &value(text), &sealing())
            .await;
        let record = Record {
            name: name.clone(),
            sealed: sealed.unwrap(),
            version,
        };
        let put = Action::Put {
            table: self.name.clone(),
            item: record.item(),
            condition: Condition::always(),
        };
        self.table.transact(&[put]).await.unwrap();
    }

    async fn newest(&self, name: &SecretName) -> (Version, Vec<u8>) {
        let record = self.secrets().newest(name).await.unwrap().unwrap();
        let opened = self
            .secrets()
            .open(&record, &EncryptionContext::default())
            .await;
        let opened = opened.unwrap().expose().to_vec();
        (record.version, opened)
    }
}

fn stored(number: i128, changed: bool) -> Result<Stored, Error> {
    Ok(Stored {
        version: Version::of(number),
        changed,
    })
}

#[tokio::test]
async fn versions_count_up_and_the_newest_is_read() {
    let made = made().await;
    let db = secret("db.prod");
    assert_eq!(made.secrets().newest(&db).await, Ok(None));
    for number in 1..=12 {
        let text = format!("value {number}");
        let put = made
            .secrets()
            .put_next(&db, &value(&text), &sealing(), false)
            .await;
        assert_eq!(put, stored(number, true));
        assert_eq!(
            made.newest(&db).await,
            (Version::of(number), text.into_bytes())
        );
    }
    let other = made
        .secrets()
        .put_next(&secret("db.prod2"), &value("x"), &sealing(), true)
        .await;
    assert_eq!(other, stored(1, true));
}

#[tokio::test]
async fn an_equal_value_is_compared_and_not_written_again() {
    let made = made().await;
    let db = secret("db");
    for (text, compare, expected) in [
        ("one", true, stored(1, true)),
        ("one", true, stored(1, false)),
        ("one", false, stored(2, true)),
        ("two", true, stored(3, true)),
        ("two", true, stored(3, false)),
    ] {
        let put = made
            .secrets()
            .put_next(&db, &value(text), &sealing(), compare)
            .await;
        assert_eq!(put, expected, "{text} {compare}");
    }
    let elsewhere = Sealing {
        context: EncryptionContext::new([("env", "prod")]),
        ..sealing()
    };
    let refused = made
        .secrets()
        .put_next(&db, &value("two"), &elsewhere, true)
        .await;
    assert!(
        matches!(
            refused,
            Err(Error::Key {
                operation: "Decrypt",
                source: KeyError::DoesNotOpen
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_version_is_written_once() {
    let made = made().await;
    let (db, version) = (secret("db"), Version::padded("rel-1"));
    let put = |text: &'static str| {
        let (made, db, version) = (&made, &db, &version);
        async move {
            made.secrets()
                .put(db, version, &value(text), &sealing())
                .await
        }
    };
    assert_eq!(put("first").await, Ok(()));
    let taken = Error::Taken {
        name: db.clone(),
        version: version.clone(),
    };
    assert_eq!(put("second").await, Err(taken));
    assert_eq!(made.newest(&db).await, (version.clone(), b"first".to_vec()));
    let exactly = made.secrets().version(&db, &version).await.unwrap();
    assert!(exactly.is_some());
    let as_typed = made.secrets().version(&db, &Version::stored("rel-1")).await;
    assert_eq!(as_typed, Ok(None));
}

#[tokio::test]
async fn counting_goes_on_after_an_old_programs_version_and_stops_where_it_would_be_hidden() {
    let made = made().await;
    let db = secret("db");
    made.old_put(&db, "0000000000000000041", "old").await;
    let next = made
        .secrets()
        .put_next(&db, &value("x"), &sealing(), false)
        .await;
    assert_eq!(next, stored(42, true));
    // Never padded, as credstash before 1.8 wrote them: greater than all that are.
    made.old_put(&db, "2", "hidden").await;
    let refused = made
        .secrets()
        .put_next(&db, &value("y"), &sealing(), false)
        .await;
    assert!(
        matches!(refused, Err(Error::NoNextVersion { .. })),
        "{refused:?}"
    );
    assert_eq!(
        made.newest(&db).await,
        (Version::stored("2"), b"hidden".to_vec())
    );
}

#[tokio::test]
async fn lists_go_over_pages_and_deletes_are_by_the_stored_text() {
    let made = made().await;
    assert_eq!(made.secrets().list().await, Ok(vec![]));
    let db = secret("db.prod");
    // 1 MB a page: three of these.
    let large = "x".repeat(280_000);
    for version in ["0000000000000000001", "2", "0000000000000000002", "rel"] {
        made.old_put(&db, version, &large).await;
    }
    let remarked = Sealing {
        comment: Some("for the shop".to_owned()),
        ..sealing()
    };
    made.secrets()
        .put_next(&secret("api"), &value("x"), &remarked, false)
        .await
        .unwrap();
    let told = |listed: Vec<stash::Listed>| -> Vec<String> {
        listed
            .into_iter()
            .map(|one| format!("{} {} {:?}", one.name, one.version, one.comment))
            .collect()
    };
    let of_db = [
        "db.prod 0000000000000000001 None",
        "db.prod 0000000000000000002 None",
        "db.prod 2 None",
        "db.prod rel None",
    ];
    let listed = told(made.secrets().list().await.unwrap());
    assert_eq!(listed[0], "api 0000000000000000001 Some(\"for the shop\")");
    assert_eq!(listed[1..], of_db);
    assert_eq!(told(made.secrets().versions(&db).await.unwrap()), of_db);

    let newest = made.secrets().newest_of_all(&|_| true).await.unwrap();
    let newest: Vec<_> = newest
        .into_iter()
        .map(|(name, record)| format!("{name} {}", record.unwrap().version))
        .collect();
    assert_eq!(newest, ["api 0000000000000000001", "db.prod rel"]);

    made.secrets()
        .delete(&db, &Version::stored("2"))
        .await
        .unwrap();
    made.secrets()
        .delete(&db, &Version::stored("no such"))
        .await
        .unwrap();
    let left = told(made.secrets().versions(&db).await.unwrap());
    assert_eq!(left, [of_db[0], of_db[1], of_db[3]]);
}

#[rstest]
#[case::sha224(Form::Legacy { hash: Hash::Sha224, hex_bytes: false })]
#[case::md5(Form::Legacy { hash: Hash::Md5, hex_bytes: true })]
#[case::sha1(Form::Legacy { hash: Hash::Sha1, hex_bytes: true })]
#[case::ripemd(Form::Legacy { hash: Hash::Ripemd, hex_bytes: true })]
#[case::whirlpool(Form::Legacy { hash: Hash::Whirlpool, hex_bytes: false })]
#[case::md4(Form::Legacy { hash: Hash::Md4, hex_bytes: false })]
#[case::ctr_32(Form::Ctr { key_length: 32, hash: Hash::Sha384 })]
#[case::ctr_48(Form::Ctr { key_length: 48, hash: Hash::Sha256 })]
#[case::ctr_64(Form::Ctr { key_length: 64, hash: Hash::Sha512 })]
#[case::gcm_16_8(Form::Gcm { key_length: 16, iv_length: 8 })]
#[case::gcm_24_12(Form::Gcm { key_length: 24, iv_length: 12 })]
#[case::gcm_32_13(Form::Gcm { key_length: 32, iv_length: 13 })]
#[case::gcm_32_128(Form::Gcm { key_length: 32, iv_length: 128 })]
#[tokio::test]
async fn every_form_is_read_back_and_a_changed_byte_is_found(#[case] form: Form) {
    let made = made().await;
    let db = secret("db");
    for text in ["", "hunter2", &"é\n".repeat(40_000)] {
        let sealing = Sealing { form, ..sealing() };
        let put = made
            .secrets()
            .put_next(&db, &value(text), &sealing, true)
            .await;
        assert!(put.unwrap().changed);
        assert_eq!(made.newest(&db).await.1, text.as_bytes());
    }
    let record = made.secrets().newest(&db).await.unwrap().unwrap();
    for position in [0, 1, 79_999] {
        let mut changed = record.clone();
        changed.sealed.contents[position] ^= 1;
        let refused = made
            .secrets()
            .open(&changed, &EncryptionContext::default())
            .await;
        assert!(matches!(refused, Err(Error::Forged { .. })));
    }
}

#[rstest]
#[case::half_a_key(Form::Ctr { key_length: 30, hash: Hash::Sha256 }, "data key whose half is 16, 24 or 32 bytes")]
#[case::no_aes_key(Form::Gcm { key_length: 20, iv_length: 12 }, "data key of 16, 24 or 32 bytes")]
#[case::no_vector(Form::Gcm { key_length: 32, iv_length: 0 }, "initial vector of at least one byte")]
#[tokio::test]
async fn a_form_that_no_cipher_takes_writes_nothing(#[case] form: Form, #[case] needed: &str) {
    let made = made().await;
    let sealing = Sealing { form, ..sealing() };
    match made
        .secrets()
        .put_next(&secret("db"), &value("x"), &sealing, false)
        .await
    {
        Err(Error::WrongKey { takes, .. }) => assert_eq!(takes, needed),
        other => panic!("{other:?}"),
    }
    assert_eq!(made.secrets().list().await, Ok(vec![]));
}

#[tokio::test]
async fn a_value_larger_than_an_item_is_refused_by_name() {
    let made = made().await;
    let large = value(&"x".repeat(500_000));
    let refused = made
        .secrets()
        .put_next(&secret("db"), &large, &sealing(), false)
        .await;
    assert!(
        matches!(
            refused,
            Err(Error::Table {
                operation: "PutItem",
                source: TableError::Limit(_)
            })
        ),
        "{refused:?}"
    );
}

/// Refuses some calls for the moment, and counts how many run at once.
struct Throttling {
    inner: Arc<MemoryKeys>,
    /// Every so manieth call is refused.
    every: usize,
    calls: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Throttling {
    fn new(inner: Arc<MemoryKeys>, every: usize) -> Arc<Self> {
        Arc::new(Self {
            inner,
            every,
            calls: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }
}

#[async_trait::async_trait]
impl KeyService for Throttling {
    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        match (self.calls.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(self.every) {
            true => Err(KeyError::Throttled),
            false => self.inner.unwrap(wrapped, context).await,
        }
    }

    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        self.inner.generate(master, bytes, context).await
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        self.inner.wrap(master, key, context).await
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.inner.random(bytes).await
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.inner.describe(master).await
    }
}

/// Waits for nothing.
struct Hasty;

#[async_trait::async_trait]
impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        local::SystemClock::new().now()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// So many secrets behind a key service that refuses every so manieth call.
async fn many(count: usize, every: usize) -> (Secrets, Arc<Throttling>) {
    let table: Arc<dyn Table> = Arc::new(keep::simulator::MemoryTable::default());
    let name = TableName::new("stash");
    table.create(&Secrets::schema(&name)).await.unwrap();
    let world = World::new(2, Faults::none());
    let House { secrets, keys } = secrets(&world, &table, &name);
    for number in 0..count {
        let put = secrets
            .put_next(
                &secret(&format!("s{number:03}")),
                &value(&number.to_string()),
                &sealing(),
                false,
            )
            .await;
        put.unwrap();
    }
    let keys = Throttling::new(keys, every);
    let ports = Ports {
        table,
        keys: Arc::clone(&keys) as _,
        clock: Arc::new(Hasty),
        random: world.random(),
    };
    (Secrets::new(ports, name).with_concurrency(8), keys)
}

async fn read_all(secrets: &Secrets) -> Vec<(SecretName, Result<keep::Plaintext, Error>)> {
    let records = secrets.newest_of_all(&|_| true).await.unwrap();
    let records = records.into_iter().map(|(_, record)| record.unwrap());
    let done = AtomicUsize::new(0);
    let context = EncryptionContext::default();
    let told = |so_many| done.store(so_many, Ordering::SeqCst);
    let opened = secrets.open_all(records.collect(), &context, &told).await;
    let opened: Vec<_> = opened
        .into_iter()
        .map(|(record, value)| (record.name, value))
        .collect();
    assert_eq!(done.into_inner(), opened.len());
    opened
}

#[tokio::test]
async fn all_are_opened_in_order_with_one_answered_call_each_and_a_bounded_number_at_once() {
    let (secrets, keys) = many(100, usize::MAX).await;
    for (number, (name, opened)) in read_all(&secrets).await.into_iter().enumerate() {
        assert_eq!(name, secret(&format!("s{number:03}")));
        assert!(opened.unwrap().expose() == number.to_string().as_bytes());
    }
    assert_eq!(keys.calls.load(Ordering::SeqCst), 100);
    assert_eq!(keys.most.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn throttled_calls_are_made_again_until_the_set_is_whole() {
    let (secrets, keys) = many(60, 3).await;
    let opened = read_all(&secrets).await;
    assert_eq!(opened.len(), 60);
    assert!(opened.iter().all(|(_, opened)| opened.is_ok()));
    // Two of three are answered.
    assert_eq!(keys.inner.unwrap_calls(), 60);
    assert!(keys.calls.load(Ordering::SeqCst) < 100);
}

#[tokio::test]
async fn a_service_that_throttles_for_ever_ends_in_an_error_for_each() {
    let (secrets, _keys) = many(3, 1).await;
    let opened = read_all(&secrets).await;
    assert_eq!(opened.len(), 3);
    for (_, opened) in opened {
        assert!(matches!(
            opened.err(),
            Some(Error::Key {
                operation: "Decrypt",
                source: KeyError::Throttled
            })
        ));
    }
}
