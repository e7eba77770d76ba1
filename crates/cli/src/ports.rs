//! The adapters that the settings name.

use std::path::Path;
use std::sync::Arc;

use keep::{Clock, KeyService, Ports, Random, Table, TableName};
use local::{AuditFile, DataDir, Keyring, LocalError, SqliteTable, SystemClock, SystemRandom};
use server::Config;
use server::settings::Backend;

use crate::exit::{Failure, Kind, Outcome};
use crate::wiring::Wiring;

/// The table's name where there is only ours.
pub(crate) const EMBEDDED_TABLE: &str = "keepward";

/// Opened adapters, and what else lies beside them.
pub(crate) struct Adapters {
    /// What the kernel sees.
    pub(crate) ports: Ports,
    /// Confidant's table.
    pub(crate) table: TableName,
    /// The table of our own items.
    pub(crate) own: TableName,
    /// Whether to make them when missing.
    pub(crate) create_tables: bool,
    /// The audit log behind its port.
    pub(crate) audit: Arc<AuditFile>,
    /// The data folder, locked, where the table is embedded.
    pub(crate) data: Option<DataDir>,
}

/// Opens everything that `config` names.
pub(crate) async fn open(config: &Config, wiring: &Wiring) -> Outcome<Adapters> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let (storage, data) = storage(config, &clock, &random).await?;
    let audit = AuditFile::open(&config.audit_dir, Arc::clone(&clock), &*random).map_err(local)?;
    let audit = Arc::new(audit);
    if audit.repaired_bytes() > 0 {
        tracing::warn!(
            bytes = audit.repaired_bytes(),
            "a crash had torn the last audit line; it is cut off"
        );
    }
    let Storage {
        table_port,
        keys,
        table,
        own,
        create_tables,
    } = storage;
    let ports = Ports {
        table: (wiring.table)(table_port),
        keys: (wiring.keys)(keys),
        audit: (wiring.audit)(Arc::clone(&audit) as _),
        clock,
        random,
    };
    Ok(Adapters {
        ports,
        table,
        own,
        create_tables,
        audit,
        data,
    })
}

/// Opens the table alone, for looking at what is there; makes nothing.
pub(crate) async fn open_table(
    config: &Config,
) -> Outcome<(Arc<dyn Table>, TableName, Option<DataDir>)> {
    let Opened {
        table_port,
        own,
        data,
        ..
    } = open_to_examine(config).await?;
    Ok((table_port, own, data))
}

/// The key service alone; makes nothing.
pub(crate) async fn key_service(
    backend: &Backend,
    data_dir: &Path,
) -> Outcome<Arc<dyn KeyService>> {
    match backend {
        Backend::Embedded => {
            let keyring = data_dir.join("keyring.json");
            if !keyring.exists() {
                return Err(Failure::new(
                    Kind::NotFound,
                    format!("{} holds no keyring", data_dir.display()),
                )
                .hint("KEEPWARD_DATA_DIR names the folder; with DYNAMODB_TABLE keys are KMS's"));
            }
            let ring = Keyring::open_or_create(&keyring, Arc::new(SystemRandom)).map_err(local)?;
            Ok(Arc::new(ring))
        }
        Backend::Aws(aws) => kms(aws).await,
    }
}

/// What a command needs that examines a table and the keys of its values.
pub(crate) struct Opened {
    pub(crate) table_port: Arc<dyn Table>,
    pub(crate) keys: Arc<dyn KeyService>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// Confidant's table.
    pub(crate) table: TableName,
    /// The table of our own items.
    pub(crate) own: TableName,
    /// The data folder, locked, where the table is embedded.
    pub(crate) data: Option<DataDir>,
}

/// Opens table and keys for an examination; makes neither.
pub(crate) async fn open_to_examine(config: &Config) -> Outcome<Opened> {
    if config.backend == Backend::Embedded && !has_table(&config.data_dir) {
        return Err(no_table(config));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let (storage, data) = storage(config, &clock, &random).await?;
    Ok(Opened {
        table_port: storage.table_port,
        keys: storage.keys,
        clock,
        random,
        table: storage.table,
        own: storage.own,
        data,
    })
}

async fn storage(
    config: &Config,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Outcome<(Storage, Option<DataDir>)> {
    match &config.backend {
        Backend::Embedded => {
            let data = DataDir::open(&config.data_dir).map_err(local)?;
            Ok((embedded(&data, random)?, Some(data)))
        }
        Backend::Aws(aws) => Ok((on_aws(aws, clock).await?, None)),
    }
}

/// Where an embedded table is wanted and there is none.
pub(crate) fn no_table(config: &Config) -> Failure {
    Failure::new(
        Kind::NotFound,
        format!("{} holds no embedded table", config.data_dir.display()),
    )
    .hint("KEEPWARD_DATA_DIR names the folder")
}

struct Storage {
    table_port: Arc<dyn Table>,
    keys: Arc<dyn KeyService>,
    table: TableName,
    own: TableName,
    create_tables: bool,
}

fn embedded(data: &DataDir, random: &Arc<dyn Random>) -> Outcome<Storage> {
    let (table, keyring) = in_folder(data, random)?;
    let name = TableName::new(EMBEDDED_TABLE);
    Ok(Storage {
        table_port: table,
        keys: keyring,
        own: name.clone(),
        table: name,
        create_tables: true,
    })
}

/// The table of a folder and the keyring that its values are sealed with; made when both are missing.
///
/// Errors: `Unavailable` when the keyring alone is missing: a new one would open nothing.
pub(crate) fn in_folder(
    data: &DataDir,
    random: &Arc<dyn Random>,
) -> Outcome<(Arc<SqliteTable>, Arc<Keyring>)> {
    if data.table().exists() && !data.keyring().exists() {
        let (keyring, table) = (data.keyring(), data.table());
        let what = format!(
            "{} is missing, and {} is sealed with it",
            keyring.display(),
            table.display()
        );
        return Err(Failure::new(Kind::Unavailable, what)
            .hint("put the keyring back from your backup; without it no value can ever be read"));
    }
    // The keyring first: a crash in between must not leave a table that lacks it.
    let keyring = Keyring::open_or_create(&data.keyring(), Arc::clone(random)).map_err(local)?;
    let table = SqliteTable::open(&data.table())
        .map_err(|error| Failure::new(Kind::Unavailable, format!("the embedded table: {error}")))?;
    Ok((Arc::new(table), Arc::new(keyring)))
}

#[cfg(feature = "aws")]
async fn on_aws(aws: &server::settings::Aws, clock: &Arc<dyn Clock>) -> Outcome<Storage> {
    let connection = crate::aws_ports::connect(aws).await;
    Ok(Storage {
        table_port: Arc::new(aws::DynamoTable::new(&connection, Arc::clone(clock))),
        keys: Arc::new(aws::AwsKms::new(&connection)),
        table: TableName::new(&aws.table),
        own: TableName::new(&aws.own_table),
        create_tables: aws.create_table,
    })
}

#[cfg(feature = "aws")]
async fn kms(aws: &server::settings::Aws) -> Outcome<Arc<dyn KeyService>> {
    let connection = crate::aws_ports::connect(aws).await;
    Ok(Arc::new(aws::AwsKms::new(&connection)))
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "the same shape as with AWS")]
async fn on_aws(_aws: &server::settings::Aws, _clock: &Arc<dyn Clock>) -> Outcome<Storage> {
    Err(without_aws())
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "the same shape as with AWS")]
async fn kms(_aws: &server::settings::Aws) -> Outcome<Arc<dyn KeyService>> {
    Err(without_aws())
}

#[cfg(not(feature = "aws"))]
fn without_aws() -> Failure {
    Failure::new(
        Kind::Usage,
        "DYNAMODB_TABLE: this program was built without AWS",
    )
    .hint("build it with the feature `aws`, which is on by default")
}

/// An error of a local file, for a person.
pub(crate) fn local(error: LocalError) -> Failure {
    let kind = match error {
        LocalError::TooOpen { .. } | LocalError::ForeignOwner { .. } => Kind::Denied,
        LocalError::InUse { .. } => Kind::Conflict,
        _ => Kind::Unavailable,
    };
    Failure::new(kind, error.to_string())
}

/// Whether a folder holds an embedded table already.
pub(crate) fn has_table(folder: &Path) -> bool {
    folder.join("table.sqlite").exists()
}
