//! Requests changed at random: what a broken client, a strange proxy or an attacker would send.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::Random as _;
use keep::simulator::SimRandom;
use serde_json::Value;

/// A request that may still be wrong in every part.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    /// A request with a JSON body, or none.
    pub(crate) fn new(method: &str, path: &str, json: Option<&Value>) -> Self {
        let kind = ("content-type".to_owned(), b"application/json".to_vec());
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: json.map(|_| kind).into_iter().collect(),
            body: json.map(Value::to_string).unwrap_or_default().into_bytes(),
        }
    }

    /// The request; `None` when it is none at all, which the HTTP library answers before the door.
    pub(crate) fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        request.body(Body::from(self.body.clone())).ok()
    }
}

impl std::fmt::Display for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cut = |bytes: &[u8]| {
            let head = &bytes[..bytes.len().min(300)];
            String::from_utf8_lossy(head).into_owned()
        };
        writeln!(f, "{} {}", self.method, cut(self.path.as_bytes()))?;
        for (name, value) in self.headers.iter().take(10) {
            writeln!(f, "{name}: {}", cut(value))?;
        }
        write!(f, "\n{} ({} bytes)", cut(&self.body), self.body.len())
    }
}

/// Draws changes from a seed.
pub(crate) struct Mutator(SimRandom);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SimRandom::new(seed))
    }

    pub(crate) fn below(&self, bound: usize) -> usize {
        let mut drawn = [0; 8];
        self.0.fill(&mut drawn);
        usize::try_from(u64::from_be_bytes(drawn) % bound as u64).unwrap()
    }

    pub(crate) fn one<'a, T>(&self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }

    /// Changes one to three things.
    pub(crate) fn mutate(&self, draft: &mut Draft) {
        for _ in 0..=self.below(3) {
            match self.below(12) {
                0 => draft.method = (*self.one(METHODS)).to_owned(),
                1 | 2 => self.path(&mut draft.path),
                3 | 4 => self.query(&mut draft.path),
                5 => self.header(&mut draft.headers),
                6 => self.content_type(&mut draft.headers),
                7..=9 => self.value(&mut draft.body),
                _ => self.bytes(&mut draft.body),
            }
        }
    }

    /// The variants of security.md section 6, within the path.
    fn path(&self, path: &mut String) {
        let end = path.find('?').unwrap_or(path.len());
        let slashes: Vec<_> = path[..end].match_indices('/').map(|(at, _)| at).collect();
        if slashes.is_empty() {
            return;
        }
        match self.below(4) {
            // At the start of a segment.
            0 => path.insert_str(*self.one(&slashes) + 1, self.one::<&str>(SEGMENTS)),
            // Somewhere.
            1 => {
                let at = 1 + self.below(end);
                if path.is_char_boundary(at) {
                    path.insert_str(at, self.one::<&str>(PIECES));
                }
            }
            // One letter as its percent form.
            2 => {
                let at = self.below(end);
                if let Some(letter) = path[at..end].chars().next().filter(char::is_ascii) {
                    path.replace_range(at..=at, &format!("%{:02X}", u32::from(letter)));
                }
            }
            // A whole segment.
            _ => {
                let from = *self.one(&slashes) + 1;
                let to = path[from..end]
                    .find('/')
                    .map_or(end, |length| from + length);
                let id = "x".repeat(self.below(3_000));
                let new = if self.below(8) == 0 {
                    &id
                } else {
                    *self.one(WHOLE_SEGMENTS)
                };
                path.replace_range(from..to, new);
            }
        }
    }

    fn query(&self, path: &mut String) {
        let name = *self.one(&["limit", "page", "metadata_only", "next_page", "x", ""]);
        let token = STANDARD.encode(self.one(PAGE_KEYS)).replace('=', "%3D");
        let value = match self.below(3) {
            0 => token.replace('+', "%2B"),
            _ => (*self.one(QUERY_VALUES)).to_owned(),
        };
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&format!("{name}={value}"));
    }

    fn header(&self, headers: &mut Vec<(String, Vec<u8>)>) {
        let (name, value) = *self.one(HEADERS);
        let value = if self.below(10) == 0 {
            vec![b'A'; self.below(20_000)]
        } else {
            value.to_vec()
        };
        headers.push((name.to_owned(), value));
    }

    fn content_type(&self, headers: &mut Vec<(String, Vec<u8>)>) {
        headers.retain(|(name, _)| name != "content-type");
        if self.below(4) > 0 {
            let kind = *self.one(CONTENT_TYPES);
            headers.push(("content-type".to_owned(), kind.to_vec()));
        }
    }

    /// Another value in the place of one inside the JSON.
    fn value(&self, body: &mut Vec<u8>) {
        let Ok(mut json) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let mut steps = self.below(count(&json));
        *nth(&mut json, &mut steps).unwrap() = HERE.into();
        let junk = match self.below(VALUES.len() + 2) {
            0 => format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)),
            1 => format!("\"{}\"", "long ".repeat(self.below(100_000))),
            _ => (*self.one(VALUES)).to_owned(),
        };
        let here = Value::from(HERE).to_string();
        *body = json.to_string().replace(&here, &junk).into_bytes();
    }

    fn bytes(&self, body: &mut Vec<u8>) {
        let at = self.below(body.len() + 1);
        match self.below(9) {
            0 => body.truncate(at),
            1 => body.insert(at, 0xff),
            2 => body.extend_from_slice(b"{}"),
            3 => drop(body.splice(0..0, *b"\xef\xbb\xbf")),
            4 => body.clear(),
            5 if self.below(3) == 0 => body.resize(1024 * 1024 + self.below(100), b' '),
            // A key twice.
            6 if body.starts_with(b"{") && body.len() > 2 => {
                let member = format!("\"{}\":{},", self.one(FIELDS), self.one(VALUES));
                drop(body.splice(1..1, member.into_bytes()));
            }
            _ => {
                if let Some(byte) = body.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
        }
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

fn nth<'v>(value: &'v mut Value, steps: &mut usize) -> Option<&'v mut Value> {
    if *steps == 0 {
        return Some(value);
    }
    *steps -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|value| nth(value, steps)),
        Value::Object(map) => map.values_mut().find_map(|value| nth(value, steps)),
        _ => None,
    }
}

/// Stands for a value until the JSON is text.
const HERE: &str = "@here@";

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "BREW",
];

const SEGMENTS: &[&str] = &[
    "/",
    "./",
    "../",
    "%2e/",
    "%2e%2e/",
    "%2E%2E%2F",
    "%2f",
    "%5c",
    ";x/",
    "..;/",
    "%00/",
    "%20/",
];

const PIECES: &[&str] = &[
    "/", "//", ".", "..", "%2e%2e", "%2f", "%2F", "%5c", ";x", ";x=1", "%00", "%ff", "%c3%28", "%",
    "%zz", "%25", "%252f", "+", "*", "~", "'", ":", "@", "-1", "%C3%A9", "%0d%0a", "|", "{id}",
];

const WHOLE_SEGMENTS: &[&str] = &[
    "",
    ".",
    "..",
    "0",
    "-1",
    "1",
    "2",
    "1.5",
    "99999999999999999999999",
    "18446744073709551615",
    "services",
    "archive",
    "credentials",
    "blind_credentials",
    "%F0%9F%94%91",
    "svc-a",
    "svc-a-1",
    "svc-b",
    "%2e%2e%2fsvc-b",
    "%ff%fe",
];

const QUERY_VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "3",
    "99999999999999999999",
    "1e3",
    "0x10",
    "abc",
    "true",
    "True",
    "%00",
    "%ff",
    "%",
    "[]",
    "W10=",
    "bnVsbA==",
    "%21%21",
    "a=b",
    "%26limit=1",
    "+1",
    "%F0%9F%94%91",
];

/// What a page token may hold.
const PAGE_KEYS: &[&str] = &[
    r#"{"id": {"S": "x"}, "data_type": {"S": "credential"}, "modified_date": {"S": "2026-11-22T05:10:43.964715+0000"}}"#,
    r#"{"id": {"S": "x"}, "data_type": {"S": "service"}, "modified_date": {"S": ""}}"#,
    r#"{"id": {"S": ""}}"#,
    r#"{"data_type": {"S": "credential"}}"#,
    r#"{"id": {"N": "1"}}"#,
    r#"{"id": {"S": "x", "N": "1"}}"#,
    r#"{"id": {"S": "kw/event/x"}, "id": {"S": "y"}}"#,
    r#"{"id": {"S": 1}}"#,
    "[[[[[[[[",
    "{}",
    "[1]",
    "1e999",
    "\"x\"",
    "\0",
];

const HEADERS: &[(&str, &[u8])] = &[
    ("authorization", b"Basic"),
    ("authorization", b"Basic !!!"),
    ("authorization", b"Basic bm8gY29sb24="),
    ("authorization", b"Basic Og=="),
    ("authorization", b"Bearer x"),
    ("authorization", b"\xff\xfe"),
    ("x-auth-from", b"2/service/svc-a"),
    ("x-auth-from", b"2/service"),
    ("x-auth-from", b"two/service/svc-a"),
    ("x-auth-from", b"\xe9"),
    ("x-auth-token", b"bm90IGEgdG9rZW4="),
    ("x-auth-token", b"!!"),
    ("x-auth-token", b""),
    ("x-auth-user", b"eve"),
    ("x-auth-email", b"eve@example.com, admin@example.com"),
    ("x-auth-email", b"\xc3\xa9@b"),
    ("x-xsrf-token", b"x"),
    ("x-xsrf-token", b"\xff"),
    ("cookie", b"confidant_session=x"),
    ("cookie", b"confidant_session=.eJw.x.y; XSRF-TOKEN=z"),
    ("cookie", b";;;==\xff"),
    ("x-forwarded-proto", b"http"),
    ("x-forwarded-for", b"127.0.0.1"),
    ("x-http-method-override", b"DELETE"),
    ("content-encoding", b"gzip"),
    ("transfer-encoding", b"chunked"),
    ("accept", b"text/nothing"),
    ("host", b"evil.example"),
    ("x-request-id", b"\xffours"),
    ("range", b"bytes=0-1"),
];

const CONTENT_TYPES: &[&[u8]] = &[
    b"text/plain",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=x",
    b"application/json; charset=utf-16",
    b"application/json;",
    b"APPLICATION/JSON",
    b"application/merge-patch+json",
    b"json",
    b"",
    b"\xff",
];

/// JSON texts, right and wrong.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "-0",
    "1.5",
    "1e308",
    "1e999",
    "18446744073709551616",
    "123456789012345678901234567890123456789012345678901234567890",
    "NaN",
    "Infinity",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\udd11\"",
    "\"False\"",
    "\"a/b\"",
    "[]",
    "[null]",
    "[\"x\", 1]",
    "[[]]",
    "{}",
    "{\"a\": {}}",
    "{\"a\": [1]}",
    "{\"a b\": 1}",
    "{\"\": \"\"}",
    "{\"a\": 1, \"A\": 2, \"a\": 3}",
    "{\"$oid\": \"x\", \"S\": \"y\"}",
    "",
];

const FIELDS: &[&str] = &[
    "name",
    "credential_pairs",
    "enabled",
    "metadata",
    "documentation",
    "tags",
    "credentials",
    "blind_credentials",
    "account",
    "data_key",
    "cipher_type",
    "cipher_version",
    "credential_keys",
    "revision",
    "force",
    "id",
];
