//! Writers on real threads, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{PrincipalKind, Rules};
use keep::simulator::{MemoryAudit, MemoryKeys};
use keep::{AuditMode, Keep, Limits, Ports, Random, Scan};
use stash::{Record, SecretName, Stash};

use crate::house::{caller, make_tables, names, sealed, sqlite};

const WRITERS: usize = 8;
const PUTS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_writers_lose_nothing() {
    let (table, _place) = sqlite();
    let (name, own) = names(0);
    make_tables(&*table, &(name.clone(), own.clone())).await;
    let random: Arc<dyn Random> = Arc::new(local::SystemRandom);
    // Two servers over one table.
    let servers = ["one", "two"].map(|server| {
        let ports = Ports {
            table: Arc::clone(&table),
            keys: Arc::new(MemoryKeys::new(Arc::clone(&random))),
            audit: MemoryAudit::new(server),
            clock: Arc::new(local::SystemClock::new()),
            random: Arc::clone(&random),
        };
        let (rules, limits) = (Rules::default(), Limits::default());
        let keep = Keep::new(ports, own.clone(), rules, AuditMode::Required, limits);
        Arc::new(Stash::new(Arc::new(keep), name.clone()))
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let stash = Arc::clone(&servers[writer % 2]);
            tokio::spawn(async move {
                let secret: SecretName = "db".parse().unwrap();
                let mut written = Vec::new();
                for number in 0..PUTS {
                    let value = format!("{writer}.{number}");
                    let user = caller(PrincipalKind::User);
                    let version = stash.put(&user, &secret, sealed(&value)).await.unwrap();
                    written.push((version, value));
                }
                written
            })
        })
        .collect();
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        for (version, value) in writer.await.unwrap() {
            let before = acknowledged.insert(version.clone(), value);
            assert_eq!(before, None, "{version} was given twice");
        }
    }
    let numbers: Vec<_> = acknowledged
        .keys()
        .filter_map(stash::Version::number)
        .collect();
    assert_eq!(numbers, (1..=80).collect::<Vec<u64>>());

    let all = |table| Scan {
        table,
        attributes: vec![],
        limit: None,
        start: None,
    };
    let stored = table.scan(&all(name)).await.unwrap().items;
    let stored: BTreeMap<_, _> = stored
        .iter()
        .map(|item| Record::of(item).unwrap())
        .map(|record| {
            (
                record.version,
                String::from_utf8(record.sealed.contents).unwrap(),
            )
        })
        .collect();
    assert_eq!(stored, acknowledged);
    let values: BTreeSet<_> = stored.values().collect();
    assert_eq!(values.len(), WRITERS * PUTS);
    // Each with its event in the other table.
    let events = table.scan(&all(own)).await.unwrap().items;
    let events = events.iter().filter(|item| item.contains_key("event"));
    assert_eq!(events.count(), WRITERS * PUTS);
}
