//! The whole door over a fresh directory, with a clock that stands still and fixed random bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use confidant::{
    Authorities, Authority, Confidant, Encryption, MadeKeys, NamePattern, Rotation, Settings,
    Signer, WebTokens,
};
use domain::{
    BlindWriters, EventId, LoginMethod, Principal, PrincipalKind, RequestId, Rules, Timestamp,
};
use door_confidant::{Door, DoorSettings, router};
use http_body_util::BodyExt as _;
use keep::{
    Action, AuditMode, AuditSink, AuditUnavailable, BatchGot, Clock, Condition, Consistency, Item,
    Keep, Key, Limits, Page, Ports, Query, Random, Scan, Schema, Table, TableError, TableName,
};
use login::{
    Browsers, ClientKeyFile, ClientKeySettings, ClientKeys, KmsTokens, Login, NewClientKey,
};
use tower::ServiceExt as _;

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As<'n> {
    /// Nobody: no login headers.
    Nobody,
    /// A person.
    User(&'n str),
    /// A service without an account.
    Service(&'n str),
    /// A service whose key belongs to an account.
    Scoped(&'n str, &'n str),
}

pub(crate) struct House {
    router: Router,
    keep: Arc<Keep>,
    client_keys: Arc<ClientKeys>,
    tokens: Mutex<BTreeMap<String, String>>,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) faults: Arc<Faults>,
    table: Arc<dyn Table>,
    _directory: tempfile::TempDir,
}

/// One answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", value.to_str().unwrap())?;
        }
        write!(f, "\n{}", self.body)
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with_master_key("alias/confidant").await
    }

    pub(crate) async fn with_master_key(master_key: &str) -> Self {
        Self::open(Plan {
            master_key,
            ..Plan::default()
        })
        .await
    }

    pub(crate) async fn with_blind_writers(blind_writers: BlindWriters) -> Self {
        Self::open(Plan {
            blind_writers,
            ..Plan::default()
        })
        .await
    }

    /// A house for people at browsers.
    pub(crate) async fn with_browsers(browsers: Browsers, door_settings: DoorSettings) -> Self {
        Self::open(Plan {
            browsers,
            door_settings,
            ..Plan::default()
        })
        .await
    }

    /// A house that takes KMS tokens too, as `make` says.
    pub(crate) async fn with_tokens(
        browsers: Browsers,
        door_settings: DoorSettings,
        make: impl FnOnce(Arc<dyn Random>, Arc<dyn Clock>) -> KmsTokens,
    ) -> Self {
        Self::open(Plan {
            browsers,
            door_settings,
            make_tokens: Some(Box::new(make)),
            ..Plan::default()
        })
        .await
    }

    /// A house with keys of web tokens.
    pub(crate) async fn with_web_tokens(web_tokens: WebTokens) -> Self {
        Self::open(Plan {
            web_tokens,
            ..Plan::default()
        })
        .await
    }

    async fn open(plan: Plan<'_>) -> Self {
        let Plan {
            master_key,
            browsers,
            door_settings,
            blind_writers,
            make_tokens,
            web_tokens,
        } = plan;
        let directory = tempfile::tempdir().unwrap();
        let random: Arc<dyn Random> = Arc::new(CountingRandom(AtomicU64::new(0)));
        let faults = Arc::new(Faults::default());
        let sqlite = local::SqliteTable::open(&directory.path().join("table.sqlite")).unwrap();
        let table: Arc<dyn Table> = Arc::new(FaultyTable {
            table: sqlite,
            faults: Arc::clone(&faults),
        });
        let keyring = local::Keyring::open_or_create(
            &directory.path().join("keyring.json"),
            Arc::clone(&random),
        )
        .unwrap();
        let clock = Arc::new(StandingClock::new());
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
            table: Arc::clone(&table),
            keys: Arc::new(keyring),
            audit: Arc::new(MemoryAudit {
                given: AtomicU64::new(0),
                faults: Arc::clone(&faults),
            }),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random,
        };
        let rules = Rules {
            administrators: ["admin".to_owned()].into(),
            blind_writers,
            ..Rules::default()
        };
        // Nothing opened is kept, so that each read meets the faults.
        let limits = Limits {
            opened_life: Duration::ZERO,
            ..Limits::default()
        };
        let keep = Arc::new(Keep::new(ports, own, rules, AuditMode::Required, limits));
        // As the server of the recorded exchanges was set.
        let rotation = Rotation {
            maximum_days: 10,
            by_tag: [("FINANCIALLY_SENSITIVE".to_owned(), 1)].into(),
            excluded_tags: ["ROTATION_EXCLUDED".to_owned()].into(),
        };
        let settings = Settings {
            table: name,
            master_key: master_key.to_owned(),
            encryption: Encryption::Fernet,
            ignore_conflicts: false,
            enforce_documentation: false,
            history_page_limit: None,
            save_last_decryption_time: false,
            rotation,
            accounts: ["sandbox".to_owned(), "primary".to_owned()].into(),
        };
        let client_keys = Arc::new(ClientKeys::new(
            Arc::clone(&keep),
            ClientKeySettings::default(),
        ));
        let tokens = make_tokens.map(|make| {
            make(
                Arc::clone(keep.random()),
                Arc::clone(&clock) as Arc<dyn Clock>,
            )
        });
        let door = Door {
            confidant: Arc::new(
                Confidant::new(Arc::clone(&keep), settings)
                    .with_authorities(authorities())
                    .with_web_tokens(web_tokens),
            ),
            login: Arc::new(
                Login::new(tokens, Arc::clone(&client_keys))
                    .with_browsers(browsers, "10.0.0.0/8".parse().unwrap()),
            ),
            keep: Arc::clone(&keep),
            settings: Arc::new(door_settings),
        };
        Self {
            router: router(door),
            keep,
            client_keys,
            tokens: Mutex::default(),
            clock,
            faults,
            table,
            _directory: directory,
        }
    }

    /// Sends a request with a JSON body, or none.
    pub(crate) async fn send(
        &self,
        who: As<'_>,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = match body {
            Some(json) => request
                .header("content-type", "application/json")
                .body(Body::from(json.to_string())),
            None => request.body(Body::empty()),
        };
        self.send_raw(who, request.unwrap()).await
    }

    pub(crate) async fn get(&self, who: As<'_>, path: &str) -> Answer {
        self.send(who, "GET", path, None).await
    }

    pub(crate) async fn send_raw(&self, who: As<'_>, mut request: Request<Body>) -> Answer {
        if let Some(authorization) = self.authorization(who).await {
            request
                .headers_mut()
                .insert("authorization", authorization.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn create(&self, name: &str, pairs: serde_json::Value) -> String {
        let body = serde_json::json!({ "name": name, "credential_pairs": pairs });
        let answer = self
            .send(As::User("alice"), "POST", "/v1/credentials", Some(&body))
            .await;
        answer.json()["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }

    pub(crate) async fn map(&self, id: &str, credentials: &[&str]) {
        let body = serde_json::json!({ "credentials": credentials, "enabled": true });
        let answer = self
            .send(
                As::User("alice"),
                "PUT",
                &format!("/v1/services/{id}"),
                Some(&body),
            )
            .await;
        assert_eq!(answer.status, 200, "{answer}");
    }

    /// Changes one attribute of a stored item behind the door's back.
    pub(crate) async fn damage(&self, id: &str, attribute: &str, value: keep::Value) {
        let name = TableName::new("confidant");
        let mut item = self
            .table
            .get(&name, &Key::id(id), Consistency::Strong)
            .await
            .unwrap()
            .unwrap();
        item.insert(attribute.to_owned(), value);
        let put = Action::Put {
            table: name,
            item,
            condition: Condition::always(),
        };
        self.table.transact(&[put]).await.unwrap();
    }

    /// What has proven anybody so far: the whole `Authorization` headers.
    pub(crate) fn proofs(&self) -> Vec<String> {
        self.tokens.lock().unwrap().values().cloned().collect()
    }

    /// Every stored item.
    pub(crate) async fn copy(&self) -> Vec<(TableName, Item)> {
        let mut all = Vec::new();
        for name in ["confidant", "own"] {
            let table = TableName::new(name);
            let mut start = None;
            loop {
                let page = self
                    .table
                    .scan(&Scan {
                        table: table.clone(),
                        attributes: Vec::new(),
                        limit: None,
                        start,
                        consistency: Consistency::Eventual,
                    })
                    .await
                    .unwrap();
                all.extend(page.items.into_iter().map(|item| (table.clone(), item)));
                match page.next {
                    Some(next) => start = Some(next),
                    None => break,
                }
            }
        }
        all
    }

    /// Makes the tables as they were.
    pub(crate) async fn restore(&self, kept: Vec<(TableName, Item)>) {
        for (table, item) in self.copy().await {
            self.delete(&table, &id_of(&item)).await;
        }
        for (table, item) in kept {
            let put = Action::Put {
                table,
                item,
                condition: Condition::always(),
            };
            self.table.transact(&[put]).await.unwrap();
        }
    }

    /// Takes an item away behind the door's back.
    pub(crate) async fn remove(&self, id: &str) {
        self.delete(&TableName::new("confidant"), id).await;
    }

    async fn delete(&self, table: &TableName, id: &str) {
        let delete = Action::Delete {
            table: table.clone(),
            key: Key::id(id),
            condition: Condition::always(),
        };
        self.table.transact(&[delete]).await.unwrap();
    }

    async fn authorization(&self, who: As<'_>) -> Option<String> {
        let (kind, name, account) = match who {
            As::Nobody => return None,
            As::User(name) => (PrincipalKind::User, name, None),
            As::Service(name) => (PrincipalKind::Service, name, None),
            As::Scoped(name, account) => (PrincipalKind::Service, name, Some(account.to_owned())),
        };
        let known = self
            .tokens
            .lock()
            .unwrap()
            .get(&format!("{who:?}"))
            .cloned();
        if known.is_some() {
            return known;
        }
        let file = ClientKeyFile::generate(&**self.keep.random(), kind, name).unwrap();
        let new = NewClientKey {
            public_key: file.public_key().as_bytes().to_vec(),
            kind,
            name: name.to_owned(),
            account,
            days: 30,
        };
        let admin = Principal {
            kind: PrincipalKind::User,
            name: "admin".to_owned(),
            login: LoginMethod::ClientKey,
            account: None,
        };
        self.client_keys
            .issue(&admin, &RequestId::new([0; 16]), &new)
            .await
            .unwrap();
        let (username, token) = file
            .mint(&*self.clock, Duration::from_secs(50 * 60))
            .unwrap();
        let basic = format!(
            "Basic {}",
            STANDARD.encode(format!("{username}:{}", token.expose()))
        );
        self.tokens
            .lock()
            .unwrap()
            .insert(format!("{who:?}"), basic.clone());
        Some(basic)
    }
}

/// What a house is built by.
struct Plan<'m> {
    master_key: &'m str,
    browsers: Browsers,
    door_settings: DoorSettings,
    blind_writers: BlindWriters,
    make_tokens: Option<Box<MakeTokens<'m>>>,
    web_tokens: WebTokens,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            master_key: "alias/confidant",
            browsers: Browsers::Nobody,
            door_settings: DoorSettings::default(),
            blind_writers: BlindWriters::default(),
            make_tokens: None,
            web_tokens: WebTokens::default(),
        }
    }
}

/// The authority of the recorded server, whose certificates vouch for themselves.
fn authorities() -> Authorities {
    let development = Authority {
        max_days: 120,
        pattern: NamePattern::read(r"(?P<service_name>[\w-]+)\.example\.com").ok(),
        signer: Signer::Itself(MadeKeys {
            bits: 2048,
            subject: pki::Subject::default(),
        }),
    };
    Authorities::default().with("development", development)
}

/// Makes what verifies KMS tokens.
type MakeTokens<'m> = dyn FnOnce(Arc<dyn Random>, Arc<dyn Clock>) -> KmsTokens + 'm;

fn id_of(item: &Item) -> String {
    item["id"].as_s().unwrap().to_owned()
}

/// What is broken.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) table: AtomicBool,
    pub(crate) audit: AtomicBool,
}

fn broken(fault: &AtomicBool) -> bool {
    fault.load(Ordering::Relaxed)
}

struct FaultyTable {
    table: local::SqliteTable,
    faults: Arc<Faults>,
}

impl FaultyTable {
    fn check(&self) -> Result<(), TableError> {
        if broken(&self.faults.table) {
            Err(TableError::Unavailable("SECRET-ENDPOINT".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait::async_trait]
impl Table for FaultyTable {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.table.create(schema).await
    }
    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        // The login's own look-up goes on, so that the door is what is tested.
        if table.as_str() == "confidant" {
            self.check()?;
        }
        self.table.get(table, key, consistency).await
    }
    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        self.check()?;
        self.table.batch_get(table, keys, consistency).await
    }
    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.check()?;
        self.table.query(query).await
    }
    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.table.scan(scan).await
    }
    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        self.check()?;
        self.table.transact(actions).await
    }
    fn generation(&self) -> Option<u64> {
        self.table.generation()
    }
}

struct MemoryAudit {
    given: AtomicU64,
    faults: Arc<Faults>,
}

impl AuditSink for MemoryAudit {
    fn next_id(&self) -> EventId {
        EventId {
            server: "0".repeat(32),
            number: self.given.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }
    fn append(&self, _: &EventId, _: &str) -> Result<(), AuditUnavailable> {
        if broken(&self.faults.audit) {
            Err(AuditUnavailable("SECRET-PATH".to_owned()))
        } else {
            Ok(())
        }
    }
    fn missing(&self) -> Vec<EventId> {
        Vec::new()
    }
}

/// Stands still until moved; a sleep moves it.
pub(crate) struct StandingClock {
    micros: AtomicI64,
    started: i64,
}

impl StandingClock {
    fn new() -> Self {
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

/// The same bytes in every run: splitmix64 of a counter.
struct CountingRandom(AtomicU64);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut mixed = self
                .0
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
                .wrapping_add(1);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}
