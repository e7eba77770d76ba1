//! What a preflight finds, in words for a person and as JSON. Holds ids and names, never a value.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

/// One thing that should be looked at before switching. Findings of a kind sort together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// An attribute is not what it must be; neither Confidant nor Keepward can read the item.
    Unreadable {
        /// The stored item.
        id: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// The values rest in the other form than `USE_ENCRYPTION` says.
    OtherwiseSealed {
        /// The stored item.
        id: String,
    },
    /// The values do not open.
    DoesNotOpen {
        /// The credential.
        id: String,
        /// The attribute that does not open.
        attribute: &'static str,
        /// What was said about it.
        why: String,
    },
    /// Several current credentials have one name.
    DuplicateName {
        /// The name.
        name: String,
        /// Who has it.
        ids: Vec<String>,
    },
    /// A current item differs from the copy of its own revision: two writers at once, one lost.
    Overwritten {
        /// The current item.
        id: String,
        /// Its revision.
        revision: u64,
    },
    /// A current item has no copy of its revision in the history.
    NotArchived {
        /// The current item.
        id: String,
        /// Its revision.
        revision: u64,
    },
    /// Copies above the current revision: writes that failed half-way.
    ArchivedAhead {
        /// The current item.
        id: String,
        /// Its revision.
        current: u64,
        /// The revisions above it.
        archived: Vec<u64>,
    },
    /// Copies of a thing that is not there.
    ArchivedAlone {
        /// The id that has no current item.
        id: String,
        /// The revisions in the history.
        archived: Vec<u64>,
    },
    /// A service maps ids of which there is no current credential.
    Dangling {
        /// The service.
        service: String,
        /// Whether they are mapped as blind credentials.
        blind: bool,
        /// The ids.
        missing: Vec<String>,
    },
    /// A service maps things that share a key: it gets one value and loses the other.
    SharedKey {
        /// The service.
        service: String,
        /// The key.
        key: String,
        /// Who holds it.
        ids: Vec<String>,
    },
    /// Values look HTML-escaped, as Confidant 6.6.0 and 6.6.1 wrote them.
    LooksEscaped {
        /// The credential.
        id: String,
        /// The keys of those values.
        keys: Vec<String>,
    },
    /// The documentation is the text `None`, as Confidant 6.6.0 and 6.6.1 wrote a missing one.
    DocumentedAsNone {
        /// The credential.
        id: String,
    },
}

impl Finding {
    /// The heading of its kind, and what to make of it.
    pub fn about(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unreadable { .. } => (
                "unreadable items",
                "Neither Confidant nor Keepward can use them; callers get 502 instead of 500.",
            ),
            Self::OtherwiseSealed { .. } => (
                "values in the other form than USE_ENCRYPTION says",
                "They do not open with this setting, in Confidant neither.",
            ),
            Self::DoesNotOpen { .. } => (
                "values that do not open",
                "The key service or the bytes refuse; they did so in Confidant too.",
            ),
            Self::DuplicateName { .. } => (
                "names held by several current credentials",
                "Each stays as it is and readable; a new one under this name is refused. Rename all but one.",
            ),
            Self::Overwritten { .. } => (
                "current items that differ from the copy of their revision",
                "Two writers were at work at once and one was lost. `keepward doctor --repair ID` compares the two.",
            ),
            Self::NotArchived { .. } => (
                "current items without a copy in the history",
                "They work; going back to this revision is not possible until the item is written again.",
            ),
            Self::ArchivedAhead { .. } => (
                "copies above the current revision",
                "Left by writes that failed half-way, whose numbers are skipped; or an old server set the current item back. \
                 `keepward doctor --repair ID` compares the two.",
            ),
            Self::ArchivedAlone { .. } => (
                "copies of things that are not there",
                "Left by deletions or by creations that failed half-way. Harmless.",
            ),
            Self::Dangling { .. } => (
                "services that map what is not there",
                "The service gets the others; a write to it keeps the mapping only when it is sent again.",
            ),
            Self::SharedKey { .. } => (
                "services whose credentials share a key",
                "Clients that merge them get one of the values. Updates of these credentials may be refused.",
            ),
            Self::LooksEscaped { .. } => (
                "values that look HTML-escaped",
                "Confidant 6.6.0 and 6.6.1 stored them so, and services have been receiving them so. Enter them anew.",
            ),
            Self::DocumentedAsNone { .. } => (
                "documentation that is the word None",
                "Confidant 6.6.0 and 6.6.1 wrote it where none was given.",
            ),
        }
    }

    /// Adds the ids that may only have been read in the middle of a write.
    pub(super) fn doubtful(&self, ids: &mut BTreeSet<String>) {
        match self {
            Self::DuplicateName { ids: holders, .. } => ids.extend(holders.iter().cloned()),
            Self::Overwritten { id, revision } | Self::NotArchived { id, revision } => {
                ids.extend([id.clone(), format!("{id}-{revision}")]);
            }
            Self::ArchivedAhead { id, .. } | Self::ArchivedAlone { id, .. } => {
                ids.insert(id.clone());
            }
            Self::Dangling {
                service, missing, ..
            } => {
                ids.insert(service.clone());
                ids.extend(missing.iter().cloned());
            }
            Self::Unreadable { .. }
            | Self::OtherwiseSealed { .. }
            | Self::DoesNotOpen { .. }
            | Self::SharedKey { .. }
            | Self::LooksEscaped { .. }
            | Self::DocumentedAsNone { .. } => {}
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { id, attribute } => write!(f, "{id:?}: {attribute}"),
            Self::OtherwiseSealed { id } | Self::DocumentedAsNone { id } => write!(f, "{id:?}"),
            Self::DoesNotOpen { id, attribute, why } => write!(f, "{id:?}: {attribute} ({why})"),
            Self::DuplicateName { name, ids } => write!(f, "{name:?}: {}", ids.join(", ")),
            Self::Overwritten { id, revision } | Self::NotArchived { id, revision } => {
                write!(f, "{id:?}: revision {revision}")
            }
            Self::ArchivedAhead {
                id,
                current,
                archived,
            } => write!(
                f,
                "{id:?}: current is {current}, the history has {}",
                numbers(archived)
            ),
            Self::ArchivedAlone { id, archived } => write!(f, "{id:?}: {}", numbers(archived)),
            Self::Dangling {
                service,
                blind,
                missing,
            } => {
                let kind = if *blind {
                    "blind credentials"
                } else {
                    "credentials"
                };
                write!(f, "{service:?}: {kind} {}", missing.join(", "))
            }
            Self::SharedKey { service, key, ids } => {
                write!(f, "{service:?}: {key:?} in {}", ids.join(", "))
            }
            Self::LooksEscaped { id, keys } => write!(f, "{id:?}: {}", keys.join(", ")),
        }
    }
}

fn numbers(revisions: &[u64]) -> String {
    let numbers: Vec<String> = revisions.iter().map(u64::to_string).collect();
    numbers.join(", ")
}
