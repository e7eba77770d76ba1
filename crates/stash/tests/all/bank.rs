//! Money moves between accounts, in transactions of the kernel: the sum stays, every acknowledged
//! transfer happened once, and no other one did.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Action, LoginMethod, Principal, PrincipalKind, RequestId, Resource, Target, Verb};
use keep::simulator::{Client, Faults, World, under_seeds};
use keep::{
    Ask, Clause, CommitError, Condition, Consistency, Item, Keep, Key, Schema, Table, TableError,
    TableName, Value,
};

use crate::house::{keep, names, sqlite};

const ACCOUNTS: u64 = 3;
const START: u64 = 1;

/// How a client heard that its transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    NothingToMove,
    InDoubt,
    Failed,
}

fn account(id: &str, balance: u64) -> Item {
    [("id", Value::s(id)), ("balance", Value::n(balance))]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn balance(item: &Item) -> u64 {
    item["balance"].as_u64().unwrap()
}

/// Moves one coin. The accounts are put on the condition of their balance alone: with so few coins the
/// same balance comes again, and only the kernel keeps a late try from happening on top of a later one.
async fn transfer(keep: &Keep, table: &TableName, from: &str, to: &str, ledger: &str) -> Ended {
    let who = Principal {
        kind: PrincipalKind::User,
        name: "ann".to_owned(),
        login: LoginMethod::ClientKey,
        account: None,
    };
    let action = Action::new(Resource::Stash, Verb::Update);
    let ask = Ask {
        who,
        request: RequestId::new([1; 16]),
        action,
        target: Target::one(ledger),
    };
    let mut permit = keep.permit(ask).unwrap();
    for _ in 0..50 {
        let mut seen = Vec::new();
        for id in [from, to] {
            match permit
                .items()
                .get(table, &Key::id(id), Consistency::Strong)
                .await
            {
                Ok(item) => seen.push(item.unwrap()),
                Err(_) => return Ended::Failed,
            }
        }
        let [has, gets] = [0, 1].map(|n| balance(&seen[n]));
        if has == 0 {
            permit.failed("nothing-to-move");
            return Ended::NothingToMove;
        }
        let at = |balance: u64| {
            Condition(vec![Clause::Equals(
                "balance".to_owned(),
                Value::n(balance),
            )])
        };
        let mut tx = permit.begin();
        tx.put(table, account(from, has - 1), at(has));
        tx.put(table, account(to, gets + 1), at(gets));
        let entry = [("id", ledger), ("from", from), ("to", to)];
        tx.put(
            table,
            entry
                .map(|(name, text)| (name.to_owned(), Value::s(text)))
                .into(),
            Condition::always(),
        );
        match tx.commit(None).await {
            Ok(()) => return Ended::Done,
            Err(CommitError::Moved(_)) => {}
            Err(CommitError::Table(TableError::Ambiguous(_))) => return Ended::InDoubt,
            Err(CommitError::Table(_)) => return Ended::Failed,
        }
    }
    Ended::Failed
}

async fn play(seed: u64, inner: &Arc<dyn Table>, faults: Faults) -> BTreeMap<String, Ended> {
    let world = World::new(seed, faults);
    let (_, own) = names(seed);
    let name = TableName::new(&format!("bank-{seed}"));
    let table = world.table(Arc::clone(inner));
    for name in [&name, &own] {
        let schema = Schema {
            name: name.clone(),
            hash: "id".to_owned(),
            range: None,
            indexes: vec![],
        };
        table.create(&schema).await.unwrap();
    }
    let put = |n: u64| keep::Action::Put {
        table: name.clone(),
        item: account(&format!("a{n}"), START),
        condition: Condition::always(),
    };
    inner
        .transact(&(0..ACCOUNTS).map(put).collect::<Vec<_>>())
        .await
        .unwrap();

    let table = table as Arc<dyn Table>;
    let servers = ["one", "two"].map(|server| keep(&world, &table, &own, server));
    let ended = RefCell::new(BTreeMap::new());
    let clients = (0..4_u64).map(|client| -> Client<'_, ()> {
        let (server, ended, name) = (&servers[usize::from(client % 2 == 1)], &ended, &name);
        Box::pin(async move {
            for step in 0..4 {
                let [from, to] = [client + step, client + 2 * step + 1].map(|n| n % ACCOUNTS);
                let to = if from == to { (to + 1) % ACCOUNTS } else { to };
                let ledger = format!("t-{client}-{step}");
                let how = transfer(
                    server,
                    name,
                    &format!("a{from}"),
                    &format!("a{to}"),
                    &ledger,
                )
                .await;
                ended.borrow_mut().insert(ledger, how);
            }
        })
    });
    world.run(clients.collect()).await;
    world.calm().await;

    let mut changes = BTreeMap::new();
    let ended = ended.into_inner();
    for (ledger, how) in &ended {
        let entry = inner
            .get(&name, &Key::id(ledger), Consistency::Strong)
            .await
            .unwrap();
        match how {
            Ended::Done => assert!(entry.is_some(), "{ledger} was acknowledged and is lost"),
            Ended::NothingToMove | Ended::Failed => {
                assert_eq!(entry, None, "{ledger} ended as {how:?}")
            }
            Ended::InDoubt => {}
        }
        if let Some(entry) = entry {
            for (side, change) in [("from", -1_i64), ("to", 1)] {
                *changes
                    .entry(entry[side].as_s().unwrap().to_owned())
                    .or_insert(0) += change;
            }
        }
    }
    let mut sum = 0;
    for n in 0..ACCOUNTS {
        let id = format!("a{n}");
        let stored = inner
            .get(&name, &Key::id(&id), Consistency::Strong)
            .await
            .unwrap()
            .unwrap();
        let change = changes.get(&id).copied().unwrap_or(0);
        assert_eq!(
            balance(&stored).cast_signed(),
            START.cast_signed() + change,
            "{id}"
        );
        sum += balance(&stored);
    }
    assert_eq!(sum, ACCOUNTS * START);
    ended
}

#[tokio::test]
async fn every_acknowledged_transfer_happened_once_and_the_sum_stays_on_sqlite() {
    let (table, _place) = sqlite();
    let counted = RefCell::new([0; 4]);
    let seeds = under_seeds(1_000, async |seed| {
        for how in play(seed, &table, Faults::harsh()).await.into_values() {
            counted.borrow_mut()[how as usize] += 1;
        }
    })
    .await;
    let [done, nothing, in_doubt, failed] = counted.into_inner();
    println!(
        "{seeds} seeds: {done} transfers done, {nothing} without a coin, {in_doubt} in doubt, {failed} failed"
    );
    assert!(
        done > 5 * (in_doubt + failed),
        "too little was done to show anything"
    );
}

#[tokio::test]
async fn a_late_try_never_happens_on_top_of_a_later_one() {
    // Half of all writes are on their way for long after their callers gave up.
    let faults = Faults {
        late: 500,
        ..Faults::harsh()
    };
    let done = RefCell::new(0);
    let seeds = under_seeds(500, async |seed| {
        let table: Arc<dyn Table> = Arc::new(keep::simulator::MemoryTable::default());
        let ended = play(seed, &table, faults).await;
        *done.borrow_mut() += ended
            .into_values()
            .filter(|how| *how == Ended::Done)
            .count();
    })
    .await;
    println!("{seeds} seeds: {} transfers done", done.borrow());
    assert!(done.into_inner() > 0);
}
