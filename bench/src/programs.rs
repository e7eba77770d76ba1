//! The programs that are measured and needed: built here, so that none is stale.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Where they are.
pub(crate) struct Programs {
    pub(crate) keepward: PathBuf,
    pub(crate) null: PathBuf,
    /// Does nothing.
    pub(crate) empty: PathBuf,
    pub(crate) stand_in: PathBuf,
}

impl Programs {
    /// Builds what is not given. The programs lie beside this one.
    pub(crate) fn build(keepward: Option<PathBuf>) -> Result<Self> {
        let folder = std::env::current_exe()?
            .parent()
            .map(Path::to_path_buf)
            .context("a program in no folder")?;
        cargo(&[
            "build",
            "--release",
            "--locked",
            "--quiet",
            "-p",
            "bench",
            "--bins",
        ])?;
        let keepward = match keepward {
            Some(keepward) => keepward,
            None => {
                cargo(&[
                    "build",
                    "--release",
                    "--locked",
                    "--quiet",
                    "-p",
                    "keepward",
                ])?;
                folder.join("keepward")
            }
        };
        let programs = Self {
            keepward,
            null: folder.join("null"),
            empty: folder.join("empty"),
            stand_in: folder.join("standin"),
        };
        for program in [
            &programs.keepward,
            &programs.null,
            &programs.empty,
            &programs.stand_in,
        ] {
            ensure!(program.is_file(), "{} does not exist", program.display());
        }
        Ok(programs)
    }
}

/// The project's root.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
