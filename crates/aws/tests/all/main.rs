//! The adapters against real moto, and against a listener that answers what AWS documents that it answers.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod contract;
mod create;
mod key_errors;
mod key_service;
mod stub;
mod support;
mod table;
mod table_errors;
mod time_limits;
