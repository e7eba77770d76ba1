//! The workload of the data model on DynamoDB (moto), under the faults of the simulator.
//!
//! The keys are those of a keyring: KMS has its own tests, and each call of it would be one more over HTTP.

use std::sync::Arc;
use std::time::Duration;

use aws::{Connection, DynamoTable, Endpoint, Keys, Settings};
use confidant::workload::{Size, under_faults};
use keep::simulator::{Faults, SimClock, under_seeds};
use keep::{Clock, KeyService, Random, Table};
use local::{Keyring, SystemRandom};
use testkit::Moto;

/// Small worlds: each call goes over HTTP to an emulator.
const SIZE: Size = Size {
    clients: 3,
    steps: 4,
};

#[tokio::test]
async fn nothing_is_lost_doubled_wrong_or_readable_on_dynamodb_under_faults() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let keyring =
        Keyring::open_or_create(&folder.path().join("keyring.json"), random).expect("a keyring");
    let keys: Arc<dyn KeyService> = Arc::new(keyring);
    // It only waits for new tables, which moto has at once.
    let clock: Arc<dyn Clock> = Arc::new(SimClock::still());
    let endpoint = Endpoint {
        url: Some(moto.url.clone()),
        pool: 10,
        connect: Duration::from_secs(20),
        read: Duration::from_secs(20),
        attempts: 1,
    };
    let settings = Settings {
        kms_region: None,
        region: "us-east-1".to_owned(),
        dynamodb: endpoint.clone(),
        kms: endpoint,
        identity: aws::Identity::Keys(Keys::new("AKIDTEST", "test")),
    };
    let connection = Connection::open(&settings).await;
    let table: Arc<dyn Table> = Arc::new(DynamoTable::new(&connection, clock));

    let totals = std::cell::Cell::new((0, 0, 0));
    let seeds = under_seeds(1_000, async |seed| {
        let played = under_faults(seed, Faults::harsh(), SIZE, &table, &keys).await;
        let played = played.unwrap_or_else(|wrong| panic!("{wrong}"));
        let (acknowledged, failed, in_doubt) = totals.get();
        totals.set((
            acknowledged + played.acknowledged,
            failed + played.failed,
            in_doubt + played.in_doubt,
        ));
    })
    .await;
    let (acknowledged, failed, in_doubt) = totals.get();
    println!(
        "{seeds} seeds on DynamoDB: {acknowledged} acknowledged, {failed} failed as they may, {in_doubt} in doubt"
    );
    // Most operations are done in spite of the faults, else this shows nothing.
    assert!(
        acknowledged > failed,
        "{acknowledged} acknowledged, {failed} failed"
    );
}
