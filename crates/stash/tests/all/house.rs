//! A stash over any table.

use std::path::Path;
use std::sync::Arc;

use domain::{LoginMethod, Principal, PrincipalKind, RequestId, Rules};
use keep::simulator::{MemoryAudit, MemoryKeys, World};
use keep::{AuditMode, Keep, Limits, Ports, Schema, Table, TableName};
use stash::{Caller, Proof, Sealed, Stash};

/// A fresh SQLite file, in memory where the system has such a place.
pub(crate) fn sqlite() -> (Arc<dyn Table>, tempfile::TempDir) {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .unwrap();
    let table = local::SqliteTable::open(&place.path().join("table.sqlite")).unwrap();
    (Arc::new(table), place)
}

/// Names of tables that belong to one seed.
pub(crate) fn names(seed: u64) -> (TableName, TableName) {
    (
        TableName::new(&format!("stash-{seed}")),
        TableName::new(&format!("own-{seed}")),
    )
}

pub(crate) async fn make_tables(table: &dyn Table, (name, own): &(TableName, TableName)) {
    table.create(&Stash::schema(name)).await.unwrap();
    let own = Schema {
        name: own.clone(),
        hash: "id".to_owned(),
        range: None,
        indexes: vec![],
    };
    table.create(&own).await.unwrap();
}

/// A server of its own on this table.
pub(crate) fn keep(
    world: &Arc<World>,
    table: &Arc<dyn Table>,
    own: &TableName,
    server: &str,
) -> (Arc<Keep>, Arc<MemoryAudit>) {
    let audit = MemoryAudit::new(server);
    let random = world.random();
    let ports = Ports {
        table: Arc::clone(table),
        keys: Arc::new(MemoryKeys::new(Arc::clone(&random) as _)),
        audit: Arc::clone(&audit) as _,
        clock: world.clock(),
        random,
    };
    (
        Arc::new(Keep::new(
            ports,
            own.clone(),
            Rules::default(),
            AuditMode::Required,
            Limits::default(),
        )),
        audit,
    )
}

pub(crate) fn caller(kind: PrincipalKind) -> Caller {
    let who = Principal {
        kind,
        name: "ann".to_owned(),
        login: LoginMethod::ClientKey,
        account: None,
    };
    Caller {
        who,
        request: RequestId::new([7; 16]),
    }
}

pub(crate) fn sealed(contents: &str) -> Sealed {
    let proof = Proof::Ctr {
        nonce: Some(vec![1; 16]),
        hmac: vec![2; 32],
        digest: Some("SHA256".to_owned()),
    };
    Sealed {
        key: vec![3; 64],
        contents: contents.as_bytes().to_vec(),
        proof,
        comment: None,
    }
}
