//! The server of the recorded exchanges, and who sent each request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use door_confidant::{ClientConfig, DoorSettings, Maintenance};
use keep::Clock as _;
use login::{Browsers, CookieKey, HeaderLogin, Sessions};
use serde_json::{Value, json};

use crate::house::{Answer, House};
use crate::token_keys::{AT_REST, SANDBOX, SERVICES, TO, TokenKeys, USERS, login};

/// The recorded server: header login, KMS tokens, its settings.
pub(crate) struct Recorded {
    pub(crate) house: House,
    keys: Arc<TokenKeys>,
    touch_file: PathBuf,
    /// The browser's cookies, by name.
    cookies: Mutex<Vec<(String, String)>>,
    /// The token of the two exchanges that send the same one.
    version_1: String,
    _folder: tempfile::TempDir,
}

impl Recorded {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let touch_file = folder.path().join("maintenance");
        let settings = DoorSettings {
            maintenance: Maintenance {
                always: false,
                touch_file: Some(touch_file.clone()),
            },
            client: ClientConfig {
                defined: json!({ "hello": 1 }).as_object().unwrap().clone(),
                manage_grants: true,
                accounts: vec!["sandbox".to_owned()],
                xsrf_cookie: "XSRF-TOKEN".to_owned(),
                history_page_limit: None,
                tags: vec![
                    "ROTATION_EXCLUDED".to_owned(),
                    "FINANCIALLY_SENSITIVE".to_owned(),
                ],
            },
            ..DoorSettings::default()
        };
        let browsers = Browsers::Header(HeaderLogin {
            username_header: "X-Auth-User".to_owned(),
            email_header: "X-Auth-Email".to_owned(),
            sessions: Arc::new(Sessions {
                key: CookieKey::new("secret"),
                cookie: "confidant_session".to_owned(),
                xsrf_cookie: "XSRF-TOKEN".to_owned(),
                lifetime: 43_200,
                max_lifetime: 86_400,
            }),
        });
        let mut keys = None;
        let house = House::with_tokens(browsers, settings, |random, clock| {
            let made = Arc::new(TokenKeys::new(random));
            keys = Some(Arc::clone(&made));
            login(made, clock)
        })
        .await;
        let keys = keys.unwrap();
        let version_1 = keys.token(
            SERVICES,
            &[("from", "svc-a"), ("to", TO)],
            house.clock.now(),
            (60, 3_600),
        );
        Self {
            house,
            keys,
            touch_file,
            cookies: Mutex::default(),
            version_1,
            _folder: folder,
        }
    }

    /// What an operator did before an exchange.
    pub(crate) async fn before(&self, number: usize) {
        if number == MAINTENANCE {
            std::fs::write(&self.touch_file, "").unwrap();
        }
    }

    /// What happened after it. Archiving comes in a later version; its effect does not wait.
    pub(crate) async fn after(&self, number: usize, ours: impl Fn(&str) -> String) {
        match number {
            MAINTENANCE => std::fs::remove_file(&self.touch_file).unwrap(),
            ARCHIVED => {
                let id = ours("67a9d24fdd4246209524d6b4d2715b4e");
                for id in [id.clone(), format!("{id}-1"), format!("{id}-2")] {
                    self.house.remove(&id).await;
                }
            }
            _ => {}
        }
    }

    /// The request of an exchange, as whoever sent it.
    pub(crate) fn request(
        &self,
        number: usize,
        entry: &Value,
        ours: impl Fn(&str) -> String,
    ) -> Request<Body> {
        let text = |name: &str| ours(entry[name].as_str().unwrap());
        let (method, path) = (text("method"), text("path"));
        let mut request = Request::builder().method(method.as_str()).uri(path);
        let by_token = entry["group"] == "kms tokens";
        if by_token {
            for (name, value) in self.token_headers(number, entry["name"].as_str().unwrap()) {
                request = request.header(name, value);
            }
        } else if number != NO_LOGIN {
            request = request
                .header("x-auth-user", "rlane")
                .header("x-auth-email", "Rlane@example.com");
            for (name, value) in self.browser_headers(number, &method) {
                request = request.header(name, value);
            }
        }
        let (kind, body) = match number {
            BAD_JSON => (Some("application/json"), "{".to_owned()),
            NOT_JSON | TEXT => (Some("text/plain"), "{}".to_owned()),
            _ => match entry.get("request_json") {
                Some(body) => (Some("application/json"), ours(&body.to_string())),
                None => (None, String::new()),
            },
        };
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        let peer = if by_token { [192, 0, 2, 1] } else { PROXY };
        let peer = SocketAddr::from((peer, 1_234));
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    }

    /// Keeps what the answer sets, as a browser.
    pub(crate) fn keep_cookies(&self, answer: &Answer) {
        let mut cookies = self.cookies.lock().unwrap();
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = set.split_once('=').unwrap();
            cookies.retain(|(kept, _)| kept != name);
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    fn browser_headers(&self, number: usize, method: &str) -> Vec<(&'static str, String)> {
        let cookies = self.cookies.lock().unwrap();
        let all: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut headers = vec![("cookie", all.join("; "))];
        let token = cookies.iter().find(|(name, _)| name == "XSRF-TOKEN");
        if let Some((_, token)) = token
            && method != "GET"
            && number != WITHOUT_XSRF
        {
            headers.push(("x-xsrf-token", token.clone()));
        }
        headers
    }

    /// Username and token of an exchange of the second group.
    fn token_headers(&self, number: usize, name: &str) -> Vec<(&'static str, String)> {
        let pair = |username: &str, token: String| {
            vec![
                ("x-auth-from", username.to_owned()),
                ("x-auth-token", token),
            ]
        };
        let basic = |username: &str, token: String| {
            let pair = STANDARD.encode(format!("{username}:{token}"));
            vec![("authorization", format!("Basic {pair}"))]
        };
        let now = self.house.clock.now();
        let token = |key, context: &[(&str, &str)]| self.keys.token(key, context, now, (60, 3_600));
        let of_version_1 = |key, from| token(key, &[("from", from), ("to", TO)]);
        let of = |key, from, kind| token(key, &[("from", from), ("to", TO), ("user_type", kind)]);
        let lasting = |ago, seconds| {
            let context = [("from", "svc-a"), ("to", TO)];
            let token = self.keys.token(SERVICES, &context, now, (ago, seconds));
            pair("svc-a", token)
        };
        let holding = |plaintext: &str| {
            let context = [("from", "svc-a"), ("to", TO)];
            pair("svc-a", self.keys.seal(SERVICES, &context, plaintext))
        };
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        match name {
            "v1 svc" => pair("svc-a", of_version_1(SERVICES, "svc-a")),
            "v2 svc" => pair("2/service/svc-a", of(SERVICES, "svc-a", "service")),
            "v2 user" => pair("2/user/bob", of(USERS, "bob", "user")),
            "basic" => basic("svc-a", of_version_1(SERVICES, "svc-a")),
            "basic nopw" => basic("svc-a", String::new()),
            "v2 label v1 ctx" => pair("2/service/svc-a", of_version_1(SERVICES, "svc-a")),
            "v1 then" => pair("svc-a", self.version_1.clone()),
            "same v1 token as v2 after caching" => pair("2/service/svc-a", self.version_1.clone()),
            "1/service/x 3part" => pair("1/service/svc-a", of_version_1(SERVICES, "svc-a")),
            "1/user/x v1ctx userkey" => pair("1/user/bob", of_version_1(USERS, "bob")),
            "user w svc key" => pair("2/user/bob", of(SERVICES, "bob", "user")),
            "svc w user key" => pair("2/service/svc-a", of(USERS, "svc-a", "service")),
            "scoped key" | "svc-b right acct" => {
                pair("2/service/svc-b", of(SANDBOX, "svc-b", "service"))
            }
            "svc-b wrong acct" => pair("2/service/svc-b", of(SERVICES, "svc-b", "service")),
            "at rest key" => pair("svc-a", of_version_1(AT_REST, "svc-a")),
            "wrong from" => pair("svc-a", of_version_1(SERVICES, "svc-b")),
            "wrong to" => pair(
                "svc-a",
                token(SERVICES, &[("from", "svc-a"), ("to", "elsewhere")]),
            ),
            "expired" => lasting(HOUR, 10 * MINUTE),
            "future" => lasting(-10 * MINUTE, 10 * MINUTE),
            "60m" => lasting(MINUTE, HOUR),
            "61m" => lasting(MINUTE, HOUR + MINUTE),
            "25h (day wrap)" => lasting(MINUTE, DAY + HOUR),
            "10 days + 10m" => lasting(MINUTE, 10 * DAY + 10 * MINUTE),
            "24h+61m" => lasting(MINUTE, DAY + 61 * MINUTE),
            "payload nonjson" => holding("no JSON"),
            "payload missing" => holding("{}"),
            "payload isofmt" => holding(
                r#"{"not_before": "2026-11-24T09:00:00Z", "not_after": "2026-11-24T11:00:00Z"}"#,
            ),
            "bad b64" => pair("svc-a", "!!!".to_owned()),
            "two parts" => pair("service/svc-a", of_version_1(SERVICES, "svc-a")),
            "nonint" => pair("x/service/svc-a", of(SERVICES, "svc-a", "service")),
            "v3" => pair("3/service/svc-a", of(SERVICES, "svc-a", "service")),
            "v0" => pair("0/service/svc-a", of(SERVICES, "svc-a", "service")),
            "type admin" => pair("2/admin/svc-a", of(SERVICES, "svc-a", "admin")),
            "empty token" => pair("svc-a", String::new()),
            "from only" => vec![("x-auth-from", "svc-a".to_owned())],
            "svc missing own" => pair("svc-z", of_version_1(SERVICES, "svc-z")),
            "svc put svc new" => pair("svc-q", of_version_1(SERVICES, "svc-q")),
            name if name.starts_with("user kms") => pair("2/user/bob", of(USERS, "bob", "user")),
            _ if number > FIRST_OF_ROUTES => pair("svc-a", of_version_1(SERVICES, "svc-a")),
            name => panic!("nobody sends {name}"),
        }
    }
}

/// The browser's proxy.
const PROXY: [u8; 4] = [10, 1, 2, 3];
/// Exchanges with something that the file does not tell.
const WITHOUT_XSRF: usize = 2;
const BAD_JSON: usize = 16;
const NOT_JSON: usize = 17;
const ARCHIVED: usize = 121;
const MAINTENANCE: usize = 124;
const NO_LOGIN: usize = 135;
const TEXT: usize = 165;
/// From here on the tokens are good, and the routes are what was tried.
const FIRST_OF_ROUTES: usize = 205;
