//! Blind credentials: what is stored, what is refused, whose keys meet whose.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use confidant::{
    BadField, BlindFields, BlindRecord, Confidant, Conflict, CredentialFields, Error,
    NamedRevision, PageSize, ServiceFields, guard_key,
};
use domain::{Resource, Revision};
use keep::{Limits, Value};
use serde_json::{Map, json};

use crate::house::{House, fields, pairs_of, service_fields, user};
use crate::operations::settings_like;

pub(crate) fn no_blind_fields() -> BlindFields {
    BlindFields {
        name: Ok(None),
        credential_pairs: Ok(None),
        data_key: Ok(None),
        cipher_type: Ok(None),
        cipher_version: Ok(None),
        credential_keys: Ok(None),
        enabled: Ok(None),
        metadata: Ok(None),
        documentation: Ok(None),
        mentions_revision: false,
    }
}

/// Enough for a create.
pub(crate) fn blind_fields(name: &str) -> BlindFields {
    BlindFields {
        name: Ok(Some(name.to_owned())),
        ..sealed("token", &[])
    }
}

fn sealed(token: &str, keys: &[&str]) -> BlindFields {
    let by_region = |text: &str| {
        let mut map = Map::new();
        map.insert("us-east-1".to_owned(), text.into());
        Ok(Some(map))
    };
    BlindFields {
        credential_pairs: by_region(token),
        data_key: by_region("QUJD"),
        cipher_type: Ok(Some("fernet".to_owned())),
        cipher_version: Ok(Some(2)),
        credential_keys: Ok(Some(keys.iter().map(|key| (*key).to_owned()).collect())),
        ..no_blind_fields()
    }
}

impl House {
    async fn create_blind(&self, fields: BlindFields) -> BlindRecord {
        self.confidant
            .create_blind_credential(&user(), fields)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
    }

    async fn update_blind(&self, id: &str, fields: BlindFields) -> Result<BlindRecord, Error> {
        self.confidant
            .update_blind_credential(&user(), id, fields)
            .await
    }

    async fn map_blind(&self, id: &str, credentials: &[&str], blind: &[&str]) {
        let ids = |ids: &[&str]| Ok(Some(ids.iter().map(|id| (*id).to_owned()).collect()));
        let fields = ServiceFields {
            credentials: ids(credentials),
            blind_credentials: ids(blind),
            ..service_fields()
        };
        self.confidant
            .map_service(&user(), id, fields)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
    }
}

#[tokio::test]
async fn a_created_one_is_stored_as_confidant_stores_it() {
    let house = House::new().await;
    let metadata = json!({"context": {"us-east-1": {"group": "w\u{e9}b"}}});
    let created = house
        .create_blind(BlindFields {
            name: Ok(Some("b".to_owned())),
            metadata: Ok(metadata.as_object().cloned()),
            ..sealed("gAAAA", &["ssl_key", "ssl_cert"])
        })
        .await;
    let current = house.stored(&created.id).await.unwrap();
    let archived = house.stored(&format!("{}-1", created.id)).await.unwrap();
    let different: Vec<_> = current
        .iter()
        .filter(|(name, value)| archived.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(different, ["data_type", "id"]);
    assert_eq!(archived["data_type"], Value::s("archive-blind-credential"));
    assert_eq!(
        current["credential_pairs"],
        Value::s(r#"{"us-east-1": "gAAAA"}"#)
    );
    assert_eq!(current["data_key"], Value::s(r#"{"us-east-1": "QUJD"}"#));
    assert_eq!(
        current["metadata"],
        Value::s(r#"{"context": {"us-east-1": {"group": "w\u00e9b"}}}"#)
    );
    assert_eq!(current["cipher_version"], Value::n(2));
    assert_eq!(
        current["credential_keys"],
        Value::Ss(["ssl_cert".to_owned(), "ssl_key".to_owned()].into())
    );

    let bare = house.create_blind(blind_fields("bare")).await;
    let bare = house.stored(&bare.id).await.unwrap();
    for absent in ["metadata", "documentation", "credential_keys"] {
        assert!(!bare.contains_key(absent), "{absent}");
    }
}

#[tokio::test]
async fn a_name_is_taken_once_by_creates_and_only_among_blind_credentials() {
    let house = House::new().await;
    let taken = |done: Result<BlindRecord, Error>| match done {
        Err(Error::NameTaken { owner }) => owner,
        other => panic!("{other:?}"),
    };
    let create = async |name: &str| {
        house
            .confidant
            .create_blind_credential(&user(), blind_fields(name))
            .await
    };
    house.create("db", json!({"k": "v"})).await;
    let first = house.create_blind(blind_fields("db")).await;
    assert_eq!(taken(create("db").await), first.id);

    // One of an old server has no guard.
    let mut foreign = house.stored(&first.id).await.unwrap();
    foreign.insert("id".to_owned(), Value::s("f".repeat(32)));
    foreign.insert("name".to_owned(), Value::s("foreign"));
    house.put_like_old(foreign).await;
    let fresh = Confidant::new(Arc::clone(&house.keep), settings_like(&house));
    let refused = fresh
        .create_blind_credential(&user(), blind_fields("foreign"))
        .await;
    assert_eq!(taken(refused), "f".repeat(32));

    // An update does not ask, as in Confidant; what it leaves is free.
    let renamed = house
        .update_blind(
            &first.id,
            BlindFields {
                name: Ok(Some("other".to_owned())),
                ..no_blind_fields()
            },
        )
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(renamed.name, "other");
    let second = create("db").await.unwrap_or_else(|e| panic!("{e}"));
    assert_ne!(second.id, first.id);
    assert_eq!(taken(create("other").await), first.id);
}

#[tokio::test]
async fn an_update_replaces_what_is_given_and_keeps_the_rest() {
    let house = House::new().await;
    let first = house
        .create_blind(BlindFields {
            name: Ok(Some("b".to_owned())),
            documentation: Ok(Some(Some("d".to_owned()))),
            ..sealed("one", &["k"])
        })
        .await;
    assert_eq!(first.metadata, None);
    house.clock.advance(Duration::from_secs(1));

    let update = async |fields| {
        house
            .update_blind(&first.id, fields)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
    };
    let second = update(BlindFields {
        enabled: Ok(Some(false)),
        ..no_blind_fields()
    })
    .await;
    let expected = BlindRecord {
        revision: second.revision,
        modified_date: second.modified_date,
        enabled: false,
        metadata: Some(Map::new()),
        ..first.clone()
    };
    assert_eq!(second, expected);
    assert_eq!(second.revision.number(), 2);
    assert!(second.modified_date > first.modified_date);

    // New pairs without keys have none.
    let third = update(BlindFields {
        credential_keys: Ok(None),
        documentation: Ok(Some(None)),
        ..sealed("two", &[])
    })
    .await;
    assert!(third.credential_keys.is_empty());
    assert_eq!(third.credential_pairs["us-east-1"], "two");
    assert_eq!(third.documentation, None);
    // Keys without pairs are nothing.
    let fourth = update(BlindFields {
        credential_keys: Ok(Some(["x".to_owned()].into())),
        ..no_blind_fields()
    })
    .await;
    assert!(fourth.credential_keys.is_empty());
    assert_eq!(
        fourth,
        BlindRecord::read(&house.stored(&first.id).await.unwrap()).unwrap()
    );
    for revision in 1..=4 {
        assert!(
            house
                .stored(&format!("{}-{revision}", first.id))
                .await
                .is_some()
        );
    }
}

#[tokio::test]
async fn what_is_no_current_blind_credential_is_not_updated() {
    let house = House::new().await;
    let credential = house.create("c", json!({"k": "v"})).await;
    let blind = house.create_blind(blind_fields("b")).await.id;
    for id in [credential, format!("{blind}-1")] {
        let refused = house.update_blind(&id, no_blind_fields()).await;
        assert!(
            matches!(&refused, Err(Error::NotABlindCredential(named)) if *named == id),
            "{refused:?}"
        );
    }
    for id in ["nowhere", "kw/name/x", ""] {
        let refused = house.update_blind(id, no_blind_fields()).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    }
}

#[tokio::test]
async fn only_blind_credentials_and_their_old_revisions_are_read() {
    let house = House::new().await;
    let credential = house.create("c", json!({"k": "v"})).await;
    house.map_blind("svc", &[], &[]).await;
    let blind = house.create_blind(blind_fields("b")).await;
    let read = async |id: &str| house.confidant.read_blind_credential(&user(), id).await;
    assert_eq!(read(&blind.id).await.unwrap(), blind);
    let old = read(&format!("{}-1", blind.id)).await.unwrap();
    assert_eq!(old.id, format!("{}-1", blind.id));
    let guard = match guard_key(confidant::Named::BlindCredential, "b").hash.1 {
        Value::S(id) => id,
        other => panic!("{other:?}"),
    };
    for id in [credential.as_str(), "svc", "svc-1", "nowhere", &guard, ""] {
        assert!(matches!(read(id).await, Err(Error::NotFound)), "{id}");
    }
}

#[tokio::test]
async fn the_list_begins_with_the_oldest_change() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for name in ["z", "a", "m"] {
        ids.push(house.create_blind(blind_fields(name)).await.id);
        house.clock.advance(Duration::from_secs(1));
    }
    house
        .update_blind(&ids[0], no_blind_fields())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let listed = house
        .confidant
        .list_blind_credentials(&user())
        .await
        .unwrap();
    let names: Vec<_> = listed.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["a", "m", "z"]);
}

#[rstest::rstest]
#[case::data_key(BlindFields { data_key: Ok(None), ..sealed("x", &[]) }, BadField::DataKeyNeeded)]
#[case::type_(BlindFields { cipher_type: Ok(None), ..sealed("x", &[]) }, BadField::CipherTypeNeeded)]
#[case::version(BlindFields { cipher_version: Ok(None), ..sealed("x", &[]) }, BadField::CipherVersionNeeded)]
#[case::all_three(
    BlindFields { credential_pairs: sealed("x", &[]).credential_pairs, ..no_blind_fields() },
    BadField::DataKeyNeeded
)]
#[case::missing_before_bad(
    BlindFields { credential_keys: Err(BadField::KeysNotList), cipher_type: Ok(None), ..sealed("x", &[]) },
    BadField::CipherTypeNeeded
)]
#[case::keys_before_key(
    BlindFields {
        credential_keys: Err(BadField::KeysNotList),
        data_key: Err(BadField::DataKeyNotObject),
        ..sealed("x", &[])
    },
    BadField::KeysNotList
)]
#[case::enabled_first(
    BlindFields {
        enabled: Err(BadField::EnabledNotBoolean),
        metadata: Err(BadField::MetadataNotObject),
        data_key: Ok(None),
        ..sealed("x", &[])
    },
    BadField::EnabledNotBoolean
)]
#[tokio::test]
async fn the_checks_of_an_update_come_in_the_old_order(
    #[case] fields: BlindFields,
    #[case] expected: BadField,
) {
    let house = House::new().await;
    let id = house.create_blind(blind_fields("b")).await.id;
    let refused = house.update_blind(&id, fields).await;
    assert!(
        matches!(refused, Err(Error::BadField(fault)) if fault == expected),
        "{refused:?}"
    );
    assert!(house.stored(&format!("{id}-2")).await.is_none());
}

#[tokio::test]
async fn a_new_one_that_lacks_fields_is_told_all_of_them() {
    let house = House::with(
        |settings| settings.enforce_documentation = true,
        Limits::default(),
    )
    .await;
    let create = async |fields| {
        house
            .confidant
            .create_blind_credential(&user(), fields)
            .await
    };
    match create(no_blind_fields()).await {
        Err(Error::FieldsMissing(names)) => assert_eq!(
            names,
            [
                "cipher_version",
                "cipher_type",
                "credential_pairs",
                "data_key",
                "documentation"
            ]
        ),
        other => panic!("{other:?}"),
    }
    let blank = BlindFields {
        documentation: Ok(Some(Some(String::new()))),
        ..blind_fields("b")
    };
    match create(blank).await {
        Err(Error::FieldsMissing(names)) => assert_eq!(names, ["documentation"]),
        other => panic!("{other:?}"),
    }
    let documented = BlindFields {
        documentation: Ok(Some(Some("d".to_owned()))),
        ..blind_fields("b")
    };
    let id = create(documented)
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .id;
    let undocumented = || BlindFields {
        documentation: Ok(Some(None)),
        ..no_blind_fields()
    };
    let refused = house.update_blind(&id, undocumented()).await;
    assert!(
        matches!(
            refused,
            Err(Error::BadField(BadField::DocumentationRequired))
        ),
        "{refused:?}"
    );
    let excused = BlindFields {
        mentions_revision: true,
        ..undocumented()
    };
    assert!(house.update_blind(&id, excused).await.is_ok());
}

#[tokio::test]
async fn keys_that_others_hold_in_a_common_service_are_refused_with_both_kinds_named() {
    let house = House::new().await;
    let credential = house.create("c", json!({"k1": "v"})).await;
    let other = house
        .create_blind(BlindFields {
            name: Ok(Some("o".to_owned())),
            ..sealed("x", &["k2"])
        })
        .await
        .id;
    let id = house
        .create_blind(BlindFields {
            name: Ok(Some("b".to_owned())),
            ..sealed("x", &["k3"])
        })
        .await
        .id;
    // Two services, since in one the two others could not share a key.
    house.map_blind("one", &[&credential], &[&id]).await;
    house.map_blind("two", &[], &[&other, &id]).await;
    house.map_blind("apart", &[], &[&other]).await;

    let set =
        |ids: &[&str]| -> BTreeSet<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
    match house
        .update_blind(&id, sealed("y", &["k1", "k2", "k4"]))
        .await
    {
        Err(Error::UpdateConflicts(found)) => {
            let expected = [
                (
                    "k1".to_owned(),
                    Conflict {
                        credentials: set(&[&credential]),
                        blind_credentials: set(&[]),
                        services: set(&["one"]),
                    },
                ),
                (
                    "k2".to_owned(),
                    Conflict {
                        credentials: set(&[]),
                        blind_credentials: set(&[&other]),
                        services: set(&["two"]),
                    },
                ),
            ];
            assert_eq!(found, expected.into());
        }
        unexpected => panic!("{unexpected:?}"),
    }
    // One key with both kinds: the old server fell over it.
    let both = CredentialFields {
        pairs: pairs_of(json!({"k2": "v"})),
        ..fields()
    };
    house
        .confidant
        .update_credential(&user(), &credential, both)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    match house.update_blind(&id, sealed("y", &["k2"])).await {
        Err(Error::UpdateConflicts(found)) => {
            let expected = Conflict {
                credentials: set(&[&credential]),
                blind_credentials: set(&[&other]),
                services: set(&["one", "two"]),
            };
            assert_eq!(found, [("k2".to_owned(), expected)].into());
        }
        unexpected => panic!("{unexpected:?}"),
    }
    // Its own keys are no conflict, and without new pairs nobody asks.
    for fields in [sealed("y", &["k3"]), no_blind_fields()] {
        house
            .update_blind(&id, fields)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
    }
    // The other way round.
    let pairs = CredentialFields {
        pairs: pairs_of(json!({"k3": "v"})),
        ..fields()
    };
    match house
        .confidant
        .update_credential(&user(), &credential, pairs)
        .await
        .err()
    {
        Some(Error::UpdateConflicts(found)) => {
            assert_eq!(found["k3"].blind_credentials, set(&[&id]));
        }
        unexpected => panic!("{unexpected:?}"),
    }
}

#[tokio::test]
async fn conflicts_can_be_ignored() {
    let house = House::with(
        |settings| settings.ignore_conflicts = true,
        Limits::default(),
    )
    .await;
    let credential = house.create("c", json!({"k": "v"})).await;
    let id = house.create_blind(blind_fields("b")).await.id;
    house.map_blind("svc", &[&credential], &[&id]).await;
    assert!(house.update_blind(&id, sealed("y", &["k"])).await.is_ok());
}

fn number(number: u64) -> NamedRevision {
    NamedRevision::Number(Revision::new(number).unwrap())
}

/// A blind credential with three revisions: `one` with key k1, `two` with k2, renamed and disabled.
async fn three_revisions(house: &House) -> [BlindRecord; 3] {
    let first = house
        .create_blind(BlindFields {
            name: Ok(Some("b".to_owned())),
            documentation: Ok(Some(Some("d".to_owned()))),
            ..sealed("one", &["k1"])
        })
        .await;
    house.clock.advance(Duration::from_secs(1));
    let update = async |fields| {
        house
            .update_blind(&first.id, fields)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
    };
    let second = update(BlindFields {
        metadata: Ok(json!({"m": "v"}).as_object().cloned()),
        ..sealed("two", &["k2"])
    })
    .await;
    house.clock.advance(Duration::from_secs(1));
    let third = update(BlindFields {
        name: Ok(Some("c".to_owned())),
        enabled: Ok(Some(false)),
        documentation: Ok(Some(None)),
        ..no_blind_fields()
    })
    .await;
    [first, second, third]
}

impl House {
    async fn revert_blind(&self, id: &str, to: NamedRevision) -> Result<BlindRecord, Error> {
        self.confidant
            .revert_blind_credential(&user(), id, to)
            .await
    }
}

#[tokio::test]
async fn revisions_are_told_as_they_were_newest_first() {
    let house = House::new().await;
    let revisions = three_revisions(&house).await;
    let id = &revisions[0].id;
    let told = house.confidant.blind_revisions(&user(), id).await.unwrap();
    let expected: Vec<_> = revisions
        .iter()
        .rev()
        .map(|record| BlindRecord {
            id: format!("{id}-{}", record.revision),
            ..record.clone()
        })
        .collect();
    assert_eq!(told, expected);
    // A revision has no history; other things are not there.
    let old = house
        .confidant
        .blind_revisions(&user(), &format!("{id}-1"))
        .await;
    assert!(old.unwrap().is_empty());
    let credential = house.create("c", json!({"k": "v"})).await;
    for id in [credential.as_str(), "nowhere", ""] {
        let missing = house.confidant.blind_revisions(&user(), id).await;
        assert!(matches!(missing, Err(Error::NotFound)), "{id}");
    }
}

#[tokio::test]
async fn the_history_of_all_comes_in_pages_newest_first() {
    let house = House::with(
        |settings| settings.history_page_limit = Some(2),
        Limits::default(),
    )
    .await;
    let [first, ..] = three_revisions(&house).await;
    house.create("c", json!({"k": "v"})).await;
    let list = async |size, start| {
        house
            .confidant
            .list_blind_history(&user(), size, Ok(start))
            .await
            .unwrap_or_else(|e| panic!("{e}"))
    };
    let numbers = |page: &[BlindRecord]| -> Vec<String> {
        page.iter().map(|record| record.id.clone()).collect()
    };
    let id = |number: u64| format!("{}-{number}", first.id);
    let page = list(PageSize::Configured, None).await;
    assert_eq!(numbers(&page.page), [id(3), id(2)]);
    let rest = list(PageSize::Configured, page.next).await;
    assert_eq!(numbers(&rest.page), [id(1)]);
    let all = list(PageSize::All, None).await;
    assert_eq!(numbers(&all.page), [id(3), id(2), id(1)]);
    assert!(all.next.is_none());
}

#[tokio::test]
async fn going_back_writes_all_of_an_old_revision_anew() {
    let house = House::new().await;
    let [first, second, third] = three_revisions(&house).await;
    house.clock.advance(Duration::from_secs(1));
    let back = house
        .revert_blind(&first.id, number(1))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let expected = BlindRecord {
        revision: back.revision,
        modified_date: back.modified_date,
        metadata: Some(Map::new()),
        ..first.clone()
    };
    assert_eq!(back, expected);
    assert_eq!(back.revision.number(), 4);
    assert!(back.modified_date > third.modified_date);
    let stored = house.stored(&format!("{}-4", first.id)).await.unwrap();
    assert_eq!(stored["data_type"], Value::s("archive-blind-credential"));
    assert_eq!(stored["metadata"], Value::s("{}"));

    // `None` is the one before.
    let again = house
        .revert_blind(&first.id, NamedRevision::Previous)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((again.name.as_str(), again.enabled), ("c", false));
    assert_eq!(again.credential_pairs, second.credential_pairs);
}

#[tokio::test]
async fn going_back_to_what_is_there_or_to_what_is_none_is_refused() {
    let house = House::new().await;
    let [first, ..] = three_revisions(&house).await;
    let id = first.id.as_str();
    for to in [number(3), number(1)] {
        // The second time it is what is there; so is revision 3 before anything.
        if to == number(1) {
            assert!(house.revert_blind(id, to).await.is_ok());
        }
        let refused = house.revert_blind(id, to).await;
        assert!(
            matches!(refused, Err(Error::NoDifference(Resource::BlindCredential))),
            "{refused:?}"
        );
    }
    for to in [number(99), NamedRevision::NoSuch] {
        let refused = house.revert_blind(id, to).await;
        assert!(matches!(refused, Err(Error::NoSuchRevision)), "{refused:?}");
    }
    let refused = house.revert_blind("nowhere", number(1)).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    let credential = house.create("c", json!({"k": "v"})).await;
    for other in [credential, format!("{id}-1")] {
        let refused = house.revert_blind(&other, number(1)).await;
        assert!(
            matches!(&refused, Err(Error::NotABlindCredential(named)) if *named == other),
            "{refused:?}"
        );
    }
    // A service may have the id of a revision.
    house.map_blind(&format!("{id}-77"), &[], &[]).await;
    let refused = house.revert_blind(id, number(77)).await;
    assert!(
        matches!(refused, Err(Error::NotABlindRevision(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn going_back_minds_the_keys_of_others() {
    let house = House::new().await;
    let [first, ..] = three_revisions(&house).await;
    let credential = house.create("c", json!({"k1": "v"})).await;
    house.map_blind("svc", &[&credential], &[&first.id]).await;
    match house.revert_blind(&first.id, number(1)).await {
        Err(Error::UpdateConflicts(found)) => {
            assert_eq!(found["k1"].credentials, [credential].into());
            assert_eq!(found["k1"].services, ["svc".to_owned()].into());
        }
        other => panic!("{other:?}"),
    }
    assert!(house.revert_blind(&first.id, number(2)).await.is_ok());
}

#[tokio::test]
async fn the_services_that_map_one_begin_with_the_oldest_change() {
    let house = House::new().await;
    let id = house.create_blind(blind_fields("b")).await.id;
    for service in ["z", "a", "m"] {
        house.map_blind(service, &[], &[&id]).await;
        house.clock.advance(Duration::from_secs(1));
    }
    house.map_blind("m", &[], &[]).await;
    // Mapped as what it is not.
    house.map_blind("other", &[&id], &[]).await;
    let services = async |id: &str| -> Vec<String> {
        house
            .confidant
            .services_of_blind_credential(&user(), id)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
            .into_iter()
            .map(|service| service.id)
            .collect()
    };
    assert_eq!(services(&id).await, ["z", "a"]);
    assert!(services("nowhere").await.is_empty());
}
