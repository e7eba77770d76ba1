//! A console over SQLite in a fresh folder, with a clock that stands still.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{EventId, PrincipalKind, RequestId, Rules, Timestamp};
use door_console::{Door, router};
use http_body_util::BodyExt;
use keep::{
    Action, AuditMode, AuditSink, AuditUnavailable, BatchGot, Clock, Consistency, Item, Keep, Key,
    Limits, Page, Ports, Query, Random, Scan, Schema, Table, TableError, TableName,
};
use local::{Keyring, SqliteTable};
use login::{ClientKeyFile, ClientKeySettings, ClientKeys, Login};
use tempfile::TempDir;
use tower::ServiceExt;

struct StillClock(AtomicI64);

#[async_trait::async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _pause: Duration) {
        tokio::task::yield_now().await;
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            chunk.copy_from_slice(&next[8 - chunk.len()..]);
        }
    }
}

#[derive(Default)]
struct Lines {
    given: AtomicU64,
    lines: Mutex<Vec<String>>,
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

/// SQLite that can be taken away.
struct Breakable {
    table: SqliteTable,
    broken: AtomicBool,
}

impl Breakable {
    fn whole(&self) -> Result<&SqliteTable, TableError> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(TableError::Unavailable("canary-of-the-backend".to_owned())),
            false => Ok(&self.table),
        }
    }
}

#[async_trait::async_trait]
impl Table for Breakable {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.whole()?.create(schema).await
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        c: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.whole()?.get(table, key, c).await
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        c: Consistency,
    ) -> Result<BatchGot, TableError> {
        self.whole()?.batch_get(table, keys, c).await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.whole()?.query(query).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.whole()?.scan(scan).await
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        self.whole()?.transact(actions).await
    }

    fn generation(&self) -> Option<u64> {
        self.table.generation()
    }
}

pub(crate) struct World {
    router: Router,
    table: Arc<Breakable>,
    audit: Arc<Lines>,
    keep: Arc<Keep>,
    pub(crate) operator: ClientKeyFile,
    _folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.body)
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let random: Arc<dyn Random> = Arc::new(Counting::default());
        let sqlite = SqliteTable::open(&folder.path().join("table")).expect("a table");
        let table = Arc::new(Breakable {
            table: sqlite,
            broken: AtomicBool::new(false),
        });
        let own = TableName::new("own");
        let schema = Schema {
            name: own.clone(),
            hash: "id".to_owned(),
            range: None,
            indexes: Vec::new(),
        };
        table.create(&schema).await.expect("made");
        let keyring = Keyring::open_or_create(&folder.path().join("keyring"), Arc::clone(&random))
            .expect("a keyring");
        let audit = Arc::new(Lines::default());
        let ports = Ports {
            table: Arc::clone(&table) as Arc<dyn Table>,
            keys: Arc::new(keyring),
            audit: Arc::clone(&audit) as Arc<dyn AuditSink>,
            clock: Arc::new(StillClock(AtomicI64::new(1_800_000_000))),
            random,
        };
        let rules = Rules {
            administrators: ["operator".to_owned()].into(),
            ..Rules::default()
        };
        let keep = Arc::new(Keep::new(
            ports,
            own,
            rules,
            AuditMode::Required,
            Limits::default(),
        ));
        let client_keys = Arc::new(ClientKeys::new(
            Arc::clone(&keep),
            ClientKeySettings::default(),
        ));
        let operator = key(PrincipalKind::User, "operator", 1);
        let request = RequestId::new([0; 16]);
        client_keys
            .ensure_operator(&request, &operator.public_key(), "operator")
            .await
            .expect("registered");
        let login = Arc::new(Login::new(None, Arc::clone(&client_keys)));
        let router = router(Door {
            client_keys,
            login,
            keep: Arc::clone(&keep),
        });
        Self {
            router,
            table,
            audit,
            keep,
            operator,
            _folder: folder,
        }
    }

    pub(crate) fn break_table(&self) {
        self.table.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn audit_lines(&self) -> usize {
        self.audit.lines.lock().expect("no panic before").len()
    }

    /// The Authorization header of a key's owner.
    pub(crate) fn basic(&self, file: &ClientKeyFile) -> String {
        let (username, token) = file
            .mint(&**self.keep.clock(), Duration::from_secs(600))
            .expect("a token");
        format!(
            "Basic {}",
            STANDARD.encode(format!("{username}:{}", token.expose()))
        )
    }

    /// Asks as the owner of `file`, with a JSON body where one is given.
    pub(crate) async fn ask(
        &self,
        file: &ClientKeyFile,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, self.basic(file));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        }
        self.send(
            request
                .body(Body::from(body.unwrap_or_default().to_owned()))
                .expect("a request"),
        )
        .await
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1_234))));
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        let id = head.headers["x-request-id"]
            .to_str()
            .expect("text")
            .to_owned();
        if !head.status.is_success() {
            let json: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(json["request_id"], id.as_str(), "{body}");
        }
        // Ids count up from whatever was drawn before; their shape is checked here instead.
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.replace(&id, "<id>"),
        }
    }
}

/// The same key for the same seed, in every run.
pub(crate) fn key(kind: PrincipalKind, name: &str, seed: u64) -> ClientKeyFile {
    ClientKeyFile::generate(&Counting(AtomicU64::new(seed << 32)), kind, name).expect("a key")
}
