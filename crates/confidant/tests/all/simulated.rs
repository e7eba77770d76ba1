//! Random clients of two servers over SQLite, under the faults of the simulator.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use confidant::workload::{Size, at_once, play, under_faults};
use keep::simulator::{Faults, under_seeds};
use keep::{KeyService, Limits, Random, Table};

/// A fresh SQLite file, in memory where the system has such a place.
fn sqlite() -> (tempfile::TempDir, Arc<dyn Table>) {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .unwrap();
    let table = local::SqliteTable::open(&directory.path().join("table.sqlite")).unwrap();
    (directory, Arc::new(table))
}

/// One world of one seed, on SQLite.
async fn play_seed(
    seed: u64,
    faults: Faults,
    sqlite: &Arc<dyn Table>,
    keys: &Arc<dyn KeyService>,
    told: &Told,
) {
    let size = Size {
        clients: 6,
        steps: 8,
    };
    let played = under_faults(seed, faults, size, sqlite, keys)
        .await
        .unwrap_or_else(|wrong| panic!("{wrong}"));
    told.acknowledged
        .fetch_add(played.acknowledged, Ordering::Relaxed);
    told.failed.fetch_add(played.failed, Ordering::Relaxed);
    told.in_doubt.fetch_add(played.in_doubt, Ordering::Relaxed);
}

#[derive(Debug, Default)]
struct Told {
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
    in_doubt: AtomicUsize,
}

#[tokio::test]
async fn nothing_is_lost_doubled_wrong_or_readable_under_faults() {
    let (directory, table) = sqlite();
    let random: Arc<dyn Random> = Arc::new(local::SystemRandom);
    let keyring =
        local::Keyring::open_or_create(&directory.path().join("keyring.json"), random).unwrap();
    let keys: Arc<dyn KeyService> = Arc::new(keyring);
    let told = Told::default();
    let seeds = under_seeds(1_000, async |seed| {
        play_seed(seed, Faults::harsh(), &table, &keys, &told).await
    })
    .await;
    println!("{seeds} seeds: {told:?}");
    // Most operations are done in spite of the faults, else this shows nothing.
    let done = told.acknowledged.load(Ordering::Relaxed);
    assert!(done > told.failed.load(Ordering::Relaxed), "{told:?}");
}

#[tokio::test]
async fn nothing_is_lost_doubled_wrong_or_readable_without_faults() {
    let (directory, table) = sqlite();
    let random: Arc<dyn Random> = Arc::new(local::SystemRandom);
    let keyring =
        local::Keyring::open_or_create(&directory.path().join("keyring.json"), random).unwrap();
    let told = Told::default();
    let keys: Arc<dyn KeyService> = Arc::new(keyring);
    play_seed(0, Faults::none(), &table, &keys, &told).await;
    assert_eq!(told.in_doubt.load(Ordering::Relaxed), 0);
    // The clients can also simply run at once.
    let house = crate::house::House::with(
        |settings| settings.ignore_conflicts = true,
        Limits::default(),
    )
    .await;
    let played = play(
        std::slice::from_ref(&house.confidant),
        1,
        Size {
            clients: 4,
            steps: 10,
        },
        at_once,
    )
    .await;
    played.check(&house.confidant).await.unwrap();
}

#[tokio::test]
async fn the_check_sees_what_is_wrong() {
    let house = crate::house::House::with(
        |settings| settings.ignore_conflicts = true,
        Limits::default(),
    )
    .await;
    let played = play(
        std::slice::from_ref(&house.confidant),
        1,
        Size {
            clients: 2,
            steps: 20,
        },
        at_once,
    )
    .await;
    played.check(&house.confidant).await.unwrap();
    let listed = house
        .confidant
        .list_credentials(&crate::house::user(), None, Ok(None))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let id = &listed.page[0].record.id;
    let mut item = house.stored(id).await.unwrap();
    item.insert(
        "documentation".to_owned(),
        keep::Value::s("KEEPWARD-CANARY-0-0-0"),
    );
    item.insert("revision".to_owned(), keep::Value::n(90));
    house.put_like_old(item).await;
    let blind = house
        .confidant
        .list_blind_credentials(&crate::house::user())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let first = format!("{}-1", blind[0].id);
    let mut item = house.stored(&first).await.unwrap();
    item.insert("cipher_type".to_owned(), keep::Value::s("another"));
    house.put_like_old(item).await;
    let wrong = played.check(&house.confidant).await.unwrap_err();
    for expected in [
        "a value can be read in",
        "lacks revision 90",
        &format!("{} revision 1 is lost or another", blind[0].id),
    ] {
        assert!(wrong.contains(expected), "{wrong}");
    }
}
