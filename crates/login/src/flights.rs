//! Many who want the same thing at once share one call for it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

type Key = [u8; 32];

/// Calls under way, by what they are about.
pub(crate) struct Flights<V> {
    under_way: Mutex<HashMap<Key, Arc<OnceCell<V>>>>,
}

impl<V: Clone> Flights<V> {
    pub(crate) fn new() -> Self {
        Self {
            under_way: Mutex::new(HashMap::new()),
        }
    }

    /// What `call` returns, or what the same call of somebody else returns that is under way.
    ///
    /// A caller that goes away hands the work to the next one that waits. Nothing is kept
    /// afterwards: `call` looks into its own cache first, since it may begin right after another
    /// one landed.
    pub(crate) async fn join(&self, key: Key, call: impl Future<Output = V>) -> V {
        let cell = Arc::clone(self.lock().entry(key).or_default());
        let seat = Seat {
            flights: self,
            key,
            cell,
        };
        seat.cell.get_or_init(|| call).await.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<OnceCell<V>>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One caller's part; the last to leave, or the first after landing, clears the entry.
struct Seat<'f, V: Clone> {
    flights: &'f Flights<V>,
    key: Key,
    cell: Arc<OnceCell<V>>,
}

impl<V: Clone> Drop for Seat<'_, V> {
    fn drop(&mut self) {
        let mut under_way = self.flights.lock();
        let mine = under_way
            .get(&self.key)
            .is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // Two holders are the map and this seat; nobody can join while the map is locked.
        if mine && (self.cell.initialized() || Arc::strong_count(&self.cell) == 2) {
            under_way.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn callers_at_once_share_one_call_and_nothing_stays() {
        let flights = Flights::new();
        let calls = AtomicU32::new(0);
        let call = || async {
            tokio::task::yield_now().await;
            calls.fetch_add(1, Ordering::SeqCst) + 1
        };
        let (a, b, other) = tokio::join!(
            flights.join([1; 32], call()),
            flights.join([1; 32], call()),
            flights.join([2; 32], call())
        );
        assert_eq!((a == b, a + other), (true, 3));
        assert_eq!(flights.join([1; 32], call()).await, 3);
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_hands_over_and_leaves_nothing() {
        let flights = Flights::new();
        {
            let mut gone = std::pin::pin!(flights.join([1; 32], std::future::pending::<u32>()));
            let waiting = flights.join([1; 32], async { 7 });
            tokio::select! {
                biased;
                _ = &mut gone => panic!("pending for ever"),
                () = std::future::ready(()) => {}
            }
            let mut waiting = std::pin::pin!(waiting);
            tokio::select! {
                biased;
                _ = &mut waiting => panic!("the first one has the work"),
                () = std::future::ready(()) => {}
            }
        }
        assert!(flights.lock().is_empty());
        assert_eq!(flights.join([1; 32], async { 8 }).await, 8);
    }
}
