//! Writes and their events under lost answers and crashes: together or not at all, and once.

use domain::{PrincipalKind, Verb};
use keep::contract::{Faulty as _, OrderedFault};
use keep::simulator::{Faults, MemoryTable, World};
use keep::{AuditMode, CommitError, Condition, Limits, Permit, TableError, Value};

use crate::house::{House, ask, numbered};

async fn write(house: &House, permit: &mut Permit<'_>) -> Result<(), CommitError> {
    let mut tx = permit.begin();
    // Without a condition of its own: only the event keeps it from happening twice.
    tx.update(
        &house.name,
        keep::Key::id("a"),
        "number",
        Some(Value::n(2)),
        Condition::always(),
    );
    tx.commit(None).await
}

async fn house() -> House {
    let house = House::new(AuditMode::Required).await;
    let put = keep::Action::Put {
        table: house.name.clone(),
        item: numbered("a", 1),
        condition: Condition::always(),
    };
    house.table.inner().transact(&[put]).await.unwrap();
    house
}

#[tokio::test]
async fn a_name_that_another_event_has_taken_never_passes_for_our_own() {
    let house = house().await;
    // A copied audit folder gives the names again that its original gave.
    for (number, line) in [(1, Some("somebody else's")), (2, None)] {
        let mut item = keep::Item::from([(
            "id".to_owned(),
            Value::s(format!("kw/event/server/{number}")),
        )]);
        item.extend(line.map(|line| ("event".to_owned(), Value::s(line))));
        let put = keep::Action::Put {
            table: house.name.clone(),
            item,
            condition: Condition::always(),
        };
        house.table.inner().transact(&[put]).await.unwrap();
    }
    let mut permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Update))
        .unwrap();
    for _ in 0..2 {
        assert_eq!(
            write(&house, &mut permit).await,
            Err(CommitError::Moved(vec![]))
        );
        assert_eq!(house.number("a").await, Some(1));
    }
    write(&house, &mut permit).await.unwrap();
    drop(permit);
    assert_eq!(house.number("a").await, Some(2));
    assert_eq!(house.audit.lines().len(), 1);
}

#[tokio::test]
async fn the_event_is_in_the_table_exactly_when_the_write_is() {
    const TRIES: u32 = 6;
    for dropped_replies in 0..=TRIES {
        for dropped_requests in 0..=2 * TRIES {
            let house = house().await;
            house.order(OrderedFault::DropRequest, dropped_requests);
            house.order(OrderedFault::DropReply, dropped_replies);
            let mut permit = house
                .keep
                .permit(ask(PrincipalKind::User, Verb::Update))
                .unwrap();
            let committed = write(&house, &mut permit).await;
            drop(permit);
            let told = format!(
                "{dropped_requests} requests and {dropped_replies} answers lost: {committed:?}"
            );
            let written = house.number("a").await == Some(2);
            let events = house.events_in_table().await;
            assert_eq!(events.len(), usize::from(written), "{told}");
            // An answer that says yes or no is right, and there is one event that says the same.
            let said = house.audit.told();
            let expected = match committed {
                Ok(()) => "credential.update allowed user-except-certificates",
                Err(CommitError::Table(TableError::Ambiguous(_))) => {
                    // Neither the write's tries nor those to rule it out were answered.
                    assert!(dropped_requests + dropped_replies >= 2 * TRIES, "{told}");
                    assert_eq!(said, ["credential.update failed in-doubt"], "{told}");
                    continue;
                }
                Err(_) => "credential.update failed abandoned",
            };
            assert_eq!(committed.is_ok(), written, "{told}");
            assert_eq!(said, [expected], "{told}");
        }
    }
}

#[tokio::test]
async fn a_failure_told_after_lost_requests_says_that_nothing_was_written() {
    let house = house().await;
    house.order(OrderedFault::DropRequest, 6);
    let mut permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Update))
        .unwrap();
    let failed = write(&house, &mut permit).await;
    assert!(
        matches!(failed, Err(CommitError::Table(TableError::Unavailable(_)))),
        "{failed:?}"
    );
    // Begun again, it is another try of the same operation.
    assert_eq!(write(&house, &mut permit).await, Ok(()));
    drop(permit);
    assert_eq!(
        house.audit.told(),
        ["credential.update allowed user-except-certificates"]
    );
}

#[tokio::test]
async fn a_write_that_stays_in_doubt_says_so_and_its_event_follows() {
    let house = house().await;
    // The first try is done, nothing after it is heard of; reading back fails too.
    house.order(OrderedFault::DropReply, 1);
    house.order(OrderedFault::ThrottleReads, 1_000);
    let mut permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Update))
        .unwrap();
    let answer = write(&house, &mut permit).await;
    assert!(
        matches!(answer, Err(CommitError::Table(TableError::Ambiguous(_)))),
        "{answer:?}"
    );
    drop(permit);
    assert_eq!(house.audit.told(), ["credential.update failed in-doubt"]);
    house.table.heal();
    let house = house.restarted();
    assert_eq!(house.keep.export_missing_events().await, Ok(1));
    assert_eq!(
        house.audit.told(),
        [
            "credential.update failed in-doubt",
            "credential.update allowed user-except-certificates",
        ]
    );
}

#[tokio::test]
async fn a_write_whose_caller_went_away_is_in_doubt_and_not_denied() {
    let house = house().await;
    let mut permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Update))
        .unwrap();
    // Polled once, which is up to the wait after a lost request, and then dropped.
    house.order(OrderedFault::DropRequest, 1);
    assert_eq!(
        futures_util::FutureExt::now_or_never(write(&house, &mut permit)),
        None
    );
    drop(permit);
    assert_eq!(house.audit.told(), ["credential.update failed in-doubt"]);
}

#[tokio::test]
async fn no_try_happens_after_its_failure_was_told() {
    // All requests are late; some arrive after the caller heard that nothing was written.
    let (mut failed, mut late) = (0, 0);
    for seed in 1..=300 {
        let world = World::new(
            seed,
            Faults {
                late: 600,
                drop_request: 300,
                ..Faults::none()
            },
        );
        let table = world.table(std::sync::Arc::new(MemoryTable::default()));
        let house = House::over_world(&world, &table).await;
        let mut permit = house
            .keep
            .permit(ask(PrincipalKind::User, Verb::Update))
            .unwrap();
        let answer = write(&house, &mut permit).await;
        drop(permit);
        let before = house.number("a").await;
        world.calm().await;
        let after = house.number("a").await;
        late += usize::from(world.trace().iter().any(|line| line.contains("a late")));
        match answer {
            Ok(()) => assert_eq!((before, after), (Some(2), Some(2)), "seed {seed}"),
            Err(CommitError::Table(TableError::Ambiguous(_))) => {}
            Err(_) => {
                failed += 1;
                assert_eq!(after, None, "seed {seed}: written after all");
            }
        }
        assert_eq!(
            house.events_in_table().await.len(),
            usize::from(after.is_some()),
            "seed {seed}"
        );
    }
    assert!(
        failed > 0 && late > 0,
        "{failed} failures, {late} late writes: nothing was shown"
    );
}

#[tokio::test]
async fn events_of_writes_before_a_crash_are_exported_at_the_next_start_once() {
    let house = house().await;
    let mut permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Update))
        .unwrap();
    // The crash: committed, and the line never left.
    house.audit.fail(true);
    write(&house, &mut permit).await.unwrap();
    drop(permit);
    assert_eq!(house.audit.told(), [] as [&str; 0]);
    let in_table = house.events_in_table().await;

    let house = house.restarted();
    assert_eq!(house.keep.export_missing_events().await, Ok(1));
    assert_eq!(house.audit.lines(), in_table);
    assert_eq!(house.keep.export_missing_events().await, Ok(0));
    let house = house.restarted();
    assert_eq!(house.keep.export_missing_events().await, Ok(0));
    assert_eq!(house.audit.lines(), in_table);
}

#[tokio::test]
async fn names_of_events_that_never_came_to_be_export_nothing() {
    let house = house().await;
    let mut permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Update))
        .unwrap();
    house.order(OrderedFault::DropRequest, 6);
    assert!(write(&house, &mut permit).await.is_err());
    drop(permit);
    let told = house.audit.told();
    let house = house.restarted();
    assert_eq!(house.keep.export_missing_events().await, Ok(0));
    assert_eq!(house.audit.told(), told);
}

#[tokio::test]
async fn more_missing_events_than_one_batch_are_exported() {
    let house = house().await;
    house.audit.fail(true);
    for _ in 0..250 {
        write(
            &house,
            &mut house
                .keep
                .permit(ask(PrincipalKind::User, Verb::Update))
                .unwrap(),
        )
        .await
        .unwrap();
    }
    let house = house.restarted();
    house.order(OrderedFault::PartialBatch(30), 4);
    assert_eq!(house.keep.export_missing_events().await, Ok(250));
    assert_eq!(house.audit.lines().len(), 250);
}

#[tokio::test]
async fn writes_in_flight_are_bounded_and_all_come_through() {
    let limits = Limits {
        writes_in_flight: 1,
        ..Limits::default()
    };
    let house = House::with(
        AuditMode::Required,
        limits,
        keep::simulator::MemoryAudit::new("server"),
    )
    .await;
    let clients = (0..20).map(|_| -> keep::simulator::Client<'_, ()> {
        Box::pin(async {
            let mut permit = house
                .keep
                .permit(ask(PrincipalKind::User, Verb::Update))
                .unwrap();
            write(&house, &mut permit).await.unwrap();
        })
    });
    house.world.run(clients.collect()).await;
    assert_eq!(house.audit.lines().len(), 20);
}
