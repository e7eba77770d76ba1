//! What differs between two revisions of one thing. Pure; names keys, never values.

use std::collections::BTreeSet;

use domain::Timestamp;
use serde_json::{Map, Value};

use crate::{CredentialRecord, Pairs, ServiceRecord};

/// A field that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// What it was in the older revision.
    pub removed: T,
    /// What it is in the newer one.
    pub added: T,
}

/// Names that only one of two revisions has, or that stand for something else in each.
pub type ChangedNames = Changed<BTreeSet<String>>;

/// What differs between two revisions of a credential, the newer against the older.
///
/// Source: vectors `confidant/diff.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialDiff {
    /// The name.
    pub name: Option<Changed<String>>,
    /// Keys of the pairs; one whose value changed is on both sides.
    pub credential_pairs: Option<ChangedNames>,
    /// Keys of the metadata; one whose value changed is on both sides.
    pub metadata: Option<ChangedNames>,
    /// Whether it is enabled.
    pub enabled: Option<Changed<bool>>,
    /// What it is for.
    pub documentation: Option<Changed<Option<String>>>,
    /// Labels.
    pub tags: Option<ChangedNames>,
    /// When the values were changed last.
    pub last_rotation_date: Option<Changed<Option<Timestamp>>>,
    /// Who wrote them, different or not.
    pub modified_by: Changed<String>,
    /// When they were written.
    pub modified_date: Changed<Timestamp>,
}

impl CredentialDiff {
    /// Compares two opened revisions, in either order; `None` for one with itself.
    pub fn between(
        one: (&CredentialRecord, &Pairs),
        other: (&CredentialRecord, &Pairs),
    ) -> Option<Self> {
        let ((old, old_pairs), (new, new_pairs)) = match one.0.revision.cmp(&other.0.revision) {
            std::cmp::Ordering::Less => (one, other),
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => (other, one),
        };
        let metadata = |record: &CredentialRecord| record.metadata.clone().unwrap_or_default();
        let tags = |record: &CredentialRecord| record.tags.iter().cloned().collect();
        Some(Self {
            name: changed(&old.name, &new.name),
            credential_pairs: old_pairs.changed_keys(new_pairs),
            metadata: changed_keys(&metadata(old), &metadata(new)),
            enabled: changed(&old.enabled, &new.enabled),
            documentation: changed(&old.documentation, &new.documentation),
            tags: changed_names(&tags(old), &tags(new)),
            last_rotation_date: changed(&old.last_rotation_date, &new.last_rotation_date),
            modified_by: both(&old.modified_by, &new.modified_by),
            modified_date: both(&old.modified_date, &new.modified_date),
        })
    }
}

/// What differs between two revisions of a service, the newer against the older.
///
/// Source: vectors `confidant/diff.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDiff {
    /// Whether it is enabled.
    pub enabled: Option<Changed<bool>>,
    /// The account it is scoped to.
    pub account: Option<Changed<Option<String>>>,
    /// Ids of mapped credentials.
    pub credentials: Option<ChangedNames>,
    /// Ids of mapped blind credentials.
    pub blind_credentials: Option<ChangedNames>,
    /// Who wrote them, different or not.
    pub modified_by: Changed<String>,
    /// When they were written.
    pub modified_date: Changed<Timestamp>,
}

impl ServiceDiff {
    /// Compares two revisions, in either order; `None` for one with itself.
    pub fn between(one: &ServiceRecord, other: &ServiceRecord) -> Option<Self> {
        let (old, new) = match one.revision.cmp(&other.revision) {
            std::cmp::Ordering::Less => (one, other),
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => (other, one),
        };
        Some(Self {
            enabled: changed(&old.enabled, &new.enabled),
            account: changed(&old.account, &new.account),
            credentials: changed_names(&old.credentials, &new.credentials),
            blind_credentials: changed_names(&old.blind_credentials, &new.blind_credentials),
            modified_by: both(&old.modified_by, &new.modified_by),
            modified_date: both(&old.modified_date, &new.modified_date),
        })
    }
}

/// The keys of two objects that differ; one whose value changed is on both sides.
pub(crate) fn changed_keys(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Option<ChangedNames> {
    let lacking = |from: &Map<String, Value>, other: &Map<String, Value>| {
        from.iter()
            .filter(|(key, value)| other.get(*key) != Some(value))
            .map(|(key, _)| key.clone())
            .collect()
    };
    different(lacking(old, new), lacking(new, old))
}

fn changed_names(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Option<ChangedNames> {
    let lacking = |from: &BTreeSet<String>, other| from.difference(other).cloned().collect();
    different(lacking(old, new), lacking(new, old))
}

fn different(removed: BTreeSet<String>, added: BTreeSet<String>) -> Option<ChangedNames> {
    (!removed.is_empty() || !added.is_empty()).then_some(Changed { removed, added })
}

fn changed<T: Clone + PartialEq>(old: &T, new: &T) -> Option<Changed<T>> {
    (old != new).then(|| both(old, new))
}

fn both<T: Clone>(old: &T, new: &T) -> Changed<T> {
    Changed {
        removed: old.clone(),
        added: new.clone(),
    }
}
