//! Keys that two mapped things share: a service would get one value and lose the other. Pure.

use std::collections::BTreeSet;

use crate::{BlindRecord, Conflict, Credential};

pub(crate) use crate::Conflicts;

/// A thing that is mapped: its id and the names of its keys.
pub(crate) struct Holder<'a> {
    pub(crate) id: &'a str,
    pub(crate) keys: Vec<&'a str>,
    pub(crate) blind: bool,
}

/// The keys of opened credentials, and of blind ones as far as their clients told them.
pub(crate) fn holders<'a>(
    credentials: &'a [Credential],
    blind: &'a [BlindRecord],
) -> Vec<Holder<'a>> {
    let open = credentials.iter().map(|credential| Holder {
        id: &credential.record.id,
        keys: credential
            .pairs
            .iter()
            .flat_map(|pairs| pairs.keys())
            .map(String::as_str)
            .collect(),
        blind: false,
    });
    let blind = blind.iter().map(|record| Holder {
        id: &record.id,
        keys: record.credential_keys.iter().map(String::as_str).collect(),
        blind: true,
    });
    open.chain(blind).collect()
}

/// The keys held by more than one of these.
pub(crate) fn among(holders: &[Holder<'_>]) -> Conflicts {
    let mut held = Conflicts::new();
    for holder in holders {
        for key in &holder.keys {
            add(held.entry((*key).to_owned()).or_default(), holder);
        }
    }
    held.retain(|_, conflict| conflict.credentials.len() + conflict.blind_credentials.len() > 1);
    held
}

/// Adds to `found` the keys of a changed credential that others in the service `service` hold.
pub(crate) fn beside(
    found: &mut Conflicts,
    keys: &BTreeSet<&str>,
    service: &str,
    others: &[Holder<'_>],
) {
    for other in others {
        for key in other.keys.iter().filter(|key| keys.contains(*key)) {
            let conflict = found.entry((*key).to_owned()).or_default();
            add(conflict, other);
            conflict.services.insert(service.to_owned());
        }
    }
}

fn add(conflict: &mut Conflict, holder: &Holder<'_>) {
    let ids = if holder.blind {
        &mut conflict.blind_credentials
    } else {
        &mut conflict.credentials
    };
    ids.insert(holder.id.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder<'a>(id: &'a str, keys: &[&'a str], blind: bool) -> Holder<'a> {
        Holder {
            id,
            keys: keys.to_vec(),
            blind,
        }
    }

    #[test]
    fn finds_keys_held_twice_also_by_blind_credentials() {
        let found = among(&[
            holder("a", &["k", "x"], false),
            holder("b", &["k"], false),
            holder("c", &["x"], true),
        ]);
        assert_eq!(found["k"].credentials.len(), 2);
        assert_eq!(
            (
                found["x"].credentials.len(),
                found["x"].blind_credentials.len()
            ),
            (1, 1)
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn names_the_services_that_map_both() {
        let mut found = Conflicts::new();
        beside(
            &mut found,
            &BTreeSet::from(["k"]),
            "s1",
            &[holder("b", &["k", "y"], false)],
        );
        beside(
            &mut found,
            &BTreeSet::from(["k"]),
            "s2",
            &[holder("b", &["k"], false)],
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found["k"].services.len(), 2);
    }
}
