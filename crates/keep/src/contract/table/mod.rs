//! Laws of [`Table`](crate::Table).

mod batches;
mod conditions;
mod items;
mod limits;
mod queries;
mod races;
mod scans;
mod tables;
mod transactions;

pub use batches::*;
pub use conditions::*;
pub use items::*;
pub use limits::*;
pub use queries::*;
pub use races::*;
pub use scans::*;
pub use tables::*;
pub use transactions::*;
