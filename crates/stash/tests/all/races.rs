//! Writers on real threads, at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use keep::simulator::MemoryKeys;
use keep::{EncryptionContext, Random, TableName};
use stash::{Ports, Secrets, Version};

use crate::house::{sealing, secret, sqlite, value};

const WRITERS: usize = 8;
const PUTS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_writers_lose_nothing() {
    let (table, _place) = sqlite();
    let name = TableName::new("stash");
    table.create(&Secrets::schema(&name)).await.unwrap();
    let random: Arc<dyn Random> = Arc::new(local::SystemRandom);
    let ports = Ports {
        table: Arc::clone(&table),
        keys: Arc::new(MemoryKeys::new(Arc::clone(&random))),
        clock: Arc::new(local::SystemClock::new()),
        random: Arc::clone(&random),
    };
    let secrets = Secrets::new(ports, name);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let secrets = secrets.clone();
            tokio::spawn(async move {
                let mut written = Vec::new();
                for number in 0..PUTS {
                    let text = format!("{writer}.{number}");
                    let put = secrets
                        .put_next(&secret("db"), &value(&text), &sealing(), false)
                        .await;
                    written.push((put.unwrap().version, text));
                }
                written
            })
        })
        .collect();
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        for (version, text) in writer.await.unwrap() {
            let before = acknowledged.insert(version.clone(), text);
            assert_eq!(before, None, "{version} was given twice");
        }
    }
    let numbers: Vec<_> = acknowledged.keys().filter_map(Version::number).collect();
    assert_eq!(numbers, (1..=80).collect::<Vec<i128>>());

    let mut stored = BTreeMap::new();
    for version in secrets.versions(&secret("db")).await.unwrap() {
        let record = secrets
            .version(&version.name, &version.version)
            .await
            .unwrap()
            .unwrap();
        let opened = secrets
            .open(&record, &EncryptionContext::default())
            .await
            .unwrap();
        let text = String::from_utf8(opened.expose().to_vec()).unwrap();
        stored.insert(version.version, text);
    }
    assert_eq!(stored, acknowledged);
}
