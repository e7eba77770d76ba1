//! The older layouts in which items rest, and what an item says whatever its layout.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use keep::{Item, Value};

use super::Kind;
use crate::attributes::{data_key_of, is_base64, unquoted, wrapped_of};

/// A layout that reads well and is not the one that is written today. The first write of the
/// current item replaces it; copies in the history stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OldForm {
    /// `enabled` as the number 1 or 0 (before 4.0). Confidant 7.0 fails on it.
    NumberBoolean,
    /// Sets of texts each quoted as JSON (before 2.0). Confidant 7.0 finds nothing in them.
    QuotedSet,
    /// No `tags` (before 6.3).
    NoTags,
    /// Absent attributes stored as NULL, by other tools.
    NullAttribute,
    /// `data_key` is the wrapped key itself instead of its base64 text.
    RawDataKey,
    /// Attributes that Confidant does not know. Every write loses them, Confidant's own too.
    UnknownAttribute,
}

impl OldForm {
    /// Its name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::NumberBoolean => "number-boolean",
            Self::QuotedSet => "quoted-set",
            Self::NoTags => "no-tags",
            Self::NullAttribute => "null-attribute",
            Self::RawDataKey => "raw-data-key",
            Self::UnknownAttribute => "unknown-attribute",
        }
    }

    /// What the next write does to it.
    pub fn change(self) -> &'static str {
        match self {
            Self::NumberBoolean => "enabled, a number, becomes a boolean",
            Self::QuotedSet => "set elements lose their JSON quotes",
            Self::NoTags => "an empty list of tags is added",
            Self::NullAttribute => "attributes that are NULL are left out",
            Self::RawDataKey => "the data key is stored as base64 text",
            Self::UnknownAttribute => {
                "attributes unknown to Confidant are lost (Confidant loses them too)"
            }
        }
    }
}

/// A digest of what an item says, equal for a current item and its copy in the history, and the
/// older layouts it was found in.
pub(super) fn content_and_forms(kind: Kind, item: &Item) -> (u64, BTreeSet<OldForm>) {
    let (said, forms) = said(kind, item);
    let mut hasher = DefaultHasher::new();
    said.hash(&mut hasher);
    (hasher.finish(), forms)
}

/// The names of the attributes in which two items say different things.
pub(super) fn differing(kind: Kind, one: &Item, other: &Item) -> Vec<String> {
    let ((one, _), (other, _)) = (said(kind, one), said(kind, other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names
        .into_iter()
        .filter(|name| one.get(*name) != other.get(*name))
        .cloned()
        .collect()
}

/// What an item says in the layout of today, whatever its own.
///
/// Dates of writing and of reading are left out: the two copies are written one after the other.
fn said(kind: Kind, item: &Item) -> (Item, BTreeSet<OldForm>) {
    let mut forms = BTreeSet::new();
    let mut said = item.clone();
    let before = said.len();
    said.retain(|_, value| *value != Value::Null);
    if said.len() < before {
        forms.insert(OldForm::NullAttribute);
    }
    let before = said.len();
    said.retain(|name, _| known(kind, name));
    if said.len() < before {
        forms.insert(OldForm::UnknownAttribute);
    }
    if let Some(enabled @ Value::N(_)) = said.get_mut("enabled") {
        *enabled = Value::Bool(*enabled == Value::n(1));
        forms.insert(OldForm::NumberBoolean);
    }
    for value in said.values_mut() {
        if let Value::Ss(set) = value {
            let plain: BTreeSet<String> = set.iter().map(|text| unquoted(text)).collect();
            if plain != *set {
                *set = plain;
                forms.insert(OldForm::QuotedSet);
            }
        }
    }
    if kind == Kind::Credential {
        if !said.contains_key("tags") {
            said.insert("tags".to_owned(), Value::L(Vec::new()));
            forms.insert(OldForm::NoTags);
        }
        if let Some(Value::B(key)) = said.get_mut("data_key")
            && !is_base64(key)
        {
            *key = data_key_of(&wrapped_of(key));
            forms.insert(OldForm::RawDataKey);
        }
    }
    for name in NOT_COMPARED {
        said.remove(*name);
    }
    (said, forms)
}

/// Where the current item and its copy differ rightly.
const NOT_COMPARED: &[&str] = &["id", "data_type", "modified_date", "last_decrypted_date"];

/// Whether a thing of this kind has an attribute of this name.
///
/// Source: spec/confidant.md section 4.2; vectors `confidant/dynamodb_items.json`.
fn known(kind: Kind, name: &str) -> bool {
    const ALL: &[&str] = &[
        "id",
        "revision",
        "data_type",
        "enabled",
        "modified_date",
        "modified_by",
    ];
    let own: &[&str] = match kind {
        Kind::Credential => &[
            "name",
            "credential_pairs",
            "data_key",
            "cipher_version",
            "metadata",
            "documentation",
            "tags",
            "last_decrypted_date",
            "last_rotation_date",
        ],
        Kind::Service => &["credentials", "blind_credentials", "account"],
        Kind::Blind => &[
            "name",
            "credential_pairs",
            "credential_keys",
            "data_key",
            "cipher_version",
            "cipher_type",
            "metadata",
            "documentation",
        ],
    };
    ALL.contains(&name) || own.contains(&name)
}
