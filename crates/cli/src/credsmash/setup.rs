//! `setup-dynamodb`: the table, ready to be used.

use keep::Terms;
use stash::{Error, Secrets};

use crate::credsmash::arguments::SetupDynamodb;
use crate::credsmash::run::Run;
use crate::faces::{Done, Fault};

pub(crate) fn setup_dynamodb(run: &Run, setup: &SetupDynamodb) -> Done {
    let table = run.config.table()?;
    let ports = run.ports()?;
    let failed = |operation| move |source| run.fault(&Error::Table { operation, source });
    if run
        .wait(ports.table.exists(&table))
        .map_err(failed("DescribeTable"))?
    {
        return Err(Fault::new("Credential Store table already exists"));
    }
    run.log.info(
        "credsmash.dynamodb_storage_service",
        &format!("creating table \"{table}\"..."),
    );
    let terms = Terms {
        units: Some((setup.read_capacity, setup.write_capacity)),
        tags: vec![],
    };
    run.wait(ports.table.create_under(&Secrets::schema(&table), &terms))
        .map_err(failed("CreateTable"))
}
