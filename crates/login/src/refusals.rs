//! Refused logins, counted by source until the minute's line of audit.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;
use keep::Keep;

use crate::failure_budget::party;

/// Counts of refused logins since the last flush.
#[derive(Default)]
pub struct Refusals {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    sources: HashMap<IpAddr, Count>,
    /// Refusals from sources that there was no room for.
    others: Option<Count>,
}

#[derive(Clone, Copy)]
struct Count {
    refused: u64,
    since: Timestamp,
}

impl Refusals {
    /// Sources counted one by one between two flushes; beyond, all others are one line.
    pub const MAX_SOURCES: usize = 1_024;

    /// Counts one refusal.
    pub fn count(&self, source: IpAddr, now: Timestamp) {
        let party = party(source);
        let mut counts = self.lock();
        let count =
            if counts.sources.len() < Self::MAX_SOURCES || counts.sources.contains_key(&party) {
                counts.sources.entry(party).or_insert(Count {
                    refused: 0,
                    since: now,
                })
            } else {
                counts.others.get_or_insert(Count {
                    refused: 0,
                    since: now,
                })
            };
        count.refused = count.refused.saturating_add(1);
    }

    /// Records one line of audit for each source and forgets the counts. Call it each minute and
    /// before the process ends.
    pub fn flush(&self, keep: &Keep) {
        let Counts { sources, others } = std::mem::take(&mut *self.lock());
        let mut sources: Vec<_> = sources.into_iter().collect();
        sources.sort_by_key(|(party, _)| *party);
        for (party, count) in sources {
            let name = match party {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(network) => format!("{network}/64"),
            };
            keep.record_refused_logins(&name, count.refused, count.since);
        }
        if let Some(count) = others {
            keep.record_refused_logins("others", count.refused, count.since);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
