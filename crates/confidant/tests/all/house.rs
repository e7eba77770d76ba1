//! A whole kernel in a fresh directory: SQLite, a keyring that also knows recorded keys, a clock
//! that stands still, an audit log in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use confidant::{
    Asked, Caller, Confidant, CredentialFields, Encryption, Pairs, Rotation, ServiceFields,
    Settings,
};
use domain::{EventId, LoginMethod, Principal, PrincipalKind, RequestId, Rules, Timestamp};
use keep::{
    Action, AuditMode, AuditSink, AuditUnavailable, Clock, Condition, Consistency, Item, Keep, Key,
    KeyError, KeyService, Limits, MasterKey, Ports, Random, Schema, Table, TableName, Unwrapped,
    Value,
};
use seal::{DataKey, EncryptionContext, WrappedKey};
use serde_json::json;

pub(crate) struct House {
    pub(crate) confidant: Confidant,
    pub(crate) keep: Arc<Keep>,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) audit: Arc<MemoryAudit>,
    pub(crate) keys: Arc<RecordedKeys>,
    pub(crate) table: Arc<dyn Table>,
    pub(crate) name: TableName,
    _directory: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| (), Limits::default()).await
    }

    pub(crate) async fn with(set: impl FnOnce(&mut Settings), limits: Limits) -> Self {
        Self::behind(|table| table, set, limits).await
    }

    /// A house that sees its table through `between`.
    pub(crate) async fn behind(
        between: impl FnOnce(Arc<dyn Table>) -> Arc<dyn Table>,
        set: impl FnOnce(&mut Settings),
        limits: Limits,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let random: Arc<dyn Random> = Arc::new(local::SystemRandom);
        let table: Arc<dyn Table> =
            Arc::new(local::SqliteTable::open(&directory.path().join("table.sqlite")).unwrap());
        let clock = Arc::new(StandingClock::new());
        let audit = Arc::new(MemoryAudit::default());
        let keys = Arc::new(RecordedKeys {
            keyring: local::Keyring::open_or_create(
                &directory.path().join("keyring.json"),
                Arc::clone(&random),
            )
            .unwrap(),
            recorded: Mutex::default(),
            unwraps: AtomicU64::new(0),
        });
        let name = TableName::new("confidant");
        let own = TableName::new("own");
        table.create(&Confidant::schema(&name)).await.unwrap();
        table
            .create(&Schema {
                name: own.clone(),
                hash: "id".to_owned(),
                range: None,
                indexes: vec![],
            })
            .await
            .unwrap();
        let ports = Ports {
            table: between(Arc::clone(&table)),
            keys: Arc::clone(&keys) as Arc<dyn KeyService>,
            audit: Arc::clone(&audit) as Arc<dyn AuditSink>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random,
        };
        let keep = Arc::new(Keep::new(
            ports,
            own,
            Rules::default(),
            AuditMode::Required,
            limits,
        ));
        let mut settings = default_settings(&name);
        set(&mut settings);
        let confidant = Confidant::new(Arc::clone(&keep), settings);
        Self {
            confidant,
            keep,
            clock,
            audit,
            keys,
            table,
            name,
            _directory: directory,
        }
    }

    /// The same house with operations that `with` gives more to work with.
    pub(crate) fn changed(self, with: impl FnOnce(Confidant) -> Confidant) -> Self {
        let confidant = Confidant::new(Arc::clone(&self.keep), default_settings(&self.name));
        Self {
            confidant: with(confidant),
            ..self
        }
    }

    pub(crate) async fn stored(&self, id: &str) -> Option<Item> {
        self.table
            .get(&self.name, &Key::id(id), Consistency::Strong)
            .await
            .unwrap()
    }

    /// Writes as an old server does: without any condition.
    pub(crate) async fn put_like_old(&self, item: Item) {
        let put = Action::Put {
            table: self.name.clone(),
            item,
            condition: Condition::always(),
        };
        self.table.transact(&[put]).await.unwrap();
    }

    pub(crate) async fn create(&self, name: &str, pairs: serde_json::Value) -> String {
        let fields = CredentialFields {
            name: Ok(Some(name.to_owned())),
            pairs: pairs_of(pairs),
            ..fields()
        };
        self.confidant
            .create_credential(&user(), fields)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
            .record
            .id
    }

    pub(crate) async fn map(&self, id: &str, credentials: &[&str]) {
        let ids = credentials.iter().map(|id| (*id).to_owned()).collect();
        let fields = ServiceFields {
            credentials: Ok(Some(ids)),
            ..service_fields()
        };
        self.confidant
            .map_service(&user(), id, fields)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
    }
}

fn default_settings(name: &TableName) -> Settings {
    Settings {
        table: name.clone(),
        master_key: "alias/confidant".to_owned(),
        encryption: Encryption::Fernet,
        ignore_conflicts: false,
        enforce_documentation: false,
        history_page_limit: None,
        save_last_decryption_time: false,
        rotation: Rotation::default(),
        accounts: ["sandbox".to_owned()].into(),
    }
}

pub(crate) fn fields() -> CredentialFields {
    CredentialFields {
        name: Ok(None),
        pairs: Ok(None),
        enabled: Ok(None),
        metadata: Ok(None),
        documentation: Ok(None),
        tags: Ok(None),
        mentions_revision: false,
    }
}

pub(crate) fn service_fields() -> ServiceFields {
    ServiceFields {
        credentials: Ok(None),
        blind_credentials: Ok(None),
        enabled: Ok(None),
        account: Ok(None),
    }
}

pub(crate) fn pairs_of(pairs: serde_json::Value) -> Asked<Pairs> {
    Pairs::draft(pairs.as_object().unwrap().clone()).map(Some)
}

pub(crate) fn caller(kind: PrincipalKind, name: &str, account: Option<&str>) -> Caller {
    let who = Principal {
        kind,
        name: name.to_owned(),
        login: LoginMethod::ClientKey,
        account: account.map(str::to_owned),
    };
    Caller {
        who,
        request: RequestId::new([7; 16]),
    }
}

pub(crate) fn user() -> Caller {
    caller(PrincipalKind::User, "alice", None)
}

pub(crate) fn service(name: &str) -> Caller {
    caller(PrincipalKind::Service, name, None)
}

/// A recorded item in DynamoDB's JSON.
pub(crate) fn item_of(json: &serde_json::Value) -> Item {
    json.as_object()
        .unwrap()
        .iter()
        .map(|(name, typed)| (name.clone(), value_of(typed)))
        .collect()
}

pub(crate) fn value_of(typed: &serde_json::Value) -> Value {
    let (kind, value) = typed.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => Value::S(text()),
        "N" => Value::N(text()),
        "B" => Value::B(STANDARD.decode(text()).unwrap()),
        "BOOL" => Value::Bool(value.as_bool().unwrap()),
        "NULL" => Value::Null,
        "SS" => Value::Ss(
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|text| text.as_str().unwrap().to_owned())
                .collect(),
        ),
        "L" => Value::L(value.as_array().unwrap().iter().map(value_of).collect()),
        other => panic!("no vector has a {other}"),
    }
}

/// The recorded items of the real server.
pub(crate) fn recorded() -> serde_json::Value {
    let file: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../vectors/confidant/dynamodb_items.json"
    ))
    .unwrap();
    assert!(file["items"].as_array().unwrap().len() > 10);
    json!({
        "items": file["items"],
        "plain": file["items_without_encryption"],
        "legacy": file["legacy_forms"],
    })
}

/// A keyring that opens the recorded wrapped keys too, under their own context only.
pub(crate) struct RecordedKeys {
    keyring: local::Keyring,
    recorded: Mutex<BTreeMap<Vec<u8>, (String, String)>>,
    pub(crate) unwraps: AtomicU64,
}

impl RecordedKeys {
    /// Learns the key of one recorded item.
    pub(crate) fn learn(&self, kms: &serde_json::Value) {
        let wrapped = STANDARD
            .decode(kms["ciphertext_blob_base64"].as_str().unwrap())
            .unwrap();
        let id = kms["encryption_context"]["id"].as_str().unwrap().to_owned();
        let key = kms["plaintext_ascii"].as_str().unwrap().to_owned();
        self.recorded.lock().unwrap().insert(wrapped, (id, key));
    }
}

#[async_trait::async_trait]
impl KeyService for RecordedKeys {
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        self.keyring.generate(master, bytes, context).await
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        self.keyring.wrap(master, key, context).await
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        self.unwraps.fetch_add(1, Ordering::Relaxed);
        let known = self.recorded.lock().unwrap().get(&wrapped.0).cloned();
        match known {
            Some((id, key)) if context == &EncryptionContext::new([("id", id.as_str())]) => {
                Ok(Unwrapped {
                    key: DataKey::new(key.into_bytes().into()),
                    master: MasterKey("recorded".to_owned()),
                })
            }
            Some(_) => Err(KeyError::DoesNotOpen),
            None => self.keyring.unwrap(wrapped, context).await,
        }
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.keyring.random(bytes).await
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.keyring.describe(master).await
    }
}

/// Stands still until moved; a sleep moves it.
pub(crate) struct StandingClock {
    micros: AtomicI64,
    started: i64,
}

impl StandingClock {
    pub(crate) fn new() -> Self {
        let started = Timestamp::from_stored("2026-11-24T10:00:00.000000+0000")
            .unwrap()
            .micros();
        Self {
            micros: AtomicI64::new(started),
            started,
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.micros
            .fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

#[async_trait::async_trait]
impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros((self.micros.load(Ordering::Relaxed) - self.started).unsigned_abs())
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
        tokio::task::yield_now().await;
    }
}

/// Lines in memory; can be made to fail.
#[derive(Default)]
pub(crate) struct MemoryAudit {
    lines: Mutex<BTreeMap<u64, String>>,
    given: AtomicU64,
    pub(crate) full: std::sync::atomic::AtomicBool,
}

impl MemoryAudit {
    /// The events since the last call, as JSON.
    pub(crate) fn take(&self) -> Vec<serde_json::Value> {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        lines
            .into_values()
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect()
    }
}

impl AuditSink for MemoryAudit {
    fn next_id(&self) -> EventId {
        EventId {
            server: "0".repeat(32),
            number: self.given.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    fn append(&self, id: &EventId, line: &str) -> Result<(), AuditUnavailable> {
        if self.full.load(Ordering::Relaxed) {
            return Err(AuditUnavailable("disk full".to_owned()));
        }
        self.lines
            .lock()
            .unwrap()
            .insert(id.number, line.to_owned());
        Ok(())
    }

    fn missing(&self) -> Vec<EventId> {
        Vec::new()
    }
}
