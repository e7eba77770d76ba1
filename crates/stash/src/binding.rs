//! Binding of a value to its name and version, through the encryption context.
//!
//! A row of credstash's says nowhere, under any proof, whose value it holds: copied to another name
//! or version it opens there. A bound one has two more pairs in the encryption context of its wrapped
//! key, `keepward:name` and `keepward:version` (the version as stored), so the key service refuses
//! it anywhere else. Old programs read it when they are given these pairs.

use std::collections::BTreeSet;

use keep::EncryptionContext;

use crate::{Place, Record, Sealed};

/// The pair that holds the secret's name.
pub const BOUND_NAME: &str = "keepward:name";
/// The pair that holds the version as stored.
pub const BOUND_VERSION: &str = "keepward:version";

/// Whether rows are bound to their name and version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// Read those that say so; write none.
    #[default]
    AsMarked,
    /// Write all bound; read both, whatever a row says.
    Bound,
    /// Write all bound, and refuse others.
    Required,
}

impl Binding {
    /// Whether rows are written bound.
    pub(crate) fn writes(self) -> bool {
        self != Self::AsMarked
    }

    /// The encryption contexts to try for a row, in this order; one call of the key service each.
    pub(crate) fn contexts(
        self,
        given: &EncryptionContext,
        record: &Record,
    ) -> Vec<EncryptionContext> {
        let given = given.clone();
        let with_place = bound(&given, &record.place());
        match (self, record.sealed.is_marked()) {
            (Self::Required, _) => vec![with_place],
            (Self::AsMarked | Self::Bound, true) => vec![with_place, given],
            (Self::Bound, false) => vec![given, with_place],
            (Self::AsMarked, false) => vec![given],
        }
    }
}

impl Sealed {
    /// Whether it says that it is bound. Anybody who may write the table can change that: it decides
    /// what is tried first and never what is right.
    pub fn is_marked(&self) -> bool {
        [BOUND_NAME, BOUND_VERSION]
            .iter()
            .all(|name| self.context_names.contains(*name))
    }
}

/// These pairs, and those that bind to this row.
pub fn bound(context: &EncryptionContext, place: &Place) -> EncryptionContext {
    let pairs = [
        (BOUND_NAME, place.name.as_str()),
        (BOUND_VERSION, place.version.as_str()),
    ];
    EncryptionContext::new(context.iter().chain(pairs))
}

/// The names of the pairs, for [`Sealed::context_names`].
pub(crate) fn names(context: &EncryptionContext) -> BTreeSet<String> {
    context.iter().map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{Proof, Version};

    fn record(marked: bool) -> Record {
        let context = EncryptionContext::new([("env", "kw-canary")]);
        let mut record = Record {
            name: "db".parse().unwrap(),
            version: Version::of(1),
            sealed: Sealed {
                key: vec![1],
                contents: vec![2],
                proof: Proof::Gcm {
                    iv: vec![3; 12],
                    tag: vec![4; 16],
                },
                comment: None,
                context_names: BTreeSet::new(),
            },
        };
        if marked {
            record.sealed.context_names = names(&bound(&context, &record.place()));
        }
        record
    }

    #[rstest]
    #[case::as_marked_and_not(Binding::AsMarked, false, "given")]
    #[case::as_marked(Binding::AsMarked, true, "bound given")]
    #[case::both(Binding::Bound, false, "given bound")]
    #[case::both_and_marked(Binding::Bound, true, "bound given")]
    #[case::required(Binding::Required, false, "bound")]
    #[case::required_and_marked(Binding::Required, true, "bound")]
    fn tries_what_the_row_says_first_and_only_the_binding_where_it_is_required(
        #[case] binding: Binding,
        #[case] marked: bool,
        #[case] expected: &str,
    ) {
        let given = EncryptionContext::new([("env", "prod")]);
        let tried = binding.contexts(&given, &record(marked));
        let told: Vec<_> = tried
            .iter()
            .map(|context| {
                assert_eq!(context.get("env"), Some("prod"));
                match (context.get(BOUND_NAME), context.get(BOUND_VERSION)) {
                    (Some("db"), Some("0000000000000000001")) => "bound",
                    (None, None) => "given",
                    _ => "half",
                }
            })
            .collect();
        assert_eq!(told.join(" "), expected);
    }

    #[test]
    fn a_mark_names_the_pairs_holds_no_value_of_them_and_comes_back() {
        let record = record(true);
        let item = record.item();
        assert!(!format!("{item:?}").contains("kw-canary"));
        let read = Record::of(&item).unwrap();
        assert!(read.sealed.is_marked());
        assert_eq!(read, record);
        assert!(!self::record(false).item().contains_key("context"));
    }
}
