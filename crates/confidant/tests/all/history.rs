//! Histories of credentials and services: lists, revisions of one, differences, and going back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use confidant::{
    BadField, Credential, CredentialFields, CredentialRecord, Encryption, Error, NamedRevision,
    PageSize, ServiceFields, ServiceRecord,
};
use domain::{Resource, Revision};
use keep::{Action, Condition, Key, Limits, PageStart, Value};
use serde_json::json;

use crate::house::{House, fields, pairs_of, service_fields, user};

fn number(number: u64) -> NamedRevision {
    NamedRevision::Number(Revision::new(number).unwrap())
}

fn numbers(revisions: &[Credential]) -> Vec<u64> {
    revisions
        .iter()
        .map(|credential| credential.record.revision.number())
        .collect()
}

/// What only these tests need of a house.
impl House {
    async fn update(&self, id: &str, changed: CredentialFields) -> CredentialRecord {
        self.clock.advance(Duration::from_secs(1));
        self.confidant
            .update_credential(&user(), id, changed)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
            .record
    }

    async fn new_values(&self, id: &str, value: &str) -> CredentialRecord {
        let changed = CredentialFields {
            pairs: pairs_of(json!({ "k": value })),
            ..fields()
        };
        self.update(id, changed).await
    }

    async fn rename(&self, id: &str, name: &str) -> CredentialRecord {
        let changed = CredentialFields {
            name: Ok(Some(name.to_owned())),
            ..fields()
        };
        self.update(id, changed).await
    }

    async fn revert(&self, id: &str, to: NamedRevision) -> Result<CredentialRecord, Error> {
        self.clock.advance(Duration::from_secs(1));
        let reverted = self.confidant.revert_credential(&user(), id, to).await?;
        assert!(reverted.pairs.is_none());
        Ok(reverted.record)
    }

    async fn revert_service(&self, id: &str, to: NamedRevision) -> Result<ServiceRecord, Error> {
        self.clock.advance(Duration::from_secs(1));
        let reverted = self.confidant.revert_service(&user(), id, to).await?;
        Ok(reverted.record)
    }

    async fn remove(&self, id: &str) {
        let delete = Action::Delete {
            table: self.name.clone(),
            key: Key::id(id),
            condition: Condition::always(),
        };
        self.table.transact(&[delete]).await.unwrap();
    }

    async fn alter(&self, id: &str, attribute: &str, value: Value) {
        let mut item = self.stored(id).await.unwrap();
        item.insert(attribute.to_owned(), value);
        self.put_like_old(item).await;
    }
}

#[tokio::test]
async fn a_long_history_is_read_in_the_order_of_its_numbers_without_gaps_and_strangers() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "v"})).await;
    let first = house.stored(&format!("{id}-1")).await.unwrap();
    for number in (2..=250).filter(|number| number % 7 != 0) {
        let mut item = first.clone();
        item.insert("id".to_owned(), Value::s(format!("{id}-{number}")));
        item.insert("revision".to_owned(), Value::n(number));
        house.put_like_old(item).await;
    }
    house.alter(&id, "revision", Value::n(240)).await;
    // Something else that only looks like a part of the history.
    house
        .alter(&format!("{id}-3"), "data_type", Value::s("service"))
        .await;

    let revisions = house
        .confidant
        .credential_revisions(&user(), &id)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let expected: Vec<u64> = (1..=240)
        .filter(|number| number % 7 != 0 && *number != 3)
        .collect();
    assert_eq!(numbers(&revisions), expected);
    assert!(revisions.iter().all(|old| old.pairs.is_none()));
    assert_eq!(revisions[0].record.id, format!("{id}-1"));

    let of_archived = house
        .confidant
        .credential_revisions(&user(), &format!("{id}-1"))
        .await;
    assert!(of_archived.unwrap_or_else(|e| panic!("{e}")).is_empty());
    house.map("svc", &[]).await;
    for other in ["svc", "nope", "kw/event/x/1"] {
        let missing = house.confidant.credential_revisions(&user(), other).await;
        assert!(matches!(missing.err(), Some(Error::NotFound)), "{other}");
    }
    let missing = house.confidant.service_revisions(&user(), &id).await;
    assert!(matches!(missing.err(), Some(Error::NotFound)));
}

#[tokio::test]
async fn a_number_that_no_history_reaches_is_damage_and_not_an_endless_search() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "v"})).await;
    house.alter(&id, "revision", Value::n(u64::MAX)).await;
    let damaged = |error: Option<Error>| {
        matches!(
            error,
            Some(Error::Damaged {
                what: "revision",
                ..
            })
        )
    };
    let revisions = house.confidant.credential_revisions(&user(), &id).await;
    assert!(damaged(revisions.err()));
    assert!(damaged(
        house.revert(&id, NamedRevision::Previous).await.err()
    ));
}

#[tokio::test]
async fn history_lists_have_the_newest_of_all_on_each_page_sorted_by_name() {
    let house = House::with(
        |settings| settings.history_page_limit = Some(3),
        Limits::default(),
    )
    .await;
    for name in ["b", "A", "c"] {
        house.clock.advance(Duration::from_secs(1));
        let id = house.create(name, json!({"k": "1"})).await;
        house.new_values(&id, "2").await;
    }
    let list = async |size, start| {
        house
            .confidant
            .list_credential_history(&user(), size, Ok(start))
            .await
    };
    let told = |page: &[Credential]| -> Vec<String> {
        page.iter()
            .map(|old| format!("{}{}", old.record.name, old.record.revision))
            .collect()
    };
    let first = list(PageSize::Configured, None)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    // c2 c1 A2 are the newest; of one name the newest stays first.
    assert_eq!(told(&first.page), ["A2", "c2", "c1"]);
    let rest = list(PageSize::Configured, first.next.clone()).await;
    assert_eq!(
        told(&rest.unwrap_or_else(|e| panic!("{e}")).page),
        ["A1", "b2", "b1"]
    );
    let rest = list(PageSize::All, first.next)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((rest.page.len(), rest.next), (3, None));
    let all = list(PageSize::All, None)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(told(&all.page), ["A2", "A1", "b2", "b1", "c2", "c1"]);
    let two = list(PageSize::AtMost(2), None)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(told(&two.page), ["c2", "c1"]);
    let none = list(PageSize::AtMost(0), None)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((none.page.len(), none.next), (0, None));

    let current = house
        .confidant
        .list_credentials(&user(), Some(1), Ok(None))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let of_another_list = list(PageSize::All, current.next).await;
    assert!(matches!(
        of_another_list.err(),
        Some(Error::BadField(BadField::BadPage))
    ));
    let no_key = list(PageSize::AtMost(0), Some(PageStart([].into()))).await;
    assert!(matches!(
        no_key.err(),
        Some(Error::BadField(BadField::BadPage))
    ));

    for service in ["Z", "a"] {
        house.map(service, &[]).await;
    }
    let services = house
        .confidant
        .list_service_history(&user(), PageSize::Configured, Ok(None))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let ids: Vec<_> = services.page.iter().map(|old| old.id.as_str()).collect();
    assert_eq!(ids, ["a-1", "Z-1"]);
}

#[tokio::test]
async fn a_revert_is_a_new_revision_with_the_old_ciphertext_and_its_dates() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "old"})).await;
    let first = CredentialRecord::read(&house.stored(&id).await.unwrap()).unwrap();
    let changed = CredentialFields {
        pairs: pairs_of(json!({"k": "new"})),
        documentation: Ok(Some("why".to_owned())),
        tags: Ok(Some(vec!["T".to_owned()])),
        enabled: Ok(Some(false)),
        ..fields()
    };
    let second = house.update(&id, changed).await;
    let date = Value::S(second.modified_date.stored());
    house
        .alter(&format!("{id}-1"), "last_decrypted_date", date)
        .await;

    let reverted = house
        .revert(&id, number(1))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(reverted.revision.number(), 3);
    assert_eq!(reverted.sealed, first.sealed);
    assert_eq!(reverted.last_rotation_date, first.last_rotation_date);
    assert_eq!(reverted.last_decrypted_date, None);
    assert_eq!(
        (reverted.documentation.clone(), reverted.tags.len()),
        (None, 0)
    );
    assert!(reverted.enabled && reverted.modified_date > second.modified_date);
    assert_eq!(
        reverted.metadata,
        Some(serde_json::Map::new()),
        "absent reads as none"
    );
    let stored = CredentialRecord::read(&house.stored(&id).await.unwrap()).unwrap();
    assert_eq!(stored, reverted);
    let mut archived =
        CredentialRecord::read(&house.stored(&format!("{id}-3")).await.unwrap()).unwrap();
    archived.id.clone_from(&id);
    assert_eq!(archived, reverted);

    let same = house.revert(&id, number(1)).await.err();
    assert!(matches!(
        same,
        Some(Error::NoDifference(Resource::Credential))
    ));
    let previous = house.revert(&id, NamedRevision::Previous).await;
    assert_eq!(
        previous.unwrap_or_else(|e| panic!("{e}")).sealed,
        second.sealed
    );
}

#[tokio::test]
async fn the_previous_revision_is_looked_for_below_any_gap() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "old"})).await;
    house.new_values(&id, "new").await;
    house.alter(&id, "revision", Value::n(60)).await;
    house.remove(&format!("{id}-2")).await;
    let reverted = house.revert(&id, NamedRevision::Previous).await;
    assert_eq!(
        reverted.unwrap_or_else(|e| panic!("{e}")).revision.number(),
        61
    );
    house.map("svc", &[]).await;
    let first = house
        .revert_service("svc", NamedRevision::Previous)
        .await
        .err();
    assert!(matches!(first, Some(Error::NoSuchRevision)));
}

#[tokio::test]
async fn what_is_not_there_or_something_else_is_not_gone_back_to() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "v"})).await;
    house.map("x", &[]).await;
    house.map("x-1-7", &[]).await;
    let missing = house.revert("nope", number(1)).await.err();
    assert!(matches!(missing, Some(Error::NotFound)));
    for none in [number(9), NamedRevision::NoSuch] {
        let missing = house.revert(&id, none).await.err();
        assert!(matches!(missing, Some(Error::NoSuchRevision)), "{none:?}");
        let missing = house.revert_service("x", none).await.err();
        assert!(matches!(missing, Some(Error::NoSuchRevision)), "{none:?}");
    }
    for other in ["x".to_owned(), format!("{id}-1")] {
        let other = house.revert(&other, number(1)).await.err();
        assert!(matches!(other, Some(Error::NotACredential(_))));
    }
    for other in [id.as_str(), "x-1"] {
        let other = house.revert_service(other, number(1)).await.err();
        assert!(matches!(other, Some(Error::NotAService(_))));
    }
    // A service whose id is that of a revision.
    house.map("y-1", &[]).await;
    house.map("y", &[]).await;
    let other = house.revert_service("y", number(1)).await.err();
    assert!(matches!(other, Some(Error::NotAService(_))));
    let other = house
        .confidant
        .diff_service(&user(), "y", number(1), number(2))
        .await
        .err();
    assert!(matches!(other, Some(Error::NotAService(_))));
}

#[tokio::test]
async fn a_revert_takes_its_name_like_every_write() {
    let house = House::new().await;
    let id = house.create("a", json!({"k": "1"})).await;
    house.rename(&id, "b").await;
    let other = house.create("a", json!({"k": "2"})).await;
    let taken = house.revert(&id, number(1)).await.err();
    assert!(matches!(taken, Some(Error::NameTaken { owner }) if owner == other));
    house.rename(&other, "c").await;
    let reverted = house.revert(&id, number(1)).await;
    assert_eq!(reverted.unwrap_or_else(|e| panic!("{e}")).name, "a");
    let again = CredentialFields {
        name: Ok(Some("a".to_owned())),
        pairs: pairs_of(json!({"k": "3"})),
        ..fields()
    };
    let taken = house
        .confidant
        .create_credential(&user(), again)
        .await
        .err();
    assert!(matches!(taken, Some(Error::NameTaken { owner }) if owner == id));
    house.create("b", json!({"k": "4"})).await;
}

#[tokio::test]
async fn keys_that_conflict_meanwhile_are_not_gone_back_to() {
    for ignored in [false, true] {
        let house = House::with(
            |settings| settings.ignore_conflicts = ignored,
            Limits::default(),
        )
        .await;
        let id = house.create("a", json!({"x": "1"})).await;
        house.new_values(&id, "2").await;
        let other = house.create("b", json!({"x": "3"})).await;
        house.map("svc", &[&id]).await;
        house.map("svc", &[&id, &other]).await;
        let reverted = house.revert(&id, number(1)).await.err();
        let refused =
            matches!(&reverted, Some(Error::UpdateConflicts(found)) if found.contains_key("x"));
        assert_eq!(refused, !ignored, "{reverted:?}");

        // The other way round: both had their keys, and one of them is not mapped any more.
        let alone = house.create("c", json!({"k": "4"})).await;
        house.map("pair", &[&alone]).await;
        house.map("pair", &[]).await;
        let both = house.create("d", json!({"y": "5"})).await;
        house.map("pair", &[&alone, &both]).await;
        house.map("pair", &[]).await;
        let changed = CredentialFields {
            pairs: pairs_of(json!({"k": "6"})),
            ..fields()
        };
        house.update(&both, changed).await;
        let reverted = house.revert_service("pair", number(3)).await.err();
        let refused =
            matches!(&reverted, Some(Error::MappingConflicts(found)) if found.contains_key("k"));
        assert_eq!(refused, !ignored, "{reverted:?}");
    }
}

#[tokio::test]
async fn going_back_mends_a_damaged_credential_and_never_makes_one() {
    let house = House::new().await;
    let id = house.create("a", json!({"k": "1"})).await;
    house.update(&id, fields()).await;
    house
        .alter(&id, "credential_pairs", Value::s("gAAAAA"))
        .await;
    house
        .revert(&id, number(1))
        .await
        .unwrap_or_else(|e| panic!("{e}"));

    house.new_values(&id, "2").await;
    house
        .alter(&format!("{id}-1"), "data_key", Value::B(b"AAAA".to_vec()))
        .await;
    let before = house.stored(&id).await;
    let damaged = house.revert(&id, number(1)).await.err();
    assert!(matches!(
        damaged,
        Some(Error::Damaged {
            what: "data_key",
            ..
        })
    ));
    assert_eq!(house.stored(&id).await, before);
}

#[rstest::rstest]
#[case::nested(r#"{"a": {"b": 1}}"#, BadField::PairNotScalar)]
#[case::blank(r#"{"a b": 1}"#, BadField::PairKeyWhitespace)]
#[tokio::test]
async fn pairs_that_would_not_be_taken_today_are_not_gone_back_to(
    #[case] pairs: &str,
    #[case] expected: BadField,
) {
    let house = House::with(
        |settings| settings.encryption = Encryption::DangerNone,
        Limits::default(),
    )
    .await;
    let id = house.create("a", json!({"k": "1"})).await;
    house.new_values(&id, "2").await;
    let stored = Value::S(STANDARD.encode(pairs));
    house
        .alter(&format!("{id}-1"), "credential_pairs", stored)
        .await;
    let refused = house.revert(&id, number(1)).await.err();
    assert!(matches!(refused, Some(Error::BadField(fault)) if fault == expected));
}

#[tokio::test]
async fn a_service_goes_back_without_what_is_not_there_any_more() {
    let house = House::new().await;
    let (a, b) = (
        house.create("a", json!({"x": "1"})).await,
        house.create("b", json!({"y": "1"})).await,
    );
    let disabled = ServiceFields {
        credentials: Ok(Some(vec![a.clone(), b.clone()])),
        blind_credentials: Ok(Some(vec!["unknown".to_owned()])),
        enabled: Ok(Some(false)),
        account: Ok(Some("sandbox".to_owned())),
    };
    house
        .confidant
        .map_service(&user(), "svc", disabled)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house.map("svc", &[]).await;
    house.remove(&b).await;
    let reverted = house
        .revert_service("svc", number(1))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(reverted.revision.number(), 3);
    assert_eq!(reverted.credentials, [a.clone()].into());
    assert_eq!(reverted.blind_credentials, ["unknown".to_owned()].into());
    assert_eq!(reverted.account.as_deref(), Some("sandbox"));
    assert!(!reverted.enabled);
    assert_eq!(
        ServiceRecord::read(&house.stored("svc").await.unwrap()).unwrap(),
        reverted
    );

    // Only whether it is enabled differs, which makes no difference.
    let enabled = ServiceFields {
        credentials: Ok(Some(vec![a])),
        blind_credentials: Ok(Some(vec!["unknown".to_owned()])),
        enabled: Ok(Some(true)),
        account: Ok(Some("sandbox".to_owned())),
    };
    house
        .confidant
        .map_service(&user(), "svc", enabled)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let same = house.revert_service("svc", number(1)).await.err();
    assert!(matches!(same, Some(Error::NoDifference(Resource::Service))));
}

#[tokio::test]
async fn a_difference_names_the_missing_side() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "1"})).await;
    house.new_values(&id, "2").await;
    house.map("svc", &[&id]).await;
    let diff = async |one, other| {
        house
            .confidant
            .diff_credential(&user(), &id, one, other)
            .await
    };
    let found = diff(number(2), number(1))
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .unwrap();
    assert_eq!(
        found.credential_pairs.unwrap().added,
        ["k".to_owned()].into()
    );
    assert!(found.last_rotation_date.is_some() && found.name.is_none());
    assert!(matches!(
        diff(number(9), number(1)).await.err(),
        Some(Error::NotFound)
    ));
    for none in [number(9), NamedRevision::NoSuch, NamedRevision::Previous] {
        assert!(matches!(
            diff(number(1), none).await.err(),
            Some(Error::NoSuchRevision)
        ));
    }
    // One with itself opens nothing.
    house
        .alter(&format!("{id}-1"), "credential_pairs", Value::s("gAAAAA"))
        .await;
    assert!(matches!(diff(number(1), number(1)).await, Ok(None)));
    let damaged = diff(number(1), number(2)).await.err();
    assert!(matches!(
        damaged,
        Some(Error::Damaged {
            what: "credential_pairs",
            ..
        })
    ));
    let missing = house
        .confidant
        .diff_service(&user(), "svc", number(1), number(2))
        .await
        .err();
    assert!(matches!(missing, Some(Error::NoSuchRevision)));
}

#[tokio::test]
async fn services_of_a_credential_are_told_by_age_as_they_are_now() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "1"})).await;
    for service in ["one", "two", "three"] {
        house.clock.advance(Duration::from_secs(1));
        house.map(service, &[&id]).await;
    }
    house.clock.advance(Duration::from_secs(1));
    house.map("one", &[&id]).await;
    house.map("two", &[]).await;
    let services = async |id: &str| -> Vec<String> {
        let found = house.confidant.services_of_credential(&user(), id).await;
        let found = found.unwrap_or_else(|e| panic!("{e}"));
        found.into_iter().map(|service| service.id).collect()
    };
    assert_eq!(services(&id).await, ["three", "one"]);
    assert!(services("nope").await.is_empty());
    let unmapped = ServiceFields {
        credentials: Ok(Some(Vec::new())),
        ..service_fields()
    };
    house
        .confidant
        .map_service(&user(), "three", unmapped)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house
        .revert_service("two", number(1))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(services(&id).await, ["one", "two"]);
}
