//! An opened table, and how the options want its values sealed and opened.

use std::sync::Arc;

use keep::{Consistency, EncryptionContext, Plaintext, TableError, TableName};
use seal::Hash;
use stash::{Binding, Form, Ports, Record, Sealing, Secrets};

use crate::environment;
use crate::exit::{Failure, Outcome};
use crate::stash::arguments::{DigestName, FormName, Options, Repair};
use crate::stash::failure::{self, Where};
use crate::stash_ports::{self, NoRegion, StashPorts, StashSettings};

/// What a command works with.
pub(super) struct Session {
    pub(super) secrets: Secrets,
    /// The pairs that were given.
    pub(super) context: EncryptionContext,
    /// The master key, where one was named.
    pub(super) key_id: Option<String>,
    pub(super) json: bool,
    form: Form,
    place: Where,
    opened: Arc<StashPorts>,
}

impl Session {
    /// Opens table and keys; a local table is made when it is missing.
    pub(super) async fn open(options: &Options) -> Outcome<Self> {
        let opened = stash_ports::open(&StashSettings {
            region: options.region.clone(),
            kms_region: options.kms_region.clone(),
            profile: options.profile.clone(),
            role: options.role.clone(),
            local: options.local.clone(),
            no_region: NoRegion::Refuse,
        })
        .await?;
        Self::over(Arc::new(opened), options).await
    }

    /// Another table; in the same folder, since that is locked, through the same adapters.
    pub(super) async fn another(&self, options: &Options) -> Outcome<Self> {
        match options.local.is_some() && options.local == self.place.local {
            true => Self::over(Arc::clone(&self.opened), options).await,
            false => Self::open(options).await,
        }
    }

    async fn over(opened: Arc<StashPorts>, options: &Options) -> Outcome<Self> {
        let name = TableName::new(&table_name(options));
        let secrets = Secrets::new(opened.ports.clone(), name.clone())
            .with_concurrency(options.concurrency.into())
            .with_scans(match options.eventual {
                true => Consistency::Eventual,
                false => Consistency::Strong,
            })
            .with_binding(match (options.strict, options.bind) {
                (true, _) => Binding::Required,
                (false, true) => Binding::Bound,
                (false, false) => Binding::AsMarked,
            });
        let session = Self {
            secrets,
            context: EncryptionContext::new(options.context.clone()),
            key_id: options.key_id.clone(),
            json: options.json,
            form: form(options),
            place: Where {
                table: name.to_string(),
                region: options.region.clone(),
                local: options.local.clone(),
                strict: options.strict,
            },
            opened,
        };
        if options.local.is_some() {
            let made = session.ports().table.create(&Secrets::schema(&name)).await;
            session.table_told("CreateTable", made)?;
        }
        Ok(session)
    }

    /// The adapters.
    pub(super) fn ports(&self) -> &Ports {
        &self.opened.ports
    }

    /// What the table said to a call that is none of a secret's.
    pub(super) fn table_told<T>(
        &self,
        operation: &'static str,
        result: Result<T, TableError>,
    ) -> Outcome<T> {
        self.told(result.map_err(|source| stash::Error::Table { operation, source }))
    }

    /// How a value is sealed.
    pub(super) fn sealing(&self, comment: Option<&str>) -> Sealing {
        Sealing {
            master: self
                .key_id
                .clone()
                .unwrap_or_else(|| DEFAULT_KEY.to_owned()),
            context: self.context.clone(),
            form: self.form,
            comment: comment.map(str::to_owned),
        }
    }

    /// Opens a value.
    pub(super) async fn open_value(&self, record: &Record, repair: Repair) -> Outcome<Plaintext> {
        let opened = if repair.assume_le_counter {
            let unwrapped = self.secrets.unwrapped(record, &self.context).await;
            unwrapped.and_then(|unwrapped| record.open_with_le_counter(&unwrapped.key))
        } else {
            self.secrets.open(record, &self.context).await
        };
        opened.map_err(|error| failure::of_row(&error, record, &self.context, &self.place))
    }

    /// Opens many values, a bounded number at once.
    pub(super) async fn open_values(
        &self,
        records: Vec<Record>,
        repair: Repair,
        told: &(dyn Fn(usize) + Sync),
    ) -> Vec<(Record, Outcome<Plaintext>)> {
        let open = match repair.assume_le_counter {
            true => Record::open_with_le_counter,
            false => Record::open,
        };
        let opened = self
            .secrets
            .open_all_as(records, &self.context, open, told)
            .await;
        opened
            .into_iter()
            .map(|(record, value)| {
                let value = value
                    .map_err(|error| failure::of_row(&error, &record, &self.context, &self.place));
                (record, value)
            })
            .collect()
    }

    /// What was said, for a person.
    pub(super) fn told<T>(&self, result: Result<T, stash::Error>) -> Outcome<T> {
        result.map_err(|error| self.failure(&error))
    }

    pub(super) fn failure(&self, error: &stash::Error) -> Failure {
        failure::of(error, &self.place)
    }
}

/// The table that the options and the environment name.
pub(super) fn table_name(options: &Options) -> String {
    let of_credstash =
        || environment::var("CREDSTASH_DEFAULT_TABLE").filter(|name| !name.is_empty());
    options
        .table
        .clone()
        .or_else(of_credstash)
        .unwrap_or_else(|| DEFAULT_TABLE.to_owned())
}

fn form(options: &Options) -> Form {
    let hash = match options.digest {
        DigestName::Sha224 => Hash::Sha224,
        DigestName::Sha256 => Hash::Sha256,
        DigestName::Sha384 => Hash::Sha384,
        DigestName::Sha512 => Hash::Sha512,
    };
    match options.form {
        FormName::Legacy => Form::Legacy {
            hash,
            hex_bytes: true,
        },
        FormName::AesCtr => Form::Ctr {
            key_length: 64,
            hash,
        },
        FormName::AesGcm => Form::Gcm {
            key_length: 32,
            iv_length: 12,
        },
    }
}

/// credstash's.
const DEFAULT_TABLE: &str = "credential-store";
const DEFAULT_KEY: &str = "alias/credstash";
