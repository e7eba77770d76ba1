//! Which event numbers an audit directory has given, and which of them wait for their line.
//!
//! No number is ever given twice, since a write's event rests in the table under its number.
//! A start after a crash takes the next thousand million numbers for itself and writes that down
//! before it gives one; so nothing has to be written when a number is given. A start after a clean
//! stop just goes on.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{LocalError, private_file};

/// The numbers of one audit directory.
///
/// Shape of its file: `{"server": "<32 hex digits>", "next": 1, "closed": null, "waiting": [],
/// "clean": false}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbering {
    /// 32 lower-case hex digits, made once.
    pub(crate) server: String,
    /// The number to be given next, when this was written.
    next: u64,
    /// The last segment that was closed then: lines after it are in later segments only.
    pub(crate) closed: Option<u64>,
    /// Numbers below `next` that had no line then.
    waiting: BTreeSet<u64>,
    /// Whether no number was given and no line written after this was.
    clean: bool,
}

impl Numbering {
    /// The one of a new directory.
    pub(crate) fn new(server: String) -> Self {
        Self {
            server,
            next: 1,
            closed: None,
            waiting: BTreeSet::new(),
            clean: false,
        }
    }

    /// What the file says; `None` when there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, LocalError> {
        let damaged = || LocalError::Damaged {
            path: path.to_owned(),
            why: "not the numbering of an audit directory",
        };
        let Some(bytes) = private_file::read(path)? else {
            return Ok(None);
        };
        let numbering: Self = serde_json::from_slice(&bytes).or(Err(damaged()))?;
        let is_hex = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
        let fits = numbering.server.len() == 32
            && numbering.server.bytes().all(is_hex)
            && (1..=u64::MAX / 2).contains(&numbering.next);
        if !fits {
            return Err(damaged());
        }
        Ok(Some(numbering))
    }

    /// Puts it in the file, durably.
    pub(crate) fn write(&self, path: &Path) -> Result<(), LocalError> {
        let text = serde_json::to_vec(self).map_err(|_| LocalError::Damaged {
            path: path.to_owned(),
            why: "the numbering cannot be printed",
        })?;
        private_file::replace(path, &text)
    }

    /// Goes on after a stop of any kind. `lines` are the numbers of all lines after the last closed
    /// segment, and `newest` the newest segment.
    ///
    /// Waiting are then those that waited before and, after a crash, those given since that have no
    /// line, and [`WINDOW`] more, which may have been given without any line after them.
    pub(crate) fn go_on(&mut self, lines: &BTreeSet<u64>, newest: Option<u64>) {
        self.closed = newest;
        if std::mem::take(&mut self.clean) && lines.is_empty() {
            return;
        }
        // One start never gives that many: a greater number is damage.
        let possible = ..self.next.saturating_add(START);
        let highest = lines
            .range(possible)
            .last()
            .copied()
            .unwrap_or(0)
            .max(self.next - 1);
        self.waiting.retain(|number| !lines.contains(number));
        let given = (self.next..=highest + WINDOW)
            .rev()
            .filter(|number| !lines.contains(number));
        self.waiting.extend(given.take(MAX_WAITING));
        self.shrink();
        self.next = ((highest + START / 2) / START + 1) * START + 1;
    }

    /// What to write down at a clean stop, after the last segment was closed.
    pub(crate) fn at_stop(&self) -> Self {
        Self {
            clean: true,
            ..self.clone()
        }
    }

    /// Gives a number.
    pub(crate) fn give(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number);
        if self.waiting.len() > 2 * MAX_WAITING {
            self.shrink();
        }
        number
    }

    /// Whether this number was given and has no line yet.
    pub(crate) fn waits(&self, number: u64) -> bool {
        self.waiting.contains(&number)
    }

    /// Notes that the line of this number is written.
    pub(crate) fn written(&mut self, number: u64) {
        self.waiting.remove(&number);
    }

    /// All that wait, least first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().copied()
    }

    /// Forgets the oldest. A write that failed never gets a line, so they gather; one that is
    /// under way is among the newest.
    fn shrink(&mut self) {
        while self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
    }
}

/// More numbers than may be given between one line and the next.
pub(crate) const WINDOW: u64 = 256;

/// The most waiting numbers that are remembered over a stop.
const MAX_WAITING: usize = 1_024;

/// Numbers of one start.
const START: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_waits_for_what_was_given_without_a_line_and_takes_fresh_numbers() {
        let mut numbering = Numbering::new("0".repeat(32));
        let given: Vec<u64> = (0..10).map(|_| numbering.give()).collect();
        assert_eq!(given, (1..=10).collect::<Vec<_>>());
        // The process dies; the file still says what it said at the start.
        let mut numbering = Numbering::new("0".repeat(32));
        numbering.go_on(&BTreeSet::from([1, 2, 4, 5, 7]), Some(1));
        let waiting: Vec<u64> = numbering.waiting().collect();
        assert_eq!(
            waiting,
            [3, 6].into_iter().chain(8..=7 + WINDOW).collect::<Vec<_>>()
        );
        assert_eq!(numbering.give(), START + 1);
    }

    #[test]
    fn a_start_after_a_clean_stop_goes_on_where_it_was() {
        let mut numbering = Numbering::new("0".repeat(32));
        let given: Vec<u64> = (0..3).map(|_| numbering.give()).collect();
        numbering.written(1);
        numbering.written(3);
        let mut next = numbering.at_stop();
        next.go_on(&BTreeSet::new(), Some(1));
        assert_eq!(next.waiting().collect::<Vec<_>>(), [2]);
        assert_eq!(next.give(), given[2] + 1);
        // The clean stop counts once.
        next.go_on(&BTreeSet::new(), Some(1));
        assert_eq!(next.give(), START + 1);
    }

    #[test]
    fn a_line_with_an_impossible_number_neither_hangs_a_start_nor_moves_the_numbers() {
        let mut numbering = Numbering::new("0".repeat(32));
        numbering.go_on(&BTreeSet::from([1, 2, u64::MAX - 3]), Some(1));
        assert_eq!(numbering.give(), START + 1);
        let mut numbering = Numbering::new("0".repeat(32));
        numbering.go_on(&BTreeSet::from([START - 1]), Some(1));
        assert_eq!(numbering.give(), 2 * START + 1);
        assert!(numbering.waits(START - 2));
    }

    #[test]
    fn starts_without_a_single_line_give_other_numbers_too() {
        let mut numbering = Numbering::new("0".repeat(32));
        let mut given = BTreeSet::new();
        for _ in 0..5 {
            assert!(given.insert(numbering.clone().give()));
            numbering.go_on(&BTreeSet::new(), None);
        }
        assert_eq!(numbering.waiting().count(), MAX_WAITING);
    }

    #[test]
    fn what_waits_stays_bounded_and_keeps_the_newest() {
        let mut numbering = Numbering::new("0".repeat(32));
        let last = (0..100_000).map(|_| numbering.give()).last().unwrap();
        assert!(numbering.waiting().count() <= 2 * MAX_WAITING);
        assert!(numbering.waits(last));
    }
}
