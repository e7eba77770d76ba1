//! One run of credstash's command line: its options, and the store when one is needed.

use std::cell::OnceCell;

use keep::TableName;
use stash::{Ports, SecretName, Secrets};
use tokio::runtime::Runtime;

use crate::credstash::arguments::Globals;
use crate::credstash::saved_region;
use crate::faces::{Done, Face, Fault};
use crate::stash_ports::{self, NoRegion, StashPorts, StashSettings};
use crate::{environment, faces, stash_words};

/// What every command works with.
pub(crate) struct Run {
    globals: Globals,
    runtime: Runtime,
    /// Opened when first asked.
    ports: OnceCell<StashPorts>,
}

impl Run {
    /// Asks nothing of AWS.
    pub(crate) fn begin(globals: Globals) -> Done<Self> {
        Ok(Self {
            globals,
            runtime: faces::runtime()?,
            ports: OnceCell::new(),
        })
    }

    /// Waits for work of the store's.
    pub(crate) fn wait<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// The table: as typed, else the environment's, else credstash's.
    pub(crate) fn table(&self) -> TableName {
        let table = self
            .globals
            .table
            .clone()
            .or_else(|| environment::var("CREDSTASH_DEFAULT_TABLE"));
        TableName::new(table.as_deref().unwrap_or("credential-store"))
    }

    /// The table and the keys as they are reached.
    pub(crate) fn ports(&self) -> Done<Ports> {
        if let Some(opened) = self.ports.get() {
            return Ok(opened.ports.clone());
        }
        let Globals {
            region,
            kms_region,
            profile,
            arn,
            reach,
            ..
        } = &self.globals;
        // Empty is as good as absent: scripts pass variables that are not set.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let kms_region = match given(kms_region) {
            Some(region) => Some(region),
            None => saved_region::read()?,
        };
        let settings = StashSettings {
            region: given(region),
            kms_region,
            profile: given(profile),
            role: given(arn),
            local: reach.local.clone(),
            no_region: NoRegion::UsEast1,
        };
        let opened = self.wait(stash_ports::open(&settings))?;
        Ok(self.ports.get_or_init(|| opened).ports.clone())
    }

    /// The secrets in the table.
    pub(crate) fn secrets(&self) -> Done<Secrets> {
        let secrets = Secrets::new(self.ports()?, self.table());
        Ok(self.globals.reach.applied_to(secrets))
    }

    /// Calls under way at once.
    pub(crate) fn concurrency(&self) -> usize {
        self.globals.reach.concurrency()
    }
}

/// A failure of the store, in credstash's words.
pub(crate) fn fault(error: &stash::Error) -> Fault {
    stash_words::fault(Face::Credstash, error, "")
}

/// A name as typed.
pub(crate) fn name(text: &str) -> Done<SecretName> {
    text.parse()
        .map_err(|error: stash::InvalidName| Fault::new(error.to_string()))
}
