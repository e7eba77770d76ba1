//! `keepward stash`: secrets in the tables of credstash and CredSmash, or in a folder, in one grammar.
//!
//! Runs under the caller's own rights, straight on the table and the keys: no server is asked.

mod arguments;
mod command;
mod confidant;
mod copy;
mod delete;
mod doctor;
mod exec;
mod export;
mod failure;
mod get;
mod import;
mod list;
mod migrate;
mod names;
mod newest_values;
mod put;
mod rewrap;
mod session;
mod setup;
mod template;
mod value_source;
mod written;

pub(crate) use arguments::Stash;
pub(crate) use command::run;
