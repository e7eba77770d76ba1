//! The built program, from outside.

mod blind;
mod browsers;
mod canary;
mod client_calls;
mod clients;
mod command_line;
mod demo;
mod doctor;
mod exec;
mod fleet;
mod formats;
mod guide;
mod kills;
mod kms_logins;
mod preflight;
mod revisions;
mod secrets_bootstrap;
mod simulated;
mod stash;
mod stop;
mod telling;
mod two_servers;
mod world;
