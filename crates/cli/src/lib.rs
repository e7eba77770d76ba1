//! The program `keepward`: its command line, and the one place that knows adapters and wires them.
//!
//! It is a library so that tests can start the same program with faults laid round its adapters
//! ([`Wiring`]); the binary is three lines.

mod admin_command;
mod arguments;
#[cfg(feature = "aws")]
mod aws_ports;
mod client;
mod client_key_command;
mod config_command;
mod credential_command;
mod demo;
mod environment;
mod exit;
mod house;
mod log;
mod output;
mod ports;
mod privacy;
mod reference;
mod serve;
mod service_command;
mod settings;
mod token;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
pub use crate::exit::{Failure, Kind, Outcome};
pub use crate::wiring::Wiring;

/// Runs the program on this process's arguments.
pub fn main(wiring: Wiring) -> ExitCode {
    privacy::protect();
    let arguments = Arguments::parse();
    match run(arguments, wiring) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(Arguments { config, command }: Arguments, wiring: Wiring) -> Outcome {
    let file = config.as_deref();
    match command {
        Command::Serve => serve::run(file, &wiring),
        Command::Demo(demo) => demo::run(&demo, &wiring),
        Command::Config(command) => config_command::run(file, command),
        Command::ClientKey(command) => client_key_command::run(command),
        Command::Token(token) => token::run(&token),
        Command::Service(command) => service_command::run(command),
        Command::Credential(command) => credential_command::run(command),
        Command::Admin(command) => admin_command::run(file, command),
    }
}
