//! Trying again what was refused for the moment, with pauses that grow.

use std::future::Future;
use std::time::Duration;

use keep::{Clock, Random};

use crate::Error;

/// Calls `call` until it gives something else than a refusal for the moment, at most so many times
/// as [`Error::most_tries`] says.
pub(crate) async fn patiently<T, F>(
    clock: &dyn Clock,
    random: &dyn Random,
    call: impl Fn() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = 1;
    loop {
        match call().await {
            Err(error) if tries < error.most_tries() => {
                pause(clock, random, tries).await;
                tries += 1;
            }
            ended => return ended,
        }
    }
}

/// Waits before the try after so many: between half and the whole of a bound that doubles.
pub(crate) async fn pause(clock: &dyn Clock, random: &dyn Random, tries: u32) {
    let bound = FIRST.saturating_mul(1 << tries.min(16)).min(LONGEST) / 2;
    let jitter = bound.mul_f64(f64::from(u32::from_be_bytes(random.bytes())) / f64::from(u32::MAX));
    clock.sleep(bound + jitter).await;
}

const FIRST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_secs(5);
