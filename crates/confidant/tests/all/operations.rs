//! The operations: what they answer, what they refuse, what they leave in the table.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use confidant::{BadField, CredentialFields, CredentialRecord, Error, ServiceFields, Want};
use domain::{PrincipalKind, Revision};
use keep::{Item, Limits, Value};
use serde_json::json;

use crate::house::{House, caller, fields, pairs_of, service, service_fields, user};

#[tokio::test]
async fn a_created_credential_has_an_archive_copy_and_opens_again() {
    let house = House::new().await;
    let id = house
        .create("db", json!({"User": "u", "pass": "p\u{e9}"}))
        .await;
    let current = house.stored(&id).await.unwrap();
    let archived = house.stored(&format!("{id}-1")).await.unwrap();
    assert_eq!(archived["data_type"], Value::s("archive-credential"));
    let different: Vec<_> = current
        .iter()
        .filter(|(name, value)| archived.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(different, ["data_type", "id"]);
    assert_eq!(current["tags"], Value::L(vec![]));
    assert!(!current.contains_key("metadata") && !current.contains_key("documentation"));

    let read = house
        .confidant
        .read_credential(&user(), &id, Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let pairs = read.credential.pairs.unwrap();
    assert_eq!(pairs.expose_json(), br#"{"user": "u", "pass": "p\u00e9"}"#);
    assert!(read.values);
}

#[tokio::test]
async fn each_update_is_sealed_under_a_new_key_and_an_update_without_pairs_keeps_the_ciphertext() {
    let house = House::new().await;
    let id = house.create("db", json!({"k": "v"})).await;
    let first = house.stored(&id).await.unwrap();
    house.clock.advance(Duration::from_secs(5));

    let same = CredentialFields {
        pairs: pairs_of(json!({"K": "v"})),
        ..fields()
    };
    let second = house
        .confidant
        .update_credential(&user(), &id, same)
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .record;
    assert_eq!(second.revision.number(), 2);
    assert_ne!(Value::B(second.sealed.data_key.clone()), first["data_key"]);
    assert_eq!(
        Value::S(second.last_rotation_date.unwrap().stored()),
        first["last_rotation_date"]
    );

    let renamed = CredentialFields {
        name: Ok(Some("db2".to_owned())),
        ..fields()
    };
    let third = house
        .confidant
        .update_credential(&user(), &id, renamed)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(third.record.sealed, second.sealed);
    assert_eq!(third.pairs.unwrap().expose_json(), br#"{"k": "v"}"#);
    assert_eq!(third.record.metadata, Some(serde_json::Map::new()));

    let rotated = CredentialFields {
        pairs: pairs_of(json!({"k": "w"})),
        ..fields()
    };
    let fourth = house
        .confidant
        .update_credential(&user(), &id, rotated)
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .record;
    assert_ne!(fourth.last_rotation_date, third.record.last_rotation_date);
    for revision in 1..=4 {
        assert!(house.stored(&format!("{id}-{revision}")).await.is_some());
    }
}

#[tokio::test]
async fn dates_go_forward_even_when_the_clock_stands_still_or_an_old_server_was_ahead() {
    let house = House::new().await;
    let id = house.create("db", json!({"k": "v"})).await;
    let mut item = house.stored(&id).await.unwrap();
    item.insert(
        "modified_date".to_owned(),
        Value::s("2026-11-24T19:00:00.000000+0000"),
    );
    house.put_like_old(item).await;
    let updated = house
        .confidant
        .update_credential(&user(), &id, fields())
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .record;
    assert_eq!(
        updated.modified_date.stored(),
        "2026-11-24T19:00:00.000001+0000"
    );
}

#[tokio::test]
async fn names_are_taken_once_with_and_without_a_guard() {
    let house = House::new().await;
    let id = house.create("db", json!({"k": "v"})).await;
    let again = CredentialFields {
        name: Ok(Some("db".to_owned())),
        pairs: pairs_of(json!({"k": "v"})),
        ..fields()
    };
    let refused = house
        .confidant
        .create_credential(&user(), again)
        .await
        .err();
    assert!(matches!(refused, Some(Error::NameTaken { owner }) if owner == id));

    // A credential of an old server has no guard; it is found through the index.
    let mut foreign = house.stored(&id).await.unwrap();
    foreign.insert("id".to_owned(), Value::s("f".repeat(32)));
    foreign.insert("name".to_owned(), Value::s("foreign"));
    house.put_like_old(foreign).await;
    // A server that has just started knows it from there alone.
    let confidant =
        confidant::Confidant::new(std::sync::Arc::clone(&house.keep), settings_like(&house));
    let rename = CredentialFields {
        name: Ok(Some("foreign".to_owned())),
        ..fields()
    };
    let refused = confidant
        .update_credential(&user(), &id, rename)
        .await
        .err();
    assert!(matches!(refused, Some(Error::NameTaken { owner }) if owner == "f".repeat(32)));
}

pub(crate) fn settings_like(house: &House) -> confidant::Settings {
    confidant::Settings {
        table: house.name.clone(),
        master_key: "alias/confidant".to_owned(),
        encryption: confidant::Encryption::Fernet,
        ignore_conflicts: false,
        enforce_documentation: false,
        history_page_limit: None,
        save_last_decryption_time: false,
        rotation: confidant::Rotation::default(),
        accounts: BTreeSet::new(),
    }
}

#[tokio::test]
async fn a_left_or_archived_name_can_be_taken_over_and_taken_back() {
    let house = House::new().await;
    let a = house.create("a", json!({"k": "v"})).await;
    let rename = |name: &str| CredentialFields {
        name: Ok(Some(name.to_owned())),
        ..fields()
    };
    house
        .confidant
        .update_credential(&user(), &a, rename("b"))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let second = house.create("a", json!({"k": "v"})).await;
    let back = house
        .confidant
        .update_credential(&user(), &a, rename("a"))
        .await
        .err();
    assert!(matches!(back, Some(Error::NameTaken { owner }) if owner == second));
    house
        .confidant
        .update_credential(&user(), &second, rename("c"))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house
        .confidant
        .update_credential(&user(), &a, rename("a"))
        .await
        .unwrap_or_else(|e| panic!("{e}"));

    // An old server archives it away: nothing of ours is told.
    let delete = keep::Action::Delete {
        table: house.name.clone(),
        key: keep::Key::id(&a),
        condition: keep::Condition::always(),
    };
    house.table.transact(&[delete]).await.unwrap();
    house.create("a", json!({"k": "v"})).await;
}

#[tokio::test]
async fn steps_over_orphans_of_failed_writes() {
    let house = House::new().await;
    let id = house.create("db", json!({"k": "v"})).await;
    let current = house.stored(&id).await.unwrap();
    // Thirty numbers without effect: more than one batch of looking.
    for number in 2..=31 {
        let mut orphan = current.clone();
        orphan.insert("id".to_owned(), Value::s(format!("{id}-{number}")));
        orphan.insert("modified_by".to_owned(), Value::s("orphan"));
        house.put_like_old(orphan).await;
    }
    let updated = house
        .confidant
        .update_credential(&user(), &id, fields())
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .record;
    assert_eq!(updated.revision.number(), 32);
    for number in 2..=31 {
        assert_eq!(
            house.stored(&format!("{id}-{number}")).await.unwrap()["modified_by"],
            Value::s("orphan")
        );
    }
}

#[tokio::test]
async fn a_service_may_have_an_id_that_is_the_history_of_another() {
    let house = House::new().await;
    house.map("x-1", &[]).await;
    house.map("x", &[]).await;
    assert_eq!(house.stored("x").await.unwrap()["revision"], Value::n(2));
    assert_eq!(
        house.stored("x-1").await.unwrap()["data_type"],
        Value::s("service")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_parallel_updates_make_eight_revisions() {
    let house = std::sync::Arc::new(House::new().await);
    let id = house.create("db", json!({"k": "v"})).await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (house, id) = (std::sync::Arc::clone(&house), id.clone());
            tokio::spawn(async move {
                let fields = CredentialFields {
                    pairs: pairs_of(json!({"k": writer})),
                    ..fields()
                };
                house
                    .confidant
                    .update_credential(&user(), &id, fields)
                    .await
                    .unwrap_or_else(|e| panic!("{e}"))
                    .record
                    .revision
            })
        })
        .collect();
    let mut revisions = BTreeSet::new();
    for writer in writers {
        revisions.insert(writer.await.unwrap().number());
    }
    assert_eq!(revisions, (2..=9).collect());
}

#[tokio::test]
async fn a_service_reads_itself_and_what_is_mapped_to_it() {
    let house = House::new().await;
    let a = house.create("a", json!({"ka": "1"})).await;
    let b = house.create("b", json!({"kb": "2"})).await;
    house
        .map("svc", &[&a, &b, &a, "unknown", "", "kw/event/x/1"])
        .await;
    let Value::Ss(stored) = &house.stored("svc").await.unwrap()["credentials"] else {
        panic!("a set")
    };
    assert_eq!(stored.len(), 2);

    let view = house
        .confidant
        .read_service(&service("svc"), "svc", Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert!(!view.may_update);
    let mut values: Vec<_> = view
        .service
        .credentials
        .iter()
        .map(|c| c.pairs.as_ref().unwrap().expose_json())
        .collect();
    values.sort_unstable();
    assert_eq!(values, [&br#"{"ka": "1"}"#[..], br#"{"kb": "2"}"#]);

    for other in ["other", "svc-1"] {
        let refused = house
            .confidant
            .read_service(&service("svc"), other, Want::Metadata)
            .await
            .err();
        assert!(matches!(refused, Some(Error::Refused(_))), "{other}");
    }
    let old = house
        .confidant
        .read_service(&user(), "svc-1", Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(old.service.record.id, "svc-1");
    for missing in ["none", &a, "kw/event/x/1", ""] {
        assert!(matches!(
            house
                .confidant
                .read_service(&user(), missing, Want::Values)
                .await
                .err(),
            Some(Error::NotFound)
        ));
    }
}

#[tokio::test]
async fn a_scoped_service_is_read_from_its_account_only_and_by_people() {
    let house = House::new().await;
    let fields = ServiceFields {
        account: Ok(Some("sandbox".to_owned())),
        ..service_fields()
    };
    house
        .confidant
        .map_service(&user(), "svc", fields)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let read = async |account| {
        let who = caller(PrincipalKind::Service, "svc", account);
        house
            .confidant
            .read_service(&who, "svc", Want::Values)
            .await
            .err()
    };
    // Twice each: once read, once kept in memory.
    for _ in 0..2 {
        assert!(read(Some("sandbox")).await.is_none());
        assert!(matches!(read(None).await, Some(Error::WrongAccount)));
        assert!(matches!(
            read(Some("other")).await,
            Some(Error::WrongAccount)
        ));
        assert!(
            house
                .confidant
                .read_service(&user(), "svc", Want::Values)
                .await
                .is_ok()
        );
    }
    let unknown = ServiceFields {
        account: Ok(Some("zzz".to_owned())),
        ..service_fields()
    };
    let refused = house
        .confidant
        .map_service(&user(), "svc", unknown)
        .await
        .err();
    assert!(matches!(
        refused,
        Some(Error::BadField(BadField::UnknownAccount))
    ));
}

#[tokio::test]
async fn conflicting_keys_are_refused_on_both_sides() {
    let house = House::new().await;
    let a = house.create("a", json!({"k": "1"})).await;
    let b = house.create("b", json!({"K": "2", "x": "3"})).await;
    let both = || ServiceFields {
        credentials: Ok(Some(vec![a.clone(), b.clone()])),
        ..service_fields()
    };
    let Some(Error::MappingConflicts(found)) = house
        .confidant
        .map_service(&user(), "svc", both())
        .await
        .err()
    else {
        panic!("a conflict")
    };
    assert_eq!(found.keys().collect::<Vec<_>>(), ["k"]);
    assert_eq!(
        found["k"].credentials,
        BTreeSet::from([a.clone(), b.clone()])
    );

    let other = CredentialFields {
        pairs: pairs_of(json!({"y": "1"})),
        ..fields()
    };
    house
        .confidant
        .update_credential(&user(), &a, other)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house.map("svc", &[&a, &b]).await;
    let back = CredentialFields {
        pairs: pairs_of(json!({"x": "1", "y": "2"})),
        ..fields()
    };
    let Some(Error::UpdateConflicts(found)) = house
        .confidant
        .update_credential(&user(), &a, back)
        .await
        .err()
    else {
        panic!("a conflict")
    };
    assert_eq!(found.keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(
        (found["x"].credentials.clone(), found["x"].services.clone()),
        ([b].into(), ["svc".to_owned()].into())
    );
}

#[tokio::test]
async fn conflicts_can_be_ignored_and_documentation_enforced_by_settings() {
    let set = |settings: &mut confidant::Settings| {
        settings.ignore_conflicts = true;
        settings.enforce_documentation = true;
    };
    let house = House::with(set, Limits::default()).await;
    let documented = |name: &str| CredentialFields {
        name: Ok(Some(name.to_owned())),
        pairs: pairs_of(json!({"k": "v"})),
        documentation: Ok(Some("why".to_owned())),
        ..fields()
    };
    let a = house
        .confidant
        .create_credential(&user(), documented("a"))
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .record
        .id;
    let b = house
        .confidant
        .create_credential(&user(), documented("b"))
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .record
        .id;
    house.map("svc", &[&a, &b]).await;

    let without = CredentialFields {
        documentation: Ok(None),
        ..documented("c")
    };
    let refused = house
        .confidant
        .create_credential(&user(), without)
        .await
        .err();
    assert!(matches!(
        refused,
        Some(Error::BadField(BadField::DocumentationRequired))
    ));
    let emptied = |mentions_revision| CredentialFields {
        documentation: Ok(Some(String::new())),
        mentions_revision,
        ..fields()
    };
    let refused = house
        .confidant
        .update_credential(&user(), &a, emptied(false))
        .await
        .err();
    assert!(matches!(
        refused,
        Some(Error::BadField(BadField::DocumentationRequired))
    ));
    house
        .confidant
        .update_credential(&user(), &a, emptied(true))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
}

#[tokio::test]
async fn lists_are_sorted_paged_and_without_values() {
    let house = House::new().await;
    for name in ["b", "A", "c"] {
        house.clock.advance(Duration::from_secs(1));
        house.create(name, json!({"k": "v"})).await;
    }
    let names = |listed: &confidant::Listed<confidant::Credential>| {
        listed
            .page
            .iter()
            .map(|c| c.record.name.clone())
            .collect::<Vec<_>>()
    };
    let all = house
        .confidant
        .list_credentials(&user(), None, Ok(None))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(names(&all), ["A", "b", "c"]);
    assert!(all.next.is_none() && all.page.iter().all(|c| c.pairs.is_none()));

    let newest = house
        .confidant
        .list_credentials(&user(), Some(2), Ok(None))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(names(&newest), ["A", "c"]);
    let start = newest.next.unwrap();
    let rest = house
        .confidant
        .list_credentials(&user(), Some(2), Ok(Some(start.clone())))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(names(&rest), ["b"]);
    let foreign = house
        .confidant
        .list_services(&user(), Some(2), Ok(Some(start)))
        .await
        .err();
    assert!(matches!(foreign, Some(Error::BadField(BadField::BadPage))));
}

#[tokio::test]
async fn a_kept_view_is_as_new_as_the_last_write_and_opens_nothing_twice() {
    let house = House::new().await;
    let id = house.create("a", json!({"k": "1"})).await;
    house.map("svc", &[&id]).await;
    let read = async || {
        house
            .confidant
            .read_service(&service("svc"), "svc", Want::Values)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
    };
    let first = read().await;
    let again = read().await;
    assert!(std::sync::Arc::ptr_eq(&first, &again), "the same view");
    let rendered = first.rendered(|_| confidant::Rendered::new(Box::from(*b"once")));
    assert_eq!(
        again.rendered(|_| panic!("rendered twice")).as_ref(),
        rendered.as_ref()
    );

    let change = CredentialFields {
        pairs: pairs_of(json!({"k": "2"})),
        ..fields()
    };
    house
        .confidant
        .update_credential(&user(), &id, change)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let newer = read().await;
    assert_eq!(
        newer.service.credentials[0]
            .pairs
            .as_ref()
            .unwrap()
            .expose_json(),
        br#"{"k": "2"}"#
    );

    house.clock.advance(Duration::from_secs(61));
    assert!(
        !std::sync::Arc::ptr_eq(&newer, &read().await),
        "kept for 60 seconds at most"
    );
}

#[tokio::test]
async fn nothing_opened_is_kept_when_that_is_switched_off() {
    let limits = Limits {
        opened_life: Duration::ZERO,
        ..Limits::default()
    };
    let house = House::with(|_| (), limits).await;
    house.map("svc", &[]).await;
    let read = async || {
        house
            .confidant
            .read_service(&service("svc"), "svc", Want::Values)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
    };
    assert!(!std::sync::Arc::ptr_eq(&read().await, &read().await));
}

#[tokio::test]
async fn a_write_costs_no_unwrap_for_its_first_reader() {
    let house = House::new().await;
    let id = house.create("a", json!({"k": "1"})).await;
    house
        .confidant
        .read_credential(&user(), &id, Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(house.keys.unwraps.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn new_values_mend_a_damaged_credential() {
    let house = House::new().await;
    let id = house.create("a", json!({"k": "1"})).await;
    let mut item = house.stored(&id).await.unwrap();
    item.insert("credential_pairs".to_owned(), Value::s("broken"));
    house.put_like_old(item).await;
    assert!(matches!(
        house
            .confidant
            .read_credential(&user(), &id, Want::Values)
            .await
            .err(),
        Some(Error::Damaged { .. })
    ));
    let change = CredentialFields {
        pairs: pairs_of(json!({"k": "2"})),
        ..fields()
    };
    house
        .confidant
        .update_credential(&user(), &id, change)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house
        .confidant
        .read_credential(&user(), &id, Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
}

#[tokio::test]
async fn a_credential_too_large_for_an_item_is_refused_with_its_size() {
    let house = House::new().await;
    let fields = CredentialFields {
        name: Ok(Some("big".to_owned())),
        pairs: pairs_of(json!({"k": "x".repeat(320 * 1024)})),
        ..fields()
    };
    assert!(matches!(
        house
            .confidant
            .create_credential(&user(), fields)
            .await
            .err(),
        Some(Error::TooLarge(_))
    ));
}

#[tokio::test]
async fn what_we_write_holds_only_attributes_that_old_servers_know() {
    let house = House::new().await;
    let id = house.create("a", json!({"k": "1"})).await;
    house.map("svc", &[&id]).await;
    let known = [
        "id",
        "revision",
        "data_type",
        "name",
        "credential_pairs",
        "enabled",
        "data_key",
        "cipher_version",
        "metadata",
        "modified_date",
        "modified_by",
        "documentation",
        "tags",
        "last_decrypted_date",
        "last_rotation_date",
        "credentials",
        "blind_credentials",
        "account",
    ];
    for id in [&id, &format!("{id}-1"), "svc", "svc-1"] {
        let item: Item = house.stored(id).await.unwrap();
        assert!(
            item.keys().all(|name| known.contains(&name.as_str())),
            "{item:?}"
        );
        let Value::S(date) = &item["modified_date"] else {
            panic!("a text")
        };
        assert_eq!(date.len(), 31);
    }
    assert_eq!(
        CredentialRecord::read(&house.stored(&id).await.unwrap())
            .unwrap()
            .revision,
        Revision::FIRST
    );
}
