//! What a server tells others: statsd, webhook, Graphite, Prometheus and its log, to real receivers.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use conformance::{Login, Program, Running};
use keep::Clock as _;
use local::SystemClock;
use serde_json::{Value, json};
use testkit::{Moto, Receiver};

use crate::world;

/// A statsd server that writes down what it gets.
pub struct Statsd(UdpSocket);

impl Statsd {
    pub fn listen() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let patience = Some(Duration::from_millis(500));
        socket.set_read_timeout(patience).expect("a timeout");
        Self(socket)
    }

    pub fn port(&self) -> String {
        let address = self.0.local_addr().expect("its address");
        address.port().to_string()
    }

    /// Everything that has come, until nothing comes for a while.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut datagram = [0; 65_536];
        while let Ok(length) = self.0.recv(&mut datagram) {
            let text = std::str::from_utf8(&datagram[..length]).expect("text");
            lines.extend(text.lines().map(str::to_owned));
        }
        lines
    }
}

/// With everything told to these, and metrics on an address of their own.
pub fn telling(program: Program, statsd: &Statsd, receiver: &Receiver) -> Program {
    program
        .set("STATSD_HOST", "127.0.0.1")
        .set("STATSD_PORT", statsd.port())
        .set("WEBHOOK_URL", format!("{}/webhook", receiver.url))
        .set("GRAPHITE_EVENT_URL", format!("{}/graphite", receiver.url))
        .set_all(&[
            ("WEBHOOK_USERNAME", "hu"),
            ("WEBHOOK_PASSWORD", "hp"),
            ("GRAPHITE_USERNAME", "gu"),
            ("GRAPHITE_PASSWORD", "gp"),
            ("KEEPWARD_METRICS", "127.0.0.1:0"),
        ])
}

/// What `/metrics` says.
pub fn metrics(server: &Running) -> String {
    let (_, url) = server
        .said()
        .split_once("metrics are on ")
        .expect("the address of the metrics");
    let url = url.lines().next().expect("a line");
    let mut answer = ureq::get(url).call().expect("an answer");
    answer.body_mut().read_to_string().expect("text")
}

/// The posts to a path, once there are as many as expected.
pub fn posts(receiver: &Receiver, path: &str, expected: usize) -> Vec<Value> {
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    loop {
        let posts = receiver.posts(path);
        if posts.len() >= expected || clock.monotonic() - begun > Duration::from_secs(30) {
            assert_eq!(posts.len(), expected, "{posts:?}");
            return posts;
        }
        std::thread::yield_now();
    }
}

fn body(post: &Value) -> Value {
    let body = post["body"].as_str().expect("a body");
    serde_json::from_str(body).expect("JSON")
}

fn vector(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/confidant");
    let text = std::fs::read_to_string(path.join(name)).expect("the vector");
    serde_json::from_str(&text).expect("JSON")
}

struct World {
    moto: Moto,
    statsd: Statsd,
    receiver: Receiver,
    server: Running,
    user: Login,
    web: Login,
    _folder: tempfile::TempDir,
}

impl World {
    fn open(settings: &[(&str, &str)]) -> Self {
        let (moto, statsd, receiver) = (Moto::start(), Statsd::listen(), Receiver::start());
        let folder = tempfile::tempdir().expect("a folder");
        let program = world::on_moto(Program::keepward(), &moto, "telling", folder.path());
        let server = telling(program.clone(), &statsd, &receiver)
            .set_all(settings)
            .serve()
            .expect("it starts");
        Self {
            user: world::kms_login(&program, "user", "ops"),
            web: world::kms_login(&program, "service", "web"),
            moto,
            statsd,
            receiver,
            server,
            _folder: folder,
        }
    }

    fn put(&self, path: &str, body: &Value) {
        let answer = self.server.http.put(path, &self.user, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    fn get(&self, path: &str, login: &Login) {
        let answer = self.server.http.get(path, login);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[test]
fn statsd_gets_what_the_real_server_sends() {
    let world = World::open(&[]);
    let id = world::create(&world.server, &world.user, "c", &json!({ "k": "v" }));
    world::map(&world.server, &world.user, "web", &[&id]);
    world.put(
        &format!("/v1/credentials/{id}"),
        &json!({ "credential_pairs": { "k": "w" } }),
    );
    world.get(&format!("/v1/credentials/{id}"), &world.user);
    world.get("/v1/credentials", &world.user);
    world.get("/v1/services", &world.user);
    world.get("/v1/services/web", &world.web);
    let lines = world.statsd.lines();
    let got: BTreeSet<_> = lines
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a name and a value");
            let (_, kind) = value.split_once('|').expect("a kind");
            (name.to_owned(), kind.to_owned())
        })
        .collect();
    let seen = vector("events.json");
    let seen = seen["statsd_seen"].as_array().expect("names").iter();
    let later = [
        "archive.",
        "restore.",
        "jwt.",
        "certificate",
        "token_version_1",
    ];
    let mut compared = 0;
    for pair in seen {
        let (name, kind) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        if later.iter().any(|word| name.contains(word)) {
            continue;
        }
        compared += 1;
        assert!(
            got.contains(&(name.to_owned(), kind.to_owned())),
            "{name} {kind} {got:?}"
        );
    }
    assert_eq!(compared, 18, "names of the recording");
    // Two for each of two data keys, and none for opening them, since they were just made.
    let at_rest = lines
        .iter()
        .filter(|line| *line == "confidant.at_rest_action:1|c");
    assert_eq!(at_rest.count(), 4);
}

#[test]
fn metrics_count_the_calls_that_kms_gets_and_those_that_it_is_spared() {
    let world = World::open(&[("KEEPWARD_KMS_QUOTA", "1000")]);
    world.moto.forget_calls();
    let before = metrics(&world.server);
    let id = world::create(&world.server, &world.user, "c", &json!({ "k": "v" }));
    world::map(&world.server, &world.user, "web", &[&id]);
    for _ in 0..5 {
        world.get("/v1/services/web", &world.web);
    }
    let after = metrics(&world.server);
    let number = |text: &str, series: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(0, |value| value.trim().parse().expect("a number"))
    };
    let counted = |calls: &[(&str, &str)]| -> u64 {
        calls
            .iter()
            .map(|(purpose, call)| {
                let series = format!(
                    "keepward_key_calls_total{{purpose=\"{purpose}\",call=\"{call}\",ended=\"done\"}}"
                );
                number(&after, &series) - number(&before, &series)
            })
            .sum()
    };
    let got = |operation: &str| {
        let calls = world.moto.calls();
        calls
            .iter()
            .filter(|call| call.service() == "kms" && call.operation() == operation)
            .count() as u64
    };
    assert_eq!(
        counted(&[("login", "unwrap"), ("at_rest", "unwrap")]),
        got("Decrypt")
    );
    assert_eq!(counted(&[("at_rest", "wrap")]), got("Encrypt"));
    assert_eq!(counted(&[("at_rest", "random")]), got("GenerateRandom"));
    assert!(got("Decrypt") >= 2 && got("Encrypt") == 1, "{after}");
    // Six requests more with tokens seen before: five of six, and one of two.
    let tokens = r#"keepward_key_calls_saved_total{cache="tokens"}"#;
    assert_eq!(number(&after, tokens), 5, "{after}");
    let values = r#"keepward_key_calls_saved_total{cache="opened_values"}"#;
    assert!(number(&after, values) >= 4, "{after}");
    let peak = number(&after, "keepward_key_calls_peak");
    assert!(peak >= 1);
    assert_eq!(number(&after, "keepward_key_calls_headroom"), 1_000 - peak);
    let fetched = r#"keepward_requests_total{method="GET",route="/v1/services/{id}",status="200"}"#;
    assert_eq!(number(&after, fetched), 5, "{after}");
    let read = r#"keepward_operations_total{resource="service",verb="read",outcome="allowed"}"#;
    assert_eq!(number(&after, read), 5, "{after}");
}

#[test]
fn the_webhook_and_graphite_are_told_of_changes_as_by_the_real_server() {
    let world = World::open(&[("KEEPWARD_WEBHOOK_KEY", "Jefe")]);
    let id = world::create(&world.server, &world.user, "c", &json!({ "k": "v" }));
    // Nobody has it yet.
    world.put(
        &format!("/v1/credentials/{id}"),
        &json!({ "enabled": true }),
    );
    world::map(&world.server, &world.user, "web", &[&id]);
    world.put(
        &format!("/v1/credentials/{id}"),
        &json!({ "metadata": { "a": "b" } }),
    );
    world.put(&format!("/v1/credentials/{id}/2"), &json!({}));
    let hooks = posts(&world.receiver, "/webhook", 3);
    let told: Vec<_> = hooks.iter().map(body).collect();
    let update = |kind| json!({ "event_type": kind, "services": ["web"], "credentials": [id] });
    let expected = ["service_update", "credential_update", "credential_update"];
    assert_eq!(told, expected.map(update));
    let graphite: Vec<_> = posts(&world.receiver, "/graphite", 3)
        .iter()
        .map(body)
        .collect();
    let event =
        |data| json!({ "what": "confidant", "tags": "confidant,confidant-web", "data": data });
    assert_eq!(
        graphite,
        [
            event(format!(
                "Added credentials: ['{id}']; Removed credentials []; Revision 1"
            )),
            event(format!("Updated credential \"c\"({id}); Revision 3")),
            event(format!("Updated credential \"c\" ({id}); Revision 4")),
        ]
    );
    for post in vector("events.json")["posts"].as_array().expect("posts") {
        let path = format!("/{}", post["to"].as_str().expect("a receiver"));
        let ours = &world.receiver.posts(&path)[0]["headers"];
        for (name, value) in post["headers"].as_object().expect("headers") {
            assert_eq!(&ours[name.to_lowercase()], value, "{path} {name}");
        }
    }
    // What openssl says of it.
    let signed = hooks[0]["headers"]["keepward-signature"].as_str();
    let (seconds, tag) = signed
        .and_then(|signed| signed.strip_prefix("t=")?.split_once(",v1="))
        .expect("a signature");
    let text = format!("{seconds}.{}", hooks[0]["body"].as_str().expect("a body"));
    assert_eq!(tag, openssl_hmac("Jefe", &text));
    let unsigned = &world.receiver.posts("/graphite")[0]["headers"];
    assert!(unsigned.get("keepward-signature").is_none());
}

fn openssl_hmac(key: &str, text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text");
    std::fs::write(&path, text).expect("a file");
    let output = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", key])
        .arg(&path)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("text");
    said.trim().rsplit(' ').next().expect("a digest").to_owned()
}

#[test]
fn a_webhook_that_fails_and_stalls_holds_up_no_request_and_gets_its_notice_when_it_is_back() {
    let world = World::open(&[]);
    let id = world::create(&world.server, &world.user, "c", &json!({ "k": "v" }));
    // Graphite's posts take their answers from the same list, so it is asked first.
    world::map(&world.server, &world.user, "web", &[&id]);
    posts(&world.receiver, "/graphite", 1);
    posts(&world.receiver, "/webhook", 1);
    world
        .receiver
        .answer(&json!([500, "stall", "stall", 503, 503]));
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    for number in 0..20 {
        let metadata = json!({ "metadata": { "n": number.to_string() } });
        world.put(&format!("/v1/credentials/{id}"), &metadata);
    }
    let writing = clock.monotonic() - begun;
    // A stalled receiver takes three seconds of patience; moto alone takes what it takes.
    let stalled = |post: &&Value| post["answered"] == "stall";
    let begun = clock.monotonic();
    let taken = loop {
        let all: Vec<_> = ["/webhook", "/graphite"]
            .map(|path| world.receiver.posts(path))
            .concat();
        let taken: Vec<_> = all
            .iter()
            .filter(|post| post["answered"] == 200)
            .cloned()
            .collect();
        if taken.len() == 42 {
            assert_eq!(all.iter().filter(stalled).count(), 2);
            assert_eq!(all.len(), 47, "five tries were in vain");
            break taken;
        }
        assert!(
            clock.monotonic() - begun < Duration::from_secs(60),
            "{}",
            taken.len()
        );
    };
    // Each notice once, and in order.
    let revisions: Vec<_> = taken
        .iter()
        .filter(|post| post["path"] == "/graphite")
        .map(|post| body(post)["data"].as_str().expect("data").to_owned())
        .collect();
    let expected: Vec<_> = (2..=21)
        .map(|revision| format!("Updated credential \"c\"({id}); Revision {revision}"))
        .collect();
    assert_eq!(revisions[1..], expected);
    let ids: BTreeSet<_> = taken
        .iter()
        .map(|post| post["headers"]["keepward-notice"].to_string())
        .collect();
    assert_eq!(ids.len(), 42, "each notice has an id of its own");
    let text = metrics(&world.server);
    assert!(
        !text.contains("\"given_up\"") && !text.contains("\"dropped\""),
        "{text}"
    );
    assert!(
        writing < Duration::from_secs(20),
        "20 writes took {writing:?}"
    );
}

#[test]
fn the_log_is_lines_of_json_where_it_is_wanted() {
    let world = World::open(&[("KEEPWARD_LOG_FORMAT", "json"), ("KEEPWARD_LOG", "debug")]);
    let id = world::create(&world.server, &world.user, "c", &json!({ "k": "v" }));
    world.get(&format!("/v1/credentials/{id}"), &world.user);
    let nobody = Login {
        username: "2/user/ops".to_owned(),
        token: "AAAA".to_owned(),
    };
    assert_eq!(world.server.http.get("/v1/services", &nobody).status, 403);
    let log = world.server.stop();
    let lines: Vec<Value> = log
        .lines()
        // What is said on stdout, and what no setting of the log may silence.
        .filter(|line| !line.contains(" on http://") && !line.starts_with("keepward: DANGER"))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for line in &lines {
        for field in ["timestamp", "level", "target"] {
            assert!(line[field].is_string(), "no {field} in {line}");
        }
    }
    let refused = lines
        .iter()
        .find(|line| line["message"] == "login refused")
        .expect("the refusal");
    assert_eq!(refused["level"], "WARN");
    assert!(refused["request"].is_string() && refused["reason"].is_string());
    let request = lines.iter().find(|line| {
        line["route"] == "/v1/credentials/{id}" && line["status"] == 200 && line["method"] == "GET"
    });
    assert!(request.is_some_and(|line| line["micros"].is_u64()), "{log}");
}
