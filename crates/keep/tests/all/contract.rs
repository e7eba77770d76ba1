//! The contracts on what the crate brings itself, and on the contracts.

use std::sync::Arc;

use keep::contract::{FAULTY_TABLE_LAWS, Faulty, KEY_SERVICE_LAWS, KeyGround, TABLE_LAWS};
use keep::simulator::{Faults, MemoryKeys, MemoryTable, SimRandom, World};
use keep::{KeyService, Table};

mod memory {
    use super::*;

    async fn table(_: &str) -> (Arc<dyn Table>, ()) {
        (Arc::new(MemoryTable::default()), ())
    }
    keep::table_contract!(table);
}

mod simulated_with_old_reads_and_delays {
    use super::*;

    async fn table(_: &str) -> (Arc<dyn Table>, ()) {
        let world = World::new(7, Faults::reordering());
        (world.table(Arc::new(MemoryTable::default())), ())
    }
    keep::table_contract!(table);
}

mod simulated_with_ordered_faults {
    use super::*;

    async fn faulty(_: &str) -> (Arc<dyn Faulty>, ()) {
        let world = World::new(7, Faults::none());
        (Arc::new(world.table(Arc::new(MemoryTable::default()))), ())
    }
    keep::faulty_table_contract!(faulty);
}

mod memory_keys {
    use super::*;

    async fn keys(_: &str) -> (KeyGround, ()) {
        let service: Arc<dyn KeyService> = Arc::new(MemoryKeys::new(Arc::new(SimRandom::new(1))));
        (
            KeyGround {
                service,
                master: MemoryKeys::ALIAS.to_owned(),
                absent: "alias/absent".to_owned(),
            },
            (),
        )
    }
    keep::key_service_contract!(keys);
}

/// Every law that is written is in the list from which the tests are made.
#[test]
fn no_law_is_forgotten() {
    let table = concat!(
        include_str!("../../src/contract/table/batches.rs"),
        include_str!("../../src/contract/table/conditions.rs"),
        include_str!("../../src/contract/table/items.rs"),
        include_str!("../../src/contract/table/limits.rs"),
        include_str!("../../src/contract/table/queries.rs"),
        include_str!("../../src/contract/table/races.rs"),
        include_str!("../../src/contract/table/scans.rs"),
        include_str!("../../src/contract/table/tables.rs"),
        include_str!("../../src/contract/table/transactions.rs"),
    );
    // A further file must be told here.
    let files = include_str!("../../src/contract/table/mod.rs")
        .matches("\nmod ")
        .count();
    assert_eq!(files, 9);
    let key_service = include_str!("../../src/contract/key_service.rs");
    let faulty = include_str!("../../src/contract/faulty.rs");
    for (laws, source) in [
        (TABLE_LAWS, table),
        (KEY_SERVICE_LAWS, key_service),
        (FAULTY_TABLE_LAWS, faulty),
    ] {
        let mut listed = laws.to_vec();
        listed.sort_unstable();
        let mut written: Vec<&str> = source
            .split("\npub async fn ")
            .skip(1)
            .filter_map(|rest| rest.split('(').next())
            .collect();
        written.sort_unstable();
        assert_eq!(listed, written);
    }
}
