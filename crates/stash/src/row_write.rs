//! One conditional write of one row, asked about until it is known what became of it.

use std::slice;

use keep::{Action, Consistency, Item, TableError};

use crate::patience::pause;
use crate::{Error, Place, Secrets};

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RowWrite {
    /// The row is as wanted.
    Done,
    /// Nothing was written: somebody changed the row, which is this now.
    Moved(Option<Item>),
}

impl Secrets {
    /// Does `action` on the row at `place`; `done` tells from the row as stored whether it is as wanted.
    ///
    /// The condition of the action must not hold any more once it was done, so that a request which
    /// arrives late changes nothing.
    /// Errors: `Ambiguous` only when the row did not answer either.
    pub(crate) async fn write_row(
        &self,
        place: &Place,
        action: &Action,
        done: impl Fn(Option<&Item>) -> bool,
    ) -> Result<RowWrite, Error> {
        let failed = Error::table(operation(action));
        let now = || self.item(&place.name, &place.version, Consistency::Strong);
        let mut tries = 1;
        loop {
            let (error, most) = match self.ports.table.transact(slice::from_ref(action)).await {
                Ok(()) => return Ok(RowWrite::Done),
                Err(TableError::ConditionFailed(_)) => {
                    let now = now().await?;
                    return Ok(match done(now.as_ref()) {
                        true => RowWrite::Done,
                        false => RowWrite::Moved(now),
                    });
                }
                Err(error @ TableError::Ambiguous(_)) => {
                    if done(now().await?.as_ref()) {
                        return Ok(RowWrite::Done);
                    }
                    (failed(error), IN_DOUBT)
                }
                Err(error) => {
                    let error = failed(error);
                    let most = error.most_tries();
                    (error, most)
                }
            };
            if tries >= most {
                return Err(error);
            }
            pause(&*self.ports.clock, &*self.ports.random, tries).await;
            tries += 1;
        }
    }
}

/// DynamoDB's name of the call.
fn operation(action: &Action) -> &'static str {
    match action {
        Action::Put { .. } => "PutItem",
        Action::Delete { .. } => "DeleteItem",
        Action::Update { .. } => "UpdateItem",
        Action::Check { .. } => "TransactWriteItems",
    }
}

/// The row is read between the tries, so each costs little.
const IN_DOUBT: u32 = 5;
