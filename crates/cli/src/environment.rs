//! The process's environment, arguments and folders: the one place that reads them.

use std::ffi::OsString;
use std::path::PathBuf;

/// An environment variable, when it is set and is text.
#[expect(
    clippy::disallowed_methods,
    reason = "the one adapter of the environment"
)]
pub(crate) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether an environment variable is set, to whatever.
#[expect(
    clippy::disallowed_methods,
    reason = "the one adapter of the environment"
)]
pub(crate) fn has(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Names of environment variables whose values are not text, and of those that begin with
/// `KEEPWARD_`.
pub(crate) fn names() -> (Vec<String>, Vec<String>) {
    let mut not_text = Vec::new();
    let mut ours = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else {
            continue;
        };
        if name.starts_with("KEEPWARD_") {
            ours.push(name.clone());
        }
        if value.to_str().is_none() {
            not_text.push(name);
        }
    }
    (not_text, ours)
}

/// The words that this process was called with, its own name first.
pub(crate) fn words() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The home folder, when there is one.
pub(crate) fn home() -> Option<PathBuf> {
    var("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

/// The folder of the platform's convention for a program's data.
///
/// Linux and other Unix systems: `$XDG_DATA_HOME/keepward`, else `~/.local/share/keepward`; for
/// root without a home, `/var/lib/keepward`. macOS: `~/Library/Application Support/keepward`.
pub(crate) fn data_dir() -> PathBuf {
    let home = home();
    if cfg!(target_os = "macos") {
        return home
            .unwrap_or_default()
            .join("Library/Application Support/keepward");
    }
    match (var("XDG_DATA_HOME").filter(|dir| !dir.is_empty()), home) {
        (Some(data), _) => PathBuf::from(data).join("keepward"),
        (None, Some(home)) => home.join(".local/share/keepward"),
        (None, None) => PathBuf::from("/var/lib/keepward"),
    }
}
