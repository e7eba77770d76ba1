//! Laws of a table whose peer fails, for adapters whose tests can order that.

use std::sync::Arc;

use domain::{Action, LoginMethod, Principal, PrincipalKind, Resource, Rules, Target, Verb};

use crate::contract::Ground;
use crate::contract::ground::{Layout, Rows, numbered};
use crate::simulator::{MemoryAudit, MemoryKeys, SimClock, SimRandom};
use crate::{
    Ask, AuditMode, Clause, CommitError, Condition, Consistency, Items, Keep, Key, Limits, Order,
    Ports, Table, TableError, Value,
};

/// A table that fails as ordered.
pub trait Faulty: Send + Sync {
    /// The table.
    fn table(&self) -> Arc<dyn Table>;

    /// Strikes the next `times` calls that `fault` is about. Further orders come after it.
    fn order(&self, fault: OrderedFault, times: u32);

    /// Takes back what has not struck yet.
    fn heal(&self);
}

/// What goes wrong, at the other end of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderedFault {
    /// Reads of every kind are throttled.
    ThrottleReads,
    /// Writes of every kind are throttled.
    ThrottleWrites,
    /// A batch read looks at so many of its keys.
    PartialBatch(usize),
    /// A write is done and its answer is lost.
    DropReply,
    /// A write is lost on the way.
    DropRequest,
}

/// One adapter with faults under one law.
pub struct FaultyGround {
    faulty: Arc<dyn Faulty>,
    ground: Ground,
}

impl FaultyGround {
    /// The ground for `law`.
    pub fn new(faulty: Arc<dyn Faulty>, law: &'static str) -> Self {
        Self {
            ground: Ground::new(faulty.table(), law),
            faulty,
        }
    }
}

/// More than any adapter tries by itself.
const ALWAYS: u32 = 1_000;

/// `Throttled` from the table when it goes on; an answer from [`Items`] when it passes.
pub async fn a_throttled_read_says_so_and_is_done_by_asking_again(ground: FaultyGround) {
    let FaultyGround { faulty, ground } = ground;
    let rows = ground.rows(Layout::Plain).await;
    rows.put(numbered("a", 1)).await;
    let key = Key::id("a");

    faulty.order(OrderedFault::ThrottleReads, ALWAYS);
    let got = rows.table.get(&rows.name, &key, Consistency::Strong).await;
    let batch = rows
        .table
        .batch_get(&rows.name, std::slice::from_ref(&key), Consistency::Strong)
        .await;
    let query = rows
        .table
        .query(&rows.query(None, ("id", "a"), Order::Ascending))
        .await;
    let scan = rows.table.scan(&rows.scan()).await;
    faulty.heal();
    assert_eq!(got, Err(TableError::Throttled));
    assert_eq!(batch, Err(TableError::Throttled));
    assert_eq!(query, Err(TableError::Throttled));
    assert_eq!(scan, Err(TableError::Throttled));

    faulty.order(OrderedFault::ThrottleReads, 3);
    let (clock, random) = (SimClock::still(), SimRandom::new(1));
    let items = Items {
        table: &*rows.table,
        clock: &clock,
        random: &random,
    };
    assert_eq!(
        items.get(&rows.name, &key, Consistency::Strong).await,
        Ok(Some(numbered("a", 1)))
    );
    faulty.heal();
}

/// One action or several.
pub async fn a_throttled_write_says_so_and_writes_nothing(ground: FaultyGround) {
    let FaultyGround { faulty, ground } = ground;
    let rows = ground.rows(Layout::Plain).await;
    faulty.order(OrderedFault::ThrottleWrites, ALWAYS);
    let one = rows.transact(vec![rows.putting(numbered("a", 1))]).await;
    let two = rows
        .transact(vec![
            rows.putting(numbered("a", 1)),
            rows.putting(numbered("b", 1)),
        ])
        .await;
    faulty.heal();
    assert_eq!(
        (one, two),
        (Err(TableError::Throttled), Err(TableError::Throttled))
    );
    assert_eq!(rows.get(&Key::id("a")).await, None);
}

/// What was not looked at is named, also when that is everything.
pub async fn a_partial_batch_names_the_rest_and_is_completed_by_asking_again(ground: FaultyGround) {
    let FaultyGround { faulty, ground } = ground;
    let rows = ground.rows(Layout::Plain).await;
    let items: Vec<_> = (0..6).map(|n| numbered(&format!("i{n}"), n)).collect();
    rows.put_all(&items).await;
    let keys: Vec<Key> = (0..6).map(|n| Key::id(format!("i{n}"))).collect();
    for looked_at in [2, 0] {
        faulty.order(OrderedFault::PartialBatch(looked_at), 1);
        let got = rows
            .table
            .batch_get(&rows.name, &keys, Consistency::Strong)
            .await
            .unwrap();
        assert_eq!(got.items.len(), looked_at);
        assert_eq!(got.unprocessed.len(), keys.len() - looked_at);
        assert!(
            got.unprocessed
                .iter()
                .all(|key| !got.items.iter().any(|item| key.is_of(item)))
        );
    }

    let (clock, random) = (SimClock::still(), SimRandom::new(1));
    let reading = Items {
        table: &*rows.table,
        clock: &clock,
        random: &random,
    };
    faulty.order(OrderedFault::PartialBatch(1), 2);
    faulty.order(OrderedFault::PartialBatch(0), 2);
    let mut found = reading
        .batch_get(&rows.name, &keys, Consistency::Strong)
        .await
        .unwrap();
    found.sort();
    assert_eq!(found, items);
    faulty.heal();
}

/// The caller hears that it may have happened; it has.
pub async fn a_write_whose_answer_is_lost_is_ambiguous(ground: FaultyGround) {
    let FaultyGround { faulty, ground } = ground;
    let rows = ground.rows(Layout::Plain).await;
    let one = vec![rows.putting_if(numbered("a", 1), Condition::new_item("id").0)];
    let two = vec![
        rows.putting(numbered("b", 1)),
        rows.putting_if(numbered("c", 1), Condition::new_item("id").0),
    ];
    for actions in [one, two] {
        faulty.order(OrderedFault::DropReply, 1);
        let answer = rows.transact(actions.clone()).await;
        assert!(
            matches!(answer, Err(TableError::Ambiguous(_))),
            "{answer:?}"
        );
        let again = rows.transact(actions.clone()).await;
        assert_eq!(
            again,
            Err(TableError::ConditionFailed(vec![actions.len() - 1]))
        );
    }
}

/// A lost request is found out by trying again; what is tried again happens once.
pub async fn a_request_that_is_lost_is_done_by_retry(ground: FaultyGround) {
    let FaultyGround { faulty, ground } = ground;
    let rows = ground.rows(Layout::Plain).await;
    faulty.order(OrderedFault::DropRequest, 1);
    let answer = rows.transact(vec![rows.putting(numbered("a", 1))]).await;
    assert!(
        matches!(
            answer,
            Err(TableError::Ambiguous(_) | TableError::Unavailable(_))
        ),
        "{answer:?}"
    );
    assert_eq!(rows.get(&Key::id("a")).await, None);
    increments_once(&*faulty, &rows, &[(OrderedFault::DropRequest, 2)]).await;
}

/// One write, one event, whatever was lost of its answers.
pub async fn a_transaction_whose_answer_is_lost_happens_once_under_retry(ground: FaultyGround) {
    let FaultyGround { faulty, ground } = ground;
    let rows = ground.rows(Layout::Plain).await;
    increments_once(&*faulty, &rows, &[(OrderedFault::DropReply, 1)]).await;
    let rows = ground.rows(Layout::Plain).await;
    increments_once(
        &*faulty,
        &rows,
        &[(OrderedFault::DropRequest, 1), (OrderedFault::DropReply, 1)],
    )
    .await;
    let rows = ground.rows(Layout::Plain).await;
    increments_once(
        &*faulty,
        &rows,
        &[
            (OrderedFault::ThrottleWrites, 1),
            (OrderedFault::DropReply, 2),
        ],
    )
    .await;
}

/// An increment without a condition of its own, through the kernel: what a second time would show.
async fn increments_once(faulty: &dyn Faulty, rows: &Rows, faults: &[(OrderedFault, u32)]) {
    let audit = MemoryAudit::new("00000000000000000000000000000001");
    let random = Arc::new(SimRandom::new(1));
    let ports = Ports {
        table: Arc::clone(&rows.table),
        keys: Arc::new(MemoryKeys::new(
            Arc::clone(&random) as Arc<dyn crate::Random>
        )),
        audit: Arc::clone(&audit) as Arc<dyn crate::AuditSink>,
        clock: Arc::new(SimClock::still()),
        random,
    };
    let keep = Keep::new(
        ports,
        rows.name.clone(),
        Rules::default(),
        AuditMode::Required,
        Limits::default(),
    );
    let ask = Ask {
        who: Principal {
            kind: PrincipalKind::User,
            name: "ann".to_owned(),
            login: LoginMethod::ClientKey,
            account: None,
        },
        request: keep.request_id(),
        action: Action::new(Resource::Stash, Verb::Create),
        target: Target::one("counter"),
    };
    rows.put(numbered("counter", 1)).await;
    let mut permit = keep.permit(ask).expect("users may");
    let mut tx = permit.begin();
    let key = Key::id("counter");
    tx.update(
        &rows.name,
        key.clone(),
        "number",
        Some(Value::n(2)),
        Condition::always(),
    );
    tx.put(&rows.name, numbered("new", 1), Condition::new_item("id"));
    for (fault, times) in faults {
        faulty.order(*fault, *times);
    }
    let committed: Result<(), CommitError> = tx.commit(None).await;
    faulty.heal();
    assert_eq!(committed, Ok(()), "{faults:?}");
    drop(permit);
    assert_eq!(rows.get(&key).await, Some(numbered("counter", 2)));
    assert_eq!(rows.get(&Key::id("new")).await, Some(numbered("new", 1)));
    let lines = audit.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let id = audit.ids().remove(0);
    let taken = vec![rows.checking(
        crate::event_key(&id),
        vec![Clause::Present("event".to_owned())],
    )];
    assert_eq!(rows.transact(taken).await, Ok(()), "the event's item");
}
