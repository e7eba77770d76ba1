//! The server: mounts the doors, sets the limits, reads the settings, tells others what happens.
//!
//! It knows no adapter: the command line wires those and hands over finished doors.

mod background;
mod front_page;
mod http;
mod https;
mod impatient;
pub mod metrics;
mod notices;
mod request_log;
pub mod settings;

/// What a door is made of, for who wires them.
pub use axum::Router;
pub use background::every;
pub use front_page::FRONT_PAGE;
pub use http::{HttpLimits, Site, Stopped, serve};
pub use https::Https;
pub use notices::{Ending, Notices, Notifier};
pub use settings::Config;
