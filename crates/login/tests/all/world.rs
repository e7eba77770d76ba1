//! A small world to log in to: a clock that stands still, a table in memory, a KMS that counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{EventId, Principal, PrincipalKind, RequestId, Rules, Timestamp};
use keep::{
    Action, AuditMode, AuditSink, AuditUnavailable, BatchGot, Clock, Consistency, Item, Keep, Key,
    KeyError, KeyService, Limits, MasterKey, Page, Ports, Query, Random, Scan, Schema, Table,
    TableError, TableName, Unwrapped, Value,
};
use login::{
    Browsers, ClientKeyFile, ClientKeySettings, ClientKeys, KmsTokenSettings, KmsTokens, Login,
    LoginRefused, Presented, TrustedPeers,
};
use seal::{DataKey, EncryptionContext, WrappedKey};
use tokio::sync::Semaphore;

pub(crate) const NOW: &str = "20260115T120000Z";
pub(crate) const TO: &str = "confidant-testing";
pub(crate) const AUTHNZ: &str =
    "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111";
pub(crate) const AUTHNZ_USER: &str =
    "arn:aws:kms:us-east-1:123456789012:key/22222222-2222-2222-2222-222222222222";
pub(crate) const AUTHNZ_SANDBOX: &str =
    "arn:aws:kms:us-east-1:123456789012:key/33333333-3333-3333-3333-333333333333";

/// The key at rest, which proves nobody.
pub(crate) const AT_REST: &str =
    "arn:aws:kms:us-east-1:123456789012:key/44444444-4444-4444-4444-444444444444";

/// Stands still unless moved; sleeping moves it.
pub(crate) struct StillClock {
    now: AtomicI64,
    since_start: AtomicU64,
}

impl StillClock {
    pub(crate) fn at(compact: &str) -> Arc<Self> {
        let now = Timestamp::from_compact(compact).expect("a time");
        Arc::new(Self {
            now: AtomicI64::new(now.micros()),
            since_start: AtomicU64::new(0),
        })
    }

    pub(crate) fn pass(&self, pause: Duration) {
        let micros = u64::try_from(pause.as_micros()).expect("short");
        self.now.fetch_add(micros.cast_signed(), Ordering::SeqCst);
        self.since_start.fetch_add(micros, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.since_start.load(Ordering::SeqCst))
    }

    async fn sleep(&self, pause: Duration) {
        self.pass(pause);
        tokio::task::yield_now().await;
    }
}

/// Counts up; unpredictable enough here.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self
                .0
                .fetch_add(1, Ordering::SeqCst)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&next.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Lines of audit, kept.
#[derive(Default)]
pub(crate) struct Lines {
    given: AtomicU64,
    pub(crate) lines: Mutex<Vec<String>>,
}

impl AuditSink for Lines {
    fn next_id(&self) -> EventId {
        EventId {
            server: "test".to_owned(),
            number: self.given.fetch_add(1, Ordering::SeqCst) + 1,
        }
    }

    fn append(&self, _id: &EventId, line: &str) -> Result<(), AuditUnavailable> {
        self.lines
            .lock()
            .expect("no panic before")
            .push(line.to_owned());
        Ok(())
    }

    fn missing(&self) -> Vec<EventId> {
        Vec::new()
    }
}

/// A table in memory, as far as logins use one.
#[derive(Default)]
pub(crate) struct MemoryTable {
    items: Mutex<BTreeMap<Value, Item>>,
    writes: AtomicU64,
    pub(crate) reads: AtomicU64,
    /// Others write too, so there is no generation to rely on.
    pub(crate) shared: AtomicBool,
    pub(crate) down: AtomicBool,
}

impl MemoryTable {
    pub(crate) fn ids(&self) -> Vec<String> {
        self.items
            .lock()
            .expect("no panic before")
            .keys()
            .filter_map(|id| id.as_s().map(str::to_owned))
            .collect()
    }

    pub(crate) fn overwrite(&self, id: &str, attribute: &str, value: Value) {
        let mut items = self.items.lock().expect("no panic before");
        let item = items.get_mut(&Value::s(id)).expect("such an item");
        item.insert(attribute.to_owned(), value);
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    fn reached(&self) -> Result<(), TableError> {
        if self.down.load(Ordering::SeqCst) {
            Err(TableError::Unavailable("down".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait::async_trait]
impl Table for MemoryTable {
    async fn create(&self, _schema: &Schema) -> Result<(), TableError> {
        Ok(())
    }

    async fn get(
        &self,
        _table: &TableName,
        key: &Key,
        _consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.reached()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let found = self
            .items
            .lock()
            .expect("no panic before")
            .get(&key.hash.1)
            .cloned();
        // Others get their turn between a read and what follows from it.
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn batch_get(
        &self,
        _: &TableName,
        keys: &[Key],
        _: Consistency,
    ) -> Result<BatchGot, TableError> {
        self.reached()?;
        let items = self.items.lock().expect("no panic before");
        let found = keys
            .iter()
            .filter_map(|key| items.get(&key.hash.1).cloned())
            .collect();
        Ok(BatchGot {
            items: found,
            unprocessed: Vec::new(),
        })
    }

    async fn query(&self, _query: &Query) -> Result<Page, TableError> {
        Err(TableError::Invalid("logins do not query".to_owned()))
    }

    async fn scan(&self, _scan: &Scan) -> Result<Page, TableError> {
        Err(TableError::Invalid("logins do not scan".to_owned()))
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        self.reached()?;
        let mut items = self.items.lock().expect("no panic before");
        let id_of = |action: &Action| match action {
            Action::Put { item, .. } => item["id"].clone(),
            Action::Delete { key, .. } | Action::Update { key, .. } | Action::Check { key, .. } => {
                key.hash.1.clone()
            }
        };
        let failed: Vec<usize> = (0..actions.len())
            .filter(|at| {
                let (Action::Put { condition, .. }
                | Action::Delete { condition, .. }
                | Action::Update { condition, .. }
                | Action::Check { condition, .. }) = &actions[*at];
                !condition.holds(items.get(&id_of(&actions[*at])))
            })
            .collect();
        if !failed.is_empty() {
            return Err(TableError::ConditionFailed(failed));
        }
        for action in actions {
            match action {
                Action::Put { item, .. } => drop(items.insert(id_of(action), item.clone())),
                Action::Delete { .. } => drop(items.remove(&id_of(action))),
                other => return Err(TableError::Invalid(format!("logins do no {other:?}"))),
            }
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn generation(&self) -> Option<u64> {
        (!self.shared.load(Ordering::SeqCst)).then(|| self.writes.load(Ordering::SeqCst))
    }
}

/// A KMS with several keys, which truly binds the context, counts its calls, and can be held up,
/// taken away or have a key disabled.
pub(crate) struct CountingKms {
    aliases: HashMap<String, String>,
    nonces: AtomicU64,
    pub(crate) decrypts: AtomicU64,
    pub(crate) describes: AtomicU64,
    pub(crate) disabled: Mutex<HashSet<String>>,
    /// Decrypt cannot be reached.
    pub(crate) down: AtomicBool,
    /// Decrypt is not allowed to us.
    pub(crate) denied: AtomicBool,
    /// DescribeKey cannot be reached.
    pub(crate) describe_down: AtomicBool,
    /// A Decrypt waits until it gets one of these.
    pub(crate) gate: Semaphore,
}

impl CountingKms {
    pub(crate) fn new(aliases: impl IntoIterator<Item = (String, String)>) -> Arc<Self> {
        Arc::new(Self {
            aliases: aliases.into_iter().collect(),
            nonces: AtomicU64::new(0),
            decrypts: AtomicU64::new(0),
            describes: AtomicU64::new(0),
            disabled: Mutex::default(),
            down: AtomicBool::new(false),
            denied: AtomicBool::new(false),
            describe_down: AtomicBool::new(false),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub(crate) fn count(&self) -> u64 {
        self.decrypts.load(Ordering::SeqCst)
    }

    /// What a client gets by Encrypt, as it sends it.
    pub(crate) fn token(&self, key: &str, context: &[(&str, &str)], plaintext: &str) -> String {
        let arn = self.aliases.get(key).map_or(key, String::as_str);
        let context = EncryptionContext::new(context.iter().copied());
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.nonces.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let mut sealed = plaintext.as_bytes().to_vec();
        cipher(arn)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.canonical()),
                &mut sealed,
            )
            .expect("seals");
        let length = u8::try_from(arn.len()).expect("a short ARN");
        STANDARD.encode([&[1, length], arn.as_bytes(), &nonce, &sealed].concat())
    }

    fn open(&self, blob: &[u8], context: &EncryptionContext) -> Option<Unwrapped> {
        let (&[1, length], rest) = blob.split_first_chunk::<2>()? else {
            return None;
        };
        let (arn, rest) = rest.split_at_checked(usize::from(length))?;
        let arn = std::str::from_utf8(arn).ok()?;
        self.aliases.values().find(|known| *known == arn)?;
        let (nonce, sealed) = rest.split_first_chunk::<12>()?;
        let mut opened = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = cipher(arn)
            .open_in_place(nonce, Aad::from(context.canonical()), &mut opened)
            .ok()?;
        Some(Unwrapped {
            key: DataKey::new(Box::from(&*plain)),
            master: MasterKey(arn.to_owned()),
        })
    }
}

fn cipher(arn: &str) -> LessSafeKey {
    let key = seal::digest::sha256(arn.as_bytes());
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes"))
}

#[async_trait::async_trait]
impl KeyService for CountingKms {
    async fn generate(
        &self,
        _: &str,
        _: usize,
        _: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        Err(KeyError::Denied("kms:GenerateDataKey".into()))
    }

    async fn wrap(
        &self,
        _: &str,
        _: &DataKey,
        _: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        Err(KeyError::Denied("kms:Encrypt".into()))
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        self.decrypts.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.expect("never closed").forget();
        if self.down.load(Ordering::SeqCst) {
            return Err(KeyError::Unavailable("connection refused".to_owned()));
        }
        if self.denied.load(Ordering::SeqCst) {
            return Err(KeyError::Denied("kms:Decrypt".into()));
        }
        let opened = self
            .open(&wrapped.0, context)
            .ok_or(KeyError::DoesNotOpen)?;
        if self
            .disabled
            .lock()
            .expect("no panic before")
            .contains(&opened.master.0)
        {
            return Err(KeyError::Unusable("disabled".to_owned()));
        }
        Ok(opened)
    }

    async fn random(&self, _: usize) -> Result<DataKey, KeyError> {
        Err(KeyError::Denied("kms:GenerateRandom".into()))
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.describes.fetch_add(1, Ordering::SeqCst);
        if self.describe_down.load(Ordering::SeqCst) {
            return Err(KeyError::Unavailable("connection refused".to_owned()));
        }
        self.aliases
            .get(master)
            .map(|arn| MasterKey(arn.clone()))
            .ok_or_else(|| KeyError::NoSuchKey(master.into()))
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<StillClock>,
    pub(crate) table: Arc<MemoryTable>,
    pub(crate) audit: Arc<Lines>,
    pub(crate) kms: Arc<CountingKms>,
    pub(crate) keep: Arc<Keep>,
    pub(crate) client_keys: Arc<ClientKeys>,
    pub(crate) login: Login,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(kms_settings(), client_key_settings())
    }

    pub(crate) fn with_browsers(self, browsers: Browsers, trusted: TrustedPeers) -> Self {
        let login = self.login.with_browsers(browsers, trusted);
        Self { login, ..self }
    }

    pub(crate) fn with_kms(settings: KmsTokenSettings) -> Self {
        Self::with(settings, client_key_settings())
    }

    pub(crate) fn with(
        kms_settings: KmsTokenSettings,
        client_key_settings: ClientKeySettings,
    ) -> Self {
        let clock = StillClock::at(NOW);
        let table = Arc::new(MemoryTable::default());
        let audit = Arc::new(Lines::default());
        let kms = CountingKms::new(
            [
                ("alias/authnz", AUTHNZ),
                ("alias/authnz-user", AUTHNZ_USER),
                ("alias/authnz-sandbox", AUTHNZ_SANDBOX),
                ("alias/atrest", AT_REST),
            ]
            .map(|(alias, arn)| (alias.to_owned(), arn.to_owned())),
        );
        let ports = Ports {
            table: Arc::clone(&table) as Arc<dyn Table>,
            keys: Arc::clone(&kms) as Arc<dyn KeyService>,
            audit: Arc::clone(&audit) as Arc<dyn AuditSink>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(Counting::default()),
        };
        let rules = Rules {
            administrators: ["operator".to_owned()].into(),
            ..Rules::default()
        };
        let keep = Arc::new(Keep::new(
            ports,
            TableName::new("own"),
            rules,
            AuditMode::Required,
            Limits::default(),
        ));
        let client_keys = Arc::new(ClientKeys::new(Arc::clone(&keep), client_key_settings));
        let tokens = KmsTokens::new(
            Arc::clone(&kms) as Arc<dyn KeyService>,
            Arc::clone(&clock) as Arc<dyn Clock>,
            kms_settings,
        );
        let login = Login::new(Some(tokens), Arc::clone(&client_keys));
        Self {
            clock,
            table,
            audit,
            kms,
            keep,
            client_keys,
            login,
        }
    }

    pub(crate) async fn prove(
        &self,
        username: &str,
        token: &str,
    ) -> Result<Principal, LoginRefused> {
        self.prove_from(SOURCE, username, token).await
    }

    pub(crate) async fn prove_from(
        &self,
        source: IpAddr,
        username: &str,
        token: &str,
    ) -> Result<Principal, LoginRefused> {
        self.login
            .prove(&Presented::new(username, token)?, source, &request())
            .await
    }

    /// A proper version 2 token of a service, valid for 10 minutes.
    pub(crate) fn service_token(&self, name: &str) -> String {
        self.token_valid(name, -180, 420)
    }

    /// A version 2 service token that is valid from and to these seconds from now.
    pub(crate) fn token_valid(&self, name: &str, from: i64, to: i64) -> String {
        let now = self.clock.now();
        let dates = dates(
            &now.plus_seconds(from).compact(),
            &now.plus_seconds(to).compact(),
        );
        self.kms.token(
            "alias/authnz",
            &[("from", name), ("to", TO), ("user_type", "service")],
            &dates,
        )
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.audit.lines.lock().expect("no panic before").clone()
    }

    pub(crate) fn file(&self, kind: PrincipalKind, name: &str) -> ClientKeyFile {
        let mut file = ClientKeyFile::generate(&**self.keep.random(), kind, name).expect("a key");
        file.to = Some(TO.to_owned());
        file
    }
}

pub(crate) fn dates(not_before: &str, not_after: &str) -> String {
    format!(r#"{{"not_before": "{not_before}", "not_after": "{not_after}"}}"#)
}

pub(crate) fn kms_settings() -> KmsTokenSettings {
    KmsTokenSettings {
        to: TO.to_owned(),
        auth_keys: vec!["alias/authnz".to_owned()],
        user_auth_keys: vec!["alias/authnz-user".to_owned()],
        scoped: vec![("alias/authnz-sandbox".to_owned(), "sandbox".to_owned())],
        user_types: vec!["service".to_owned(), "user".to_owned()],
        ..KmsTokenSettings::default()
    }
}

pub(crate) fn client_key_settings() -> ClientKeySettings {
    ClientKeySettings {
        to: TO.to_owned(),
        ..ClientKeySettings::default()
    }
}

pub(crate) fn request() -> RequestId {
    RequestId::new([0xab; 16])
}

pub(crate) const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
