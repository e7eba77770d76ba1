//! The tools of other people that the tests need, and how they come onto a machine that lacks them.

use std::fs::File;
use std::path::{Path, PathBuf};

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

/// The Python with which the tests run the AWS emulator and the old clients; installs both where they are missing.
///
/// Shape: a virtual environment in the cache, named after everything that decides its content.
/// Errors: no Python of 3.10 or later, or an installation fails.
pub(crate) fn ensure_python(machine: &Machine) -> Result<PathBuf> {
    let python = match find_python(machine) {
        Some(python) => python,
        None => {
            let wanted = "Python 3.10 or later with venv is needed, as `python3` (Debian: apt-get install python3 python3-venv)";
            install(machine, &["python3", "python3-venv"]).context(wanted)?;
            find_python(machine).context(wanted)?
        }
    };
    let list = machine.root.join("conformance/python/requirements.txt");
    let requirements =
        std::fs::read(&list).with_context(|| format!("{} cannot be read", list.display()))?;
    let version = output_of(machine.program(&python).args(["-VV"]))?;
    let folder = machine.cache.join(format!(
        "venv-{:016x}",
        digest(&[&requirements, version.as_bytes()])
    ));

    std::fs::create_dir_all(&machine.cache)?;
    // Two runs at once must not build the same folder: the second waits here and finds it complete.
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock().context("the cache folder cannot be locked")?;
    let (inside, complete) = (folder.join("bin/python"), folder.join("complete"));
    // The mark is written last: a folder without it is an installation that was interrupted.
    if !complete.exists() {
        build_environment(machine, &python, &folder, &inside, &list)?;
        std::fs::write(&complete, "")?;
    }
    Ok(inside)
}

fn build_environment(
    machine: &Machine,
    python: &str,
    folder: &Path,
    inside: &Path,
    list: &Path,
) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    run(machine.program(python).args(["-m", "venv"]).arg(folder))?;
    let pip = |arguments: &[&str]| {
        let mut command = machine.program(inside);
        command
            .args([
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
            ])
            .args(arguments);
        command
    };
    // The list names everything; `check` says when it does not.
    run(pip(&["install", "--no-deps", "--requirement"]).arg(list))
        .context("the Python packages cannot be installed")?;
    run(&mut pip(&["check"])).context("requirements.txt is not complete")
}

fn find_python(machine: &Machine) -> Option<String> {
    [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
    ]
    .into_iter()
    .find(|name| machine.answers(name, &["-c", PYTHON_CHECK]))
    .map(str::to_owned)
}

/// Debian's `python3` has no venv until `python3-venv` brings `ensurepip`.
const PYTHON_CHECK: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Installs Debian packages where that is possible without asking: as root, or with a sudo that asks nothing.
fn install(machine: &Machine, packages: &[&str]) -> Result<()> {
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

/// FNV-1a over all parts, each with its length: a name for content, not a protection.
fn digest(parts: &[&[u8]]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| {
        let length = part.len().to_le_bytes();
        length
            .iter()
            .chain(part.iter())
            .fold(hash, |hash, byte| step(hash, *byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_requirement_or_another_python_has_another_folder() {
        let folders = [
            digest(&[b"a", b"b"]),
            digest(&[b"a", b"c"]),
            digest(&[b"ab", b""]),
            digest(&[b"", b"ab"]),
        ];
        for (index, one) in folders.iter().enumerate() {
            assert!(!folders[index + 1..].contains(one), "{index}");
        }
        assert_eq!(digest(&[b"a"]), digest(&[b"a"]));
    }

    #[test]
    fn every_python_requirement_is_pinned_to_one_version() {
        let list = Machine::here()
            .unwrap()
            .root
            .join("conformance/python/requirements.txt");
        let text = std::fs::read_to_string(list).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        for wanted in [
            "moto[server]==5.2.5",
            "kmsauth==0.6.3",
            "confidant-client==2.7.1",
        ] {
            assert!(lines.contains(&wanted), "{wanted}");
        }
        for line in lines {
            let (name, version) = line
                .split_once("==")
                .unwrap_or_else(|| panic!("{line:?} is not pinned"));
            assert!(
                !name.is_empty() && !version.is_empty() && !version.contains(['*', ',']),
                "{line:?}"
            );
        }
    }
}
