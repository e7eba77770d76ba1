//! The newest values of many secrets, each opened once: complete, or it is told what is missing.

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
        let mut all = Self {
            values: Vec::new(),
            failed: Vec::new(),
        };
        let mut records = Vec::new();
        for (name, record) in rows {
            match record {
                Ok(record) => records.push(record),
                Err(error) => all.failed.push((name, session.failure(&error))),
            }
        }
        let progress = Progress::of(Some(records.len() as u64));
        let told = |done: usize| progress.tell(done as u64, "secrets");
        for (record, value) in session.open_values(records, repair, &told).await {
            match value {
                Ok(value) => all.values.push((record, value)),
                Err(failure) => all.failed.push((record.name, failure)),
            }
        }
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
