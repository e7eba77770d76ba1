//! A seeded world of faults round a table, a key service and a clock.
//!
//! One number, the seed, decides everything that could differ between two runs: which client goes
//! on, what is delayed, throttled, lost on the way or on the way back, applied after its caller gave
//! up, how old an eventual read or an index is, and how the clock jumps. The same seed gives the same
//! [`World::trace`], also over real files and sockets, because [`World::run`] waits for the real
//! work of one client before it lets another go on.
//!
//! ```text
//! simulator::under_seeds(1_000, async |seed| {
//!     let world = World::new(seed, Faults::harsh());
//!     let table = world.table(Arc::new(MemoryTable::default()));
//!     world.run(vec![Box::pin(one(&table)), Box::pin(other(&table))]).await;
//!     world.calm().await;         // no more faults; indexes catch up; then look at what is there
//! }).await;
//! ```
//!
//! A failing seed is printed with how to run it alone: `KEEPWARD_SIM_SEED=<seed>`.

mod clock;
mod dice;
mod executor;
mod keys;
mod lag;
mod memory_audit;
mod memory_keys;
mod memory_table;
mod seeds;
mod table;
mod world;

pub use clock::SimClock;
pub use dice::SimRandom;
pub use executor::Client;
pub use keys::SimKeys;
pub use memory_audit::MemoryAudit;
pub use memory_keys::MemoryKeys;
pub use memory_table::MemoryTable;
pub use seeds::under_seeds;
pub use table::SimTable;
pub use world::{Faults, World};
