//! Which room may import which: the table of docs/architecture.md, and the check that keeps it true.

use anyhow::{Result, bail};

use crate::machine::Machine;
use crate::metadata::{Dependency, Metadata, Package};

/// Our crates, each with ours that it may import. A name that is not a crate yet is a room that has its place already.
const ROOMS: &[(&str, &[&str])] = &[
    ("seal", &[]),
    ("pki", &[]),
    ("domain", &["seal"]),
    ("keep", &["domain", "seal"]),
    // One data model each.
    ("confidant", &["keep", "domain", "seal", "pki"]),
    ("boxes", &["keep", "domain", "seal"]),
    ("stash", &["keep", "domain", "seal"]),
    // Adapters: the crates whose ports they implement.
    ("aws", &["keep", "domain", "seal"]),
    (
        "aws-admin",
        &[
            "aws",
            "confidant",
            "pki",
            "keychain",
            "keep",
            "domain",
            "seal",
        ],
    ),
    ("redis-cache", &["confidant", "pki"]),
    ("local", &["keep", "domain", "seal"]),
    // `seal`: a client key is a signature key, a KMS token a wrapped key.
    ("login", &["keep", "domain", "seal"]),
    // Doors: one data model each, and no other door.
    // `pki`: an answer with a private key, and the statuses of its failures.
    (
        "door-confidant",
        &["confidant", "pki", "login", "keep", "domain"],
    ),
    ("door-cerberus", &["boxes", "login", "keep", "domain"]),
    (
        "door-console",
        &["confidant", "boxes", "stash", "login", "keep", "domain"],
    ),
    // `confidant`, `domain`: the server makes the model that it hands to the door.
    (
        "server",
        &[
            "door-confidant",
            "door-cerberus",
            "door-console",
            "confidant",
            "login",
            "keep",
            "domain",
        ],
    ),
    ("keychain", &["seal", "domain"]),
    ("documents", &["seal"]),
    ("templates", &["seal"]),
    // The binary of crates/cli wires everything.
    (
        "keepward",
        &[
            "seal",
            "pki",
            "domain",
            "keep",
            "confidant",
            "boxes",
            "stash",
            "aws",
            "aws-admin",
            "redis-cache",
            "local",
            "login",
            "door-confidant",
            "door-cerberus",
            "door-console",
            "server",
            "keychain",
            "documents",
            "templates",
        ],
    ),
    // Outside the program. conformance runs the program, and plays its clients and its data models' workloads against it.
    (
        "conformance",
        &[
            "keepward",
            "aws",
            "local",
            "login",
            "confidant",
            "boxes",
            "stash",
            "documents",
            "keep",
            "domain",
            "seal",
            "testkit",
        ],
    ),
    ("testkit", &[]),
    ("bench", &[]),
    ("xtask", &[]),
];

/// What `[dev-dependencies]` may name besides: the adapters and contracts that tests run on, and crates made for tests.
const IN_TESTS: &[&str] = &["local", "keep", "testkit", "conformance"];

/// Crates of others that only some rooms may name, tests included.
const KEPT_IN: &[Kept] = &[
    Kept {
        what: is_aws_sdk,
        only: &["aws", "aws-admin"],
        rule: "AWS SDK crates live in aws and aws-admin alone",
    },
    Kept {
        what: |name| name == "rusqlite",
        only: &["local"],
        rule: "rusqlite lives in local alone",
    },
    Kept {
        what: |name| name == "axum" || name.starts_with("axum-"),
        // bench has its own servers to compare with.
        only: &[
            "door-confidant",
            "door-cerberus",
            "door-console",
            "server",
            "bench",
        ],
        rule: "axum lives in the doors and the server alone",
    },
];

/// Crates of others that a pure room may not name; its tests may.
const KEPT_OUT: &[(&str, &[&str], &str)] = &[
    (
        "domain",
        &[
            "serde",
            "serde_json",
            "toml",
            "tokio",
            "futures",
            "async-trait",
            "http",
            "hyper",
            "axum",
            "reqwest",
            "ureq",
            "rusqlite",
            "sqlx",
        ],
        "domain knows no serde, tokio, HTTP or SQL",
    ),
    (
        "seal",
        &[
            "tokio",
            "futures",
            "async-trait",
            "mio",
            "http",
            "hyper",
            "axum",
            "reqwest",
            "ureq",
            "rusqlite",
            "sqlx",
            "rustix",
            "libc",
            "tempfile",
        ],
        "seal has no I/O and no async",
    ),
    (
        "pki",
        &[
            "tokio",
            "futures",
            "async-trait",
            "http",
            "hyper",
            "axum",
            "reqwest",
            "ureq",
            "rusqlite",
            "sqlx",
        ],
        "pki has no I/O and no async",
    ),
];

struct Kept {
    what: fn(&str) -> bool,
    only: &'static [&'static str],
    rule: &'static str,
}

/// Checks this repository and says how many imports it looked at.
///
/// Errors: any import that the table does not allow, all of them at once.
pub(crate) fn check(machine: &Machine) -> Result<usize> {
    let metadata = Metadata::of_manifests(machine)?;
    let broken = broken(&metadata.packages);
    if !broken.is_empty() {
        bail!(
            "{} imports break the table of xtask/src/rooms.rs:\n  {}",
            broken.len(),
            broken.join("\n  ")
        );
    }
    Ok(metadata
        .packages
        .iter()
        .map(|package| package.dependencies.len())
        .sum())
}

/// One sentence for every broken rule.
fn broken(packages: &[Package]) -> Vec<String> {
    let mut broken = Vec::new();
    for package in packages {
        let Some(allowed) = allowed_in(&package.name) else {
            broken.push(format!(
                "{} is no room of the table: give it a line, with what it may import",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            broken.extend(fault(&package.name, allowed, dependency));
        }
    }
    broken
}

fn fault(room: &str, allowed: &[&str], dependency: &Dependency) -> Option<String> {
    let (name, in_tests) = (
        dependency.name.as_str(),
        dependency.kind.as_deref() == Some("dev"),
    );
    let rule = if dependency.source.is_none() {
        if allowed_in(name).is_none() {
            format!("{name} is no room of the table")
        } else if allowed.contains(&name)
            || (in_tests && (name == room || IN_TESTS.contains(&name)))
        {
            return None;
        } else if allowed.is_empty() {
            format!("{room} may import nothing of ours")
        } else {
            format!("{room} may import {}", allowed.join(", "))
        }
    } else if let Some(kept) = KEPT_IN
        .iter()
        .find(|kept| (kept.what)(name) && !kept.only.contains(&room))
    {
        kept.rule.to_owned()
    } else {
        let (_, _, rule) = KEPT_OUT.iter().find(|(of, out, _)| {
            *of == room && !in_tests && out.iter().any(|family| is_of(family, name))
        })?;
        (*rule).to_owned()
    };
    let kind = dependency
        .kind
        .as_deref()
        .map_or(String::new(), |kind| format!(" ({kind}-dependency)"));
    Some(format!("{room} imports {name}{kind}: {rule}"))
}

fn allowed_in(room: &str) -> Option<&'static [&'static str]> {
    ROOMS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, allowed)| *allowed)
}

/// aws-lc-rs is the crypto library, no part of the SDK.
fn is_aws_sdk(name: &str) -> bool {
    name.starts_with("aws-") && !name.starts_with("aws-lc-")
}

/// `tokio-util` and `serde_with` are of the families `tokio` and `serde`.
fn is_of(family: &str, name: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, bool)]) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            source: None,
            dependencies: dependencies
                .iter()
                .map(|(name, kind, ours)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                    source: (!ours).then(|| {
                        "registry+https://github.com/rust-lang/crates.io-index".to_owned()
                    }),
                })
                .collect(),
        }
    }

    fn verdict(room: &str, dependency: (&str, Option<&str>, bool)) -> Vec<String> {
        broken(&[package(room, &[dependency])])
    }

    #[test]
    fn this_repository_keeps_its_rooms() {
        let looked_at = check(&Machine::here().unwrap()).unwrap();
        assert!(looked_at > 50, "only {looked_at} imports were looked at");
    }

    #[test]
    fn a_forbidden_import_is_reported_with_both_crates_and_the_rule() {
        assert_eq!(
            verdict("door-confidant", ("local", None, true)),
            [
                "door-confidant imports local: door-confidant may import confidant, pki, login, keep, domain"
            ]
        );
        assert_eq!(
            verdict("seal", ("keep", None, true)),
            ["seal imports keep: seal may import nothing of ours"]
        );
    }

    #[test]
    fn a_build_dependency_counts_like_an_ordinary_one() {
        assert_eq!(
            verdict("domain", ("keep", Some("build"), true)),
            ["domain imports keep (build-dependency): domain may import seal"]
        );
    }

    #[test]
    fn tests_may_name_local_keep_and_test_crates_and_no_other_room() {
        for allowed in ["local", "keep", "testkit"] {
            assert!(
                verdict("login", (allowed, Some("dev"), true)).is_empty(),
                "{allowed}"
            );
        }
        assert_eq!(
            verdict("login", ("aws", Some("dev"), true)),
            ["login imports aws (dev-dependency): login may import keep, domain, seal"]
        );
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_fails() {
        assert_eq!(
            broken(&[package("helpers", &[])]),
            ["helpers is no room of the table: give it a line, with what it may import"]
        );
        assert_eq!(
            verdict("keep", ("helpers", None, true)),
            ["keep imports helpers: helpers is no room of the table"]
        );
    }

    #[test]
    fn the_aws_sdk_stays_in_its_rooms_even_in_tests() {
        for kind in [None, Some("dev"), Some("build")] {
            assert_eq!(
                verdict("login", ("aws-sdk-kms", kind, false)).len(),
                1,
                "{kind:?}"
            );
        }
        assert!(verdict("aws", ("aws-sdk-kms", None, false)).is_empty());
        assert!(
            verdict("seal", ("aws-lc-rs", None, false)).is_empty(),
            "the crypto library is no part of the SDK"
        );
    }

    #[test]
    fn sqlite_and_axum_stay_in_their_rooms() {
        assert_eq!(
            verdict("stash", ("rusqlite", None, false)),
            ["stash imports rusqlite: rusqlite lives in local alone"]
        );
        assert!(verdict("local", ("rusqlite", None, false)).is_empty());
        assert_eq!(verdict("keep", ("axum", None, false)).len(), 1);
        assert!(verdict("door-console", ("axum", None, false)).is_empty());
    }

    #[test]
    fn the_pure_rooms_stay_pure_and_their_tests_may_read_vectors() {
        assert_eq!(
            verdict("domain", ("serde_json", None, false)),
            ["domain imports serde_json: domain knows no serde, tokio, HTTP or SQL"]
        );
        assert!(verdict("domain", ("serde_json", Some("dev"), false)).is_empty());
        assert_eq!(
            verdict("seal", ("tokio-util", None, false)),
            ["seal imports tokio-util: seal has no I/O and no async"]
        );
        assert!(verdict("keep", ("tokio", None, false)).is_empty());
    }

    #[test]
    fn the_table_names_only_rooms_it_has() {
        for (room, allowed) in ROOMS {
            for name in *allowed {
                assert!(
                    allowed_in(name).is_some(),
                    "{room} may import {name}, which has no line of its own"
                );
                assert_ne!(room, name, "a room imports itself");
            }
        }
    }
}
