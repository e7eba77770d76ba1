//! The kernel: one way to read or change a secret, and the ports it stands on.
//!
//! Ask [`Keep::permit`]; it decides, and a refusal is recorded before it returns. The [`Permit`]
//! opens values and begins a [`Tx`]; both end in exactly one audit event, because a permit that is
//! dropped unfinished records its own failure and a transaction carries its event among its items.
//!
//! Ports (what an adapter promises): [`Table`], [`KeyService`], [`AuditSink`], [`Clock`], [`Random`], [`Watch`].

mod about;
mod audit_sink;
mod backoff;
mod cached_keys;
mod clock;
#[cfg(feature = "contract")]
pub mod contract;
mod event_item;
mod items;
mod keep;
mod key_service;
mod limits;
mod opened;
mod permit;
mod random;
#[cfg(feature = "contract")]
pub mod simulator;
mod table;
mod turns;
mod tx;
mod watch;
mod watched;

pub use about::{About, Told};
pub use audit_sink::{AuditMode, AuditSink, AuditUnavailable, event_line};
pub use cached_keys::CachedKeys;
pub use clock::Clock;
pub use domain::Timestamp;
pub use event_item::event_key;
pub use items::Items;
pub use keep::{Ask, ExportError, Keep, Limits, Ports, Refused};
pub use key_service::{KeyError, KeyService, MasterKey, Unwrapped};
pub use limits::{check_batch, check_item, check_key, check_query, check_scan, check_transaction};
pub use opened::OpenedValues;
pub use permit::Permit;
pub use random::Random;
/// The types that the ports speak in.
pub use seal::{DataKey, EncryptionContext, Plaintext, WrappedKey};
pub use table::{
    Action, BatchGot, Clause, Condition, Consistency, IndexSchema, Item, Key, MAX_ACTIONS,
    MAX_BATCH_GET, MAX_ITEM_BYTES, MAX_PAGE_BYTES, MAX_TRANSACTION_BYTES, Order, Page, PageStart,
    Query, Scan, Schema, Table, TableError, TableName, Terms, Value, item_bytes,
};
pub use turns::Turn;
pub use tx::{CommitError, Tx};
pub use watch::{
    CacheName, Count, Ended, Fact, JwtCount, KeyCall, NoticeEnd, NoticeTo, Purpose, Step,
    TableCall, Unwatched, Watch,
};
pub use watched::{WatchedKeys, WatchedTable};
