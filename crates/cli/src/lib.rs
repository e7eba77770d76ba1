//! The program `keepward`: its command line, and the one place that knows adapters and wires them.
//!
//! It is a library so that tests can start the same program with faults laid round its adapters
//! ([`Wiring`]); the binary is three lines.

mod admin_command;
mod arguments;
mod authorities;
#[cfg(feature = "aws")]
mod aws_ports;
mod blind;
mod blind_command;
mod changes;
mod client;
mod client_key_command;
mod completions;
mod confidant_format;
mod config_command;
mod content;
mod credential_command;
mod credsmash;
mod credstash;
mod demo;
mod doctor;
mod doctor_command;
mod environment;
mod exec_command;
mod exit;
mod faces;
mod formats;
mod house;
mod iam_condition;
mod iam_json;
mod iam_policy;
mod iam_principal;
mod listing;
mod log;
mod log_time;
mod output;
mod pairs;
mod placed_file;
mod ports;
mod preflight_command;
mod privacy;
mod progress;
mod python_text;
mod reference;
mod revisions;
mod secret_arguments;
mod secrets_bootstrap;
mod secrets_bootstrap_command;
mod serve;
mod served;
mod service_command;
mod settings;
mod signing_keys;
mod stash;
mod stash_ports;
mod stash_reach;
mod stash_words;
mod token;
mod token_findings;
mod token_inspect;
mod variables;
mod watching;
mod wiring;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use crate::arguments::{Arguments, Command, TokenCommand};
pub use crate::exit::{Failure, Kind, Outcome};
pub use crate::wiring::Wiring;

/// Runs the program on this process's arguments.
pub fn main(wiring: Wiring) -> ExitCode {
    privacy::protect();
    let words = environment::words();
    if let Some((face, words)) = faces::called(&words) {
        return face.run(&words);
    }
    let matches = Arguments::command().get_matches_from(words);
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(arguments, wiring) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(asks_for_json(&matches)),
    }
}

/// Whether `--json` was given to the command, whichever it was.
fn asks_for_json(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one("json").ok().flatten();
    here.copied().unwrap_or(false)
        || matches
            .subcommand()
            .is_some_and(|(_, below)| asks_for_json(below))
}

fn run(Arguments { config, command }: Arguments, wiring: Wiring) -> Outcome {
    let file = config.as_deref();
    match command {
        Command::Serve(asked) => serve::run(file, &asked, &wiring),
        Command::Demo(demo) => demo::run(&demo, &wiring),
        Command::Config(command) => config_command::run(file, command),
        Command::ClientKey(command) => client_key_command::run(command),
        Command::Token(token) => match token.command {
            Some(TokenCommand::Inspect(inspect)) => token_inspect::run(&inspect),
            None => token::run(&token),
        },
        Command::Service(command) => service_command::run(command),
        Command::Credential(command) => credential_command::run(command),
        Command::Blind(command) => blind_command::run(command),
        Command::Credsmash | Command::Credstash => Err(Failure::new(
            Kind::Usage,
            "the old command lines take no option of keepward before their name",
        )),
        Command::Exec(exec) => exec_command::run(&exec),
        Command::Completions { shell } => completions::run(shell),
        Command::Stash(stash) => stash::run(&stash),
        Command::Doctor(doctor) => doctor_command::run(file, &doctor),
        Command::Preflight(preflight) => preflight_command::run(file, &preflight),
        Command::Admin(command) => admin_command::run(file, command),
    }
}
