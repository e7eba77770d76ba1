//! The reference: the real Confidant 7.0.0 under gunicorn with gevent and two workers, as its authors ship it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::aws::StandIn;
use crate::keepward::{HEALTH, aws_settings};
use crate::process::Process;
use crate::programs::root;

/// Worker processes.
pub(crate) const WORKERS: usize = 2;

/// Installs it unless it is there; returns its virtual environment.
pub(crate) fn set_up() -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["xtask", "confidant"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo xtask confidant failed");
    let text = String::from_utf8(output.stdout)?;
    Ok(PathBuf::from(
        text.lines()
            .next_back()
            .context("cargo xtask confidant named no folder")?,
    ))
}

/// Starts it.
pub(crate) fn start(environment: &Path, folder: &Path, stand_in: &StandIn) -> Result<Process> {
    Process::start(
        "confidant",
        &environment.join("bin/gunicorn"),
        folder,
        HEALTH,
        |command, address| {
            command.args(["confidant.wsgi:app", "--worker-class", "gevent"]);
            command.args([
                "--workers",
                &WORKERS.to_string(),
                "--bind",
                &address.to_string(),
            ]);
            command.envs(aws_settings(stand_in));
            // Work that no request asks for, and which would only be held against it.
            command
                .env("BACKGROUND_CACHE_IAM_ROLES", "false")
                .env("KMS_AUTH_MANAGE_GRANTS", "false");
            // A cold worker asks for twenty data keys a request; its default of one second is for a real KMS.
            for name in ["KMS_READ_TIMEOUT", "KMS_CONNECTION_TIMEOUT"] {
                command.env(name, "20");
            }
            for name in [
                "PYNAMO_READ_TIMEOUT_SECONDS",
                "PYNAMO_CONNECT_TIMEOUT_SECONDS",
            ] {
                command.env(name, "20");
            }
        },
    )
}
