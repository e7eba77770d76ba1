//! `keepward credsmash`, and this program called as `credsmash`: CredSmash 3.0.2's command line.
//!
//! Every command, option, text and exit code is CredSmash's, but for what its users would call a bug;
//! docs/from-credstash.md lists those. [`arguments`] is what can be typed, [`config`] what it amounts to
//! with the configuration file, [`run`] one run on both; the other files are the commands.

mod algorithm;
pub(crate) mod arguments;
mod config;
mod deleting;
mod files;
mod listing;
mod log;
#[cfg(test)]
mod old_items;
mod reading;
mod rendering;
mod run;
mod setup;
mod template_secrets;
mod version;
mod writing;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use self::arguments::{Arguments, Command};
use self::run::Run;
use crate::faces::{Done, Face, misread};

/// Runs CredSmash's command line on these words, of which the first is the program's name.
pub(crate) fn main(words: &[OsString]) -> ExitCode {
    let Arguments {
        globals, command, ..
    } = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => return misread(Face::Credsmash, &error),
    };
    match Run::begin(globals).and_then(|run| perform(&run, &command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.report("Error: "),
    }
}

fn perform(run: &Run, command: &Command) -> Done {
    match command {
        Command::Delete(delete) => deleting::delete(run, &delete.secret_name),
        Command::DeleteMany(delete) => deleting::delete_many(run, &delete.pattern),
        Command::FindMany(find) => reading::find_many(run, find),
        Command::FindOne(find) => reading::find_one(run, find),
        Command::Get(get) => reading::get(run, get),
        Command::GetAll(get) => reading::get_all(run, get),
        Command::List(list) => listing::list(run, list),
        Command::Prune(prune) => deleting::prune(run, &prune.secret_name),
        Command::PruneMany(prune) => deleting::prune_many(run, &prune.pattern),
        Command::Put(put) => writing::put(run, put),
        Command::PutMany(put) => writing::put_many(run, put),
        Command::RenderTemplate(render) => rendering::render_template(run, render),
        Command::RenderTemplates(render) => rendering::render_templates(run, render),
        Command::SetupDynamodb(setup) => setup::setup_dynamodb(run, setup),
    }
}
