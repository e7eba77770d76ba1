//! The clients as libraries.

use serde_json::{Value, json};

use super::{Clients, Stage};
use crate::world;

#[test]
fn the_published_library_reads_services_and_credentials() {
    let mut stage = Stage::set("clients-library-1");
    let id = stage.create(
        "database",
        &json!({ "user": "root", "password": "ünï \"☃\"" }),
    );
    world::map(&stage.server, &stage.user, "web", &[&id]);
    let clients = &mut stage.clients;

    let service = clients.succeeds("web", "get_service", json!({ "service": "web" }));
    let credential = &service["service"]["credentials"][0];
    assert_eq!(
        credential["credential_pairs"],
        json!({ "user": "root", "password": "ünï \"☃\"" })
    );
    let metadata = json!({ "service": "web", "metadata_only": true });
    let service = clients.succeeds("web", "get_service", metadata);
    assert_eq!(
        service["service"]["credentials"][0]["credential_pairs"],
        json!({})
    );

    // For a user who may see that it is missing; a service is refused, in words that the client can read.
    let missing = clients.succeeds("ops", "get_service", json!({ "service": "missing" }));
    assert!(missing.get("service").is_none(), "{missing}");
    let refused = clients.library("web", "get_service", json!({ "service": "other" }));
    assert_eq!(refused["result"], false, "{refused}");
    assert_eq!(
        refused["error"], "web does not have access to get service other",
        "{refused}"
    );

    let read = clients.succeeds("ops", "get_credential", json!({ "id": id }));
    assert_eq!(read["credential"]["credential_pairs"]["user"], "root");
    let metadata = json!({ "id": id, "metadata_only": true });
    let read = clients.succeeds("ops", "get_credential", metadata);
    assert_eq!(read["credential"]["credential_pairs"], json!({}));
    assert_eq!(
        read["credential"]["credential_keys"],
        json!(["user", "password"])
    );
    let services = clients.succeeds("ops", "get_credential_services", json!({ "id": id }));
    assert_eq!(
        services["data"]["services"],
        json!([{ "id": "web", "enabled": true }])
    );
    let missing = clients.library("ops", "get_credential", json!({ "id": "missing" }));
    assert_eq!(missing["result"], false, "{missing}");
    stage.end();
}

#[test]
fn the_published_library_updates_and_maps_credentials() {
    let mut stage = Stage::set("clients-library-2");
    let first = stage.create("first", &json!({ "a": "1" }));
    let second = stage.create("second", &json!({ "b": "2" }));
    world::map(&stage.server, &stage.user, "web", &[&first]);
    let clients = &mut stage.clients;

    // It leaves the name out, which an old server answers with 500.
    let arguments = json!({ "id": first, "credential_pairs": { "a": "new" }, "documentation": "how", "enabled": true,
        "metadata": { "owner": "ops" } });
    let updated = clients.succeeds("ops", "update_credential", arguments);
    let credential = &updated["credential"];
    assert_eq!(
        (&credential["name"], &credential["revision"]),
        (&json!("first"), &json!(2))
    );
    assert_eq!(credential["credential_pairs"], json!({ "a": "new" }));
    assert_eq!(credential["metadata"], json!({ "owner": "ops" }));
    // It sends the pairs that it has read.
    let renamed = clients.succeeds(
        "ops",
        "update_credential",
        json!({ "id": first, "name": "renamed" }),
    );
    assert_eq!(
        renamed["credential"]["credential_pairs"],
        json!({ "a": "new" })
    );
    let refused = clients.library(
        "ops",
        "update_credential",
        json!({ "id": first, "credential_pairs": { "a b": "" } }),
    );
    assert_eq!(refused["result"], false);
    assert!(
        world::text(&refused, "log").contains("response code 400"),
        "{refused}"
    );

    let arguments = json!({ "service": "web", "credentials": [second], "blind_credentials": [] });
    clients.succeeds("ops", "add_credentials_to_service", arguments.clone());
    assert_eq!(
        mapped(clients.succeeds("web", "get_service", json!({ "service": "web" }))),
        sorted([&first, &second])
    );
    clients.succeeds("ops", "remove_credentials_from_service", arguments);
    assert_eq!(
        mapped(clients.succeeds("web", "get_service", json!({ "service": "web" }))),
        [first]
    );
    stage.end();
}

#[test]
fn the_published_library_seals_and_opens_blind_credentials() {
    let mut stage = Stage::set("clients-library-3");
    world::map(&stage.server, &stage.user, "web", &[]);
    let clients = &mut stage.clients;
    let keys = json!({ "us-east-1": "alias/confidant" });

    let arguments = json!({ "blind_keys": keys, "contexts": { "us-east-1": { "group": "web" } }, "name": "certificate",
        "credential_pairs": { "key": "sealed by the client" }, "metadata": { "mode": "0600" },
        "documentation": "renew it" });
    let made = clients.succeeds("ops", "create_blind_credential", arguments);
    let blind = &made["blind_credential"];
    let id = world::text(blind, "id");
    assert_eq!(
        (&blind["revision"], &blind["credential_keys"]),
        (&json!(1), &json!(["key"]))
    );
    let opened = clients.succeeds(
        "ops",
        "get_blind_credential",
        json!({ "id": id, "decrypt_blind": true }),
    );
    let opened = &opened["blind_credential"]["decrypted_credential_pairs"];
    assert_eq!(*opened, json!({ "key": "sealed by the client" }));

    let arguments = json!({ "id": id, "blind_keys": keys, "credential_pairs": { "key": "sealed again" }, "name": "renewed",
        "metadata": { "mode": "0400" } });
    let updated = clients.succeeds("ops", "update_blind_credential", arguments);
    let blind = &updated["blind_credential"];
    assert_eq!(
        (&blind["revision"], &blind["name"]),
        (&json!(2), &json!("renewed"))
    );
    assert_eq!(
        blind["metadata"],
        json!({ "mode": "0400", "context": { "us-east-1": { "group": "web" } } })
    );
    for (arguments, opened) in [
        (json!({ "id": id, "revision": 1 }), "sealed by the client"),
        (json!({ "id": id }), "sealed again"),
    ] {
        clients.succeeds("ops", "revert_blind_credential", arguments);
        let arguments = json!({ "id": id, "decrypt_blind": true });
        let read = clients.succeeds("ops", "get_blind_credential", arguments);
        let pairs = &read["blind_credential"]["decrypted_credential_pairs"];
        assert_eq!(pairs["key"], opened);
    }
    let listed = clients.succeeds("ops", "list_blind_credentials", json!({}));
    assert_eq!(listed["blind_credentials"][0]["name"], "renewed");
    let missing = clients.library("ops", "get_blind_credential", json!({ "id": "missing" }));
    assert_eq!(missing["result"], false, "{missing}");

    let arguments = json!({ "service": "web", "credentials": [], "blind_credentials": [id] });
    clients.succeeds("ops", "add_credentials_to_service", arguments.clone());
    let service = clients.succeeds(
        "web",
        "get_service",
        json!({ "service": "web", "decrypt_blind": true }),
    );
    let opened = &service["service"]["blind_credentials"][0]["decrypted_credential_pairs"];
    assert_eq!(*opened, json!({ "key": "sealed again" }));
    clients.succeeds("ops", "remove_credentials_from_service", arguments);
    stage.end();
}

#[test]
fn the_published_library_reverts_to_a_revision_and_to_the_one_before() {
    let mut stage = Stage::set("clients-library-5");
    let id = stage.create("database", &json!({ "k": "1" }));
    world::map(&stage.server, &stage.user, "web", &[&id]);
    world::map(&stage.server, &stage.user, "web", &[]);
    let clients = &mut stage.clients;
    for value in ["2", "3"] {
        let arguments = json!({ "id": id, "credential_pairs": { "k": value } });
        clients.succeeds("ops", "update_credential", arguments);
    }
    let value = |clients: &mut Clients| {
        let read = clients.succeeds("ops", "get_credential", json!({ "id": id }));
        read["credential"]["credential_pairs"]["k"].clone()
    };
    let reverted = clients.succeeds(
        "ops",
        "revert_credential",
        json!({ "id": id, "revision": 1 }),
    );
    assert_eq!(reverted["credential"]["revision"], 4);
    assert_eq!(value(clients), "1");
    // Without a number its documentation promises the one before; an old server answers 404.
    clients.succeeds("ops", "revert_credential", json!({ "id": id }));
    assert_eq!(value(clients), "3");

    let reverted = clients.succeeds(
        "ops",
        "revert_service",
        json!({ "id": "web", "revision": 1 }),
    );
    assert_eq!(reverted["service"]["credentials"][0]["id"], json!(id));
    let reverted = clients.succeeds("ops", "revert_service", json!({ "id": "web" }));
    assert_eq!(reverted["service"]["credentials"], json!([]));
    stage.end();
}

#[test]
fn the_published_library_gets_web_tokens_and_certificates() {
    let mut stage = Stage::set("clients-library-4");
    let clients = &mut stage.clients;
    for resource in [json!(null), json!("ops")] {
        let ask = json!({ "environment": "production", "resource_id": resource, "expiry": null });
        let told = clients.succeeds("ops", "get_jwt", ask);
        assert_eq!(world::text(&told, "token").split('.').count(), 3);
    }
    let told = clients.succeeds("ops", "get_jwks", json!({ "environment": "production" }));
    assert_eq!(told["keys"][0]["kid"], "2026");
    let told = clients.succeeds("web", "get_ca", json!({ "ca": "internal" }));
    assert_eq!(told["ca"]["ca"], "internal");
    let told = clients.succeeds("web", "list_cas", json!({}));
    assert_eq!(told["cas"][0]["ca"], "internal");
    let ask = json!({ "ca": "internal", "cn": "web.example.com" });
    let told = clients.succeeds("web", "get_certificate", ask);
    for part in ["certificate", "certificate_chain", "key"] {
        assert!(world::text(&told["certificate"], part).starts_with("-----BEGIN "));
    }
    // It forgets to send the request along.
    let ask = json!({ "ca": "internal", "csr": "a request" });
    let told = clients.library("web", "get_certificate_from_csr", ask);
    let log = world::text(&told, "log");
    assert!(log.contains("response code 400"), "{log}");
    stage.end();
}

/// The ids of what a service maps.
fn mapped(service: Value) -> Vec<String> {
    let credentials = service["service"]["credentials"]
        .as_array()
        .expect("credentials");
    sorted(
        credentials
            .iter()
            .filter_map(|credential| credential["id"].as_str()),
    )
}

fn sorted<T: ToString>(ids: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut ids: Vec<_> = ids.into_iter().map(|id| id.to_string()).collect();
    ids.sort();
    ids
}
