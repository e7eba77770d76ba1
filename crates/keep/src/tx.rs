//! Writes that happen all together, with their audit event, or not at all.

use domain::{EventId, Outcome, Revision, Target};

use crate::backoff::Backoff;
use crate::event_item::{event_item, line_of, no_event_item};
use crate::permit::event;
use crate::{
    Action, Condition, Consistency, Fact, Item, Keep, Key, Permit, TableError, TableName, Value,
    event_key, event_line,
};

/// A transaction under a permit.
pub struct Tx<'p, 'k> {
    permit: &'p mut Permit<'k>,
    actions: Vec<Action>,
    target: Option<Target>,
}

/// Why a transaction did not commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing was written: these actions (by position) met something else than was read. Read
    /// again and begin again.
    #[error("something moved since it was read")]
    Moved(Vec<usize>),
    /// The table said no, or could not be reached; when ambiguous, the write may have happened.
    #[error(transparent)]
    Table(TableError),
}

impl<'p, 'k> Tx<'p, 'k> {
    pub(crate) fn new(permit: &'p mut Permit<'k>) -> Self {
        Self {
            permit,
            actions: Vec::new(),
            target: None,
        }
    }

    /// Writes a whole item.
    pub fn put(&mut self, table: &TableName, item: Item, condition: Condition) {
        self.actions.push(Action::Put {
            table: table.clone(),
            item,
            condition,
        });
    }

    /// Removes an item.
    pub fn delete(&mut self, table: &TableName, key: Key, condition: Condition) {
        self.actions.push(Action::Delete {
            table: table.clone(),
            key,
            condition,
        });
    }

    /// Sets or removes one attribute.
    pub fn update(
        &mut self,
        table: &TableName,
        key: Key,
        attribute: &str,
        value: Option<Value>,
        condition: Condition,
    ) {
        let attribute = attribute.to_owned();
        self.actions.push(Action::Update {
            table: table.clone(),
            key,
            attribute,
            value,
            condition,
        });
    }

    /// Only checks an item that this transaction does not write.
    pub fn check(&mut self, table: &TableName, key: Key, condition: Condition) {
        self.actions.push(Action::Check {
            table: table.clone(),
            key,
            condition,
        });
    }

    /// Names the target in the event, for a create whose id was made after the decision.
    pub fn target(&mut self, target: Target) {
        self.target = Some(target);
    }

    /// Commits all actions and the event of this operation.
    ///
    /// Tries again after throttling and lost answers. It cannot happen twice: the event's own item
    /// is written on the condition that it is new, and its presence afterwards is the proof that
    /// an unanswered try happened. Nor can it happen late: before a failure is told after an
    /// unanswered try, the event's place is taken, so that a try still on its way finds it taken.
    ///
    /// Errors: `Ambiguous` only when that could not be done either.
    pub async fn commit(self, revision: Option<Revision>) -> Result<(), CommitError> {
        let Self {
            permit,
            mut actions,
            target,
        } = self;
        let keep = permit.keep;
        let ports = &keep.ports;
        if permit.recorded {
            let ended = "this operation has ended and has its event".to_owned();
            return Err(CommitError::Table(TableError::Invalid(ended)));
        }
        // A closed semaphore is impossible: nobody closes it.
        let _slot = keep.writers.acquire().await;

        if let Some(target) = target {
            permit.ask.target = target;
        }
        let id = ports.audit.next_id();
        let event = event(
            &id,
            ports.clock.now(),
            &permit.ask,
            revision,
            Outcome::Allowed,
            permit.rule,
        );
        let line = event_line(&event);
        actions.push(Action::Put {
            table: keep.own.clone(),
            item: event_item(&id, &line),
            condition: Condition::new_item("id"),
        });

        // Whoever is cancelled from here on does not know how it ended.
        let earlier_in_doubt = std::mem::replace(&mut permit.in_doubt, true);
        let Attempts { ended, unanswered } = attempts(keep, &actions, &id, &line).await;
        let ended = match (ended, unanswered) {
            (Err(failure), true) => match settle(keep, &id, &line).await {
                Settled::Happened => Ok(()),
                Settled::NeverWill => Err(match failure {
                    CommitError::Table(TableError::Ambiguous(why)) => {
                        CommitError::Table(TableError::Unavailable(why))
                    }
                    failure => failure,
                }),
                Settled::Unknown(why) => {
                    return Err(CommitError::Table(TableError::Ambiguous(why)));
                }
            },
            (ended, _) => ended,
        };
        permit.in_doubt = earlier_in_doubt;
        ended?;
        permit.recorded = true;
        keep.ended(permit.ask.action, Outcome::Allowed);
        if let Err(unavailable) = ports.audit.append(&id, &line) {
            keep.watch().happened(Fact::AuditFailed);
            // The event is safe in the table and is exported at the next start.
            tracing::error!(event = %id, %unavailable, "committed event not exported");
        }
        Ok(())
    }
}

/// How trying ended, and whether a try went unanswered and so may yet happen.
struct Attempts {
    ended: Result<(), CommitError>,
    unanswered: bool,
}

/// Tries these actions, the last of which puts the event `id`, until there is an answer.
async fn attempts(keep: &Keep, actions: &[Action], id: &EventId, line: &str) -> Attempts {
    let ports = &keep.ports;
    let mut backoff = Backoff::new(&*ports.clock, &*ports.random);
    let mut unanswered = false;
    let ended = loop {
        let error = match ports.table.transact(actions).await {
            Ok(()) => break Ok(()),
            Err(TableError::ConditionFailed(failed)) => {
                // The adapter's own retries can hide a lost answer, so ask in every case.
                let happened = keep
                    .items()
                    .get(&keep.own, &event_key(id), Consistency::Strong)
                    .await;
                break match happened {
                    Ok(Some(item)) if line_of(&item) == Some(line) => Ok(()),
                    Ok(Some(_)) => {
                        foreign(id);
                        Err(CommitError::Moved(Vec::new()))
                    }
                    Ok(None) => {
                        let own_position = actions.len() - 1;
                        let moved = failed
                            .into_iter()
                            .filter(|position| *position != own_position)
                            .collect();
                        Err(CommitError::Moved(moved))
                    }
                    Err(error) => {
                        unanswered = true;
                        Err(CommitError::Table(TableError::Ambiguous(error.to_string())))
                    }
                };
            }
            Err(error @ TableError::Ambiguous(_)) => {
                unanswered = true;
                error
            }
            Err(
                error @ (TableError::Conflict | TableError::Throttled | TableError::Unavailable(_)),
            ) => error,
            Err(error) => break Err(CommitError::Table(error)),
        };
        if !backoff.another().await {
            break Err(CommitError::Table(error));
        }
    };
    Attempts { ended, unanswered }
}

/// What became of a write that went unanswered.
enum Settled {
    Happened,
    NeverWill,
    Unknown(String),
}

/// Takes the place of the event `id`, unless it is there: then the write has happened.
async fn settle(keep: &Keep, id: &EventId, line: &str) -> Settled {
    let ports = &keep.ports;
    let place = [Action::Put {
        table: keep.own.clone(),
        item: no_event_item(id),
        condition: Condition::new_item("id"),
    }];
    let mut backoff = Backoff::new(&*ports.clock, &*ports.random);
    loop {
        let error = match ports.table.transact(&place).await {
            Ok(()) => return Settled::NeverWill,
            Err(TableError::ConditionFailed(_)) => {
                return match keep
                    .items()
                    .get(&keep.own, &event_key(id), Consistency::Strong)
                    .await
                {
                    Ok(Some(item)) if line_of(&item) == Some(line) => Settled::Happened,
                    // A try of ours to take the place that went unanswered, or somebody else's event.
                    Ok(Some(item)) => {
                        if line_of(&item).is_some() {
                            foreign(id);
                        }
                        Settled::NeverWill
                    }
                    Ok(None) => Settled::Unknown("the event's item came and went".to_owned()),
                    Err(error) => Settled::Unknown(error.to_string()),
                };
            }
            Err(error) => error,
        };
        if !backoff.another().await {
            return Settled::Unknown(error.to_string());
        }
    }
}

/// Two logs give the same names: one of them is a copy of the other. The write goes on under the
/// next name; an operator must know.
fn foreign(id: &EventId) {
    tracing::error!(
        event = %id,
        "this event name is taken by another event: the audit folder is a copy, give each server its own"
    );
}
