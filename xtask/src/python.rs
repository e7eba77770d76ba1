//! The Python environments of the tests: the AWS emulator with the old clients, the real Confidant, and the real
//! CredSmash and credstash.
//!
//! Each is a folder of the cache, named after everything that decides its content.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::machine::{Machine, output_of, run};
use crate::tools::install;

/// The Python with which the tests run the AWS emulator and the old clients; installs both where they are missing.
///
/// Errors: no Python of 3.10 or later, or an installation fails.
pub(crate) fn ensure_python(machine: &Machine) -> Result<PathBuf> {
    let wanted = "Python 3.10 or later with venv is needed, as `python3` (Debian: apt-get install python3 python3-venv)";
    let names = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
    ];
    let python = find_or_install(
        machine,
        &names,
        "sys.version_info >= (3, 10)",
        &["python3", "python3-venv"],
    )
    .context(wanted)?;
    let list = machine.root.join("conformance/python/requirements.txt");
    let version = version_of(machine, &python)?;
    let name = format!("venv-{:016x}", digest(&[&read(&list)?, version.as_bytes()]));
    let folder = cached(machine, &name, |folder| {
        let inside = environment(machine, &python, folder)?;
        install_list(machine, &inside, &list, &[])?;
        // The list names everything; `check` says when it does not.
        run(pip(machine, &inside).arg("check")).context("requirements.txt is not complete")
    })?;
    Ok(inside(&folder))
}

/// The environment of the real Confidant 7.0.0; installs it where it is missing.
///
/// The published wheel does not start as it is: one sub-package (certificate authorities) and the
/// web pages were left out of it. `absent/` holds the least that makes the imports succeed, and is
/// laid over no file of the wheel; every route but those of certificates is Confidant's own code.
///
/// Errors: neither Python 3.10 nor 3.11, whose packages are the last that it was released with; the
/// libraries that xmlsec is compiled with cannot be installed; an installation fails.
pub(crate) fn ensure_confidant(machine: &Machine) -> Result<PathBuf> {
    let python = find_or_install(
        machine,
        &["python3.11", "python3.10", "python3"],
        "(3, 10) <= sys.version_info < (3, 12)",
        &["python3.11", "python3.11-venv", "python3.11-dev"],
    )
    .context("the real Confidant needs Python 3.10 or 3.11 with venv, as `python3.11`, `python3.10` or `python3`")?;
    let ours = machine.root.join("conformance/confidant");
    let (list, absent) = (ours.join("requirements.txt"), ours.join("absent"));
    let files = files_below(&absent)?;
    let mut parts = vec![read(&list)?, version_of(machine, &python)?.into_bytes()];
    for file in &files {
        parts.push(file.as_os_str().as_encoded_bytes().to_vec());
        parts.push(read(&absent.join(file))?);
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    cached(
        machine,
        &format!("confidant-{:016x}", digest(&parts)),
        |folder| {
            ensure_headers(machine, &python)?;
            let inside = environment(machine, &python, folder)?;
            // What the server imports is compiled below, the rest never.
            install_list(machine, &inside, &list, &["--no-compile"])?;
            let places = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
            let packages = output_of(machine.program(&inside).args(["-c", places]))?;
            for file in &files {
                let target = Path::new(packages.trim()).join(file);
                if !target.exists() {
                    fs::create_dir_all(target.parent().context("a file lies in a folder")?)?;
                    fs::copy(absent.join(file), target)?;
                }
            }
            run(machine
                .program(&inside)
                .args(["-Wignore", "-c", "import confidant.app"]))
            .context("the installed Confidant does not start")
        },
    )
}

/// The environment of the real CredSmash 3.0.2 and credstash 1.17.1; installs both where they are missing. Its `bin`
/// folder holds them as `credsmash` and `credstash`.
///
/// Errors: no Python of 3.11 or later, which the pinned packages need; an installation fails; one of the two does not
/// start.
pub(crate) fn ensure_stash_tools(machine: &Machine) -> Result<PathBuf> {
    let names = ["python3", "python3.13", "python3.12", "python3.11"];
    let python = find_or_install(
        machine,
        &names,
        "sys.version_info >= (3, 11)",
        &["python3", "python3-venv"],
    )
    .context(
        "the real CredSmash and credstash need Python 3.11 or later with venv, as `python3` or `python3.11`",
    )?;
    let list = machine.root.join("conformance/stash/requirements.txt");
    let version = version_of(machine, &python)?;
    let name = format!(
        "stash-{:016x}",
        digest(&[&read(&list)?, version.as_bytes()])
    );
    cached(machine, &name, |folder| {
        let inside = environment(machine, &python, folder)?;
        install_list(machine, &inside, &list, &[])?;
        run(pip(machine, &inside).arg("check"))
            .context("conformance/stash/requirements.txt is not complete")?;
        for tool in ["credsmash", "credstash"] {
            output_of(machine.program(folder.join("bin").join(tool)).arg("--help"))
                .with_context(|| format!("the installed {tool} does not start"))?;
        }
        Ok(())
    })
}

/// A folder of the cache that `build` fills, once.
fn cached(
    machine: &Machine,
    name: &str,
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = machine.cache.join(name);
    fs::create_dir_all(&machine.cache)?;
    // Two runs at once must not build the same folder: the second waits here and finds it complete.
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock().context("the cache folder cannot be locked")?;
    // The mark is written last: a folder without it is an installation that was interrupted.
    let complete = folder.join("complete");
    if !complete.exists() {
        eprintln!("installing into {}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        build(&folder)?;
        fs::write(&complete, "")?;
    }
    Ok(folder)
}

/// Makes a virtual environment and gives its Python.
fn environment(machine: &Machine, python: &str, folder: &Path) -> Result<PathBuf> {
    run(machine.program(python).args(["-m", "venv"]).arg(folder))?;
    Ok(inside(folder))
}

fn inside(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

/// Installs what a list names, and nothing that it does not.
fn install_list(machine: &Machine, python: &Path, list: &Path, options: &[&str]) -> Result<()> {
    run(pip(machine, python)
        .args(["install", "--no-deps"])
        .args(options)
        .arg("--requirement")
        .arg(list)
        // What a package is compiled with comes from the list too.
        .env("PIP_CONSTRAINT", list))
    .with_context(|| format!("the packages of {} cannot be installed", list.display()))
}

fn pip(machine: &Machine, python: &Path) -> Command {
    let mut command = machine.program(python);
    command.args([
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
    ]);
    command
}

/// The first of these names that is a Python with venv and fulfils `condition`; when there is none, after
/// installing `packages`.
fn find_or_install(
    machine: &Machine,
    names: &[&str],
    condition: &str,
    packages: &[&str],
) -> Result<String> {
    // Debian's `python3` has no venv until `python3-venv` brings `ensurepip`.
    let check = format!("import sys, venv, ensurepip; sys.exit(not ({condition}))");
    let find = || {
        names
            .iter()
            .find(|name| machine.answers(name, &["-c", &check]))
            .map(|name| (*name).to_owned())
    };
    match find() {
        Some(python) => Ok(python),
        None => {
            install(machine, packages)?;
            find().context("it was installed and does not answer")
        }
    }
}

/// What xmlsec, which has no wheel, is compiled with: Python's headers and two libraries.
fn ensure_headers(machine: &Machine, python: &str) -> Result<()> {
    let mut missing = Vec::new();
    let headers = "import os, sys, sysconfig\n\
        sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))";
    if !machine.answers(python, &["-c", headers]) {
        let name = "import sys; print('python%d.%d-dev' % sys.version_info[:2])";
        let name = output_of(machine.program(python).args(["-c", name]))?;
        missing.push(name.trim().to_owned());
    }
    if !machine.answers("pkg-config", &["--exists", "xmlsec1", "libxml-2.0"]) {
        missing.extend(["libxmlsec1-dev", "libxml2-dev", "pkg-config"].map(str::to_owned));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(String::as_str).collect();
    install(machine, &packages).with_context(|| {
        format!(
            "the real Confidant is compiled with {} (Debian's names)",
            missing.join(", ")
        )
    })
}

fn version_of(machine: &Machine, python: &str) -> Result<String> {
    output_of(machine.program(python).arg("-VV"))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// All files below a folder, sorted, as paths from there; not what running Python leaves behind.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in
            fs::read_dir(&next).with_context(|| format!("{} cannot be read", next.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension() != Some(OsStr::new("pyc")) {
                found.push(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
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
        let root = Machine::here().unwrap().root;
        for (list, wanted) in [
            (
                "conformance/python/requirements.txt",
                &["moto==5.2.5", "kmsauth==0.6.3", "confidant-client==2.7.1"][..],
            ),
            (
                "conformance/confidant/requirements.txt",
                &["confidant==7.0.0", "kmsauth==0.6.3"],
            ),
            (
                "conformance/stash/requirements.txt",
                &["credsmash==3.0.2", "credstash==1.17.1"],
            ),
        ] {
            let text = fs::read_to_string(root.join(list)).unwrap();
            let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            for wanted in wanted {
                assert!(lines.contains(wanted), "{list}: {wanted}");
            }
            for line in lines {
                let (name, version) = line
                    .split_once("==")
                    .unwrap_or_else(|| panic!("{list}: {line:?} is not pinned"));
                // A list is a constraint too, where pip takes no extras.
                assert!(
                    !name.is_empty()
                        && !name.contains('[')
                        && !version.is_empty()
                        && !version.contains(['*', ',']),
                    "{list}: {line:?}"
                );
            }
        }
    }

    #[test]
    fn what_the_published_confidant_lacks_is_found() {
        let absent = Machine::here()
            .unwrap()
            .root
            .join("conformance/confidant/absent");
        let files = files_below(&absent).unwrap();
        assert!(
            files.contains(&PathBuf::from("confidant/public/index.html")),
            "{files:?}"
        );
        assert!(files.is_sorted());
    }
}
