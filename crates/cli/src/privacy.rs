//! Keeps values out of core dumps and panic messages.

use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many times this process panicked. Every test run ends with 0.
pub(crate) fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Forbids core dumps and other processes' looks into this one's memory, and replaces the panic
/// message, which can hold a value, by its place.
#[expect(
    clippy::print_stderr,
    reason = "a command without a log must not end in silence"
)]
pub(crate) fn protect() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = setrlimit(Resource::Core, none);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let limited = limited.and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "panic");
        eprintln!("keepward: panic at {place}");
    }));
    if let Err(error) = limited {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
}
