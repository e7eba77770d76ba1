//! The tools of other people that the tests need, and how they come onto a machine that lacks them.

use anyhow::{Context, Result, bail};

use crate::machine::{Machine, output_of, run};

/// Makes sure that compilers and cargo's own parts are there.
///
/// Errors: one is missing and cannot be installed; the message says what to install.
pub(crate) fn ensure_compilers(machine: &Machine) -> Result<()> {
    // C for SQLite and aws-lc, C++ for libFuzzer.
    if !(machine.answers("cc", &["--version"]) && machine.answers("c++", &["--version"])) {
        install(machine, &["gcc", "g++", "libc6-dev"])
            .context("a C and a C++ compiler are needed, as `cc` and `c++` (Debian: apt-get install gcc g++ libc6-dev)")?;
    }
    for (part, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !machine
            .cargo(&[part, "--version"])
            .output()
            .is_ok_and(|output| output.status.success())
        {
            run(machine
                .program("rustup")
                .args(["component", "add", component]))
            .with_context(|| {
                format!("cargo {part} is needed (rustup component add {component})")
            })?;
        }
    }
    Ok(())
}

/// Makes sure that the programs are there that tests talk to or are judged by.
///
/// Errors: one is missing and cannot be installed; the message says what to install.
pub(crate) fn ensure_programs(machine: &Machine) -> Result<()> {
    for (program, option, package) in [
        ("redis-server", "--version", "redis-server"),
        ("openssl", "version", "openssl"),
    ] {
        if !machine.answers(program, &[option]) {
            install(machine, &[package]).with_context(|| {
                format!("{program} is needed (Debian: apt-get install {package})")
            })?;
        }
    }
    Ok(())
}

/// Installs Debian packages where that is possible without asking: as root, or with a sudo that asks nothing.
pub(crate) fn install(machine: &Machine, packages: &[&str]) -> Result<()> {
    if !machine.answers("apt-get", &["--version"]) {
        bail!("there is no apt-get here: install it by hand");
    }
    let root = output_of(machine.program("id").arg("-u"))?.trim() == "0";
    if !root && !machine.answers("sudo", &["-n", "true"]) {
        bail!("installing it needs root: do it by hand");
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = if root {
            machine.program("env")
        } else {
            machine.program("sudo")
        };
        if !root {
            command.args(["-n", "env"]);
        }
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"])
            .args(arguments);
        command
    };
    run(&mut apt_get(&["update"]))?;
    run(apt_get(&["install", "--yes", "--no-install-recommends"]).args(packages))
}
