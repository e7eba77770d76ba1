//! The whole workload in a world of faults: two servers on one table, then a look at every byte.

use std::sync::Arc;

use domain::Rules;
use keep::simulator::{Faults, MemoryAudit, World};
use keep::{AuditMode, Keep, KeyService, Limits, Ports, Schema, Table, TableName};

use super::{Played, Size, play};
use crate::{Confidant, Encryption, Rotation, Settings};

/// Plays one seed against two servers whose table and key service fail as `faults` says, and
/// checks what is stored when all is calm again. The tables are made; each seed has its own two.
///
/// Errors: what is wrong, for a person; or that the tables could not be made.
pub async fn under_faults(
    seed: u64,
    faults: Faults,
    size: Size,
    table: &Arc<dyn Table>,
    keys: &Arc<dyn KeyService>,
) -> Result<Played, String> {
    let world = World::new(seed, faults);
    let name = TableName::new(&format!("confidant-{seed}"));
    let own = TableName::new(&format!("own-{seed}"));
    let table = world.table(Arc::clone(table));
    let plain = Schema {
        name: own.clone(),
        hash: "id".to_owned(),
        range: None,
        indexes: vec![],
    };
    // Made through the world, so that it shows old states of them.
    for schema in [Confidant::schema(&name), plain] {
        table
            .create(&schema)
            .await
            .map_err(|error| error.to_string())?;
    }
    let random = world.random();
    let server = |number: &str| {
        let ports = Ports {
            table: Arc::clone(&table) as _,
            keys: world.keys(Arc::clone(keys)),
            audit: MemoryAudit::new(number),
            clock: world.clock(),
            random: Arc::clone(&random) as _,
        };
        let settings = Settings {
            table: name.clone(),
            master_key: "alias/confidant".to_owned(),
            encryption: Encryption::Fernet,
            ignore_conflicts: true,
            enforce_documentation: false,
            history_page_limit: None,
            // One of them writes when it only reads, too.
            save_last_decryption_time: number == "one",
            rotation: Rotation::default(),
            accounts: [].into(),
        };
        let keep = Keep::new(
            ports,
            own.clone(),
            Rules::default(),
            AuditMode::Required,
            Limits::default(),
        );
        Confidant::new(Arc::new(keep), settings)
    };
    let servers = [server("one"), server("two")];
    let played = play(&servers, seed, size, async |clients| {
        world.run(clients).await;
    })
    .await;
    world.calm().await;
    played.check(&server("judge")).await?;
    Ok(played)
}
