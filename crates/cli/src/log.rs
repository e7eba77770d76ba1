//! The log: to stderr, as text for a person or as JSON lines for a collector.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::exit::{Failure, Kind, Outcome};

/// Starts the log of this process.
pub(crate) fn start(filter: &str, json: bool) -> Outcome {
    let filter = EnvFilter::try_new(filter).map_err(|_quotes_the_value| {
        Failure::new(
            Kind::Usage,
            "KEEPWARD_LOG: takes a log filter, for example debug or keepward=debug,warn",
        )
    })?;
    let log = fmt::layer()
        .with_timer(SystemTime)
        .with_writer(std::io::stderr);
    let log = if json {
        log.json().flatten_event(true).boxed()
    } else {
        log.with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed()
    };
    tracing_subscriber::registry()
        .with(log.with_filter(filter).with_filter(filter_fn(harmless)))
        .try_init()
        .map_err(|error| Failure::new(Kind::Internal, format!("starting the log: {error}")))
}

/// Whether no filter setting can make this line show a value.
///
/// Libraries below us log whole requests at debug and trace, data keys among them; ours do not.
fn harmless(line: &Metadata<'_>) -> bool {
    let ours = line
        .target()
        .split("::")
        .next()
        .is_some_and(|room| OURS.contains(&room));
    ours || *line.level() <= Level::INFO
}

const OURS: &[&str] = &[
    "keepward",
    "server",
    "door_confidant",
    "door_console",
    "login",
    "confidant",
    "stash",
    "keep",
    "local",
    "aws",
];
