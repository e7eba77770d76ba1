//! `keepward doctor`: the settings of a server and everything behind them, tried from this machine.

use std::path::Path;

use clap::Args;
use confidant::preflight::{Finding, Pace, survey};
use keep::Items;
use local::DataDir;
use server::Config;
use server::settings::{Aws, Backend};

use crate::arguments::Connection;
use crate::doctor::examination::{Examination, Resource};
use crate::doctor::folders;
use crate::doctor::keys::Keys;
use crate::doctor::repair::{self, Wanted};
use crate::doctor::storage::{self, Place};
use crate::exit::{Failure, Kind, Outcome};
use crate::ports::{self, Opened};
use crate::preflight_command::{Layout, failure, sealed_as};
use crate::progress::Progress;
use crate::serve::runtime;
use crate::{config_command, log, output, settings};

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Look at the stored items too, for those that an old server overwrote; reads the whole table,
    /// at half of its read units
    #[arg(long)]
    data: bool,
    /// Look at one credential or service alone, and say how it can be repaired
    #[arg(long, value_name = "ID", conflicts_with = "data")]
    repair: Option<String>,
    /// Repair it: which state shall hold from now on
    #[arg(long, value_name = "STATE", requires = "repair")]
    write: Option<Wanted>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(file: Option<&Path>, asked: &Doctor) -> Outcome {
    let config = settings::read(file)?;
    log::start("off", false)?;
    let runtime = runtime()?;
    if let Some(id) = &asked.repair {
        let found = runtime.block_on(async {
            let opened = ports::open_to_examine(&config).await?;
            repair::look(&opened, id).await
        })?;
        return repair::run(id, found.as_ref(), asked.write, &asked.connection);
    }
    let mut examination = Examination::default();
    runtime.block_on(examine(&config, asked, &mut examination));
    if asked.connection.json {
        output::json(&examination.json())?;
    } else {
        output::text(&examination.text())?;
    }
    match examination.wrongs() {
        0 => Ok(()),
        wrongs => Err(Failure::new(Kind::Findings, format!("{wrongs} wrong"))),
    }
}

async fn examine(config: &Config, asked: &Doctor, examination: &mut Examination) {
    examination.ok("settings", "valid");
    for warning in config_command::warnings(config) {
        examination.unknown(
            "settings",
            warning,
            "`keepward config check` says what is set",
        );
    }
    let serve = "`keepward serve`";
    if config.backend == Backend::Embedded {
        folders::examine(examination, "data folder", &config.data_dir, serve);
    }
    folders::examine(examination, "audit log", &config.audit_dir, serve);
    match &config.backend {
        Backend::Embedded if !ports::has_table(&config.data_dir) => {
            examination.ok(
                "table",
                format!("there is none yet; {serve} makes it and its keyring"),
            );
        }
        Backend::Embedded => match DataDir::open(&config.data_dir) {
            Ok(free) => {
                drop(free);
                behind(config, asked, examination).await;
            }
            Err(error @ local::LocalError::InUse { .. }) => examination.unknown(
                "table and keyring",
                error.to_string(),
                "stop the server to have them looked at",
            ),
            Err(error) => folders::wrong(examination, "data folder", &error),
        },
        Backend::Aws(_) => behind(config, asked, examination).await,
    }
}

/// Tables and keys.
async fn behind(config: &Config, asked: &Doctor, examination: &mut Examination) {
    let opened = match ports::open_to_examine(config).await {
        Ok(opened) => opened,
        Err(failure) => {
            let fix = "what it needs is said by `keepward serve` too";
            return examination.wrong("table and keyring", failure.to_string(), fix);
        }
    };
    let mut units = None;
    let mut arn = None;
    let region = match &config.backend {
        Backend::Embedded => "local",
        Backend::Aws(aws) => {
            (arn, units) = layout(aws, &opened, examination).await;
            &aws.region
        }
    };
    let one = opened.table == opened.own;
    let saves_times = config.confidant.save_last_decryption_time;
    let unknown = |table: &keep::TableName| format!("arn:aws:dynamodb:{region}:*:table/{table}");
    let table = &*opened.table_port;
    let place = Place {
        name: &opened.table,
        arn: arn.unwrap_or_else(|| unknown(&opened.table)),
        confidant: true,
        own: one,
        updates: saves_times,
    };
    storage::examine(examination, table, &place).await;
    if !one {
        let place = Place {
            name: &opened.own,
            arn: unknown(&opened.own),
            confidant: false,
            own: true,
            updates: false,
        };
        storage::examine(examination, table, &place).await;
    }
    let keys = Keys {
        service: &*opened.keys,
        random: &*opened.random,
        unresolved: format!("arn:aws:kms:{region}:*:key/*"),
    };
    if config.confidant.encrypt {
        keys.master(examination, &config.confidant.master_key).await;
    }
    if let Some(login) = &config.kms_login {
        let scoped: Vec<String> = login.scoped.iter().map(|(key, _)| key.clone()).collect();
        let services = [&login.auth_keys[..], &scoped].concat();
        let server = &config.auth_context;
        keys.login(examination, ("service", &services), server)
            .await;
        keys.login(examination, ("user", &login.user_auth_keys), server)
            .await;
    }
    if asked.data {
        data(config, &opened, units, examination).await;
    } else {
        examination.unknown("stored data", "not looked at", "--data does that");
    }
}

/// The table's ARN and read units, having told how it is made and what time AWS has.
async fn layout(
    aws: &Aws,
    opened: &Opened,
    examination: &mut Examination,
) -> (Option<String>, Option<u64>) {
    let what = format!("table {}: layout", opened.table);
    let layout = match Layout::inspect(aws, opened).await {
        Ok(layout) => layout,
        Err(keep::TableError::Denied(told)) if aws.create_table => {
            let arn = format!("arn:aws:dynamodb:{}:*:table/{}", aws.region, opened.table);
            examination.denied(what, told.as_str(), &Resource::arn(arn));
            return (None, None);
        }
        Err(keep::TableError::Denied(told)) if !told.as_str().contains(' ') => {
            let says = format!("not looked at: missing permission {told}");
            let how = "the server goes without it, unless DYNAMODB_CREATE_TABLE is on";
            examination.unknown(what, says, how);
            return (None, None);
        }
        // The first call of the table says the same, and what to do.
        Err(_) => return (None, None),
    };
    match &layout.wrong {
        Some(wrong) => examination.wrong(
            what,
            wrong,
            "Keepward lists by this index; Confidant does too",
        ),
        None => examination.ok(what, "as wanted"),
    }
    storage::clocks(
        examination,
        opened.clock.now().seconds(),
        layout.answered_at,
    );
    (layout.arn, layout.read_units)
}

/// Whether old servers overwrote anything.
async fn data(config: &Config, opened: &Opened, units: Option<u64>, examination: &mut Examination) {
    let items = Items::new(&*opened.table_port, &*opened.clock, &*opened.random);
    let progress = Progress::of(None);
    let surveyed = survey(
        (items, &*opened.clock),
        (&opened.table, sealed_as(config)),
        Pace(units.map(|units| units.div_ceil(2))),
        None,
        |told| progress.tell(told.items, "items"),
    )
    .await;
    drop(progress);
    let verdict = match surveyed {
        Ok(verdict) => verdict,
        Err(error) => {
            let told = failure(&opened.table, error).to_string();
            return examination.unknown("stored data", told, "run this again");
        }
    };
    let before = examination.wrongs();
    let mut others = 0_usize;
    for finding in &verdict.findings {
        let (heading, _) = finding.about();
        let fix = match finding {
            Finding::Overwritten { id, .. }
            | Finding::ArchivedAhead { id, .. }
            | Finding::NotArchived { id, .. } => format!("`keepward doctor --repair {id}`"),
            Finding::Unreadable { .. } => {
                "revert it to a revision that can be read, or mend the item with the tool that wrote it".to_owned()
            }
            Finding::DuplicateName { .. } => "rename all but one".to_owned(),
            _ => {
                others += 1;
                continue;
            }
        };
        examination.wrong("stored data", format!("{heading}: {finding}"), fix);
    }
    if others > 0 {
        let says = format!("{others} things that work and should be known");
        examination.unknown("stored data", says, "`keepward preflight` tells them");
    }
    if examination.wrongs() == before {
        examination.ok(
            "stored data",
            "every current item has its copy and says the same",
        );
    }
}
