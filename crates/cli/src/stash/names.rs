//! Which secrets and versions are meant by what was typed.

use std::collections::BTreeSet;

use documents::pattern::Pattern;
use stash::{SecretName, Version};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::stash::session::Session;

/// A name as typed.
pub(super) fn secret_name(text: &str) -> Outcome<SecretName> {
    text.parse()
        .map_err(|error: stash::InvalidName| Failure::new(Kind::Usage, error.to_string()))
}

/// The versions that a text can mean: a number, padded as both programs write it today, and the text
/// as stored.
pub(super) fn versions_meant(text: &str) -> Vec<Version> {
    if let Some(exact) = text.strip_prefix('=') {
        return vec![Version::stored(exact)];
    }
    let typed = Version::stored(text);
    match text.parse::<i128>() {
        Ok(number) if Version::of(number) != typed => vec![Version::of(number), typed],
        _ => vec![typed],
    }
}

/// Tells which names match the pattern; without one, all do.
pub(super) fn matching(pattern: Option<&str>) -> impl Fn(&SecretName) -> bool + Sync + use<> {
    let pattern = pattern.map(Pattern::fnmatch);
    move |name: &SecretName| {
        pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(name.as_str()))
    }
}

/// Tells which names match one of the patterns; without any, all do.
pub(super) fn matching_any(patterns: &[String]) -> impl Fn(&SecretName) -> bool + Sync + use<> {
    let patterns: Vec<_> = patterns
        .iter()
        .map(|pattern| Pattern::fnmatch(pattern))
        .collect();
    move |name: &SecretName| {
        patterns.is_empty()
            || patterns
                .iter()
                .any(|pattern| pattern.matches(name.as_str()))
    }
}

/// The secrets that are named, or with `pattern`, those whose names match.
///
/// Errors: `NotFound` when a pattern matches none.
pub(super) async fn chosen(
    session: &Session,
    names: &[String],
    pattern: bool,
) -> Outcome<BTreeSet<SecretName>> {
    if !pattern {
        return names.iter().map(|name| secret_name(name)).collect();
    }
    let listed = session.told(session.secrets.list().await)?;
    let mut chosen = BTreeSet::new();
    for pattern in names {
        let matches = matching(Some(pattern));
        let found: Vec<_> = listed
            .iter()
            .map(|listed| &listed.name)
            .filter(|name| matches(name))
            .collect();
        if found.is_empty() {
            let pattern = printable(pattern);
            return Err(Failure::new(
                Kind::NotFound,
                format!("no secret matches {pattern}"),
            ));
        }
        chosen.extend(found.into_iter().cloned());
    }
    Ok(chosen)
}

/// There is no such secret.
pub(super) fn not_found(session: &Session, name: &SecretName) -> Failure {
    let name = printable(name.as_str());
    let table = session.secrets.table();
    Failure::new(
        Kind::NotFound,
        format!("no secret named {name} in table {table}"),
    )
    .hint("`keepward stash list` names those that there are; --table names another table")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::number("2", &["0000000000000000002", "2"])]
    #[case::padded("0000000000000000002", &["0000000000000000002"])]
    #[case::text("rel-1", &["rel-1"])]
    #[case::padded_to_less("02", &["0000000000000000002", "02"])]
    fn a_number_means_its_padded_version_first(#[case] text: &str, #[case] expected: &[&str]) {
        let meant = versions_meant(text);
        let texts: Vec<_> = meant.iter().map(Version::as_str).collect();
        assert_eq!(texts, expected);
    }
}
