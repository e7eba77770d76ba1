//! `setup`: the table, ready to be used, and the region of KMS to keep.

use keep::Terms;
use stash::{Error, Secrets};

use crate::credstash::arguments::Setup;
use crate::credstash::pairs::pairs;
use crate::credstash::run::{Run, fault};
use crate::credstash::saved_region;
use crate::faces::Done;
use crate::output;

pub(crate) fn setup(run: &Run, setup: &Setup) -> Done {
    let mut tags = vec![("Name".to_owned(), "credstash".to_owned())];
    for (key, value) in pairs(&setup.tags, "--tags")? {
        // One tag has one value: the last one, as in two calls.
        tags.retain(|(known, _)| *known != key);
        tags.push((key, value));
    }
    if let Some(region) = &setup.save_kms_region {
        saved_region::save(region)?;
        output::text(&format!("KMS region set to {region}\n"))?;
    }
    let table = run.table();
    let ports = run.ports()?;
    let failed = |operation| move |source| fault(&Error::Table { operation, source });
    if run
        .wait(ports.table.exists(&table))
        .map_err(failed("DescribeTable"))?
    {
        return Ok(output::text("Credential Store table already exists\n")?);
    }
    output::text("Creating table...\nWaiting for table to be created...\n")?;
    let terms = Terms {
        units: Some((1, 1)),
        tags,
    };
    run.wait(ports.table.create_under(&Secrets::schema(&table), &terms))
        .map_err(failed("CreateTable"))?;
    Ok(output::text(
        "Adding tags...\nTable has been created. Go read the README about how to create your KMS key\n",
    )?)
}
