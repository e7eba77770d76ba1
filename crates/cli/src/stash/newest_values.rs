//! The newest values of many secrets, each opened once: complete, or it is told what is missing.

use futures_util::{StreamExt as _, stream};
use keep::Plaintext;
use stash::{Record, SecretName};

use crate::client::printable;
use crate::exit::{Failure, Outcome};
use crate::progress::Progress;
use crate::stash::arguments::Repair;
use crate::stash::session::Session;

/// What was read.
pub(super) struct Newest {
    /// Each secret with its newest version, by name.
    pub(super) values: Vec<(Record, Plaintext)>,
    failed: Vec<(SecretName, Failure)>,
}

impl Newest {
    /// Reads the secrets that are wanted.
    ///
    /// Errors: the table cannot be read. What keeps single ones from being opened is told by
    /// [`Newest::complete`].
    pub(super) async fn read(
        session: &Session,
        wanted: &(dyn Fn(&SecretName) -> bool + Sync),
        repair: Repair,
    ) -> Outcome<Self> {
        let rows = session.told(session.secrets.newest_of_all(wanted).await)?;
        let progress = Progress::of(Some(rows.len() as u64));
        let mut opening = stream::iter(rows)
            .map(async |(name, record)| {
                let opened = match record {
                    Ok(record) => {
                        let value = session.open_value(&record, repair).await;
                        value.map(|value| (record, value))
                    }
                    Err(error) => Err(session.failure(&error)),
                };
                (name, opened)
            })
            .buffer_unordered(session.secrets.concurrency());
        let mut all = Self {
            values: Vec::new(),
            failed: Vec::new(),
        };
        while let Some((name, opened)) = opening.next().await {
            match opened {
                Ok(opened) => all.values.push(opened),
                Err(failure) => all.failed.push((name, failure)),
            }
            progress.tell((all.values.len() + all.failed.len()) as u64, "secrets");
        }
        all.values
            .sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        all.failed.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }

    /// Errors: every secret that was not opened, and why.
    pub(super) fn complete(&self) -> Outcome {
        let Some((_, first)) = self.failed.first() else {
            return Ok(());
        };
        let each: Vec<_> = self
            .failed
            .iter()
            .map(|(name, failure)| format!("{}: {}", printable(name.as_str()), failure.what()))
            .collect();
        let failure = Failure::new(
            first.kind(),
            format!(
                "{} of {} secrets could not be read\n  {}",
                each.len(),
                each.len() + self.values.len(),
                each.join("\n  ")
            ),
        );
        Err(failure.like(first))
    }
}
