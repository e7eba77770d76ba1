//! Versions under faults: none lost, none twice, none of a write that failed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use keep::simulator::{Client, Faults, MemoryTable, World, under_seeds};
use keep::{EncryptionContext, Table, TableError, TableName};
use stash::{Error, SecretName, Secrets, Version};

use crate::house::{House, sealing, secret, secrets, sqlite, value};

const CLIENTS: usize = 4;
const STEPS: usize = 4;

/// Of this seed alone.
fn name(seed: u64) -> TableName {
    TableName::new(&format!("stash-{seed}"))
}

#[derive(Default, Debug)]
struct Played {
    /// What was acknowledged, by name and version.
    written: BTreeMap<(SecretName, Version), String>,
    in_doubt: Vec<String>,
    failed: Vec<String>,
}

/// Four programs that write and read two secrets. The key service does not fail, so that what is judged is the table.
async fn play(world: &Arc<World>, inner: &Arc<dyn Table>, name: &TableName) -> (House, Played) {
    let table = world.table(Arc::clone(inner));
    table.create(&Secrets::schema(name)).await.unwrap();
    let house = secrets(world, &(table as Arc<dyn Table>), name);
    let played = RefCell::new(Played::default());
    let clients = (0..CLIENTS).map(|client| -> Client<'_, ()> {
        let (secrets, played) = (&house.secrets, &played);
        Box::pin(async move {
            for step in 0..STEPS {
                let name = secret(["a", "b"][(client + step) % 2]);
                let text = format!("{client} {step}");
                let put = secrets
                    .put_next(&name, &value(&text), &sealing(), false)
                    .await;
                match put.map(|stored| stored.version) {
                    Ok(version) => {
                        let place = (name.clone(), version.clone());
                        let before = played.borrow_mut().written.insert(place, text);
                        assert_eq!(before, None, "two acknowledged writes of {name} {version}");
                        // A read that begins after an acknowledged write sees it or a later one.
                        match secrets.newest(&name).await {
                            Ok(newest) => assert!(newest.unwrap().version >= version),
                            Err(Error::Table { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    Err(Error::Table {
                        source: TableError::Ambiguous(_),
                        ..
                    }) => played.borrow_mut().in_doubt.push(text),
                    Err(error) if error.may_pass() => played.borrow_mut().failed.push(text),
                    Err(other) => panic!("{other}"),
                }
            }
        })
    });
    world.run(clients.collect()).await;
    world.calm().await;
    (house, played.into_inner())
}

/// What is really there, against what the clients were told.
async fn check((house, played): &(House, Played), inner: &Arc<dyn Table>, name: &TableName) {
    let world = World::new(0, keep::simulator::Faults::none());
    let judge = Secrets::new(
        stash::Ports {
            table: Arc::clone(inner),
            keys: Arc::clone(&house.keys) as _,
            clock: world.clock(),
            random: world.random(),
        },
        name.clone(),
    );
    let mut stored = BTreeMap::new();
    for one in judge.list().await.unwrap() {
        let record = judge
            .version(&one.name, &one.version)
            .await
            .unwrap()
            .unwrap();
        let opened = judge
            .open(&record, &EncryptionContext::default())
            .await
            .unwrap();
        let text = String::from_utf8(opened.expose().to_vec()).unwrap();
        stored.insert((one.name, one.version), text);
    }
    for (place, text) in &played.written {
        assert_eq!(
            stored.get(place),
            Some(text),
            "an acknowledged write is lost"
        );
    }
    for (_, text) in stored
        .iter()
        .filter(|(place, _)| !played.written.contains_key(*place))
    {
        assert!(
            played.in_doubt.contains(text),
            "{text} is there and was told to have failed"
        );
    }
    let mut texts: Vec<&String> = stored.values().collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), stored.len(), "a write happened twice");
    for name in ["a", "b"] {
        let numbers = stored
            .keys()
            .filter(|(of, _)| of.as_str() == name)
            .map(|(_, version)| version.number().unwrap());
        let count = stored.keys().filter(|(of, _)| of.as_str() == name).count();
        assert!(
            numbers.eq(1..=i128::try_from(count).unwrap()),
            "a gap in {name}"
        );
    }
}

#[tokio::test]
async fn no_version_is_lost_doubled_or_wrong_under_faults_on_sqlite() {
    let (table, _place) = sqlite();
    let told = RefCell::new([0; 3]);
    let seeds = under_seeds(1_000, async |seed| {
        let (world, name) = (World::new(seed, Faults::harsh()), name(seed));
        let ended = play(&world, &table, &name).await;
        check(&ended, &table, &name).await;
        let played = ended.1;
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
        let (world, name) = (World::new(seed, faults), name(seed));
        let table: Arc<dyn Table> = Arc::new(MemoryTable::default());
        let ended = play(&world, &table, &name).await;
        check(&ended, &table, &name).await;
        let played = ended.1;
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
        assert!(written > 0 && in_doubt > 0, "a kind of end was never seen");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seed_is_one_history_over_the_threads_of_sqlite() {
    let run = async |seed| {
        let (table, _place) = sqlite();
        let world = World::new(seed, Faults::harsh());
        let (_, played) = play(&world, &table, &name(1)).await;
        (format!("{played:?}"), world.trace())
    };
    for seed in 1..=15 {
        let (one, other) = (run(seed).await, run(seed).await);
        assert!(one.1.len() > 50, "{} calls", one.1.len());
        assert_eq!(one, other, "seed {seed}");
    }
}
