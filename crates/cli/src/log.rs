//! The log: to stderr, as text for a person or as JSON lines for a collector.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
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
    subscriber(
        filter,
        json,
        std::io::stderr().is_terminal(),
        std::io::stderr,
    )
    .try_init()
    .map_err(|error| Failure::new(Kind::Internal, format!("starting the log: {error}")))
}

/// The filters are for all layers, not for one: a filter of one layer remembers on each thread what
/// it said last, and `tracing::enabled!` leaves that memory behind for the next line, which is lost.
fn subscriber<W>(filter: EnvFilter, json: bool, colours: bool, writer: W) -> impl SubscriberInitExt
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let log = fmt::layer().with_timer(SystemTime).with_writer(writer);
    let log = if json {
        log.json().flatten_event(true).boxed()
    } else {
        log.with_target(false).with_ansi(colours).boxed()
    };
    tracing_subscriber::registry()
        .with(log)
        .with(filter)
        .with(filter_fn(harmless))
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Lines {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    /// What is logged at `info` by `work`.
    fn logged(work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let filter = EnvFilter::try_new("info").unwrap();
        let guard = subscriber(filter, false, false, lines.clone()).set_default();
        work();
        drop(guard);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_line_is_lost_after_a_question_whether_a_finer_one_is_wanted() {
        let log = logged(|| {
            for line in 1..=3 {
                assert!(!tracing::enabled!(target: "keepward::request", Level::DEBUG));
                tracing::warn!(line, "login refused");
            }
        });
        assert_eq!(log.matches("login refused").count(), 3, "{log}");
    }

    #[test]
    fn libraries_below_us_are_not_heard_under_info_whatever_the_filter() {
        let lines = Lines::default();
        let filter = EnvFilter::try_new("trace").unwrap();
        let guard = subscriber(filter, false, false, lines.clone()).set_default();
        tracing::trace!(target: "aws_smithy_runtime", "a whole request");
        tracing::trace!(target: "login::kms_token", "ours");
        tracing::warn!(target: "aws_smithy_runtime", "a warning");
        drop(guard);
        let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!log.contains("a whole request"), "{log}");
        assert!(log.contains("ours") && log.contains("a warning"), "{log}");
    }
}
