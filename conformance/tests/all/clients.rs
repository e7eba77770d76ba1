//! Unmodified clients from PyPI fetch from Keepward what the real Confidant wrote.

use std::path::Path;
use std::process::Command;

use conformance::Program;
use rstest::rstest;
use serde_json::{Value, json};
use testkit::Moto;

use crate::world;

/// Items as Confidant 7.0.0 wrote them.
const ITEMS: &str = include_str!("../../../vectors/confidant/dynamodb_items.json");

pub struct Fetch<'f> {
    pub service: &'f str,
    pub from: &'f str,
    pub key: &'f str,
    pub to: &'f str,
    pub version: &'f str,
    pub user_type: &'f str,
    /// Further arguments of the script.
    pub more: &'f [&'f str],
}

impl<'f> Fetch<'f> {
    pub fn of(service: &'f str) -> Self {
        Self {
            service,
            from: service,
            key: "alias/authnz",
            to: "confidant-testing",
            version: "2",
            user_type: "service",
            more: &[],
        }
    }

    /// Runs kmsauth 0.6.3 and confidant-client 2.7.1 against `url`.
    pub fn run(&self, moto: &Moto, url: &str) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/client_fetch.py");
        let context = json!({ "from": self.from, "to": self.to }).to_string();
        let mut command = Command::new(testkit::python());
        command
            .env_clear()
            .envs(world::aws_client(moto))
            .arg(script)
            .args(["--url", url, "--service", self.service]);
        command.args([
            "--key",
            self.key,
            "--context",
            &context,
            "--token-version",
            self.version,
            "--user-type",
            self.user_type,
        ]);
        command.args(self.more);
        let output = conformance::run(command);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            (told["kmsauth"].as_str(), told["confidant_client"].as_str()),
            (Some("0.6.3"), Some("2.7.1"))
        );
        told
    }
}

fn recorded() -> (Vec<Value>, Vec<Value>) {
    let vectors: Value = serde_json::from_str(ITEMS).expect("JSON");
    let all = vectors["items"].as_array().expect("items").clone();
    let main = all
        .iter()
        .filter(|entry| entry["table"] == "main")
        .cloned()
        .collect();
    (all, main)
}

/// The recorded items, and the recorded service `s-160f1c` once more with the credentials that the
/// file holds: the ones that it maps were not recorded.
pub fn stage(moto: &Moto, table: &str) -> Vec<Value> {
    let (all, main) = recorded();
    let mut items: Vec<Value> = main.iter().map(|entry| entry["item"].clone()).collect();
    let credentials: Vec<Value> = main
        .iter()
        .filter(|entry| entry["data_type"] == "credential")
        .cloned()
        .collect();
    assert!(
        credentials.len() >= 3 && all.len() > main.len(),
        "the vectors changed"
    );
    let ids: Vec<&str> = credentials
        .iter()
        .filter_map(|entry| entry["item"]["id"]["S"].as_str())
        .collect();
    for item in &mut items {
        if item["id"]["S"] == "s-160f1c" {
            item["credentials"] = json!({ "SS": ids });
        }
    }
    moto.load(table, "confidant", &items);
    credentials
}

#[rstest]
#[case::version_1("1")]
#[case::version_2("2")]
fn the_real_client_fetches_a_service_that_confidant_wrote(#[case] version: &str) {
    let moto = Moto::start();
    let credentials = stage(&moto, "recorded");
    let folder = tempfile::tempdir().expect("a folder");
    let server = world::on_moto(Program::keepward(), &moto, "recorded", folder.path())
        .serve()
        .expect("it starts");

    let told = Fetch {
        version,
        ..Fetch::of("s-160f1c")
    }
    .run(&moto, &server.url);
    let service = &told["service"]["service"];
    assert_eq!(told["service"]["result"], true, "{told}");
    let fetched = service["credentials"].as_array().expect("credentials");
    assert_eq!(fetched.len(), credentials.len());
    let mut compared = 0;
    for wanted in &credentials {
        let id = &wanted["item"]["id"]["S"];
        let got = fetched
            .iter()
            .find(|got| got["id"] == *id)
            .unwrap_or_else(|| panic!("{id} is not in {service}"));
        assert_eq!(
            got["credential_pairs"], wanted["decrypted_credential_pairs"],
            "{id}"
        );
        assert_eq!(got["name"], wanted["item"]["name"]["S"]);
        assert_eq!(got["enabled"], wanted["item"]["enabled"]["BOOL"]);
        assert_eq!(
            got["revision"].to_string(),
            wanted["item"]["revision"]["N"]
                .as_str()
                .expect("a revision")
        );
        compared += 1;
    }
    println!("{compared} recorded credentials fetched and compared");
    assert!(server.stop().contains("panics=0"));
}

#[test]
fn the_real_client_is_refused_another_service_and_a_wrong_context() {
    let moto = Moto::start();
    stage(&moto, "recorded");
    let folder = tempfile::tempdir().expect("a folder");
    let server = world::on_moto(Program::keepward(), &moto, "recorded", folder.path())
        .serve()
        .expect("it starts");

    let others = [
        Fetch {
            from: "svc-b",
            ..Fetch::of("s-160f1c")
        },
        Fetch {
            to: "another-server",
            ..Fetch::of("s-160f1c")
        },
        Fetch {
            key: "alias/authnz-user",
            ..Fetch::of("s-160f1c")
        },
        Fetch {
            key: "alias/confidant",
            ..Fetch::of("s-160f1c")
        },
    ];
    for fetch in &others {
        let told = fetch.run(&moto, &server.url);
        assert_eq!(told["service"]["result"], false, "{told}");
        assert!(
            told["service"].get("service").is_none_or(Value::is_null),
            "{told}"
        );
    }
    assert!(server.stop().contains("panics=0"));
}

#[test]
fn a_service_scoped_to_an_account_is_fetched_by_a_token_of_that_account_only() {
    let moto = Moto::start();
    stage(&moto, "recorded");
    let folder = tempfile::tempdir().expect("a folder");
    let server = world::on_moto(Program::keepward(), &moto, "recorded", folder.path())
        .serve()
        .expect("it starts");

    let scoped = Fetch {
        key: "alias/authnz-sandbox",
        ..Fetch::of("svc-b")
    }
    .run(&moto, &server.url);
    assert_eq!(scoped["service"]["result"], true, "{scoped}");
    assert_eq!(
        scoped["service"]["service"]["account"], "sandbox",
        "{scoped}"
    );
    let unscoped = Fetch::of("svc-b").run(&moto, &server.url);
    assert_eq!(unscoped["service"]["result"], false, "{unscoped}");
}
