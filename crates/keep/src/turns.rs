//! Writers of one thing in this process take turns.
//!
//! What keeps writes apart is the condition of each, here and between servers. Turns make it fair
//! and cheap: of many writers at once only one would get its write through, and the others would
//! have sealed theirs in vain.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::TableName;

/// The things that are being written, each with its queue.
#[derive(Default)]
pub(crate) struct Turns {
    queues: Mutex<HashMap<Thing, Arc<tokio::sync::Mutex<()>>>>,
}

/// Its table and id.
type Thing = (TableName, String);

impl Turns {
    /// Waits behind those who came before.
    pub(crate) async fn wait(&self, table: &TableName, id: &str) -> Turn<'_> {
        let thing = (table.clone(), id.to_owned());
        let queue = Arc::clone(self.lock().entry(thing.clone()).or_default());
        let mut turn = Turn {
            turns: self,
            thing,
            queue: Arc::clone(&queue),
            held: None,
        };
        turn.held = Some(queue.lock_owned().await);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Thing, Arc<tokio::sync::Mutex<()>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One writer's turn, or its place in the queue. Ends when dropped; the last one leaves nothing behind.
pub struct Turn<'k> {
    turns: &'k Turns,
    thing: Thing,
    queue: Arc<tokio::sync::Mutex<()>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut queues = self.turns.lock();
        // Two holders are the map and this one; nobody can join while the map is locked.
        if Arc::strong_count(&self.queue) == 2 {
            queues.remove(&self.thing);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn writers_of_one_thing_take_turns_in_their_order_and_leave_nothing_behind() {
        let (turns, table) = (Turns::default(), TableName::new("t"));
        let (inside, order) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        join_all((0..16).map(|writer| {
            let (turns, table, inside, order) = (&turns, &table, &inside, &order);
            async move {
                let _turn = turns.wait(table, "one").await;
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                order.lock().unwrap().push(writer);
            }
        }))
        .await;
        assert_eq!(order.into_inner().unwrap(), (0..16).collect::<Vec<_>>());
        assert!(turns.lock().is_empty());
    }

    #[tokio::test]
    async fn one_who_goes_away_while_waiting_holds_up_nobody() {
        let (turns, table) = (Turns::default(), TableName::new("t"));
        let first = turns.wait(&table, "one").await;
        assert!(turns.wait(&table, "one").now_or_never().is_none());
        drop(turns.wait(&table, "another").await);
        drop(first);
        drop(turns.wait(&table, "one").await);
        assert!(turns.lock().is_empty());
    }
}
