//! `delete`, `delete-many`, `prune` and `prune-many`: one scan, then a delete for each version.
//!
//! What is deleted is the version as it is stored, padded or not.

use std::collections::BTreeMap;

use documents::pattern::Pattern;
use stash::{SecretName, Secrets, Version};

use crate::credsmash::run::{Run, name};
use crate::credsmash::version::Number;
use crate::faces::Done;

/// Every version of a single secret.
pub(crate) fn delete(run: &Run, secret_name: &str) -> Done {
    one(run, secret_name, Amount::All)
}

/// Every version of all secrets that fit.
pub(crate) fn delete_many(run: &Run, pattern: &str) -> Done {
    many(run, pattern, Amount::All)
}

/// All but the latest version of a single secret.
pub(crate) fn prune(run: &Run, secret_name: &str) -> Done {
    one(run, secret_name, Amount::ButTheLatest)
}

/// All but the latest version of all secrets that fit.
pub(crate) fn prune_many(run: &Run, pattern: &str) -> Done {
    many(run, pattern, Amount::ButTheLatest)
}

/// Which versions go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Amount {
    All,
    ButTheLatest,
}

impl Amount {
    fn logger(self) -> &'static str {
        match self {
            Self::All => "credsmash.api.delete",
            Self::ButTheLatest => "credsmash.api.prune",
        }
    }
}

fn one(run: &Run, secret_name: &str, amount: Amount) -> Done {
    let name = name(secret_name)?;
    let secrets = run.secrets()?;
    match versions(run, &secrets, &|other| *other == name)?.remove(&name) {
        Some(versions) => remove(run, &secrets, &name, versions, amount),
        None => {
            run.log.info(amount.logger(), &format!("Not found: {name}"));
            Ok(())
        }
    }
}

fn many(run: &Run, pattern: &str, amount: Amount) -> Done {
    let pattern = Pattern::fnmatch(pattern);
    let secrets = run.secrets()?;
    let found = versions(run, &secrets, &|name| pattern.matches(name.as_str()))?;
    for (name, versions) in found {
        remove(run, &secrets, &name, versions, amount)?;
    }
    Ok(())
}

/// The versions of each secret that is wanted.
fn versions(
    run: &Run,
    secrets: &Secrets,
    wanted: &dyn Fn(&SecretName) -> bool,
) -> Done<BTreeMap<SecretName, Vec<Version>>> {
    let listed = run
        .wait(secrets.list())
        .map_err(|error| run.fault(&error))?;
    let mut found: BTreeMap<SecretName, Vec<Version>> = BTreeMap::new();
    for one in listed {
        if wanted(&one.name) {
            found.entry(one.name).or_default().push(one.version);
        }
    }
    Ok(found)
}

fn remove(
    run: &Run,
    secrets: &Secrets,
    name: &SecretName,
    versions: Vec<Version>,
    amount: Amount,
) -> Done {
    let kept = match amount {
        Amount::All => vec![],
        Amount::ButTheLatest => latest(&versions),
    };
    let mut gone: Vec<_> = versions
        .iter()
        .filter(|version| !kept.contains(version))
        .map(|version| (Number::of(version.as_str()), version))
        .collect();
    gone.sort();
    for (number, version) in gone {
        run.log.info(
            amount.logger(),
            &format!("Deleting {name} -- version {number}"),
        );
        run.wait(secrets.delete(name, version))
            .map_err(|error| run.fault(&error))?;
    }
    let done = match kept.iter().map(|kept| Number::of(kept.as_str())).max() {
        None => format!("Deleted {name}"),
        Some(current) => format!("Pruned {name} (current version={current})"),
    };
    run.log.info(amount.logger(), &done);
    Ok(())
}

/// What pruning keeps: the highest number, however it is written, and what a `get` finds, which is the
/// greatest text. They differ only where versions are not padded.
fn latest(versions: &[Version]) -> Vec<&Version> {
    let number = |version: &Version| Number::of(version.as_str());
    let highest = versions.iter().map(number).max();
    let greatest = versions.iter().max();
    versions
        .iter()
        .filter(|version| Some(number(version)) == highest || Some(*version) == greatest)
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::padded(&["0000000000000000009", "0000000000000000010"], &["0000000000000000010"])]
    #[case::unpadded_hides_a_higher_number(&["2", "0000000000000000010"], &["2", "0000000000000000010"])]
    #[case::one_number_twice(&["2", "0000000000000000002", "0000000000000000001"], &["2", "0000000000000000002"])]
    #[case::text(&["0000000000000000009", "00000000000000rel-1"], &["00000000000000rel-1"])]
    fn pruning_keeps_the_highest_number_and_what_is_read(
        #[case] versions: &[&str],
        #[case] kept: &[&str],
    ) {
        let versions: Vec<_> = versions.iter().map(|text| Version::stored(text)).collect();
        let latest: Vec<_> = latest(&versions).into_iter().map(Version::as_str).collect();
        assert_eq!(latest, kept);
    }
}
