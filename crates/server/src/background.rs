//! Work that comes round again.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use keep::Clock;
use tokio::task::{JoinHandle, JoinSet};

/// Runs `work` now and then every `period`, never twice at once, until the handle is aborted.
///
/// A round that fails, panics or takes longer than [`LONGEST`] is logged, and the next one tries
/// again.
pub fn every<F, E>(
    name: &'static str,
    clock: Arc<dyn Clock>,
    period: Duration,
    mut work: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            // A task of its own, so that a panic ends this round alone; aborted with this one.
            let mut round = JoinSet::new();
            round.spawn(work());
            tokio::select! {
                ended = round.join_next() => match ended {
                    Some(Ok(Err(error))) => {
                        tracing::warn!(work = name, %error, "background work failed, it is tried again");
                    }
                    Some(Err(_panic)) => {
                        tracing::error!(work = name, "background work panicked, it is tried again");
                    }
                    Some(Ok(Ok(()))) | None => {}
                },
                () = clock.sleep(LONGEST) => {
                    tracing::error!(work = name, "background work took too long, it is begun anew");
                    round.shutdown().await;
                }
            }
            clock.sleep(period).await;
        }
    })
}

/// The longest that one round may take.
const LONGEST: Duration = Duration::from_secs(600);
