//! The laws of the ports, on the adapters of this crate.

mod table {
    use std::sync::Arc;

    use local::SqliteTable;

    async fn sqlite(_law: &'static str) -> (Arc<dyn keep::Table>, tempfile::TempDir) {
        let place = tempfile::tempdir().unwrap();
        let table = SqliteTable::open(&place.path().join("table.sqlite")).unwrap();
        (Arc::new(table), place)
    }

    keep::table_contract!(sqlite);
}

mod key_service {
    use std::sync::Arc;

    use keep::contract::KeyGround;
    use local::{Keyring, SystemRandom};

    async fn keyring(_law: &'static str) -> (KeyGround, tempfile::TempDir) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("keyring.json");
        let keys = Keyring::open_or_create(&path, Arc::new(SystemRandom)).unwrap();
        let absent = "keyring:0000000000000000".to_owned();
        (
            KeyGround {
                service: Arc::new(keys),
                master: "alias/keepward".to_owned(),
                absent,
            },
            place,
        )
    }

    keep::key_service_contract!(keyring);
}
