//! `keepward preflight`: a verdict on a table of Confidant's before switching. Writes nothing.

use std::path::Path;

use clap::Args;
#[cfg(feature = "aws")]
use confidant::Confidant;
use confidant::preflight::{Counted, Finding, Opening, Pace, Verdict, survey};
use confidant::{Encryption, Error};
use keep::{Items, KeyError, TableError, TableName};
use serde_json::json;
use server::Config;
use server::settings::{Aws, Backend};

use crate::exit::{Failure, Kind, Outcome, internal};
use crate::ports::{self, Opened};
use crate::progress::Progress;
use crate::serve::runtime;
use crate::{environment, log, output, settings};

#[derive(Debug, Args)]
pub(crate) struct Preflight {
    /// The DynamoDB table (Confidant's DYNAMODB_TABLE)
    #[arg(required_unless_present = "embedded", conflicts_with = "embedded")]
    table: Option<String>,
    /// Examine the embedded table in the data folder instead; its server must be stopped
    #[arg(long)]
    embedded: bool,
    /// Open the current credentials too (kms:Decrypt), to find values that do not open or look
    /// HTML-escaped and keys that mapped credentials share; values are never shown
    #[arg(long)]
    open: bool,
    /// DynamoDB read units a second to use at most; without it, half of what the table has, and no
    /// limit on a table that is paid by request
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u64).range(1..))]
    read_units: Option<u64>,
    /// Machine-readable output, with every finding
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(file: Option<&Path>, asked: &Preflight) -> Outcome {
    let config = settings::read_over(file, &|name| match (name, &asked.table) {
        ("DYNAMODB_TABLE", Some(table)) => Some(table.clone()),
        // Wraps new keys only, and none is made here.
        ("KMS_MASTER_KEY", Some(_)) => {
            environment::var(name).or_else(|| Some("alias/not-used".to_owned()))
        }
        _ => None,
    })?;
    if asked.embedded && config.backend != Backend::Embedded {
        return Err(Failure::new(
            Kind::Usage,
            "--embedded: DYNAMODB_TABLE is set",
        ));
    }
    log::start("warn", false)?;
    runtime()?.block_on(examine(&config, asked))
}

async fn examine(config: &Config, asked: &Preflight) -> Outcome {
    let opened = ports::open_to_examine(config).await?;
    let layout = Layout::of(config, &opened).await?;
    let pace = Pace(
        asked
            .read_units
            .or(layout.read_units.map(|units| units.div_ceil(2))),
    );
    let opening = asked.open.then_some(Opening {
        keys: &*opened.keys,
    });
    let items = Items::new(&*opened.table_port, &*opened.clock, &*opened.random);
    let progress = Progress::of(layout.items);
    let verdict = survey(
        (items, &*opened.clock),
        (&opened.table, sealed_as(config)),
        pace,
        opening,
        |told| progress.tell(told.items, "items"),
    )
    .await
    .map_err(|error| failure(&opened.table, error))?;
    drop(progress);
    let report = Report {
        table: &opened.table,
        layout: &layout,
        verdict: &verdict,
        opened: asked.open,
    };
    if asked.json {
        output::json(&report.json())?;
    } else {
        output::text(&report.text())?;
    }
    match report.count() {
        0 => Ok(()),
        count => Err(Failure::new(
            Kind::Findings,
            format!("{count} findings in table {}", opened.table),
        )),
    }
}

/// How the table is made, as far as that can be seen.
#[derive(Default)]
pub(crate) struct Layout {
    /// What is wrong with it.
    pub(crate) wrong: Option<String>,
    /// Its items, counted some hours ago.
    items: Option<u64>,
    /// Its provisioned read units.
    pub(crate) read_units: Option<u64>,
    pub(crate) arn: Option<String>,
    /// What time its servers have, in seconds.
    pub(crate) answered_at: Option<i64>,
}

impl Layout {
    async fn of(config: &Config, opened: &Opened) -> Outcome<Self> {
        let Backend::Aws(aws) = &config.backend else {
            // The embedded table is made by this program.
            return Ok(Self::default());
        };
        match Self::inspect(aws, opened).await {
            Ok(layout) => Ok(layout),
            Err(error @ TableError::Denied(_)) => Ok(Self {
                wrong: Some(format!("the layout was not examined: {error}")),
                ..Self::default()
            }),
            Err(error) => Err(failure(&opened.table, error.into())),
        }
    }

    /// Looks at a table on AWS.
    #[cfg(feature = "aws")]
    pub(crate) async fn inspect(aws: &Aws, opened: &Opened) -> Result<Self, TableError> {
        let schema = Confidant::schema(&opened.table);
        let inspected = crate::aws_ports::inspect(aws, &opened.clock, &schema).await?;
        Ok(Self {
            wrong: inspected.differs,
            items: Some(inspected.items),
            read_units: inspected.read_units,
            arn: inspected.arn,
            answered_at: inspected.answered_at,
        })
    }

    #[cfg(not(feature = "aws"))]
    #[expect(clippy::unused_async, reason = "the same shape as with AWS")]
    pub(crate) async fn inspect(_aws: &Aws, _opened: &Opened) -> Result<Self, TableError> {
        Ok(Self::default())
    }
}

/// How values are expected to be sealed.
pub(crate) fn sealed_as(config: &Config) -> Encryption {
    if config.confidant.encrypt {
        Encryption::Fernet
    } else {
        Encryption::DangerNone
    }
}

struct Report<'r> {
    table: &'r TableName,
    layout: &'r Layout,
    verdict: &'r Verdict,
    opened: bool,
}

impl Report<'_> {
    /// How many things should be looked at. Older layouts are none of them: they read well.
    fn count(&self) -> usize {
        self.verdict.findings.len() + usize::from(self.layout.wrong.is_some())
    }

    fn json(&self) -> serde_json::Value {
        let counted =
            |counted: &Counted| json!({ "current": counted.current, "archived": counted.archived });
        let Verdict {
            findings,
            old_forms,
            foreign,
            own,
            credentials,
            blind_credentials,
            services,
        } = self.verdict;
        json!({
            "ok": self.count() == 0,
            "table": self.table.as_str(),
            "layout": self.layout.wrong.as_deref().unwrap_or("as wanted"),
            "opened": self.opened,
            "items": {
                "credentials": counted(credentials),
                "blind_credentials": counted(blind_credentials),
                "services": counted(services),
                "other": foreign,
                "keepward": own,
            },
            "findings": findings,
            "would_change": old_forms.iter().map(|(form, found)| json!({
                "form": form.word(),
                "change": form.change(),
                "current": found.current,
                "archived": found.archived,
            })).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let verdict = self.verdict;
        let mut text = format!("table {}\n", self.table);
        for (kind, counted) in [
            ("credentials", verdict.credentials),
            ("blind credentials", verdict.blind_credentials),
            ("services", verdict.services),
        ] {
            text.push_str(&format!(
                "  {kind}: {}, and {} revisions in their history\n",
                counted.current, counted.archived
            ));
        }
        for (data_type, count) in &verdict.foreign {
            text.push_str(&format!(
                "  other items, left alone: {count} of data_type {data_type:?}\n"
            ));
        }
        if verdict.own > 0 {
            text.push_str(&format!("  Keepward's own items: {}\n", verdict.own));
        }
        if let Some(wrong) = &self.layout.wrong {
            text.push_str(&format!("\nlayout (1)\n  {wrong}\n"));
        }
        for findings in verdict
            .findings
            .chunk_by(|one, next| one.about() == next.about())
        {
            let Some((heading, meaning)) = findings.first().map(Finding::about) else {
                continue;
            };
            text.push_str(&format!("\n{heading} ({})\n  {meaning}\n", findings.len()));
            for finding in findings.iter().take(SHOWN) {
                text.push_str(&format!("  - {finding}\n"));
            }
            if let Some(more @ 1..) = findings.len().checked_sub(SHOWN) {
                text.push_str(&format!("  - and {more} more; --json lists all\n"));
            }
        }
        text.push_str("\nwhat would change\n");
        if verdict.old_forms.is_empty() {
            text.push_str("  nothing: every item is in the layout that is written today\n");
        } else {
            text.push_str(
                "  by itself nothing; the next write of each current item does this, old revisions stay as they are\n",
            );
        }
        for (form, found) in &verdict.old_forms {
            text.push_str(&format!(
                "  - {}: {} current items, {} old revisions\n",
                form.change(),
                found.current,
                found.archived
            ));
        }
        if !self.opened {
            text.push_str("\nvalues were not opened; --open does that\n");
        }
        let count = self.count();
        text.push_str(&match count {
            0 => "\nverdict: ready to switch\n".to_owned(),
            _ => format!("\nverdict: {count} findings; read them before switching\n"),
        });
        text
    }
}

/// Why a table could not be examined.
pub(crate) fn failure(table: &TableName, error: Error) -> Failure {
    let denied = |action: &str| {
        Failure::new(Kind::Denied, format!("missing permission {action}")).hint(
            "nothing was changed; allow it to the role of this shell and run the command again",
        )
    };
    match error {
        Error::Table(TableError::Denied(action)) => denied(action.as_str()),
        Error::Key(KeyError::Denied(action)) => denied(action.as_str())
            .hint("nothing was changed; allow it to the role of this shell, or leave --open out"),
        Error::Table(TableError::NoSuchTable(_)) => {
            Failure::new(Kind::NotFound, format!("there is no table {table}"))
                .hint("AWS_DEFAULT_REGION and DYNAMODB_URL say where to look")
        }
        Error::Table(error) => Failure::new(Kind::Unavailable, format!("table {table}: {error}")),
        Error::Key(error) => Failure::new(Kind::Unavailable, error.to_string()),
        error => internal("examining the table", error),
    }
}

/// Findings of one kind that are shown to a person.
const SHOWN: usize = 20;
