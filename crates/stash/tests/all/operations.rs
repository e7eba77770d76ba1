//! Put, newest, list; and that each is decided and recorded.

use std::sync::Arc;

use domain::PrincipalKind;
use keep::simulator::{Faults, MemoryAudit, World};
use keep::{Action, Condition, Table, TableName};
use stash::{Error, Record, SecretName, Stash, Version};

use crate::house::{caller, keep, make_tables, names, sealed, sqlite};

struct House {
    stash: Stash,
    audit: Arc<MemoryAudit>,
    table: Arc<dyn Table>,
    name: TableName,
    _place: tempfile::TempDir,
}

async fn house() -> House {
    let (table, place) = sqlite();
    let world = World::new(1, Faults::none());
    let (name, own) = names(1);
    make_tables(&*table, &(name.clone(), own.clone())).await;
    let (keep, audit) = keep(&world, &table, &own, "server");
    House {
        stash: Stash::new(keep, name.clone()),
        audit,
        table,
        name,
        _place: place,
    }
}

impl House {
    /// As an old program does, without asking anybody.
    async fn old_put(&self, name: &SecretName, version: &str) {
        let record = Record {
            name: name.clone(),
            version: Version::stored(version),
            sealed: sealed("old"),
        };
        let put = Action::Put {
            table: self.name.clone(),
            item: record.item(),
            condition: Condition::always(),
        };
        self.table.transact(&[put]).await.unwrap();
    }
}

fn db() -> SecretName {
    "db.prod".parse().unwrap()
}

#[tokio::test]
async fn versions_count_up_and_the_newest_is_read() {
    let house = house().await;
    let user = caller(PrincipalKind::User);
    for number in 1..=12 {
        let version = house
            .stash
            .put(&user, &db(), sealed(&format!("contents {number}")))
            .await
            .unwrap();
        assert_eq!(version.as_str(), format!("{number:019}"));
        let newest = house.stash.newest(&user, &db()).await.unwrap();
        assert_eq!(
            (newest.version, newest.sealed),
            (version, sealed(&format!("contents {number}")))
        );
    }
    let other: SecretName = "db.prod2".parse().unwrap();
    assert_eq!(
        house.stash.put(&user, &other, sealed("x")).await.unwrap(),
        Version::of(1)
    );
}

#[tokio::test]
async fn counting_goes_on_after_an_old_programs_version_and_stops_where_it_would_be_hidden() {
    let house = house().await;
    let user = caller(PrincipalKind::User);
    house.old_put(&db(), "0000000000000000041").await;
    assert_eq!(
        house.stash.put(&user, &db(), sealed("x")).await.unwrap(),
        Version::of(42)
    );
    // Never padded, as credstash before 1.8 wrote them: greater than all that are.
    house.old_put(&db(), "2").await;
    let refused = house.stash.put(&user, &db(), sealed("y")).await;
    assert!(
        matches!(refused, Err(Error::NoNextVersion { .. })),
        "{refused:?}"
    );
    assert_eq!(
        house.stash.newest(&user, &db()).await.unwrap().version,
        Version::stored("2")
    );
}

#[tokio::test]
async fn a_list_has_every_version_over_pages_of_one_megabyte() {
    let house = house().await;
    let user = caller(PrincipalKind::User);
    assert_eq!(house.stash.list(&user).await.unwrap(), []);
    for _ in 0..4 {
        house
            .stash
            .put(&user, &db(), sealed(&"x".repeat(390_000)))
            .await
            .unwrap();
    }
    let mut remarked = sealed("x");
    remarked.comment = Some("for the shop".to_owned());
    house
        .stash
        .put(&user, &"api".parse().unwrap(), remarked)
        .await
        .unwrap();
    let listed = house.stash.list(&user).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.version.number(),
                one.comment.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("api", Some(1), Some("for the shop")),
            ("db.prod", Some(1), None),
            ("db.prod", Some(2), None),
            ("db.prod", Some(3), None),
            ("db.prod", Some(4), None),
        ]
    );
}

#[tokio::test]
async fn every_operation_is_one_event_done_failed_or_refused() {
    let house = house().await;
    let (user, service) = (caller(PrincipalKind::User), caller(PrincipalKind::Service));
    assert!(matches!(
        house.stash.newest(&user, &db()).await,
        Err(Error::NotFound(_))
    ));
    house.stash.put(&user, &db(), sealed("x")).await.unwrap();
    house.stash.newest(&user, &db()).await.unwrap();
    house.stash.list(&user).await.unwrap();
    let too_large = house
        .stash
        .put(&user, &db(), sealed(&"x".repeat(500_000)))
        .await;
    assert!(
        matches!(too_large, Err(Error::Table(keep::TableError::Limit(_)))),
        "{too_large:?}"
    );
    for refused in [
        house
            .stash
            .put(&service, &db(), sealed("x"))
            .await
            .map(drop),
        house.stash.newest(&service, &db()).await.map(drop),
        house.stash.list(&service).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
    assert_eq!(
        house.audit.told(),
        [
            "stash.read failed not-found",
            "stash.create allowed user-except-certificates",
            "stash.read allowed user-except-certificates",
            "stash.list allowed user-except-certificates",
            "stash.create failed table",
            "stash.create refused no-rule",
            "stash.read refused no-rule",
            "stash.list refused no-rule",
        ]
    );
}

#[tokio::test]
async fn when_events_must_be_recorded_nothing_is_read_without() {
    let house = house().await;
    let user = caller(PrincipalKind::User);
    house.stash.put(&user, &db(), sealed("x")).await.unwrap();
    house.audit.fail(true);
    assert!(matches!(
        house.stash.newest(&user, &db()).await,
        Err(Error::Audit(_))
    ));
    assert!(matches!(
        house.stash.list(&user).await,
        Err(Error::Audit(_))
    ));
}
