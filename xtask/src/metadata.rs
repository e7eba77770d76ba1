//! What `cargo metadata` says, as far as the checks read it.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::machine::{Machine, output_of};

/// The packages of a workspace.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

/// One package.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// Registry or repository; `None` for a package by path.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a package's `[dependencies]`, `[build-dependencies]` or `[dev-dependencies]`.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or `None` for an ordinary one.
    pub(crate) kind: Option<String>,
    /// `None` for a package by path.
    pub(crate) source: Option<String>,
}

impl Metadata {
    /// The workspace's own packages and what they ask for, from their manifests alone.
    pub(crate) fn of_manifests(machine: &Machine) -> Result<Self> {
        Self::read(
            machine,
            &["metadata", "--locked", "--format-version=1", "--no-deps"],
            &machine.root,
        )
    }

    /// Every package that the lock file of the workspace at `folder` offers to its builds, used or not.
    pub(crate) fn of_everything(machine: &Machine, folder: &Path) -> Result<Self> {
        Self::read(
            machine,
            &[
                "metadata",
                "--locked",
                "--format-version=1",
                "--all-features",
            ],
            folder,
        )
    }

    fn read(machine: &Machine, arguments: &[&str], folder: &Path) -> Result<Self> {
        let text = output_of(machine.cargo(arguments).current_dir(folder))?;
        serde_json::from_str(&text)
            .context("what cargo metadata says has another shape than expected")
    }
}
