//! `keepward credstash`, and this program called as `credstash`: credstash 1.17.1's command line.
//!
//! Every command, option, text and exit code is credstash's, but for what its users would call a bug;
//! docs/from-credstash.md lists those. [`arguments`] is what can be typed, [`run`] one run with it; the
//! other files are the commands and what they read.

pub(crate) mod arguments;
mod listing;
mod log_file;
mod pairs;
mod reading;
mod run;
mod saved_region;
mod setup;
mod value;
mod writing;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use self::arguments::{Arguments, Command};
use self::log_file::LogFile;
use self::run::Run;
use crate::faces::{Done, Face, misread};
use crate::output;

/// Runs credstash's command line on these words, of which the first is the program's name.
pub(crate) fn main(words: &[OsString]) -> ExitCode {
    let Arguments { globals, command } = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => return misread(Face::Credstash, &error),
    };
    let Some(command) = command else {
        let help = Arguments::command().render_help().to_string();
        return match output::text(&help) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => crate::faces::Fault::from(failure).report(""),
        };
    };
    let mut log = match LogFile::open(globals.log_file.as_deref(), &globals.log_level) {
        Ok(log) => log,
        Err(fault) => return fault.report(""),
    };
    match Run::begin(globals).and_then(|run| perform(&run, &command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) if fault.is_usage() => fault.report("credstash: error: "),
        Err(fault) => {
            log.failure(&fault.to_string());
            fault.report("")
        }
    }
}

fn perform(run: &Run, command: &Command) -> Done {
    match command {
        Command::Delete(delete) => listing::delete(run, delete),
        Command::Get(get) => reading::get(run, get),
        Command::GetAll(get) => reading::get_all(run, get),
        Command::Keys => listing::keys(run),
        Command::List => listing::list(run),
        Command::Put(put) => writing::put(run, put),
        Command::PutAll(put) => writing::put_all(run, put),
        Command::Setup(setup) => setup::setup(run, setup),
    }
}
