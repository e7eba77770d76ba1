//! What an examination of a table finds, in words for a person and as JSON. Holds names and
//! versions, never a value.

use std::fmt;

use serde::Serialize;

use crate::Place;

/// One thing that should be looked at. Findings of a kind sort together, the gravest kinds first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// Rows with one and the same wrapped key, or ciphertext: every writer makes a new data key for each row.
    CopiedKey {
        /// The rows.
        places: Vec<Place>,
    },
    /// A row that opens under the binding of another one only.
    Swapped {
        /// The row.
        place: Place,
        /// Whose value it holds.
        holds: Place,
    },
    /// The newest version is older than the newest in the manifest.
    WentBack {
        /// The secret.
        name: String,
        /// The newest version in the manifest.
        was: String,
        /// The newest version now.
        now: String,
    },
    /// A version holds something else than in the manifest, though versions are never changed; or one that
    /// is new holds what the manifest has elsewhere.
    Replaced {
        /// The row.
        place: Place,
        /// The version that held the same, by the manifest: of this secret, or `VERSION of NAME`.
        holds: Option<String>,
    },
    /// A secret of the manifest has no version any more.
    Gone {
        /// The secret.
        name: String,
        /// Its newest version in the manifest.
        was: String,
    },
    /// An attribute is absent or not what it must be; no program can read the row.
    Damaged {
        /// The name as far as it can be told.
        name: String,
        /// The version as far as it can be told.
        version: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// The row does not open, though it is well-formed.
    DoesNotOpen {
        /// The row.
        place: Place,
        /// What was said about it.
        why: String,
    },
    /// The row opens, and would under any other name and version too.
    NotBound {
        /// The row.
        place: Place,
    },
    /// A version that is not padded is taken for the newest and is not.
    WrongNewest {
        /// The secret.
        name: String,
        /// What every reader takes.
        newest: String,
        /// What was written last, by its number.
        meant: String,
    },
    /// One number is written in two ways: two rows, of which a reader sees the greater text.
    TwoTexts {
        /// The secret.
        name: String,
        /// The texts.
        versions: Vec<String>,
    },
    /// Versions that are not padded, above which no new version can be the newest.
    Unpadded {
        /// The secret.
        name: String,
        /// The versions.
        versions: Vec<String>,
    },
    /// Versions that are no number.
    NotNumbers {
        /// The secret.
        name: String,
        /// The versions.
        versions: Vec<String>,
    },
    /// The hash of the row's MAC is broken, or refused by one of the programs.
    WeakDigest {
        /// The row.
        place: Place,
        /// Its name as stored.
        digest: String,
    },
    /// The hash of the row's MAC is none that is known.
    UnknownDigest {
        /// The row.
        place: Place,
        /// Its name as stored.
        digest: String,
    },
    /// Rows in forms that only one of the two old programs reads, beside rows of the common form.
    MixedForms {
        /// Rows in the form that both read.
        legacy: usize,
        /// Rows that credstash cannot read.
        aes_ctr: usize,
        /// Rows that credstash cannot read.
        aes_gcm: usize,
    },
    /// The row is nearly as large as a row can be.
    Large {
        /// The row.
        place: Place,
        /// Its size.
        bytes: usize,
    },
}

impl Finding {
    /// The word of its kind, as JSON has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CopiedKey { .. } => "copied-key",
            Self::Swapped { .. } => "swapped",
            Self::WentBack { .. } => "went-back",
            Self::Replaced { .. } => "replaced",
            Self::Gone { .. } => "gone",
            Self::Damaged { .. } => "damaged",
            Self::DoesNotOpen { .. } => "does-not-open",
            Self::NotBound { .. } => "not-bound",
            Self::WrongNewest { .. } => "wrong-newest",
            Self::TwoTexts { .. } => "two-texts",
            Self::Unpadded { .. } => "unpadded",
            Self::NotNumbers { .. } => "not-numbers",
            Self::WeakDigest { .. } => "weak-digest",
            Self::UnknownDigest { .. } => "unknown-digest",
            Self::MixedForms { .. } => "mixed-forms",
            Self::Large { .. } => "large",
        }
    }

    /// Every kind there is.
    pub const KINDS: &[&str] = &[
        "copied-key",
        "swapped",
        "went-back",
        "replaced",
        "gone",
        "damaged",
        "does-not-open",
        "not-bound",
        "wrong-newest",
        "two-texts",
        "unpadded",
        "not-numbers",
        "weak-digest",
        "unknown-digest",
        "mixed-forms",
        "large",
    ];

    /// The heading of its kind, and what to do about it.
    pub fn about(&self) -> (&'static str, &'static str) {
        match self {
            Self::CopiedKey { .. } => (
                "rows copied to another name or version",
                "Each opens wherever it lies. Find out who put the copy there; delete what does not belong, and \
                 bind the rest with `keepward stash rewrap --bind`.",
            ),
            Self::Swapped { .. } => (
                "rows that hold another row's value",
                "Somebody exchanged them. Restore the table from before, or put the values anew.",
            ),
            Self::WentBack { .. } => (
                "secrets whose newest version is an older one again",
                "Old values are served. Put the right one again; --accept takes the table as it is.",
            ),
            Self::Replaced { .. } => (
                "versions that hold something else than before",
                "No program changes a version. Put the right value as a new version; --accept takes the table as \
                 it is.",
            ),
            Self::Gone { .. } => (
                "secrets that are gone",
                "--accept takes the table as it is.",
            ),
            Self::Damaged { .. } => (
                "damaged rows",
                "Neither credstash, CredSmash nor Keepward can read them. Put the value again and delete the row.",
            ),
            Self::DoesNotOpen { .. } => (
                "rows that do not open",
                "Give the encryption context with --context; where that is right, the key or the row is not.",
            ),
            Self::NotBound { .. } => (
                "rows that are not bound to their name and version",
                "`keepward stash rewrap --bind` binds them; old programs then need the pairs keepward:name and \
                 keepward:version.",
            ),
            Self::WrongNewest { .. } => (
                "secrets whose newest version is not the one that is read",
                "`keepward stash migrate` pads the versions, so that the last one is the newest.",
            ),
            Self::TwoTexts { .. } => (
                "versions that are there twice, padded and not",
                "Compare the two with `keepward stash get --version`, and delete the wrong one.",
            ),
            Self::Unpadded { .. } => (
                "versions that are not padded",
                "`keepward stash migrate` pads them; until then a tenth version stays hidden.",
            ),
            Self::NotNumbers { .. } => (
                "versions that are no numbers",
                "No next version can be counted after them: name it with --version. CredSmash cannot read these.",
            ),
            Self::WeakDigest { .. } => (
                "weak or withdrawn digests",
                "Put the value again, which takes SHA256. Newer releases of credstash and CredSmash read some of \
                 these no more.",
            ),
            Self::UnknownDigest { .. } => ("unknown digests", "Nothing reads these rows."),
            Self::MixedForms { .. } => (
                "forms that credstash cannot read",
                "Where credstash is in use too, put these again with --form legacy.",
            ),
            Self::Large { .. } => (
                "rows near the limit of 400 KB",
                "A somewhat longer value or comment cannot be stored.",
            ),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopiedKey { places } => {
                let places: Vec<_> = places.iter().map(ToString::to_string).collect();
                f.write_str(&places.join(", "))
            }
            Self::Swapped { place, holds } => write!(f, "{place} holds the value of {holds}"),
            Self::WentBack { name, was, now } => {
                write!(f, "{name} was at version {was}, its newest is {now} now")
            }
            Self::Replaced { place, holds } => {
                write!(f, "{place}")?;
                match holds {
                    Some(version) => write!(f, " holds what version {version} held"),
                    None => Ok(()),
                }
            }
            Self::Gone { name, was } => write!(f, "{name} was at version {was}"),
            Self::Damaged {
                name,
                version,
                attribute,
            } => write!(f, "{name} version {version}: attribute {attribute}"),
            Self::DoesNotOpen { place, why } => write!(f, "{place}: {why}"),
            Self::NotBound { place } => write!(f, "{place}"),
            Self::WrongNewest {
                name,
                newest,
                meant,
            } => {
                write!(f, "{name}: {newest} is read, {meant} was written after it")
            }
            Self::TwoTexts { name, versions }
            | Self::Unpadded { name, versions }
            | Self::NotNumbers { name, versions } => {
                write!(f, "{name} version {}", versions.join(", "))
            }
            Self::WeakDigest { place, digest } | Self::UnknownDigest { place, digest } => {
                write!(f, "{place}: {digest}")
            }
            Self::MixedForms {
                legacy,
                aes_ctr,
                aes_gcm,
            } => write!(
                f,
                "{aes_ctr} rows are aes-ctr and {aes_gcm} aes-gcm, beside {legacy} that both programs read"
            ),
            Self::Large { place, bytes } => write!(f, "{place}: {bytes} bytes"),
        }
    }
}
