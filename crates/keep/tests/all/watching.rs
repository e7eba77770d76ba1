//! What happens is told to the one port for metrics, each thing once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Action, Outcome, PrincipalKind, Resource, Verb};
use keep::contract::OrderedFault;
use keep::simulator::{MemoryAudit, MemoryKeys};
use keep::{
    AuditMode, CacheName, Condition, EncryptionContext, Ended, Fact, KeyCall, KeyService, Limits,
    Plaintext, Purpose, Table, TableCall, Watch, WatchedKeys, WatchedTable,
};

use crate::house::{House, ask, numbered};

/// Every fact, as its debug text; table calls without their time, which the simulator draws.
#[derive(Default)]
struct Notebook(Mutex<Vec<String>>);

impl Notebook {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Watch for Notebook {
    fn happened(&self, fact: Fact<'_>) {
        let timeless = match fact {
            Fact::TableCall { call, ended, .. } => Fact::TableCall {
                call,
                ended,
                took: Duration::ZERO,
            },
            other => other,
        };
        self.0.lock().unwrap().push(format!("{timeless:?}"));
    }
}

fn ended(verb: Verb, outcome: Outcome) -> String {
    let action = Action::new(Resource::Credential, verb);
    format!("{:?}", Fact::Operation { action, outcome })
}

fn looked(cache: CacheName, saved: Option<u64>) -> String {
    format!("{:?}", Fact::Cache { cache, saved })
}

async fn watched() -> (House, Arc<Notebook>) {
    let house = House::new(AuditMode::Required).await;
    let notebook = Arc::new(Notebook::default());
    let House { keep, .. } = house;
    let keep = keep.watched_by(Arc::clone(&notebook) as _);
    (House { keep, ..house }, notebook)
}

#[tokio::test]
async fn each_operation_is_told_once_however_it_ends() {
    let (house, notebook) = watched().await;
    let user = |verb| house.keep.permit(ask(PrincipalKind::User, verb)).unwrap();
    user(Verb::Read).read(None).unwrap();
    assert_eq!(notebook.take(), [ended(Verb::Read, Outcome::Allowed)]);
    user(Verb::Update).failed("not-found");
    assert_eq!(notebook.take(), [ended(Verb::Update, Outcome::Failed)]);
    drop(user(Verb::Update));
    assert_eq!(notebook.take(), [ended(Verb::Update, Outcome::Failed)]);

    let mut permit = user(Verb::Create);
    let mut tx = permit.begin();
    tx.put(&house.name, numbered("a", 1), Condition::new_item("id"));
    tx.commit(None).await.unwrap();
    drop(permit);
    assert_eq!(notebook.take(), [ended(Verb::Create, Outcome::Allowed)]);

    let refused = house.keep.permit(ask(PrincipalKind::Service, Verb::Update));
    assert!(refused.is_err());
    assert_eq!(notebook.take(), [ended(Verb::Update, Outcome::Refused)]);
}

#[tokio::test]
async fn an_event_that_the_audit_log_does_not_take_is_told() {
    let (house, notebook) = watched().await;
    house.audit.fail(true);
    let permit = house.keep.permit(ask(PrincipalKind::User, Verb::Read));
    assert!(permit.unwrap().read(None).is_err());
    assert!(notebook.take().contains(&"AuditFailed".to_owned()));
}

#[tokio::test]
async fn a_key_or_a_value_from_memory_is_told_as_a_call_saved() {
    let (house, notebook) = watched().await;
    let context = EncryptionContext::new([("id", "c1")]);
    let permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Read))
        .unwrap();
    let key = permit.random(32).await.unwrap();
    let wrapped = permit
        .wrap(MemoryKeys::ALIAS, &key, &context)
        .await
        .unwrap();
    notebook.take();
    for saved in [None, Some(1)] {
        permit.unwrap(&wrapped, &context).await.unwrap();
        assert_eq!(notebook.take(), [looked(CacheName::DataKeys, saved)]);
    }
    for saved in [None, Some(1)] {
        let open = async { Ok::<_, ()>(Plaintext::new(Box::new(*b"value"))) };
        permit
            .opened(b"sealed", &wrapped, &context, open)
            .await
            .unwrap();
        assert_eq!(notebook.take(), [looked(CacheName::OpenedValues, saved)]);
    }
}

#[tokio::test]
async fn each_call_to_a_port_is_told_with_how_it_ended() {
    let limits = Limits::default();
    let house = House::with(AuditMode::Required, limits, MemoryAudit::new("server")).await;
    let notebook = Arc::new(Notebook::default());
    let table = WatchedTable::new(
        Arc::clone(&house.table) as _,
        Arc::clone(&notebook) as _,
        Arc::clone(&house.clock) as _,
    );
    let keys = WatchedKeys::new(
        Arc::clone(&house.keys) as _,
        Arc::clone(&notebook) as _,
        Arc::clone(&house.clock) as _,
        Purpose::Login,
    );
    let took = Duration::ZERO;
    let told = |call, ended| format!("{:?}", Fact::TableCall { call, ended, took });
    let key = keep::Key::id("a");
    let get = || table.get(&house.name, &key, keep::Consistency::Strong);
    get().await.unwrap();
    assert_eq!(notebook.take(), [told(TableCall::Get, Ended::Done)]);
    house.order(OrderedFault::ThrottleReads, 1);
    assert!(get().await.is_err());
    assert_eq!(notebook.take(), [told(TableCall::Get, Ended::Throttled)]);
    let put = keep::Action::Put {
        table: house.name.clone(),
        item: numbered("a", 1),
        condition: crate::house::at(7),
    };
    assert!(table.transact(&[put]).await.is_err());
    assert_eq!(
        notebook.take(),
        [told(TableCall::Transact, Ended::Conflict)]
    );

    assert!(keys.describe("alias/nobody").await.is_err());
    let fact = Fact::KeyCall {
        purpose: Purpose::Login,
        call: KeyCall::Describe,
        ended: Ended::Refused,
        took,
    };
    assert_eq!(notebook.take(), [format!("{fact:?}")]);
}
