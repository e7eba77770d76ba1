//! One operation, one event.

use domain::{Outcome, PrincipalKind, Revision, Target, Verb};
use keep::contract::OrderedFault;
use keep::{AuditMode, AuditUnavailable, CommitError, Condition, Key, TableError, Value};

use crate::house::{House, ask, at, numbered};

const USER: PrincipalKind = PrincipalKind::User;

#[tokio::test]
async fn a_read_is_one_event_that_says_who_what_and_which() {
    let house = House::new(AuditMode::Required).await;
    let permit = house.keep.permit(ask(USER, Verb::Read)).unwrap();
    assert_eq!(house.audit.lines(), [] as [&str; 0]);
    permit.read(Some(Revision::FIRST)).unwrap();
    let event: serde_json::Value = serde_json::from_str(&house.audit.lines().concat()).unwrap();
    let expected = serde_json::json!({
        "id": "server.1", "at": event["at"], "request": "07070707070707070707070707070707",
        "login": "client-key", "kind": "user", "who": "ann", "account": null,
        "action": "credential.read", "target": "c1", "revision": 1,
        "outcome": Outcome::Allowed.word(), "rule": "user-except-certificates",
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn a_mark_is_tried_once_under_its_condition_and_leaves_the_operation_its_one_event() {
    let house = House::new(AuditMode::Required).await;
    let mut write = house.keep.permit(ask(USER, Verb::Create)).unwrap();
    let mut tx = write.begin();
    tx.put(&house.name, numbered("a", 1), Condition::new_item("id"));
    tx.commit(None).await.unwrap();
    drop(write);

    let permit = house.keep.permit(ask(USER, Verb::Read)).unwrap();
    let mark = async |id, number| {
        let date = Value::s("today");
        let key = Key::id(id);
        permit
            .mark(&house.name, key, "read", date, at(number))
            .await
    };
    mark("a", 1).await.unwrap();
    for (id, number) in [("a", 2), ("absent", 1)] {
        let moved = mark(id, number).await;
        assert!(matches!(moved, Err(TableError::ConditionFailed(_))), "{id}");
    }
    house.order(OrderedFault::ThrottleWrites, 1);
    assert_eq!(mark("a", 1).await, Err(TableError::Throttled));
    permit.read(None).unwrap();

    let marked = house.item(&Key::id("a")).await.unwrap();
    assert_eq!(
        (&marked["read"], &marked["number"]),
        (&Value::s("today"), &Value::n(1))
    );
    assert_eq!(house.item(&Key::id("absent")).await, None);
    assert_eq!(house.audit.told().len(), 2);
}

#[tokio::test]
async fn a_failed_and_a_dropped_operation_are_one_event_each() {
    let house = House::new(AuditMode::Required).await;
    house
        .keep
        .permit(ask(USER, Verb::Read))
        .unwrap()
        .failed("not-found");
    drop(house.keep.permit(ask(USER, Verb::Read)).unwrap());
    assert_eq!(
        house.audit.told(),
        [
            "credential.read failed not-found",
            "credential.read failed abandoned"
        ]
    );
}

#[tokio::test]
async fn a_refusal_is_one_event_and_names_nobody_elses_rule() {
    let house = House::new(AuditMode::Required).await;
    let Err(refused) = house.keep.permit(ask(PrincipalKind::Service, Verb::Read)) else {
        panic!("allowed")
    };
    assert_eq!(house.audit.told(), ["credential.read refused no-rule"]);
    assert!(!refused.decision.allowed);
    assert_eq!(refused.to_string(), "ann may not credential.read");
}

#[tokio::test]
async fn a_committed_write_is_one_event_in_the_table_and_in_the_log() {
    let house = House::new(AuditMode::Required).await;
    let mut permit = house.keep.permit(ask(USER, Verb::Create)).unwrap();
    let mut tx = permit.begin();
    tx.put(&house.name, numbered("a", 1), Condition::new_item("id"));
    tx.target(Target::one("made-later"));
    tx.commit(Some(Revision::FIRST)).await.unwrap();
    drop(permit);
    assert_eq!(
        house.audit.told(),
        ["credential.create allowed user-except-certificates"]
    );
    assert_eq!(house.events_in_table().await, house.audit.lines());
    assert!(
        house
            .audit
            .lines()
            .concat()
            .contains(r#""target":"made-later","revision":1"#)
    );
}

#[tokio::test]
async fn a_write_that_moved_and_was_begun_again_is_one_event() {
    let house = House::new(AuditMode::Required).await;
    let mut permit = house.keep.permit(ask(USER, Verb::Update)).unwrap();
    let mut tx = permit.begin();
    tx.put(&house.name, numbered("a", 1), Condition::new_item("id"));
    tx.put(&house.name, numbered("b", 2), at(1));
    assert_eq!(tx.commit(None).await, Err(CommitError::Moved(vec![1])));
    assert_eq!(house.number("a").await, None);
    assert_eq!(house.events_in_table().await, [] as [&str; 0]);

    let mut tx = permit.begin();
    tx.put(&house.name, numbered("a", 1), Condition::new_item("id"));
    tx.commit(None).await.unwrap();
    drop(permit);
    assert_eq!(
        house.audit.told(),
        ["credential.update allowed user-except-certificates"]
    );
    assert_eq!(house.events_in_table().await, house.audit.lines());
}

#[tokio::test]
async fn a_write_that_never_came_to_be_is_one_failed_event() {
    let house = House::new(AuditMode::Required).await;
    let mut permit = house.keep.permit(ask(USER, Verb::Update)).unwrap();
    let mut tx = permit.begin();
    tx.put(&house.name, numbered("a", 1), at(5));
    assert_eq!(tx.commit(None).await, Err(CommitError::Moved(vec![0])));
    permit.failed("too-busy");
    let mut permit = house.keep.permit(ask(USER, Verb::Update)).unwrap();
    let mut tx = permit.begin();
    tx.put(&house.name, numbered("", 1), Condition::always());
    let refused = tx.commit(None).await;
    assert!(
        matches!(refused, Err(CommitError::Table(TableError::Invalid(_)))),
        "{refused:?}"
    );
    drop(permit);
    assert_eq!(
        house.audit.told(),
        [
            "credential.update failed too-busy",
            "credential.update failed abandoned"
        ]
    );
}

#[tokio::test]
async fn an_operation_that_has_its_event_gets_no_second_one() {
    let house = House::new(AuditMode::Required).await;
    let mut permit = house.keep.permit(ask(USER, Verb::Update)).unwrap();
    let mut tx = permit.begin();
    tx.put(&house.name, numbered("a", 1), Condition::always());
    tx.commit(None).await.unwrap();
    let mut again = permit.begin();
    again.put(&house.name, numbered("a", 2), Condition::always());
    let refused = again.commit(None).await;
    assert!(
        matches!(refused, Err(CommitError::Table(TableError::Invalid(_)))),
        "{refused:?}"
    );
    permit.read(None).unwrap();
    assert_eq!(house.audit.lines().len(), 1);
    assert_eq!(house.number("a").await, Some(1));
}

#[tokio::test]
async fn when_events_must_be_recorded_a_read_that_cannot_be_is_refused() {
    let house = House::new(AuditMode::Required).await;
    house.audit.fail(true);
    let refused = house.keep.permit(ask(USER, Verb::Read)).unwrap().read(None);
    assert_eq!(refused, Err(AuditUnavailable("told to fail".to_owned())));
    house.audit.fail(false);
    assert_eq!(house.audit.lines(), [] as [&str; 0]);
}

#[tokio::test]
async fn on_best_effort_a_read_that_cannot_be_recorded_is_answered() {
    let house = House::new(AuditMode::BestEffort).await;
    house.audit.fail(true);
    assert_eq!(
        house.keep.permit(ask(USER, Verb::Read)).unwrap().read(None),
        Ok(())
    );
}

#[tokio::test]
async fn a_refusal_stays_one_when_it_cannot_be_recorded() {
    let house = House::new(AuditMode::BestEffort).await;
    house.audit.fail(true);
    assert!(
        house
            .keep
            .permit(ask(PrincipalKind::Service, Verb::Read))
            .is_err()
    );
}

#[tokio::test]
async fn an_event_shows_names_and_no_value() {
    let house = House::new(AuditMode::Required).await;
    let mut permit = house.keep.permit(ask(USER, Verb::Create)).unwrap();
    let mut tx = permit.begin();
    let mut item = numbered("a", 1);
    item.insert("value".to_owned(), Value::s("hunter2"));
    tx.put(&house.name, item, Condition::always());
    tx.commit(None).await.unwrap();
    assert!(!house.audit.lines().concat().contains("hunter2"));
    assert!(!house.world.trace().concat().contains("hunter2"));
}

#[tokio::test]
async fn refused_logins_are_one_line_of_a_source() {
    let house = House::new(AuditMode::Required).await;
    let since = house.keep.clock().now();
    house.keep.record_refused_logins("10.0.0.1", 7, since);
    let line: serde_json::Value = serde_json::from_str(&house.audit.lines().concat()).unwrap();
    assert_eq!(
        (line["source"].as_str(), line["refused_logins"].as_u64()),
        (Some("10.0.0.1"), Some(7))
    );
}
