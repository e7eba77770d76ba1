//! The older state of a table: what eventual reads and indexes may show.

use std::collections::{BTreeSet, VecDeque};

use super::MemoryTable;
use super::dice::Dice;
use crate::{Action, Condition, Key, Schema, TableError, TableName};

/// Writes that were done, and the state without the newest of them.
///
/// Each item's writes arrive in their order; those of different items overtake each other.
#[derive(Default)]
pub(super) struct Lag {
    /// The state that eventual reads see.
    pub(super) seen: MemoryTable,
    known: BTreeSet<TableName>,
    waiting: VecDeque<(TableName, Key, Action)>,
}

impl Lag {
    /// A table of which every write will be told.
    pub(super) fn knows(&mut self, schema: &Schema) -> Result<(), TableError> {
        self.seen.create_now(schema)?;
        self.known.insert(schema.name.clone());
        Ok(())
    }

    pub(super) fn is_known(&self, table: &TableName) -> bool {
        self.known.contains(table)
    }

    /// These were done just now.
    pub(super) fn done(&mut self, actions: &[Action]) {
        for action in actions {
            let mut action = action.clone();
            let (table, condition) = match &mut action {
                Action::Check { .. } => continue,
                Action::Put {
                    table, condition, ..
                }
                | Action::Delete {
                    table, condition, ..
                }
                | Action::Update {
                    table, condition, ..
                } => (table.clone(), condition),
            };
            *condition = Condition::always();
            if let Some(key) = self.seen.key_of(&action) {
                self.waiting.push_back((table, key, action));
            }
        }
    }

    /// Some of what waits arrives; never more than [`MOST`] wait.
    pub(super) fn catch_up(&mut self, dice: &mut Dice) {
        let mut arriving = dice.below(3);
        while !self.waiting.is_empty() && (arriving > 0 || self.waiting.len() > MOST) {
            let chosen = dice.position(self.waiting.len());
            self.arrive(chosen);
            arriving = arriving.saturating_sub(1);
        }
    }

    /// All that waits arrives.
    pub(super) fn settle(&mut self) {
        while !self.waiting.is_empty() {
            self.arrive(0);
        }
    }

    /// The first write that waits of the item at this position.
    fn arrive(&mut self, position: usize) {
        let Some((table, key, _)) = self.waiting.get(position) else {
            return;
        };
        let first = self
            .waiting
            .iter()
            .position(|(other, of, _)| other == table && of == key);
        if let Some((_, _, action)) = first.and_then(|first| self.waiting.remove(first)) {
            // It was done for real, so it can be done here; a size summed up otherwise is no matter.
            let done = self.seen.transact_now(std::slice::from_ref(&action));
            debug_assert_eq!(done, Ok(()), "a write that was done cannot be done again");
        }
    }
}

const MOST: usize = 40;
