//! A server behind a proxy that logs people in, and the switches that make a server unsafe.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use conformance::{Program, Running, run};
use serde_json::{Value, json};

use crate::world;

/// Sends one request, with nothing that a client library would add.
pub fn exchange(server: &Running, method: &str, path: &str, headers: &str, body: &str) -> String {
    let address = server.url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: keep.example.com\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

pub fn cookie<'a>(answer: &'a str, name: &str) -> &'a str {
    let start = format!("set-cookie: {name}=");
    let from = answer.find(&start).expect("the cookie") + start.len();
    answer[from..].split(';').next().expect("its value")
}

/// A server that lets people in by their proxy's headers, with Confidant's own settings.
pub fn behind_a_proxy(data: &Path) -> Program {
    world::embedded(Program::keepward(), data).set_all(&[
        ("SSLIFY", "true"),
        ("USER_AUTH_MODULE", "header"),
        ("HEADER_AUTH_USERNAME_HEADER", "X-User"),
        ("HEADER_AUTH_EMAIL_HEADER", "X-Email"),
        ("SESSION_SECRET", SECRET),
        ("XSRF_COOKIE_NAME", "MY-XSRF"),
    ])
}

const SECRET: &str = "kw-canary-of-the-session";
/// What the proxy says of ann.
pub const ANN: &str = "X-Forwarded-Proto: https\r\nX-User: ann\r\nX-Email: Ann@example.com\r\n";
const CREATE: &str = r#"{"name": "db", "credential_pairs": {"password": "s3cret"}}"#;

#[test]
fn a_person_behind_a_trusted_proxy_reads_and_writes_with_confidants_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = behind_a_proxy(&data).serve().expect("it starts");
    let plain = exchange(&server, "GET", "/v1/login", "", "");
    assert!(
        plain.starts_with("HTTP/1.1 302")
            && plain.contains("location: https://keep.example.com/v1/login"),
        "{plain}"
    );
    let login = exchange(&server, "GET", "/v1/login", ANN, "");
    assert!(
        login.starts_with("HTTP/1.1 302") && login.contains("strict-transport-security"),
        "{login}"
    );
    let (session, token) = (
        cookie(&login, "confidant_session"),
        cookie(&login, "MY-XSRF"),
    );
    let with_session = format!("{ANN}Cookie: confidant_session={session}\r\n");
    let refused = exchange(&server, "POST", "/v1/credentials", &with_session, CREATE);
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let with_token = format!("{with_session}X-XSRF-TOKEN: {token}\r\n");
    let written = exchange(&server, "POST", "/v1/credentials", &with_token, CREATE);
    assert!(
        written.starts_with("HTTP/1.1 200") && written.contains("ann@example.com"),
        "{written}"
    );
    let said = server.stop();
    assert!(
        !said.contains("kw-canary") && said.contains("panics=0"),
        "{said}"
    );
    let line = world::audit_lines(&data)
        .into_iter()
        .find(|line| line["action"] == "credential.create")
        .expect("the event of the write");
    assert!(line.to_string().contains("ann@example.com"), "{line}");
    assert!(line.to_string().contains("\"header\""), "{line}");
}

#[test]
fn sessions_of_this_server_and_of_flask_are_one_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = behind_a_proxy(&folder.path().join("data"))
        .serve()
        .expect("it starts");
    let login = exchange(&server, "GET", "/v1/login", ANN, "");
    let token = "0123456789abcdef0123456789abcdef01234567";
    let given = json!({
        "secret": SECRET,
        "cookie": cookie(&login, "confidant_session"),
        "session": {
            "MY-XSRF": token,
            "_permanent": true,
            "note": "x".repeat(300),
            "user": {"email": "Ann@Example.com"},
        },
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/flask_session.py");
    let mut python = Command::new(testkit::python())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let mut stdin = python.stdin.take().expect("stdin is piped");
    stdin
        .write_all(given.to_string().as_bytes())
        .expect("it reads");
    drop(stdin);
    let made = python.wait_with_output().expect("it ends").stdout;
    let made: Value = serde_json::from_slice(&made).expect("JSON");
    assert_eq!(made["opened"]["MY-XSRF"], cookie(&login, "MY-XSRF"));
    assert_eq!(made["opened"]["_permanent"], true);
    let ends = world::text(&made["opened"], "expiration");
    assert!(
        ends.starts_with("20") && ends.contains('T'),
        "{ends} is no date"
    );

    let flasks = world::text(&made, "cookie");
    assert!(
        flasks.starts_with('.'),
        "Flask compresses what gets shorter so"
    );
    let headers = format!("{ANN}Cookie: confidant_session={flasks}\r\nX-XSRF-TOKEN: {token}\r\n");
    let written = exchange(&server, "POST", "/v1/credentials", &headers, CREATE);
    assert!(written.starts_with("HTTP/1.1 200"), "{written}");
    assert_eq!(cookie(&written, "MY-XSRF"), token);
}

#[test]
fn a_dangerous_switch_is_shouted_about_at_every_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let open =
        world::embedded(Program::keepward(), &folder.path().join("data")).set("USE_AUTH", "false");
    for log in ["info", "off"] {
        let server = open
            .clone()
            .set("KEEPWARD_LOG", log)
            .serve()
            .expect("it starts");
        // Our requests say that they are for keep.example.com.
        let answer = exchange(&server, "GET", "/v1/credentials", "", "");
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(
            answer.contains("the Host header must be localhost"),
            "{answer}"
        );
        let said = server.stop();
        assert!(said.contains("DANGER: USE_AUTH=false"), "{log}: {said}");
    }
    let Err(told) = open.clone().set("HOST", "0.0.0.0").serve() else {
        panic!("open to everybody")
    };
    assert!(
        told.contains("USE_AUTH: ") && told.contains("KEEPWARD_DANGER_ALLOW_INSECURE"),
        "{told}"
    );
    let checked = run(open
        .set("HOST", "0.0.0.0")
        .set("KEEPWARD_DANGER_ALLOW_INSECURE", "USE_AUTH")
        .command(&["config", "check"]));
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success() && told.contains("DANGER: USE_AUTH=false"),
        "{told}"
    );
}
