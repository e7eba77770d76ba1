//! One run of CredSmash's command line: its configuration, its log, and the store when one is needed.

use std::cell::OnceCell;
use std::sync::Arc;

use keep::EncryptionContext;
use stash::{Ports, Sealing, SecretName, Secrets};
use tokio::runtime::Runtime;

use crate::credsmash::arguments::Globals;
use crate::credsmash::config::Config;
use crate::credsmash::log::{Level, Log};
use crate::faces::{Done, Face, Fault};
use crate::stash_ports::{self, StashPorts, StashSettings};
use crate::{faces, stash_words};

/// What every command works with.
pub(crate) struct Run {
    pub(crate) config: Config,
    pub(crate) log: Log,
    pub(crate) globals: Globals,
    runtime: Arc<Runtime>,
    /// Opened when first asked, since some commands need none.
    ports: OnceCell<StashPorts>,
}

impl Run {
    /// Reads the configuration and starts the log; asks nothing of AWS.
    pub(crate) fn begin(globals: Globals) -> Done<Self> {
        let config = Config::read(&globals)?;
        let log = Log::new(config.log_level()?);
        if globals.key_id.is_none() && !globals.context.is_empty() {
            log.line(
                Level::Warning,
                "credsmash.cli",
                "--context can only be used in conjunction with --key-id",
            );
        }
        Ok(Self {
            config,
            log,
            globals,
            runtime: Arc::new(faces::runtime()?),
            ports: OnceCell::new(),
        })
    }

    /// Waits for work of the store's.
    pub(crate) fn wait<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// For those who wait by themselves.
    pub(crate) fn runtime(&self) -> Arc<Runtime> {
        Arc::clone(&self.runtime)
    }

    /// The table and the keys as they are reached.
    pub(crate) fn ports(&self) -> Done<Ports> {
        if let Some(opened) = self.ports.get() {
            return Ok(opened.ports.clone());
        }
        let settings = StashSettings {
            local: self.globals.reach.local.clone(),
            ..StashSettings::default()
        };
        let opened = self.wait(stash_ports::open(&settings))?;
        Ok(self.ports.get_or_init(|| opened).ports.clone())
    }

    /// The secrets in the configured table.
    pub(crate) fn secrets(&self) -> Done<Secrets> {
        let table = self.config.table()?;
        self.log.line(
            Level::Debug,
            "credsmash.cli",
            &format!("storage_service=DynamoDbStorageService(table_name={table})"),
        );
        let secrets = Secrets::new(self.ports()?, table);
        Ok(self.globals.reach.applied_to(secrets))
    }

    /// The encryption context that secrets are opened under.
    pub(crate) fn context(&self) -> Done<EncryptionContext> {
        Ok(self.config.master()?.context)
    }

    /// How secrets are sealed.
    pub(crate) fn sealing(&self) -> Done<Sealing> {
        let master = self.config.master()?;
        Ok(Sealing {
            master: master.key_id,
            context: master.context,
            form: self.config.form()?,
            comment: None,
        })
    }

    /// A failure of the store, in CredSmash's words.
    pub(crate) fn fault(&self, error: &stash::Error) -> Fault {
        let master = self.config.master().map(|master| master.key_id);
        stash_words::fault(Face::Credsmash, error, &master.unwrap_or_default())
    }
}

/// A name as typed or read.
pub(crate) fn name(text: &str) -> Done<SecretName> {
    text.parse()
        .map_err(|error: stash::InvalidName| Fault::new(error.to_string()))
}
