//! The client as a command line. Without `--retries` it repeats a GET or PUT that is answered 500 or 503 for ever.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{Clients, Stage};
use crate::world;

#[test]
fn every_command_of_the_published_client_works() {
    let mut stage = Stage::set("clients-command-line-1");
    let id = stage.create("database", &json!({ "password": "a b", "user": "root" }));
    world::map(&stage.server, &stage.user, "web", &[&id]);
    let clients = &mut stage.clients;

    let told = clients
        .cli("web", &["get_service", "--service", "web"])
        .told();
    assert_eq!(
        told["service"]["credentials"][0]["credential_pairs"]["password"],
        "a b"
    );
    let environment = clients.cli(
        "web",
        &[
            "env",
            "--service",
            "web",
            "--prefix",
            "P_",
            "printenv",
            "P_PASSWORD",
            "P_USER",
        ],
    );
    assert_eq!(
        (environment.status, environment.stdout.as_str()),
        (Some(0), "a b\nroot\n"),
        "{environment:?}"
    );
    let hidden = clients.cli(
        "web",
        &[
            "env",
            "--service",
            "web",
            "printenv",
            "AWS_SECRET_ACCESS_KEY",
        ],
    );
    assert_eq!(
        (hidden.status, hidden.stdout.as_str()),
        (Some(1), ""),
        "{hidden:?}"
    );

    let keys = r#"{"us-east-1": "alias/confidant"}"#;
    let create = [
        "create_blind_credential",
        "--blind-keys",
        keys,
        "--group-context",
        r#"{"group": "web"}"#,
        "--name",
        "certificate",
        "--credential-pairs",
        r#"{"key": "value"}"#,
        "--documentation",
        "renew it",
    ];
    let made = clients.cli("ops", &create).told();
    let blind = world::text(&made["blind_credential"], "id");
    // Given by hand, the version is text, which an old server answers with 500.
    let mut create = create.map(str::to_owned).to_vec();
    create.extend(
        [
            "--cipher-version",
            "2",
            "--no-store-keys",
            "--disabled",
            "--metadata",
            r#"{"mode": "0600"}"#,
        ]
        .map(str::to_owned),
    );
    create[6] = "second".to_owned();
    let create: Vec<&str> = create.iter().map(String::as_str).collect();
    let made = clients.cli("ops", &create).told();
    assert_eq!(made["blind_credential"]["cipher_version"], 2, "{made}");
    assert_eq!(
        (
            &made["blind_credential"]["enabled"],
            &made["blind_credential"]["credential_keys"]
        ),
        (&json!(false), &json!([]))
    );

    let update = [
        "update_blind_credential",
        "--id",
        &blind,
        "--blind-keys",
        keys,
        "--credential-pairs",
        r#"{"key": "new"}"#,
        "--cipher-version",
        "2",
        "--disabled",
    ];
    assert_eq!(
        clients.cli("ops", &update).told()["blind_credential"]["enabled"],
        false
    );
    let read = clients
        .cli(
            "ops",
            &["get_blind_credential", "--id", &blind, "--decrypt-blind"],
        )
        .told();
    assert_eq!(
        read["blind_credential"]["decrypted_credential_pairs"],
        json!({ "key": "new" })
    );
    let listed = clients.cli("ops", &["list_blind_credentials"]).told();
    assert_eq!(
        listed["blind_credentials"].as_array().map(Vec::len),
        Some(2)
    );

    clients
        .cli(
            "ops",
            &[
                "add_creds",
                "--service-id",
                "web",
                "--blind-cred-ids",
                &blind,
            ],
        )
        .told();
    let told = clients
        .cli("web", &["get_service", "--service", "web"])
        .told();
    assert_eq!(
        told["service"]["blind_credentials"][0]["decrypted_credential_pairs"],
        json!({ "key": "new" })
    );
    let told = clients
        .cli(
            "web",
            &["get_service", "--service", "web", "--no-decrypt-blind"],
        )
        .told();
    assert!(
        told["service"]["blind_credentials"][0]
            .get("decrypted_credential_pairs")
            .is_none(),
        "{told}"
    );
    for command in [
        &["revert_blind_credential", "--id", &blind][..],
        &["revert_blind_credential", "--id", &blind, "--revision", "2"],
        &["revert_service", "--id", "web"],
        &["revert_service", "--id", "web", "--revision", "2"],
    ] {
        clients.cli("ops", command).told();
    }
    clients
        .cli(
            "ops",
            &["remove_creds", "--service-id", "web", "--cred-ids", &id],
        )
        .told();
    let told = clients
        .cli("web", &["get_service", "--service", "web"])
        .told();
    assert_eq!(told["service"]["credentials"], json!([]));
    stage.end();
}

#[test]
fn the_published_command_line_gets_web_tokens_and_certificates() {
    let mut stage = Stage::set("clients-command-line-2");
    let clients = &mut stage.clients;
    let token = ["get_jwt", "--environment", "production"];
    for resource in [&[][..], &["--resource-id", "ops"]] {
        let told = clients.cli("ops", &[&token, resource].concat()).told();
        assert!(told["token"].is_string(), "{told}");
    }
    let told = clients
        .cli("ops", &["get_jwks", "--environment", "production"])
        .told();
    assert_eq!(told["keys"][0]["kid"], "2026");
    let told = clients.cli("web", &["get_ca", "--ca", "internal"]).told();
    assert_eq!(told["ca"]["ca"], "internal");
    let told = clients.cli("web", &["list_cas"]).told();
    assert_eq!(told["cas"][0]["ca"], "internal");
    let ask = [
        "get_certificate",
        "--ca",
        "internal",
        "--cn",
        "web.example.com",
    ];
    let told = clients.cli("web", &ask).told();
    assert!(told["certificate"]["key"].is_string());
    stage.end();
}

/// Input that an old server answers with 500, and some that it does not.
#[test]
fn no_malformed_input_makes_the_published_command_line_repeat_it_for_ever() {
    let mut stage = Stage::set("clients-command-line-3");
    let id = stage.create("database", &json!({ "password": "x" }));
    world::map(&stage.server, &stage.user, "web", &[&id]);
    let keys = r#"{"us-east-1": "alias/confidant"}"#;
    let create = [
        "create_blind_credential",
        "--blind-keys",
        keys,
        "--group-context",
        r#"{"group": "web"}"#,
        "--name",
        "n",
        "--credential-pairs",
        r#"{"k": "v"}"#,
        "--documentation",
        "d",
    ];
    let blind = stage.clients.cli("ops", &create).told();
    let blind = world::text(&blind["blind_credential"], "id");
    let with = |more: &[&'static str]| -> Vec<&str> {
        [
            "update_blind_credential",
            "--id",
            &blind,
            "--blind-keys",
            keys,
        ]
        .into_iter()
        .chain(more.iter().copied())
        .collect()
    };
    let long = "x".repeat(5_000);
    let commands: Vec<Vec<&str>> = vec![
        vec!["get_service", "--service", "web/../other"],
        vec!["get_service", "--service", "a b%zz\u{7f}☃"],
        vec!["get_service", "--service", "%00"],
        vec!["get_service", "--service", ""],
        vec!["get_service", "--service", &long],
        vec!["get_blind_credential", "--id", "-1"],
        vec!["get_blind_credential", "--id", &id],
        vec!["update_blind_credential", "--id", &id, "--name", "n"],
        with(&["--credential-pairs", "{}"]),
        with(&["--credential-pairs", "[1, 2]", "--no-store-keys"]),
        with(&[
            "--credential-pairs",
            r#"{"k": "v"}"#,
            "--cipher-version",
            "two",
        ]),
        with(&[
            "--credential-pairs",
            r#"{"k": "v"}"#,
            "--cipher-version",
            "99999999999999999999",
        ]),
        with(&["--metadata", "[]"]),
        with(&["--name", ""]),
        with(&["--documentation", ""]),
        vec!["add_creds", "--service-id", "missing", "--cred-ids", &id],
        vec![
            "add_creds",
            "--service-id",
            "web",
            "--cred-ids",
            "",
            "x y",
            &long,
        ],
        vec!["remove_creds", "--service-id", "web-1", "--cred-ids", &id],
        vec![
            "remove_creds",
            "--service-id",
            "web",
            "--blind-cred-ids",
            "7",
        ],
        vec!["revert_credential", "--id", &id, "--revision", "-1"],
        vec![
            "revert_credential",
            "--id",
            &id,
            "--revision",
            "99999999999999999999",
        ],
        vec!["revert_service", "--id", "missing"],
        vec!["revert_blind_credential", "--id", &id, "--revision", "0"],
        vec!["get_jwt", "--environment", "", "--expiry", "-1"],
        vec!["get_ca", "--ca", "☃/%2e%2e"],
    ];
    for command in &commands {
        let ended = stage.clients.cli("ops", command);
        let shown: Vec<_> = command
            .iter()
            .map(|argument| argument.get(..40).unwrap_or(argument))
            .collect();
        assert!(
            ended.status.is_some(),
            "{shown:?} was repeated for ever: {}",
            ended.stderr
        );
        assert!(
            !ended.stderr.contains("response code 5"),
            "{shown:?}: {}",
            ended.stderr
        );
    }
    println!("{} commands came to an end", commands.len());
    stage.end();
}

/// So the test above can fail.
#[test]
fn the_published_command_line_does_repeat_what_is_answered_503() {
    let stage = Stage::set("clients-command-line-4");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicUsize::new(0));
    std::thread::spawn({
        let asked = Arc::clone(&asked);
        move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let _read = stream.read(&mut [0; 4096]).expect("a request");
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                // It is killed while it waits for the next one.
                let _gone = stream.write_all(answer.as_bytes());
            }
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let mut clients = Clients::start(&url, folder.path());
    let ended = clients.cli_within("web", &["get_service", "--service", "web"], 8);
    assert_eq!(ended.status, None, "{ended:?}");
    assert!(asked.load(Ordering::SeqCst) >= 2);
    stage.end();
}
