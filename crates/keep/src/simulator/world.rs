//! The world: its seed, its faults, its time, and the record of what happened.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use domain::Timestamp;

use super::dice::Dice;
use super::{SimClock, SimKeys, SimRandom, SimTable};
use crate::{KeyService, Table};

/// How often what goes wrong, in a thousand calls each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// A call waits before it is sent and before its answer is given: what reorders clients.
    pub delay: u32,
    /// Throttled; nothing done.
    pub throttle: u32,
    /// Not reached; nothing done.
    pub unavailable: u32,
    /// Another transaction held an item; nothing done.
    pub conflict: u32,
    /// A write is done and its answer is lost.
    pub drop_reply: u32,
    /// A write is lost on the way and nobody can tell.
    pub drop_request: u32,
    /// A write whose caller gave up is done some time later.
    pub late: u32,
    /// A batch read looks at some of its keys only.
    pub partial_batch: u32,
    /// An eventual read, or one of an index, gives an older state. Zero: all reads are strong.
    pub stale: u32,
    /// The time of day jumps by up to an hour in either direction.
    pub clock_jump: u32,
}

impl Faults {
    /// Nothing goes wrong.
    pub const fn none() -> Self {
        Self {
            delay: 0,
            throttle: 0,
            unavailable: 0,
            conflict: 0,
            drop_reply: 0,
            drop_request: 0,
            late: 0,
            partial_batch: 0,
            stale: 0,
            clock_jump: 0,
        }
    }

    /// Calls overtake each other and eventual reads are old; none fails.
    pub const fn reordering() -> Self {
        Self {
            delay: 500,
            stale: 500,
            ..Self::none()
        }
    }

    /// A bad day: about one call in eight fails.
    pub const fn harsh() -> Self {
        Self {
            delay: 500,
            throttle: 30,
            unavailable: 20,
            conflict: 20,
            drop_reply: 30,
            drop_request: 10,
            late: 15,
            partial_batch: 300,
            stale: 500,
            clock_jump: 10,
        }
    }
}

/// Everything that a seed decides.
pub struct World {
    seed: u64,
    shows_old_states: bool,
    state: Mutex<State>,
    /// One real call at a time, so that their order is that of the seed.
    gate: tokio::sync::Mutex<()>,
    tables: Mutex<Vec<std::sync::Weak<SimTable>>>,
}

pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) faults: Faults,
    /// The client that is going on now.
    pub(super) client: usize,
    /// Real calls under way.
    pub(super) real: usize,
    /// Microseconds since the world began; never go back.
    pub(super) elapsed: u64,
    /// What the time of day adds to that.
    pub(super) day: i64,
    trace: Vec<String>,
}

impl World {
    /// A world of this seed.
    pub fn new(seed: u64, faults: Faults) -> Arc<Self> {
        let state = State {
            dice: Dice::new(seed),
            faults,
            client: 0,
            real: 0,
            elapsed: 0,
            day: BEGINNING,
            trace: Vec::new(),
        };
        Arc::new(Self {
            seed,
            shows_old_states: faults.stale > 0,
            state: Mutex::new(state),
            gate: tokio::sync::Mutex::new(()),
            tables: Mutex::default(),
        })
    }

    /// Its seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// This table, in this world.
    pub fn table(self: &Arc<Self>, inner: Arc<dyn Table>) -> Arc<SimTable> {
        let table = Arc::new(SimTable::new(Arc::clone(self), inner));
        self.tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(&table));
        table
    }

    /// This key service, in this world.
    pub fn keys(self: &Arc<Self>, inner: Arc<dyn KeyService>) -> Arc<SimKeys> {
        Arc::new(SimKeys::new(Arc::clone(self), inner))
    }

    /// The clock of this world.
    pub fn clock(self: &Arc<Self>) -> Arc<SimClock> {
        Arc::new(SimClock::of(Arc::clone(self)))
    }

    /// Random bytes that the seed decides.
    pub fn random(&self) -> Arc<SimRandom> {
        Arc::new(SimRandom::new(self.seed))
    }

    /// Ends all faults: late writes are done, and indexes and eventual reads catch up.
    pub async fn calm(&self) {
        self.state().faults = Faults::none();
        let tables: Vec<_> = self
            .tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for table in tables.iter().filter_map(std::sync::Weak::upgrade) {
            table.settle().await;
        }
    }

    /// What happened, in order: one line for each call that came back, naming client, call and
    /// outcome, never a value.
    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone()
    }

    pub(super) fn shows_old_states(&self) -> bool {
        self.shows_old_states
    }

    pub(super) fn record(&self, line: impl fmt::Display) {
        let mut state = self.state();
        let line = format!("{} client {}: {line}", state.elapsed, state.client);
        state.trace.push(line);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this fault strikes now.
    pub(super) fn strikes(&self, fault: impl Fn(&Faults) -> u32) -> bool {
        let mut state = self.state();
        let chance = fault(&state.faults);
        // No roll for what cannot be: the faults of a world do not disturb each other.
        chance > 0 && state.dice.chance(chance)
    }

    /// The way of a call to the other side, or of its answer back: takes time, and lets others go on.
    pub(super) async fn way(&self) {
        let turns = {
            let mut state = self.state();
            let faults = state.faults;
            state.elapsed += 200;
            if faults.clock_jump > 0 && state.dice.chance(faults.clock_jump) {
                let jump =
                    i64::try_from(state.dice.below(2 * HOUR)).unwrap_or(0) - HOUR.cast_signed();
                state.day = state.day.saturating_add(jump);
            }
            match faults.delay > 0 && state.dice.chance(faults.delay) {
                true => 1 + state.dice.below(4),
                false => 0,
            }
        };
        for _ in 0..turns {
            self.state().elapsed += 1_000;
            Turn(false).await;
        }
    }

    /// Waits for this time to pass in the world. Others go on meanwhile.
    pub(super) async fn pass(&self, pause: Duration) {
        let end = self
            .state()
            .elapsed
            .saturating_add(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX));
        loop {
            Turn(false).await;
            let mut state = self.state();
            let left = end.saturating_sub(state.elapsed);
            if left == 0 {
                return;
            }
            // Others asleep wake on the way, in an order that is the seed's.
            let step = 1 + state.dice.below(left);
            state.elapsed += step;
        }
    }

    /// The right to one real call; others wait for it.
    pub(super) async fn real(&self) -> Real<'_> {
        let turn = self.gate.lock().await;
        self.state().real += 1;
        Real {
            world: self,
            _turn: turn,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        let state = self.state();
        Timestamp::from_micros(
            state
                .day
                .saturating_add(i64::try_from(state.elapsed).unwrap_or(i64::MAX)),
        )
    }

    pub(super) fn monotonic(&self) -> Duration {
        Duration::from_micros(self.state().elapsed)
    }
}

/// A real call under way.
pub(super) struct Real<'w> {
    world: &'w World,
    _turn: tokio::sync::MutexGuard<'w, ()>,
}

impl Drop for Real<'_> {
    fn drop(&mut self) {
        self.world.state().real -= 1;
    }
}

/// Lets the executor choose who goes on.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// 2026-01-15T12:00:00Z, in microseconds.
const BEGINNING: i64 = 1_768_478_400_000_000;
/// In microseconds.
const HOUR: u64 = 3_600_000_000;
