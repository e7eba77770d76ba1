//! The machine under the tasks: environment, folders, clock and child programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The machine as the tasks see it. Made once, in `main`.
pub(crate) struct Machine {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Where downloads, virtual environments and build results rest, outside the repository.
    pub(crate) cache: PathBuf,
    /// Where cargo builds. The caller's own `CARGO_TARGET_DIR` when there is one.
    pub(crate) target: PathBuf,
    cargo: OsString,
}

impl Machine {
    /// The machine that this program runs on.
    ///
    /// Errors: there is neither `XDG_CACHE_HOME` nor `HOME`.
    pub(crate) fn here() -> Result<Self> {
        let cache = match (variable("XDG_CACHE_HOME"), variable("HOME")) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => Path::new(&home).join(".cache"),
            (None, None) => {
                bail!("neither XDG_CACHE_HOME nor HOME is set: there is no place for downloads")
            }
        }
        .join("keepward");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the repository's root")?;
        Ok(Self {
            root: root.to_owned(),
            target: variable("CARGO_TARGET_DIR")
                .map_or_else(|| cache.join("target"), PathBuf::from),
            cache,
            cargo: variable("CARGO").unwrap_or_else(|| "cargo".into()),
        })
    }

    /// A cargo command at the root, in the shared target folder, that keeps to the lock file.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(&self.cargo);
        command
            .args(arguments)
            .env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// A program at the root, with nothing to read on its standard input.
    pub(crate) fn program(&self, name: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(name);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Whether a program starts and ends well.
    pub(crate) fn answers(&self, name: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
        self.program(name)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// What a command prints; its standard error goes to ours.
///
/// Errors: it does not start, fails, or prints no UTF-8.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{shown} does not start"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{shown} prints no UTF-8"))
}

/// Runs a command that prints for itself.
///
/// Errors: it does not start, or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command
        .status()
        .with_context(|| format!("{shown} does not start"))?;
    if !status.success() {
        bail!("{shown} failed: {status}");
    }
    Ok(())
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Seconds since a moment that `now` gave.
pub(crate) fn seconds_since(start: Instant) -> f64 {
    now().duration_since(start).as_secs_f64()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tasks measure real time and wire no ports"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the tasks read the environment"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
