//! What a table held when it was last examined: for each version a fingerprint, never a value.
//!
//! The table itself cannot tell that an older state was put over a newer one, since each row proves
//! itself alone. A manifest kept elsewhere can.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::numbering::{Numbering, meant_order};
use crate::{Finding, Place, Record, Version};

/// Names, versions and fingerprints of one table.
///
/// Shape: JSON, `{"keepward_stash_manifest": 1, "table": "...", "secrets": {"<name>": {"<version>":
/// "<64 hexadecimal digits>"}}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    keepward_stash_manifest: u32,
    table: String,
    secrets: BTreeMap<String, BTreeMap<String, String>>,
}

/// Bytes that are no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// The parser stopped here.
    #[error("it is not the JSON of a manifest: line {line}, column {column}")]
    NotJson {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// Another form.
    #[error("it was made by a newer version")]
    Newer,
    /// Over [`Manifest::MAX_BYTES`].
    #[error("it is larger than 256 MiB")]
    TooLarge,
}

impl Manifest {
    /// The greatest file read: a million rows have about half of it.
    pub const MAX_BYTES: usize = 256 * 1024 * 1024;

    /// Of a table in which nothing was seen yet.
    pub(crate) fn new(table: &str) -> Self {
        Self {
            keepward_stash_manifest: FORMAT,
            table: table.to_owned(),
            secrets: BTreeMap::new(),
        }
    }

    /// Reads a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidManifest> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(InvalidManifest::TooLarge);
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| InvalidManifest::NotJson {
                line: error.line(),
                column: error.column(),
            })?;
        match manifest.keepward_stash_manifest {
            FORMAT => Ok(manifest),
            _ => Err(InvalidManifest::Newer),
        }
    }

    /// The table that it is of.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, record: &Record) {
        self.secrets
            .entry(record.name.as_str().to_owned())
            .or_default()
            .insert(record.version.as_str().to_owned(), fingerprint(record));
    }

    /// Rows with one and the same ciphertext and proof, which no two data keys give.
    pub(crate) fn twins(&self) -> Vec<Vec<Place>> {
        let mut places: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
        for (name, version, fingerprint) in self.rows() {
            if let Some(place) = place(name, version) {
                places.entry(fingerprint).or_default().push(place);
            }
        }
        let places = places.into_values();
        places.filter(|places| places.len() > 1).collect()
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.secrets.iter().flat_map(|(name, versions)| {
            let versions = versions.iter();
            versions.map(|(version, print)| (name.as_str(), version.as_str(), print.as_str()))
        })
    }

    fn fingerprint(&self, name: &str, version: &str) -> Option<&str> {
        Some(self.secrets.get(name)?.get(version)?.as_str())
    }

    /// Versions that are new in `now` and hold what lay elsewhere here, and does not lie there any more:
    /// what still does is told without a manifest. Padding a version is no fault.
    fn put_back(&self, now: &Self) -> Vec<Finding> {
        let before: BTreeMap<&str, (&str, &str)> = self
            .rows()
            .map(|(name, version, print)| (print, (name, version)))
            .collect();
        let number = |version: &str| Numbering::of(&Version::stored(version)).number();
        let mut findings = Vec::new();
        for (name, version, print) in now.rows() {
            let Some((of, held)) = before.get(print).copied() else {
                continue;
            };
            let was_there = self.fingerprint(name, version).is_some();
            let still_there = now.fingerprint(of, held) == Some(print);
            let padded = of == name && number(held).is_some() && number(held) == number(version);
            if was_there || still_there || padded {
                continue;
            }
            findings.extend(place(name, version).map(|place| Finding::Replaced {
                place,
                holds: Some(match of == name {
                    true => held.to_owned(),
                    false => format!("{held} of {of}"),
                }),
            }));
        }
        findings
    }

    /// What went wrong between this state and the one `now`. Deleting older versions is no fault.
    pub(crate) fn compare(&self, now: &Self) -> Vec<Finding> {
        let mut findings = self.put_back(now);
        for (name, was) in &self.secrets {
            let Some(newest_was) = newest(was) else {
                continue;
            };
            let Some((is, newest_is)) =
                now.secrets.get(name).and_then(|is| Some((is, newest(is)?)))
            else {
                findings.push(Finding::Gone {
                    name: name.clone(),
                    was: newest_was.to_string(),
                });
                continue;
            };
            if meant_order(&newest_is, &newest_was).is_lt() {
                findings.push(Finding::WentBack {
                    name: name.clone(),
                    was: newest_was.to_string(),
                    now: newest_is.to_string(),
                });
            }
            for (version, fingerprint) in was {
                let Some(other) = is.get(version).filter(|other| *other != fingerprint) else {
                    continue;
                };
                let held = was.iter().find(|(_, held)| *held == other);
                findings.extend(place(name, version).map(|place| Finding::Replaced {
                    place,
                    holds: held.map(|(version, _)| version.clone()),
                }));
            }
        }
        findings
    }
}

/// `None` for a name that no row can have.
fn place(name: &str, version: &str) -> Option<Place> {
    Some(Place {
        name: name.parse().ok()?,
        version: Version::stored(version),
    })
}

fn newest(versions: &BTreeMap<String, String>) -> Option<Version> {
    versions
        .keys()
        .map(|version| Version::stored(version))
        .max_by(meant_order)
}

/// Of the ciphertext and what proves it: stays when the data key is wrapped anew.
fn fingerprint(record: &Record) -> String {
    use crate::Proof;
    let contents = record.sealed.contents.as_slice();
    let absent: &[u8] = &[];
    let parts = match &record.sealed.proof {
        Proof::Legacy { hmac, .. } => [b"legacy".as_slice(), contents, hmac, absent],
        Proof::Ctr { nonce, hmac, .. } => {
            [b"ctr", contents, hmac, nonce.as_deref().unwrap_or(absent)]
        }
        Proof::Gcm { iv, tag } => [b"gcm", contents, iv, tag],
    };
    hex::encode(seal::digest::sha256_parts(&parts))
}

const FORMAT: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(rows: &[(&str, &str, &str)]) -> Manifest {
        let mut manifest = Manifest::new("t");
        for (name, version, print) in rows {
            manifest
                .secrets
                .entry((*name).to_owned())
                .or_default()
                .insert((*version).to_owned(), (*print).to_owned());
        }
        manifest
    }

    #[test]
    fn reads_back_what_it_prints_and_nothing_else() {
        let whole = manifest(&[("db", "0000000000000000001", "ab")]);
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(whole));
        let newer = text.replace(
            "\"keepward_stash_manifest\":1",
            "\"keepward_stash_manifest\":2",
        );
        assert_eq!(
            Manifest::parse(newer.as_bytes()),
            Err(InvalidManifest::Newer)
        );
        let more = text.replace("\"table\"", "\"x\":1,\"table\"");
        assert!(matches!(
            Manifest::parse(more.as_bytes()),
            Err(InvalidManifest::NotJson { line: 1, .. })
        ));
    }

    #[test]
    fn later_writes_pruning_and_padding_are_no_findings() {
        let was = manifest(&[("a", "9", "x"), ("a", "10", "y"), ("b", "1", "z")]);
        let now = manifest(&[
            ("a", "0000000000000000010", "y"),
            ("a", "0000000000000000011", "new"),
            ("b", "1", "z"),
            ("c", "1", "w"),
        ]);
        assert_eq!(was.compare(&now), []);
    }

    #[test]
    fn an_old_value_under_a_new_version_or_another_name_is_told() {
        let was = manifest(&[
            ("a", "1", "old"),
            ("a", "2", "new"),
            ("b", "1", "z"),
            ("c", "1", "y"),
        ]);
        let now = manifest(&[
            ("a", "2", "new"),
            ("a", "3", "old"),
            ("b", "1", "z"),
            ("b", "2", "y"),
            // Still where it was: a copy, which is told without a manifest.
            ("d", "1", "z"),
            ("c", "1", "other"),
        ]);
        let told: Vec<_> = was.compare(&now).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "a version 3 holds what version 1 held",
                "b version 2 holds what version 1 of c held",
                "c version 1",
            ]
        );
    }

    #[test]
    fn what_went_back_was_replaced_or_is_gone_is_told() {
        let was = manifest(&[
            ("back", "1", "x"),
            ("back", "2", "y"),
            ("gone", "1", "z"),
            ("over", "1", "old"),
            ("over", "2", "new"),
        ]);
        let now = manifest(&[
            ("back", "1", "x"),
            ("over", "1", "old"),
            ("over", "2", "old"),
        ]);
        let told: Vec<_> = was.compare(&now).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "back was at version 2, its newest is 1 now",
                "gone was at version 1",
                "over version 2 holds what version 1 held",
            ]
        );
    }
}
