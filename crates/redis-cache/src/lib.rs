//! The ports on Redis: what several servers keep together for a while.
//!
//! A cache is a convenience: when Redis cannot be reached in time, it is as if it held nothing, and the log says so.

mod token_cache;

pub use token_cache::{BadUrl, RedisTokenCache};
