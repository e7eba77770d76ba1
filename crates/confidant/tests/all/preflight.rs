//! What a preflight says of a table: items of the real Confidant, whole and with one thing wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use confidant::Encryption;
use confidant::preflight::{
    Counted, Finding, OldForm, Opening, Pace, Preflight, Verdict, clash, survey,
};
use keep::{
    Action, BatchGot, Consistency, Item, Items, Key, KeyError, KeyService, MasterKey, Page, Query,
    Scan, Schema, Table, TableError, TableName, Unwrapped, Value,
};
use rstest::rstest;
use seal::{DataKey, EncryptionContext, WrappedKey};
use serde_json::json;

use crate::house::{House, item_of, recorded};

const CREDENTIAL: &str = "380092081fbe4f679bdd7db5ac23cd1b";
const BLIND: &str = "0057aee0bf3c45e1994d68ea68aa5bcd";
const SERVICE: &str = "svc-b";

/// The recorded items of one credential, one blind credential and one service that maps both, each
/// with its copy in the history.
fn clean() -> Vec<Item> {
    let wanted = [CREDENTIAL, BLIND, SERVICE];
    let mut items: Vec<Item> = recorded()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| item_of(&entry["item"]))
        .filter(|item| wanted.contains(&id_of(item).trim_end_matches("-1")))
        .collect();
    assert_eq!(items.len(), 6, "the vectors changed");
    for item in &mut items {
        if id_of(item).starts_with(SERVICE) {
            item.insert("credentials".to_owned(), set(&[CREDENTIAL]));
            item.insert("blind_credentials".to_owned(), set(&[BLIND]));
        }
    }
    items
}

fn id_of(item: &Item) -> &str {
    item["id"].as_s().unwrap()
}

fn set(texts: &[&str]) -> Value {
    Value::Ss(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn judged(items: &[Item]) -> Verdict {
    let mut preflight = Preflight::new(Encryption::Fernet);
    for item in items {
        preflight.see(item);
    }
    preflight.verdict()
}

/// Items of the clean world, with `name` of the item `id` put or, with `None`, taken away.
fn with(id: &str, name: &str, value: Option<Value>) -> Vec<Item> {
    let mut items = clean();
    let item = items.iter_mut().find(|item| id_of(item) == id).unwrap();
    match value {
        Some(value) => item.insert(name.to_owned(), value),
        None => item.remove(name),
    };
    items
}

fn without(id: &str) -> Vec<Item> {
    let mut items = clean();
    items.retain(|item| id_of(item) != id);
    items
}

/// The clean world, and the item `id` once more as `new` with these attributes.
fn and_copy(id: &str, new: &str, attributes: &[(&str, Value)]) -> Vec<Item> {
    let mut items = clean();
    let mut copy = items.iter().find(|item| id_of(item) == id).unwrap().clone();
    copy.insert("id".to_owned(), Value::s(new));
    for (name, value) in attributes {
        copy.insert((*name).to_owned(), value.clone());
    }
    items.push(copy);
    items
}

#[test]
fn what_the_real_confidant_wrote_has_no_findings() {
    let one = Counted {
        current: 1,
        archived: 1,
    };
    let expected = Verdict {
        credentials: one,
        blind_credentials: one,
        services: one,
        ..Verdict::default()
    };
    assert_eq!(judged(&clean()), expected);
}

#[test]
fn a_table_with_holes_is_told_hole_by_hole() {
    let items: Vec<Item> = recorded()["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["table"] == "main")
        .map(|entry| item_of(&entry["item"]))
        .collect();
    let not_archived = |id: &str, revision| Finding::NotArchived {
        id: id.to_owned(),
        revision,
    };
    let alone = |id: &str| Finding::ArchivedAlone {
        id: id.to_owned(),
        archived: vec![1],
    };
    let dangling = |service: &str, blind, missing: &str| Finding::Dangling {
        service: service.to_owned(),
        blind,
        missing: vec![missing.to_owned()],
    };
    let expected = vec![
        not_archived("11003f7f77bc4f798e1d319366ac3ae0", 3),
        not_archived("620e7ccbccb24644b4917c1164ca17d2", 1),
        not_archived("s-160f1c", 5),
        alone("4611198d835a4b93be875b8becdde59a"),
        alone("4ebe9aa4bc0447719cf8f83029402e37"),
        dangling("s-160f1c", false, "6a42d554e7624ef4a054040d47def4ab"),
        dangling("svc-b", false, "f58bce451f014a20863d5a45269b831c"),
        dangling("svc-b", true, "1b030b74323b4739b31451bfc9471498"),
    ];
    assert_eq!(judged(&items).findings, expected);
}

fn id() -> String {
    CREDENTIAL.to_owned()
}

#[rstest]
#[case::a_date_in_another_form(
    with(CREDENTIAL, "modified_date", Some(Value::s("2026-11-22"))),
    Finding::Unreadable { id: id(), attribute: "modified_date" }
)]
#[case::no_name(
    with(CREDENTIAL, "name", None),
    Finding::Unreadable { id: id(), attribute: "name" }
)]
#[case::another_cipher(
    with(CREDENTIAL, "cipher_version", Some(Value::n(1))),
    Finding::Unreadable { id: id(), attribute: "cipher_version" }
)]
#[case::metadata_that_is_no_json(
    with(BLIND, "metadata", Some(Value::s("{"))),
    Finding::Unreadable { id: BLIND.to_owned(), attribute: "metadata" }
)]
#[case::a_copy_whose_id_names_another_revision(
    with(&format!("{SERVICE}-1"), "revision", Some(Value::n(2))),
    Finding::Unreadable { id: format!("{SERVICE}-1"), attribute: "id" }
)]
#[case::stored_in_the_clear(
    with(CREDENTIAL, "credential_pairs", Some(Value::s("DANGER_NOT_ENCRYPTED_e30="))),
    Finding::OtherwiseSealed { id: id() }
)]
#[case::copies_above_the_current_revision(
    and_copy(&format!("{CREDENTIAL}-1"), &format!("{CREDENTIAL}-2"), &[("revision", Value::n(2))]),
    Finding::ArchivedAhead { id: id(), current: 1, archived: vec![2] }
)]
#[case::a_copy_of_nothing(
    and_copy(&format!("{SERVICE}-1"), "gone-with-dashes-1", &[]),
    Finding::ArchivedAlone { id: "gone-with-dashes".to_owned(), archived: vec![1] }
)]
#[case::no_copy(
    without(&format!("{SERVICE}-1")),
    Finding::NotArchived { id: SERVICE.to_owned(), revision: 1 }
)]
#[case::a_copy_of_another_write(
    with(&format!("{CREDENTIAL}-1"), "modified_by", Some(Value::s("somebody else"))),
    Finding::Overwritten { id: id(), revision: 1 }
)]
#[case::mapped_and_not_there(
    with(SERVICE, "credentials", Some(set(&[CREDENTIAL, "no-such-id"]))),
    Finding::Dangling { service: SERVICE.to_owned(), blind: false, missing: vec!["no-such-id".to_owned()] }
)]
#[case::mapped_as_the_wrong_kind(
    with(SERVICE, "credentials", Some(set(&[BLIND]))),
    Finding::Dangling { service: SERVICE.to_owned(), blind: false, missing: vec![BLIND.to_owned()] }
)]
#[case::documentation_none(
    with(CREDENTIAL, "documentation", Some(Value::s("None"))),
    Finding::DocumentedAsNone { id: id() }
)]
fn each_thing_wrong_is_told(#[case] items: Vec<Item>, #[case] expected: Finding) {
    let findings = judged(&items).findings;
    assert!(findings.contains(&expected), "{findings:?}");
    let beside: Vec<_> = findings
        .iter()
        .filter(|finding| **finding != expected)
        // A changed item differs from its copy, or has none that counts.
        .filter(|finding| {
            !matches!(
                finding,
                Finding::Overwritten { .. } | Finding::NotArchived { .. }
            )
        })
        .collect();
    assert!(beside.is_empty(), "{beside:?}");
}

#[test]
fn a_name_on_two_current_credentials_is_told_once() {
    let mut items = and_copy(CREDENTIAL, "another", &[]);
    let mut archived = items[0].clone();
    archived.clone_from(
        items
            .iter()
            .find(|item| id_of(item) == format!("{CREDENTIAL}-1"))
            .unwrap(),
    );
    archived.insert("id".to_owned(), Value::s("another-1"));
    items.push(archived);
    assert_eq!(
        judged(&items).findings,
        [Finding::DuplicateName {
            name: "nullmeta".to_owned(),
            ids: vec![id(), "another".to_owned()],
        }]
    );
}

/// A change to an attribute of one item.
type Change = fn(&mut Item);

#[rstest]
#[case::number(CREDENTIAL, |item: &mut Item| drop(item.insert("enabled".to_owned(), Value::n(0))), OldForm::NumberBoolean)]
#[case::quotes(
    SERVICE,
    |item: &mut Item| drop(item.insert("credentials".to_owned(), set(&["\"380092081fbe4f679bdd7db5ac23cd1b\""]))),
    OldForm::QuotedSet
)]
#[case::tags(CREDENTIAL, |item: &mut Item| drop(item.remove("tags")), OldForm::NoTags)]
#[case::null(BLIND, |item: &mut Item| drop(item.insert("documentation".to_owned(), Value::Null)), OldForm::NullAttribute)]
#[case::unknown(
    BLIND,
    |item: &mut Item| drop(item.insert("owner".to_owned(), Value::s("team"))),
    OldForm::UnknownAttribute
)]
#[case::raw_key(
    CREDENTIAL,
    |item: &mut Item| {
        let Value::B(text) = &item["data_key"] else { panic!("bytes") };
        let raw = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
        item.insert("data_key".to_owned(), Value::B(raw));
    },
    OldForm::RawDataKey
)]
fn an_older_layout_is_counted_and_is_no_finding(
    #[case] id: &str,
    #[case] change: Change,
    #[case] form: OldForm,
) {
    let current = Counted {
        current: 1,
        archived: 0,
    };
    let both = Counted {
        current: 1,
        archived: 1,
    };
    // The current item alone, and its copy too: in both cases they say the same.
    for (ids, counted) in [
        (vec![id.to_owned()], current),
        (vec![id.to_owned(), format!("{id}-1")], both),
    ] {
        let mut items = clean();
        for item in items
            .iter_mut()
            .filter(|item| ids.contains(&id_of(item).to_owned()))
        {
            change(item);
        }
        let verdict = judged(&items);
        assert_eq!(verdict.findings, []);
        assert_eq!(verdict.old_forms, [(form, counted)].into());
    }
}

#[test]
fn items_of_other_kinds_and_our_own_are_counted_and_left_alone() {
    let mut items = clean();
    items.push(Item::from([
        ("id".to_owned(), Value::s("lock")),
        ("data_type".to_owned(), Value::s("terraform-lock")),
    ]));
    items.push(Item::from([("id".to_owned(), Value::s("no kind"))]));
    items.push(Item::from([("id".to_owned(), Value::s("kw/name/00"))]));
    let verdict = judged(&items);
    assert_eq!(verdict.findings, []);
    assert_eq!(
        verdict.foreign,
        [("terraform-lock".to_owned(), 1), (String::new(), 1)].into()
    );
    assert_eq!(verdict.own, 1);
}

#[test]
fn an_unreadable_item_is_told_once_and_not_as_missing_too() {
    let verdict = judged(&with(CREDENTIAL, "revision", Some(Value::n(0))));
    assert_eq!(
        verdict.findings,
        [Finding::Unreadable {
            id: id(),
            attribute: "revision"
        }]
    );
}

/// A table of which every write is a failure of the test, and whose scan may be older than its
/// consistent reads.
struct ReadOnly {
    inner: Arc<dyn Table>,
    scanned: Option<Vec<Item>>,
}

#[async_trait::async_trait]
impl Table for ReadOnly {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        panic!("makes {schema:?}")
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.inner.get(table, key, consistency).await
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        assert_eq!(consistency, Consistency::Strong, "the second look");
        self.inner.batch_get(table, keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.inner.query(query).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        match &self.scanned {
            Some(items) => Ok(Page {
                items: items.clone(),
                next: None,
            }),
            None => self.inner.scan(scan).await,
        }
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        panic!("writes {actions:?}")
    }
}

async fn surveyed(
    house: &House,
    scanned: Option<Vec<Item>>,
    opening: Option<Opening<'_>>,
    pace: Pace,
) -> Result<Verdict, confidant::Error> {
    let table = ReadOnly {
        inner: Arc::clone(&house.table),
        scanned,
    };
    let items = Items::new(&table, &*house.clock, &local::SystemRandom);
    survey(
        (items, &*house.clock),
        (&house.name, Encryption::Fernet),
        pace,
        opening,
        |_| (),
    )
    .await
}

#[tokio::test]
async fn a_survey_reads_every_page_and_writes_nothing() {
    let house = House::new().await;
    for item in clean() {
        house.put_like_old(item).await;
    }
    for number in 0..120 {
        let copy = and_copy(SERVICE, &format!("s{number}"), &[]).pop().unwrap();
        house.put_like_old(copy).await;
    }
    let paced = surveyed(&house, None, None, Pace(Some(1))).await.unwrap();
    assert_eq!(paced.services.current, 121);
    assert_eq!(paced.findings.len(), 120, "none has its copy");
    let unpaced = surveyed(&house, None, None, Pace(None)).await.unwrap();
    assert_eq!(paced, unpaced);
}

#[tokio::test]
async fn what_a_write_changed_under_the_scan_is_no_finding() {
    let house = House::new().await;
    let scanned = clean();
    for mut item in clean() {
        // By the time of the second look everything is at revision 2.
        let archived = id_of(&item).ends_with("-1");
        if archived {
            house.put_like_old(item.clone()).await;
            let base = id_of(&item).trim_end_matches("-1").to_owned();
            item.insert("id".to_owned(), Value::S(format!("{base}-2")));
        }
        item.insert("revision".to_owned(), Value::n(2));
        house.put_like_old(item).await;
    }
    // The scan saw one copy of revision 2 already, and of one current item no copy at all.
    let mut early: Vec<Item> = scanned
        .into_iter()
        .filter(|item| id_of(item) != format!("{SERVICE}-1"))
        .collect();
    early.push(house.stored(&format!("{CREDENTIAL}-2")).await.unwrap());
    assert_eq!(judged(&early).findings.len(), 2);
    let verdict = surveyed(&house, Some(early), None, Pace(None))
        .await
        .unwrap();
    assert_eq!(verdict.findings, []);
}

#[tokio::test]
async fn what_was_deleted_under_the_scan_is_no_finding() {
    let house = House::new().await;
    for item in clean() {
        house.put_like_old(item).await;
    }
    let mut scanned = clean();
    scanned.retain(|item| id_of(item) != CREDENTIAL);
    scanned.push(and_copy(SERVICE, "short-lived", &[]).pop().unwrap());
    assert_eq!(judged(&scanned).findings.len(), 4);
    let verdict = surveyed(&house, Some(scanned), None, Pace(None))
        .await
        .unwrap();
    assert_eq!(verdict.findings, []);
}

#[tokio::test]
async fn opened_values_tell_escapes_and_shared_keys_and_no_value() {
    let house = House::new().await;
    let escaped = house
        .create(
            "escaped",
            json!({"url": "a&#34;b", "port": 1, "plain": "x"}),
        )
        .await;
    let other = house
        .create("other", json!({"url": "https://x/?a&b"}))
        .await;
    let mut service = clean()
        .into_iter()
        .find(|item| id_of(item) == SERVICE)
        .unwrap();
    service.insert("credentials".to_owned(), set(&[&escaped, &other]));
    service.remove("blind_credentials");
    house.put_like_old(service.clone()).await;
    service.insert("id".to_owned(), Value::S(format!("{SERVICE}-1")));
    service.insert("data_type".to_owned(), Value::s("archive-service"));
    house.put_like_old(service).await;

    let keys = &*house.keys;
    let verdict = surveyed(&house, None, Some(Opening { keys }), Pace(None))
        .await
        .unwrap();
    let holders: BTreeSet<String> = [escaped.clone(), other].into();
    assert_eq!(
        verdict.findings,
        [
            Finding::SharedKey {
                service: SERVICE.to_owned(),
                key: "url".to_owned(),
                ids: holders.into_iter().collect(),
            },
            Finding::LooksEscaped {
                id: escaped,
                keys: vec!["url".to_owned()],
            },
        ]
    );
    assert!(!format!("{verdict:?}").contains("&#34;"));
    let unopened = surveyed(&house, None, None, Pace(None)).await.unwrap();
    assert_eq!(unopened.findings, []);
}

#[tokio::test]
async fn a_value_that_does_not_open_is_a_finding_with_its_attribute() {
    let house = House::new().await;
    let id = house.create("db", json!({"k": "v"})).await;
    for stored in [id.clone(), format!("{id}-1")] {
        let mut item = house.stored(&stored).await.unwrap();
        item.insert("data_key".to_owned(), Value::B(b"AAAA".to_vec()));
        house.put_like_old(item).await;
    }
    let keys = &*house.keys;
    let verdict = surveyed(&house, None, Some(Opening { keys }), Pace(None))
        .await
        .unwrap();
    assert!(
        matches!(&verdict.findings[..], [Finding::DoesNotOpen { id: told, attribute: "data_key", .. }] if *told == id),
        "{:?}",
        verdict.findings
    );
}

/// A key service that lets nobody in.
struct Forbidden;

#[async_trait::async_trait]
impl KeyService for Forbidden {
    async fn generate(
        &self,
        _: &str,
        _: usize,
        _: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        panic!("a preflight makes no key")
    }

    async fn wrap(
        &self,
        _: &str,
        _: &DataKey,
        _: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        panic!("a preflight wraps nothing")
    }

    async fn unwrap(&self, _: &WrappedKey, _: &EncryptionContext) -> Result<Unwrapped, KeyError> {
        Err(KeyError::Denied("kms:Decrypt".into()))
    }

    async fn random(&self, _: usize) -> Result<DataKey, KeyError> {
        panic!("a preflight draws nothing")
    }

    async fn describe(&self, _: &str) -> Result<MasterKey, KeyError> {
        panic!("a preflight looks at no master key")
    }
}

#[tokio::test]
async fn a_missing_right_to_open_stops_the_survey_and_is_no_finding() {
    let house = House::new().await;
    house.create("db", json!({"k": "v"})).await;
    let keys = &Forbidden;
    let refused = surveyed(&house, None, Some(Opening { keys }), Pace(None)).await;
    assert!(
        matches!(&refused, Err(confidant::Error::Key(KeyError::Denied(action))) if action.as_str() == "kms:Decrypt"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_current_item_is_compared_with_the_newest_of_its_history() {
    let house = House::new().await;
    for item in clean() {
        house.put_like_old(item).await;
    }
    let compared = async |id: &str| {
        let items = Items::new(&*house.table, &*house.clock, &local::SystemRandom);
        clash(items, &house.name, id).await.unwrap()
    };
    for id in [CREDENTIAL, BLIND, SERVICE] {
        assert_eq!(compared(id).await, None, "{id}");
    }

    // Another write of the same number, as two old servers at once make it.
    let copy = |name, value| with(&format!("{CREDENTIAL}-1"), name, Some(value));
    for item in copy("name", Value::s("theirs")) {
        house.put_like_old(item).await;
    }
    let told = compared(CREDENTIAL).await.unwrap();
    assert_eq!(told.differing, ["name"]);
    assert_eq!(told.history.unwrap().revision, 1);

    // A write that stands in the history alone.
    let ahead = [("revision", Value::n(2)), ("account", Value::s("other"))];
    let ahead = and_copy(&format!("{SERVICE}-1"), &format!("{SERVICE}-2"), &ahead);
    house.put_like_old(ahead.last().unwrap().clone()).await;
    let told = compared(SERVICE).await.unwrap();
    assert_eq!(
        (told.current.revision, told.history.unwrap().revision),
        (1, 2)
    );
    assert_eq!(told.differing, ["account", "revision"]);

    // No copy at all.
    let alone = and_copy(SERVICE, "alone", &[]);
    house.put_like_old(alone.last().unwrap().clone()).await;
    let told = compared("alone").await.unwrap();
    assert_eq!((told.kind.as_str(), told.history), ("service", None));
}

#[rstest]
#[case::nothing("no-such-id")]
#[case::a_copy_in_the_history("svc-b-1")]
#[case::one_of_our_own("kw/name/00")]
#[tokio::test]
async fn what_is_no_current_item_is_not_compared(#[case] id: &str) {
    let house = House::new().await;
    for item in clean() {
        house.put_like_old(item).await;
    }
    let items = Items::new(&*house.table, &*house.clock, &local::SystemRandom);
    let told = clash(items, &house.name, id).await;
    assert!(matches!(told, Err(confidant::Error::NotFound)), "{told:?}");
}
