//! A stash over any table.

use std::path::Path;
use std::sync::Arc;

use domain::Rules;
use keep::simulator::{MemoryAudit, MemoryKeys, World};
use keep::{AuditMode, EncryptionContext, Keep, Limits, Plaintext, Table, TableName};
use stash::{Form, Ports, Sealing, SecretName, Secrets};

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

/// A server of its own on this table.
pub(crate) fn keep(
    world: &Arc<World>,
    table: &Arc<dyn Table>,
    own: &TableName,
    server: &str,
) -> Arc<Keep> {
    let audit = MemoryAudit::new(server);
    let random = world.random();
    let ports = keep::Ports {
        table: Arc::clone(table),
        keys: Arc::new(MemoryKeys::new(Arc::clone(&random) as _)),
        audit,
        clock: world.clock(),
        random,
    };
    Arc::new(Keep::new(
        ports,
        own.clone(),
        Rules::default(),
        AuditMode::Required,
        Limits::default(),
    ))
}

/// Operations on this table with keys in memory.
pub(crate) fn secrets(world: &Arc<World>, table: &Arc<dyn Table>, name: &TableName) -> House {
    let random = world.random();
    let keys = Arc::new(MemoryKeys::new(Arc::clone(&random) as _));
    let ports = Ports {
        table: Arc::clone(table),
        keys: Arc::clone(&keys) as _,
        clock: world.clock(),
        random,
    };
    House {
        secrets: Secrets::new(ports, name.clone()),
        keys,
    }
}

/// Operations, and the keys they go to.
pub(crate) struct House {
    pub(crate) secrets: Secrets,
    pub(crate) keys: Arc<MemoryKeys>,
}

pub(crate) fn value(text: &str) -> Plaintext {
    Plaintext::new(text.as_bytes().into())
}

pub(crate) fn sealing() -> Sealing {
    Sealing {
        master: MemoryKeys::ALIAS.to_owned(),
        context: EncryptionContext::default(),
        form: Form::CREDSTASH,
        comment: None,
    }
}

pub(crate) fn secret(name: &str) -> SecretName {
    name.parse().unwrap()
}
