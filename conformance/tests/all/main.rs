//! The built program, from outside.

mod blind;
mod browsers;
mod canary;
mod certificates;
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
mod openssl;
mod preflight;
mod revisions;
mod secrets_bootstrap;
mod simulated;
mod stash;
mod stop;
mod telling;
mod two_servers;
mod web_tokens;
mod world;
