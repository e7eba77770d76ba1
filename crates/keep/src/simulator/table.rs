//! A table in a world of faults.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::World;
use super::lag::Lag;
use crate::contract::{Faulty, OrderedFault};
use crate::{
    Action, BatchGot, Consistency, Item, Key, Page, Query, Scan, Schema, Table, TableError,
    TableName,
};

/// Any table, with the faults of its [`World`] and those that a test orders.
///
/// Old states are shown of tables made through [`Table::create`] of this one, since of those it
/// knows every write; all writes to them must come through here. A future that is dropped in the
/// middle of a real call leaves what it did untold.
pub struct SimTable {
    world: Arc<World>,
    inner: Arc<dyn Table>,
    lag: Mutex<Lag>,
    /// Writes whose callers gave up and which are on their way still.
    late: Mutex<VecDeque<Vec<Action>>>,
    ordered: Mutex<VecDeque<(OrderedFault, u32)>>,
}

impl SimTable {
    pub(super) fn new(world: Arc<World>, inner: Arc<dyn Table>) -> Self {
        Self {
            world,
            inner,
            lag: Mutex::default(),
            late: Mutex::default(),
            ordered: Mutex::default(),
        }
    }

    /// What is really there, with no faults between.
    pub fn inner(&self) -> &Arc<dyn Table> {
        &self.inner
    }

    /// Late writes arrive, old states catch up.
    pub(super) async fn settle(&self) {
        let _turn = self.world.real().await;
        self.late_arrivals(true).await;
        self.lag().settle();
    }

    fn lag(&self) -> MutexGuard<'_, Lag> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self) -> MutexGuard<'_, VecDeque<Vec<Action>>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one of these was ordered; it has struck then.
    fn ordered(&self, about: impl Fn(OrderedFault) -> bool) -> Option<OrderedFault> {
        let mut ordered = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        let position = ordered.iter().position(|(fault, _)| about(*fault))?;
        let (fault, times) = ordered.get_mut(position)?;
        let fault = *fault;
        *times -= 1;
        if *times == 0 {
            ordered.remove(position);
        }
        Some(fault)
    }

    /// The beginning of every call: its way here, and faults that keep it from being done.
    async fn arrive(&self, writes: bool) -> Result<(), TableError> {
        self.world.way().await;
        let throttle = if writes {
            OrderedFault::ThrottleWrites
        } else {
            OrderedFault::ThrottleReads
        };
        if self.ordered(|fault| fault == throttle).is_some()
            || self.world.strikes(|faults| faults.throttle)
        {
            return Err(TableError::Throttled);
        }
        match self.world.strikes(|faults| faults.unavailable) {
            true => Err(TableError::Unavailable("simulated".to_owned())),
            false => Ok(()),
        }
    }

    /// Late writes that arrive now. Their callers have gone: what becomes of them nobody hears.
    async fn late_arrivals(&self, all: bool) {
        loop {
            let next = {
                let mut late = self.late();
                if late.is_empty() || !(all || self.world.strikes(|_| LATE_ARRIVAL)) {
                    return;
                }
                late.pop_front()
            };
            if let Some(actions) = next {
                let done = self.inner.transact(&actions).await;
                self.world.record(format_args!(
                    "a late {} {}",
                    sketch(&actions),
                    outcome(&done)
                ));
                if done.is_ok() {
                    self.lag().done(&actions);
                }
            }
        }
    }

    /// Moves the world on a little before a real call, and says whether this read may be old.
    async fn before_read(&self, table: &TableName, eventual: bool) -> bool {
        self.late_arrivals(false).await;
        let mut lag = self.lag();
        lag.catch_up(&mut self.world.state().dice);
        let old = self
            .world
            .strikes(|faults| if eventual { faults.stale } else { 0 });
        old && lag.is_known(table)
    }

    async fn read<T>(
        &self,
        what: String,
        table: &TableName,
        eventual: bool,
        old: impl Fn(&Lag) -> Result<T, TableError>,
        new: impl AsyncFnOnce() -> Result<T, TableError>,
        told: impl Fn(&T) -> String,
    ) -> Result<T, TableError> {
        let arrived = self.arrive(false).await;
        let mut age = "";
        let answer = match arrived {
            Err(fault) => Err(fault),
            Ok(()) => {
                let _turn = self.world.real().await;
                if self.before_read(table, eventual).await {
                    age = " (old)";
                    old(&self.lag())
                } else {
                    new().await
                }
            }
        };
        let told = answer.as_ref().map_or_else(word, told);
        self.world.record(format_args!("{what}{age}: {told}"));
        self.world.way().await;
        answer
    }

    /// A write that arrived: done, or lost, or lost on the way back.
    async fn apply(&self, actions: &[Action]) -> Result<(), TableError> {
        let lost = || TableError::Ambiguous("simulated".to_owned());
        if self.world.strikes(|faults| faults.conflict) && actions.len() > 1 {
            return Err(TableError::Conflict);
        }
        if self
            .ordered(|fault| fault == OrderedFault::DropRequest)
            .is_some()
            || self.world.strikes(|faults| faults.drop_request)
        {
            return Err(lost());
        }
        if self.world.strikes(|faults| faults.late) {
            self.late().push_back(actions.to_vec());
            return Err(lost());
        }
        let done = {
            let _turn = self.world.real().await;
            self.late_arrivals(false).await;
            let done = self.inner.transact(actions).await;
            let mut lag = self.lag();
            lag.catch_up(&mut self.world.state().dice);
            if done.is_ok() {
                lag.done(actions);
            }
            done
        };
        match self
            .ordered(|fault| fault == OrderedFault::DropReply)
            .is_some()
            || self.world.strikes(|faults| faults.drop_reply)
        {
            true => {
                self.world.record(format_args!(
                    "{} {}, which nobody hears",
                    sketch(actions),
                    outcome(&done)
                ));
                Err(lost())
            }
            false => done,
        }
    }
}

#[async_trait::async_trait]
impl Table for SimTable {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        let _turn = self.world.real().await;
        self.inner.create(schema).await?;
        if self.lag().is_known(&schema.name) {
            return Ok(());
        }
        // What is there already is known from now on.
        let mut scan = Scan {
            table: schema.name.clone(),
            attributes: vec![],
            limit: None,
            start: None,
            consistency: Consistency::Eventual,
        };
        let mut there = Vec::new();
        loop {
            let page = self.inner.scan(&scan).await?;
            there.extend(page.items);
            match page.next {
                Some(next) => scan.start = Some(next),
                None => break,
            }
        }
        let mut lag = self.lag();
        lag.knows(schema)?;
        for item in there {
            let table = schema.name.clone();
            lag.done(&[Action::Put {
                table,
                item,
                condition: crate::Condition::always(),
            }]);
        }
        lag.settle();
        Ok(())
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.read(
            format!("get {}", of_key(table, key)),
            table,
            consistency == Consistency::Eventual,
            |lag| lag.seen.get_now(table, key),
            async || self.inner.get(table, key, consistency).await,
            |item| if item.is_some() { "found" } else { "absent" }.to_owned(),
        )
        .await
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        crate::check_batch(keys)?;
        let partial = match self.ordered(|fault| matches!(fault, OrderedFault::PartialBatch(_))) {
            Some(OrderedFault::PartialBatch(looked_at)) => Some(looked_at),
            _ if self.world.strikes(|faults| faults.partial_batch) => {
                Some(self.world.state().dice.position(keys.len() + 1))
            }
            _ => None,
        };
        let mut wanted = keys.to_vec();
        if partial.is_some() {
            wanted.sort();
            wanted.dedup();
        }
        let rest = wanted.split_off(wanted.len().min(partial.unwrap_or(usize::MAX)));
        let mut got = self
            .read(
                format!("batch of {} in {table}", keys.len()),
                table,
                consistency == Consistency::Eventual,
                |lag| lag.seen.batch_get_now(table, &wanted),
                async || self.inner.batch_get(table, &wanted, consistency).await,
                |got| {
                    format!(
                        "{} found, {} left",
                        got.items.len(),
                        got.unprocessed.len() + rest.len()
                    )
                },
            )
            .await?;
        got.unprocessed.extend(rest);
        Ok(got)
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        let index = query.index.as_deref().unwrap_or("-");
        self.read(
            format!("query {} {index} {:?}", query.table, query.hash.1.as_s()),
            &query.table,
            query.consistency == Consistency::Eventual || query.index.is_some(),
            |lag| lag.seen.query_now(query),
            async || self.inner.query(query).await,
            |page| format!("{} items", page.items.len()),
        )
        .await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.read(
            format!("scan {}", scan.table),
            &scan.table,
            scan.consistency == Consistency::Eventual,
            |lag| lag.seen.scan_now(scan),
            async || self.inner.scan(scan).await,
            |page| format!("{} items", page.items.len()),
        )
        .await
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        let answer = match self.arrive(true).await {
            Err(fault) => Err(fault),
            Ok(()) => self.apply(actions).await,
        };
        self.world
            .record(format_args!("{} {}", sketch(actions), outcome(&answer)));
        self.world.way().await;
        answer
    }

    /// As the table inside has it; `None` where eventual reads may be old.
    fn generation(&self) -> Option<u64> {
        match self.world.shows_old_states() {
            true => None,
            false => self.inner.generation(),
        }
    }
}

/// The same table, for the laws of [`Faulty`] ones.
impl Faulty for Arc<SimTable> {
    fn table(&self) -> Arc<dyn Table> {
        Arc::clone(self) as Arc<dyn Table>
    }

    fn order(&self, fault: OrderedFault, times: u32) {
        if times > 0 {
            self.ordered
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back((fault, times));
        }
    }

    fn heal(&self) {
        self.ordered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Actions as tables and keys, never values.
fn sketch(actions: &[Action]) -> String {
    let parts: Vec<String> = actions
        .iter()
        .map(|action| match action {
            Action::Put { table, item, .. } => {
                let key = ["id", "name", "version"]
                    .into_iter()
                    .filter_map(|name| item.get(name)?.as_s());
                format!("put {table}/{}", key.collect::<Vec<_>>().join("/"))
            }
            Action::Delete { table, key, .. } => format!("delete {}", of_key(table, key)),
            Action::Update {
                table,
                key,
                attribute,
                ..
            } => format!("update {} {attribute}", of_key(table, key)),
            Action::Check { table, key, .. } => format!("check {}", of_key(table, key)),
        })
        .collect();
    format!("[{}]", parts.join(", "))
}

fn of_key(table: &TableName, key: &Key) -> String {
    let parts = std::iter::once(&key.hash)
        .chain(&key.range)
        .filter_map(|(_, value)| value.as_s());
    format!("{table}/{}", parts.collect::<Vec<_>>().join("/"))
}

fn outcome(done: &Result<(), TableError>) -> String {
    done.as_ref().map_or_else(word, |()| "done".to_owned())
}

fn word(error: &TableError) -> String {
    match error {
        TableError::ConditionFailed(failed) => format!("failed at {failed:?}"),
        other => other.to_string(),
    }
}

/// The chance of a late write to arrive before a call, in a thousand.
const LATE_ARRIVAL: u32 = 100;
