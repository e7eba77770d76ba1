//! The dependency check: licences, sources and banned crates, as `deny.toml` says.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::licence;
use crate::machine::{Machine, output_of};
use crate::metadata::{Metadata, Package};

/// The part of `deny.toml` that this check reads; cargo-deny reads more of it.
#[derive(Deserialize)]
struct Policy {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

/// `crate` is a name, or a name and the first numbers of a version: `hyper@0.14`.
#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    what: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// Checks the workspace and the fuzz targets, which have a lock file of their own; says how many packages it looked at.
///
/// Errors: every package that the policy refuses, all of them at once.
pub(crate) fn check(machine: &Machine) -> Result<usize> {
    let path = machine.root.join("deny.toml");
    let text = std::fs::read_to_string(&path).context("deny.toml cannot be read")?;
    let policy: Policy =
        toml::from_str(&text).context("deny.toml has another shape than expected")?;
    let mut refused = Vec::new();
    let mut count = 0;
    for folder in [machine.root.clone(), machine.root.join("fuzz")] {
        let packages = Metadata::of_everything(machine, &folder)?.packages;
        refused.extend(
            packages
                .iter()
                .filter_map(|package| fault(&policy, package)),
        );
        count += packages.len();
        let built = built(
            machine,
            &folder,
            &["--workspace", "--all-features", "--target=all"],
        )?;
        if built.len() < 10 {
            bail!("cargo tree lists next to nothing: {built:?}");
        }
        refused.extend(banned(&policy.bans.deny, &built));
    }
    if !refused.is_empty() {
        bail!(
            "deny.toml refuses {} packages:\n  {}",
            refused.len(),
            refused.join("\n  ")
        );
    }
    Ok(count)
}

/// Checks that the build without AWS has no crate of its SDK, and says how many crates it has.
///
/// Errors: any crate of the SDK, or a listing so short that something is wrong with it.
pub(crate) fn demo_has_no_aws(machine: &Machine) -> Result<usize> {
    let arguments = [
        "--package=keepward",
        "--no-default-features",
        "--edges=normal,build",
    ];
    let built = built(machine, &machine.root, &arguments)?;
    let sdk: Vec<_> = built
        .iter()
        .filter(|one| one.name.starts_with("aws-") && !one.name.starts_with("aws-lc-"))
        .collect();
    if !sdk.is_empty() {
        bail!("the build without AWS contains {sdk:?}");
    }
    let has = |name: &str| built.iter().any(|one| one.name == name);
    if !has("keepward") || has("aws") || built.len() < 20 {
        bail!("cargo tree lists no build of keepward without the room aws: {built:?}");
    }
    Ok(built.len())
}

/// What a build compiles. `cargo metadata` cannot say: it also lists crates behind features that nobody switches on.
fn built(machine: &Machine, folder: &Path, arguments: &[&str]) -> Result<BTreeSet<Built>> {
    let mut command = machine.cargo(&["tree", "--locked", "--prefix=none", "--format={p}"]);
    Ok(read_tree(&output_of(
        command.args(arguments).current_dir(folder),
    )?))
}

/// One crate that is compiled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Built {
    name: String,
    version: String,
}

/// Lines like `serde v1.0.0 (proc-macro) (*)`.
fn read_tree(listing: &str) -> BTreeSet<Built> {
    let crates = listing.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" v")?;
        let version = rest.split(' ').next()?;
        Some(Built {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    });
    crates.collect()
}

/// One sentence for every ban that a build breaks.
fn banned(bans: &[Ban], built: &BTreeSet<Built>) -> Vec<String> {
    let breaks = |one: &Built| {
        let ban = bans.iter().find(|ban| ban.meets(one))?;
        Some(format!(
            "{} {} is banned: {}",
            one.name, one.version, ban.reason
        ))
    };
    built.iter().filter_map(breaks).collect()
}

/// What is wrong with a package's licence or source.
fn fault(policy: &Policy, package: &Package) -> Option<String> {
    let named = format!("{} {}", package.name, package.version);
    if let Some(source) = &package.source {
        let known = source.split_once('+').is_some_and(|(kind, address)| {
            kind == "registry"
                && policy
                    .sources
                    .allow_registry
                    .iter()
                    .any(|allowed| allowed == address)
        });
        if !known {
            return Some(format!(
                "{named} comes from {source}, which is no allowed source"
            ));
        }
    }
    let Some(expression) = &package.license else {
        return Some(format!("{named} names no licence"));
    };
    let allowed = |licence: &str| policy.licenses.allows(&package.name, licence);
    match licence::satisfied(expression, &allowed) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "{named} is licensed {expression}, which the allowed licences do not satisfy"
        )),
        Err(unreadable) => Some(format!("{named}: {unreadable}")),
    }
}

impl Licences {
    fn allows(&self, package: &str, licence: &str) -> bool {
        let holds = |list: &[String]| list.iter().any(|allowed| allowed == licence);
        holds(&self.allow)
            || self
                .exceptions
                .iter()
                .any(|exception| exception.name == package && holds(&exception.allow))
    }
}

impl Ban {
    fn meets(&self, one: &Built) -> bool {
        match self.what.split_once('@') {
            None => self.what == one.name,
            Some((name, version)) => {
                name == one.name
                    && one
                        .version
                        .strip_prefix(version)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn policy() -> Policy {
        let text = r#"
            [licenses]
            allow = ["MIT", "Apache-2.0"]
            exceptions = [{ crate = "oracle", allow = ["MPL-2.0"] }]
            [bans]
            deny = [{ crate = "hyper@0.14", reason = "old" }, { crate = "openssl", reason = "C" }]
            [sources]
            allow-registry = ["https://github.com/rust-lang/crates.io-index"]
        "#;
        toml::from_str(text).unwrap()
    }

    fn fault_of(name: &str, license: Option<&str>, source: Option<&str>) -> Option<String> {
        let package = Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            license: license.map(str::to_owned),
            source: source.map(str::to_owned),
            dependencies: Vec::new(),
        };
        fault(&policy(), &package)
    }

    #[test]
    fn the_dependencies_of_this_repository_are_allowed() {
        let looked_at = check(&Machine::here().unwrap()).unwrap();
        assert!(looked_at > 100, "only {looked_at} packages were looked at");
    }

    #[test]
    fn the_demo_build_contains_no_aws_sdk() {
        demo_has_no_aws(&Machine::here().unwrap()).unwrap();
    }

    #[test]
    fn a_licence_that_is_not_allowed_is_refused_by_name() {
        assert_eq!(
            fault_of("copyleft", Some("GPL-3.0"), Some(CRATES_IO)).unwrap(),
            "copyleft 1.2.3 is licensed GPL-3.0, which the allowed licences do not satisfy"
        );
        assert_eq!(
            fault_of("free", Some("GPL-3.0 OR MIT"), Some(CRATES_IO)),
            None
        );
    }

    #[test]
    fn a_package_without_a_readable_licence_is_refused() {
        assert_eq!(
            fault_of("silent", None, Some(CRATES_IO)).unwrap(),
            "silent 1.2.3 names no licence"
        );
        assert!(
            fault_of("odd", Some("MIT AND"), Some(CRATES_IO))
                .unwrap()
                .contains("cannot be read")
        );
    }

    #[test]
    fn an_exception_is_for_its_crate_alone() {
        assert_eq!(fault_of("oracle", Some("MPL-2.0"), Some(CRATES_IO)), None);
        assert!(fault_of("other", Some("MPL-2.0"), Some(CRATES_IO)).is_some());
    }

    #[test]
    fn only_crates_io_and_our_own_folders_are_sources() {
        assert_eq!(fault_of("ours", Some("Apache-2.0"), None), None);
        for source in [
            "git+https://example.org/x?rev=1#1",
            "registry+https://example.org/index",
            "nonsense",
        ] {
            assert_eq!(
                fault_of("x", Some("MIT"), Some(source)).unwrap(),
                format!("x 1.2.3 comes from {source}, which is no allowed source")
            );
        }
    }

    #[test]
    fn a_banned_version_is_refused_and_its_neighbours_are_not() {
        let verdict = |tree: &str| banned(&policy().bans.deny, &read_tree(tree));
        assert_eq!(
            verdict(
                "ours v0.1.0 (/x)\nhyper v0.14.32\nserde v1.0.0 (*)\n\nopenssl v0.10.1\nopenssl v0.10.1 (*)\n"
            ),
            [
                "hyper 0.14.32 is banned: old",
                "openssl 0.10.1 is banned: C"
            ]
        );
        assert!(verdict("hyper v1.7.0\nhyper v0.1.4\nhyper v0.140.0\nhyper-util v0.14.0\nopenssl-probe v0.2.0").is_empty());
    }
}
