//! Versions under faults: none lost, none twice, none of a write that failed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{EventId, PrincipalKind};
use keep::simulator::{Client, Faults, MemoryTable, World, under_seeds};
use keep::{Consistency, Table, TableError, TableName, event_key};
use stash::{Error, Record, SecretName, Stash, Version};

use crate::house::{caller, keep, make_tables, names, sealed, sqlite};

const CLIENTS: usize = 4;
const STEPS: usize = 4;

#[derive(Default, Debug)]
struct Played {
    /// What was acknowledged, by name and version.
    written: BTreeMap<(SecretName, Version), String>,
    in_doubt: Vec<String>,
    failed: Vec<String>,
}

/// Two servers, four clients that write and read two secrets.
async fn play(
    world: &Arc<World>,
    inner: &Arc<dyn Table>,
    names: &(TableName, TableName),
) -> Played {
    let table = world.table(Arc::clone(inner));
    make_tables(&*table, names).await;
    let table = table as Arc<dyn Table>;
    let servers = ["one", "two"].map(|server| keep(world, &table, &names.1, server).0);
    let played = RefCell::new(Played::default());
    let clients = (0..CLIENTS).map(|client| -> Client<'_, ()> {
        let (server, played) = (&servers[client % 2], &played);
        Box::pin(async move {
            let stash = Stash::new(Arc::clone(server), names.0.clone());
            let user = caller(PrincipalKind::User);
            for step in 0..STEPS {
                let name: SecretName = ["a", "b"][(client + step) % 2].parse().unwrap();
                let contents = format!("{client} {step}");
                let put = stash.put(&user, &name, sealed(&contents)).await;
                match put {
                    Ok(version) => {
                        let before = played
                            .borrow_mut()
                            .written
                            .insert((name.clone(), version.clone()), contents);
                        assert_eq!(before, None, "two acknowledged writes of {name} {version}");
                        // A read that begins after an acknowledged write sees it or a later one.
                        match stash.newest(&user, &name).await {
                            Ok(newest) => assert!(
                                newest.version >= version,
                                "{} after {version}",
                                newest.version
                            ),
                            Err(Error::Table(_)) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    Err(Error::Table(TableError::Ambiguous(_))) => {
                        played.borrow_mut().in_doubt.push(contents)
                    }
                    Err(Error::Table(
                        TableError::Throttled | TableError::Unavailable(_) | TableError::Conflict,
                    )) => {
                        played.borrow_mut().failed.push(contents);
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        })
    });
    world.run(clients.collect()).await;
    world.calm().await;
    played.into_inner()
}

/// What is really there, against what the clients were told.
async fn check(
    world: &Arc<World>,
    inner: &Arc<dyn Table>,
    names: &(TableName, TableName),
    played: &Played,
) {
    let (keep, _audit) = keep(world, inner, &names.1, "judge");
    let stash = Stash::new(keep, names.0.clone());
    let mut stored = BTreeMap::new();
    for one in stash.list(&caller(PrincipalKind::User)).await.unwrap() {
        let key = keep::Key::pair(
            ("name", one.name.as_str()),
            ("version", one.version.as_str()),
        );
        let item = inner
            .get(&names.0, &key, Consistency::Strong)
            .await
            .unwrap()
            .unwrap();
        let contents = String::from_utf8(Record::of(&item).unwrap().sealed.contents).unwrap();
        stored.insert((one.name, one.version), contents);
    }
    for (place, contents) in &played.written {
        assert_eq!(
            stored.get(place),
            Some(contents),
            "an acknowledged write is lost"
        );
    }
    let others: Vec<&String> = stored
        .iter()
        .filter(|(place, _)| !played.written.contains_key(*place))
        .map(|(_, contents)| contents)
        .collect();
    for contents in &others {
        assert!(
            played.in_doubt.contains(contents),
            "{contents} is there and was told to have failed"
        );
    }
    let mut contents: Vec<&String> = stored.values().collect();
    contents.sort();
    contents.dedup();
    assert_eq!(contents.len(), stored.len(), "a write happened twice");
    for name in ["a", "b"] {
        let numbers = stored
            .keys()
            .filter(|(of, _)| of.as_str() == name)
            .map(|(_, version)| version.number().unwrap());
        assert!(
            numbers.eq(1..=stored.keys().filter(|(of, _)| of.as_str() == name).count() as u64),
            "a gap in {name}"
        );
    }
    // Each version and its event: both or neither.
    let mut events = 0;
    for server in ["one", "two"] {
        for number in 1..1_000 {
            let key = event_key(&EventId {
                server: server.to_owned(),
                number,
            });
            let item = inner
                .get(&names.1, &key, Consistency::Strong)
                .await
                .unwrap();
            events += usize::from(item.is_some_and(|item| item.contains_key("event")));
            if number > 200 {
                break;
            }
        }
    }
    assert_eq!(events, stored.len());
}

#[tokio::test]
async fn no_version_is_lost_doubled_or_wrong_under_faults_on_sqlite() {
    let (table, _place) = sqlite();
    let told = RefCell::new([0; 3]);
    let seeds = under_seeds(1_000, async |seed| {
        let (world, names) = (World::new(seed, Faults::harsh()), names(seed));
        let played = play(&world, &table, &names).await;
        check(&world, &table, &names, &played).await;
        let ended = [
            played.written.len(),
            played.in_doubt.len(),
            played.failed.len(),
        ];
        for (sum, ended) in told.borrow_mut().iter_mut().zip(ended) {
            *sum += ended;
        }
    })
    .await;
    let [written, in_doubt, failed] = told.into_inner();
    println!("{seeds} seeds: {written} writes acknowledged, {in_doubt} in doubt, {failed} failed");
    assert!(
        written > 10 * (in_doubt + failed),
        "too little was written to show anything"
    );
}

#[tokio::test]
async fn no_version_is_lost_doubled_or_wrong_on_very_bad_days() {
    let faults = Faults {
        drop_reply: 300,
        drop_request: 200,
        late: 300,
        ..Faults::harsh()
    };
    let told = RefCell::new([0; 3]);
    let seeds = under_seeds(300, async |seed| {
        let (world, names) = (World::new(seed, faults), names(seed));
        let table: Arc<dyn Table> = Arc::new(MemoryTable::default());
        let played = play(&world, &table, &names).await;
        check(&world, &table, &names, &played).await;
        let ended = [
            played.written.len(),
            played.in_doubt.len(),
            played.failed.len(),
        ];
        for (sum, ended) in told.borrow_mut().iter_mut().zip(ended) {
            *sum += ended;
        }
    })
    .await;
    let [written, in_doubt, failed] = told.into_inner();
    println!("{seeds} seeds: {written} writes acknowledged, {in_doubt} in doubt, {failed} failed");
    if seeds > 1 {
        assert!(
            written > 0 && in_doubt > 0 && failed > 0,
            "a kind of end was never seen"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seed_is_one_history_over_the_threads_of_sqlite() {
    let run = async |seed| {
        let (table, _place) = sqlite();
        let world = World::new(seed, Faults::harsh());
        let played = play(&world, &table, &names(1)).await;
        (format!("{played:?}"), world.trace())
    };
    for seed in 1..=15 {
        let (one, other) = (run(seed).await, run(seed).await);
        assert!(one.1.len() > 50, "{} calls", one.1.len());
        assert_eq!(one, other, "seed {seed}");
    }
}
