//! Items of the real Confidant 7.0.0: read, opened, and written again byte for byte.

use confidant::{BlindRecord, CredentialRecord, Encryption, Error, ServiceRecord, Want};
use keep::{Item, Limits, Value};

use crate::house::{House, item_of, recorded, service, user, value_of};

/// The item with its sets and archive details as our writer would put the current one.
fn as_current(item: &Item) -> Item {
    let mut current = item.clone();
    current.remove("archive_date");
    if let Some(Value::S(kind)) = current.get_mut("data_type") {
        *kind = kind.trim_start_matches("archive-").to_owned();
    }
    current
}

#[test]
fn every_recorded_item_reads_and_is_written_again_byte_for_byte() {
    let file = recorded();
    let mut seen = 0;
    for entry in file["items"]
        .as_array()
        .unwrap()
        .iter()
        .chain(file["plain"].as_array().unwrap())
    {
        let item = item_of(&entry["item"]);
        match entry["data_type"]
            .as_str()
            .unwrap()
            .trim_start_matches("archive-")
        {
            "credential" => assert_eq!(
                CredentialRecord::read(&item).unwrap().item(),
                as_current(&item)
            ),
            "service" => assert_eq!(
                ServiceRecord::read(&item).unwrap().item(),
                as_current(&item)
            ),
            "blind-credential" => {
                assert_eq!(BlindRecord::read(&item).unwrap().item(), as_current(&item))
            }
            other => panic!("unknown kind {other}"),
        }
        seen += 1;
    }
    let listed = |name: &str| file[name].as_array().unwrap().len();
    assert_eq!(seen, listed("items") + listed("plain"));
    assert_eq!(seen, 19);
}

#[tokio::test]
async fn opens_every_credential_that_the_real_server_sealed() {
    let file = recorded();
    let sealed = file["items"].as_array().unwrap().iter().filter(|entry| {
        let kind = entry["data_type"].as_str().unwrap();
        kind.trim_start_matches("archive-") == "credential"
    });
    let mut opened = 0;
    for entry in sealed {
        // Current or archived, in the table or in the archive table: the key is that of the id.
        let house = House::new().await;
        house.keys.learn(&entry["kms"]);
        let mut item = as_current(&item_of(&entry["item"]));
        let id = entry["kms"]["encryption_context"]["id"].as_str().unwrap();
        item.insert("id".to_owned(), Value::s(id));
        house.put_like_old(item).await;
        let read = house
            .confidant
            .read_credential(&user(), id, Want::Values)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        let pairs = read.credential.pairs.unwrap();
        let values: serde_json::Value = serde_json::from_slice(pairs.expose_json()).unwrap();
        assert_eq!(values, entry["decrypted_credential_pairs"]);
        opened += 1;
    }
    assert_eq!(opened, 8);
}

#[tokio::test]
async fn opens_what_the_real_server_left_unencrypted() {
    let house = House::with(
        |settings| settings.encryption = Encryption::DangerNone,
        Limits::default(),
    )
    .await;
    for entry in recorded()["plain"].as_array().unwrap() {
        house.put_like_old(item_of(&entry["item"])).await;
    }
    let view = house
        .confidant
        .read_service(&user(), "s1", Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        view.service.credentials[0]
            .pairs
            .as_ref()
            .unwrap()
            .expose_json(),
        br#"{"a": "b"}"#
    );
    let id = house.create("new", serde_json::json!({"k": "v"})).await;
    let stored = CredentialRecord::read(&house.stored(&id).await.unwrap()).unwrap();
    assert_eq!(
        stored.sealed.credential_pairs,
        "DANGER_NOT_ENCRYPTED_eyJrIjogInYifQ=="
    );
    assert_eq!(
        stored.sealed.data_key.len(),
        60,
        "base64 of a 44-letter key"
    );
}

#[tokio::test]
async fn the_two_forms_do_not_pass_for_each_other() {
    let house = House::new().await;
    for entry in recorded()["plain"].as_array().unwrap() {
        house.put_like_old(item_of(&entry["item"])).await;
    }
    let read = house
        .confidant
        .read_service(&service("s1"), "s1", Want::Values)
        .await;
    assert!(matches!(read.err(), Some(Error::WrongAccount)));
    let read = house
        .confidant
        .read_service(&user(), "s1", Want::Values)
        .await;
    assert!(matches!(
        read.err(),
        Some(Error::Damaged {
            what: "data_key",
            ..
        })
    ));
}

/// A recorded item of this kind with one attribute in another form.
fn altered(kind: &str, name: &str, value: Option<Value>) -> Item {
    let file = recorded();
    let entry = file["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["data_type"] == kind)
        .unwrap();
    let mut item = item_of(&entry["item"]);
    match value {
        Some(value) => item.insert(name.to_owned(), value),
        None => item.remove(name),
    };
    item
}

#[test]
fn legacy_forms_mean_what_the_vectors_say() {
    let credential =
        |name: &str, value| CredentialRecord::read(&altered("credential", name, value)).unwrap();
    let service =
        |name: &str, value| ServiceRecord::read(&altered("service", name, value)).unwrap();
    let blind =
        |name: &str, value| BlindRecord::read(&altered("blind-credential", name, value)).unwrap();
    let mut run = 0;
    for form in recorded()["legacy"].as_array().unwrap() {
        let name = form["attr"].as_str().unwrap();
        let value = || form["value"].as_object().map(|_| value_of(&form["value"]));
        let means = &form["means"];
        match form["name"].as_str().unwrap() {
            "enabled as number" => {
                assert_eq!(&serde_json::json!(credential(name, value()).enabled), means);
                assert_eq!(&serde_json::json!(service(name, value()).enabled), means);
                assert_eq!(&serde_json::json!(blind(name, value()).enabled), means);
                assert!(!credential(name, Some(Value::n(0))).enabled);
            }
            "set elements JSON-quoted" => {
                let read = service(name, value());
                assert_eq!(&serde_json::json!(read.credentials), means);
                let read = service("blind_credentials", value());
                assert_eq!(&serde_json::json!(read.blind_credentials), means);
                let read = blind("credential_keys", value());
                assert_eq!(&serde_json::json!(read.credential_keys), means);
            }
            "tags absent" => {
                assert_eq!(&serde_json::json!(credential(name, value()).tags), means);
            }
            "last_rotation_date absent" => {
                assert!(means.is_null());
                assert_eq!(credential(name, value()).last_rotation_date, None);
            }
            "documentation NULL" => {
                assert!(means.is_null());
                assert_eq!(credential(name, value()).documentation, None);
                assert_eq!(blind(name, value()).documentation, None);
            }
            // `a_data_key_that_is_not_base64_inside_is_taken_as_it_is` opens it.
            "data_key decoded once only" => {
                let raw = Value::B(vec![0xff, 0xfe]);
                assert_eq!(credential(name, Some(raw)).sealed.data_key, [0xff, 0xfe]);
            }
            other => panic!("no test of {other}"),
        }
        run += 1;
    }
    assert_eq!(run, 6);
    assert!(blind("credential_keys", None).credential_keys.is_empty());
    assert_eq!(blind("metadata", None).metadata, None);
}

#[rstest::rstest]
#[case::documentation("documentation")]
#[case::metadata("metadata")]
#[case::tags("tags")]
#[case::last_rotation_date("last_rotation_date")]
#[case::last_decrypted_date("last_decrypted_date")]
#[case::unknown("written_by_another_tool")]
fn a_null_is_read_as_absent(#[case] name: &str) {
    let read = |value| CredentialRecord::read(&altered("credential", name, value)).unwrap();
    assert_eq!(read(Some(Value::Null)), read(None));
}

#[rstest::rstest]
#[case::account("account")]
#[case::credentials("credentials")]
#[case::blind_credentials("blind_credentials")]
fn a_null_of_a_service_is_read_as_absent(#[case] name: &str) {
    let read = |value| ServiceRecord::read(&altered("service", name, value)).unwrap();
    assert_eq!(read(Some(Value::Null)), read(None));
}

#[tokio::test]
async fn a_data_key_that_is_not_base64_inside_is_taken_as_it_is() {
    let house = House::new().await;
    let file = recorded();
    let entry = file["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["data_type"] == "credential")
        .unwrap();
    house.keys.learn(&entry["kms"]);
    let mut item = item_of(&entry["item"]);
    let wire = serde_json::json!({"B": entry["kms"]["ciphertext_blob_base64"]});
    item.insert("data_key".to_owned(), value_of(&wire));
    house.put_like_old(item).await;
    let id = entry["item"]["id"]["S"].as_str().unwrap();
    house
        .confidant
        .read_credential(&user(), id, Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
}

#[rstest::rstest]
#[case::no_revision("revision", None)]
#[case::revision_zero("revision", Some(Value::n(0)))]
#[case::revision_text("revision", Some(Value::s("3")))]
#[case::name_missing("name", None)]
#[case::name_null("name", Some(Value::Null))]
#[case::enabled_two("enabled", Some(Value::n(2)))]
#[case::enabled_text("enabled", Some(Value::s("true")))]
#[case::short_date("modified_date", Some(Value::s("2026-11-22T05:10:43+0000")))]
#[case::other_rotation_date("last_rotation_date", Some(Value::s("yesterday")))]
#[case::metadata_list("metadata", Some(Value::s("[]")))]
#[case::metadata_no_json("metadata", Some(Value::s("{")))]
#[case::tags_text("tags", Some(Value::s("a")))]
#[case::pairs_missing("credential_pairs", None)]
#[case::key_as_text("data_key", Some(Value::s("AAAA")))]
#[case::fraction("cipher_version", Some(Value::N("2.5".to_owned())))]
fn a_damaged_attribute_is_named_with_its_id(#[case] name: &str, #[case] value: Option<Value>) {
    match CredentialRecord::read(&altered("credential", name, value)) {
        Err(Error::Damaged { id, what }) => {
            assert_eq!(
                (id.as_str(), what),
                ("11003f7f77bc4f798e1d319366ac3ae0", name)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sealed_bytes_that_do_not_open_are_damage_and_never_a_panic() {
    let file = recorded();
    let entry = file["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["data_type"] == "credential")
        .unwrap();
    let id = entry["item"]["id"]["S"].as_str().unwrap();
    let damage = [
        ("cipher_version", "cipher_version", Value::n(1)),
        ("credential_pairs", "credential_pairs", Value::s("gAAAAA")),
        ("credential_pairs", "credential_pairs", Value::s("")),
        ("data_key", "data_key", Value::B(b"AAAA".to_vec())),
        ("data_key", "data_key", Value::B(Vec::new())),
    ];
    for (attribute, what, value) in damage {
        let house = House::new().await;
        house.keys.learn(&entry["kms"]);
        let mut item = item_of(&entry["item"]);
        item.insert(attribute.to_owned(), value);
        house.put_like_old(item).await;
        match house
            .confidant
            .read_credential(&user(), id, Want::Metadata)
            .await
            .err()
        {
            Some(Error::Damaged {
                id: named,
                what: told,
            }) => assert_eq!((named.as_str(), told), (id, what)),
            other => panic!("{attribute}: {other:?}"),
        }
    }
}

#[test]
fn debug_shows_nothing_of_what_may_be_unencrypted() {
    let file = recorded();
    let record = CredentialRecord::read(&item_of(&file["plain"][0]["item"])).unwrap();
    let shown = format!("{record:?}");
    assert!(
        shown.contains("Sealed(..)") && !shown.contains("eyJhIjogImIifQ"),
        "{shown}"
    );
}

mod laws {
    use std::collections::{BTreeMap, BTreeSet};

    use confidant::Sealed;
    use domain::{Revision, Timestamp};
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::S),
            any::<u64>().prop_map(Value::n),
            vec(any::<u8>(), 0..40).prop_map(Value::B),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
            btree_set(any::<String>(), 1..4).prop_map(Value::Ss),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::L),
                btree_map(any::<String>(), inner, 0..4).prop_map(Value::M),
            ]
        })
    }

    fn date() -> impl Strategy<Value = Timestamp> {
        (0_i64..4_102_444_800_000_000).prop_map(Timestamp::from_micros)
    }

    proptest! {
        #[test]
        fn a_credential_reads_back_as_it_was_written(
            texts in [any::<String>(), any::<String>(), any::<String>()],
            number in 1..u64::MAX,
            enabled: bool,
            modified_date in date(),
            documentation in option::of(any::<String>()),
            metadata in option::of(btree_map(any::<String>(), any::<String>(), 0..4)),
            tags in vec(any::<String>(), 0..4),
            dates in (option::of(date()), option::of(date())),
            data_key in vec(any::<u8>(), 0..60),
        ) {
            let [name, modified_by, credential_pairs] = texts;
            let as_json = |map: BTreeMap<String, String>| map.into_iter().map(|(key, text)| (key, text.into())).collect();
            let record = CredentialRecord {
                id: "c".to_owned(),
                revision: Revision::new(number).unwrap(),
                name,
                enabled,
                modified_date,
                modified_by,
                documentation,
                metadata: metadata.map(as_json),
                tags,
                last_rotation_date: dates.0,
                last_decrypted_date: dates.1,
                sealed: Sealed { credential_pairs, data_key, cipher_version: Some(2) },
            };
            prop_assert_eq!(CredentialRecord::read(&record.item()).unwrap(), record);
        }

        #[test]
        fn a_service_reads_back_as_it_was_written(
            ids in btree_set("[a-z0-9]{1,8}", 0..4),
            blind in btree_set("[a-z0-9]{1,8}", 0..4),
            account in option::of(any::<String>()),
            modified_date in date(),
            enabled: bool,
        ) {
            let record = ServiceRecord {
                id: "s".to_owned(),
                revision: Revision::FIRST,
                enabled,
                modified_date,
                modified_by: "m".to_owned(),
                account,
                credentials: ids,
                blind_credentials: blind,
            };
            prop_assert_eq!(ServiceRecord::read(&record.item()).unwrap(), record);
        }

        #[test]
        fn a_blind_credential_reads_back_as_it_was_written(
            texts in [any::<String>(), any::<String>(), any::<String>()],
            number in 1..u64::MAX,
            cipher_version in option::of(any::<u64>()),
            enabled: bool,
            modified_date in date(),
            documentation in option::of(any::<String>()),
            metadata in option::of(btree_map(any::<String>(), any::<String>(), 0..4)),
            sealed in [btree_map(any::<String>(), any::<String>(), 0..4), btree_map(any::<String>(), any::<String>(), 0..4)],
            credential_keys in btree_set("[a-z_]{1,8}", 0..4),
        ) {
            let [name, modified_by, cipher_type] = texts;
            let as_json = |map: BTreeMap<String, String>| -> serde_json::Map<_, _> {
                map.into_iter().map(|(key, text)| (key, text.into())).collect()
            };
            let [credential_pairs, data_key] = sealed.map(as_json);
            let record = BlindRecord {
                id: "b".to_owned(),
                revision: Revision::new(number).unwrap(),
                name,
                enabled,
                modified_date,
                modified_by,
                documentation,
                metadata: metadata.map(as_json),
                credential_keys,
                cipher_type: Some(cipher_type),
                cipher_version,
                credential_pairs,
                data_key,
            };
            prop_assert_eq!(BlindRecord::read(&record.item()).unwrap(), record);
        }

        #[test]
        fn any_value_anywhere_is_read_or_named_as_damage(position: prop::sample::Index, value in value()) {
            for kind in ["credential", "service", "blind-credential"] {
                let whole = altered(kind, "none", None);
                let names: BTreeSet<&String> = whole.keys().collect();
                let name = (*position.get(&names.into_iter().collect::<Vec<_>>())).clone();
                let item = altered(kind, &name, Some(value.clone()));
                let damage = match kind {
                    "credential" => CredentialRecord::read(&item).err(),
                    "service" => ServiceRecord::read(&item).err(),
                    _ => BlindRecord::read(&item).err(),
                };
                if let Some(error) = damage {
                    prop_assert!(matches!(error, Error::Damaged { what, .. } if what == name), "{error}");
                }
            }
        }
    }
}
