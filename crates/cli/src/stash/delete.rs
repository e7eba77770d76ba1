//! `keepward stash delete` and `prune`: shown first, and done only with --yes.

use serde_json::json;
use stash::{Listed, Place, SecretName};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::stash::arguments::{Delete, Prune};
use crate::stash::names::{self, versions_meant};
use crate::stash::session::Session;

pub(super) async fn delete(session: &Session, asked: &Delete) -> Outcome {
    let mut rows = Vec::new();
    for name in names::chosen(session, &asked.names, asked.pattern).await? {
        let stored = versions(session, &name).await?;
        match &asked.version {
            None => rows.extend(stored),
            Some(text) => rows.push(only(&stored, text)?),
        }
    }
    carry_out(session, rows, asked.yes).await
}

pub(super) async fn prune(session: &Session, asked: &Prune) -> Outcome {
    let keep = usize::try_from(asked.keep).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    for name in names::chosen(session, &asked.names, asked.pattern).await? {
        let mut stored = versions(session, &name).await?;
        // Those that were meant to be the newest stay, and the one that readers take for it.
        let read = stored
            .iter()
            .max_by(|one, other| one.version.cmp(&other.version));
        let read = read.cloned();
        stored.sort_by(|one, other| stash::meant_order(&other.version, &one.version));
        rows.extend(
            stored
                .into_iter()
                .skip(keep)
                .filter(|place| Some(place) != read.as_ref()),
        );
    }
    rows.sort();
    carry_out(session, rows, asked.yes).await
}

/// All versions of a secret.
///
/// Errors: `NotFound` when there is none.
async fn versions(session: &Session, name: &SecretName) -> Outcome<Vec<Place>> {
    let listed = session.told(session.secrets.versions(name).await)?;
    if listed.is_empty() {
        return Err(names::not_found(session, name));
    }
    let place = |Listed { name, version, .. }| Place { name, version };
    Ok(listed.into_iter().map(place).collect())
}

/// The one version that was meant.
///
/// Errors: `NotFound`; `Conflict` when two are meant, since only one of them can be right.
fn only(stored: &[Place], text: &str) -> Outcome<Place> {
    let meant = versions_meant(text);
    let found: Vec<_> = stored
        .iter()
        .filter(|place| meant.contains(&place.version))
        .collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(
            Kind::NotFound,
            format!("it has no version {}", printable(text)),
        )
        .hint("`keepward stash versions` lists those that there are")),
        [one, ..] => match found.iter().find(|place| place.version.as_str() == text) {
            // Nobody types nineteen digits for another version.
            Some(exact) if text.len() >= 19 => Ok((*exact).clone()),
            _ => Err(Failure::new(
                Kind::Conflict,
                format!("{} is stored padded and as typed", printable(&one.to_string())),
            )
            .hint("delete the padded one by all its digits; `keepward stash doctor` tells which is read")),
        },
    }
}

async fn carry_out(session: &Session, rows: Vec<Place>, yes: bool) -> Outcome {
    if !yes {
        return show(session, &rows, false);
    }
    let progress = Progress::of(Some(rows.len() as u64));
    let mut deleted = Vec::new();
    for place in rows {
        let done = session.secrets.delete(&place.name, &place.version).await;
        if let Err(failure) = session.told(done) {
            drop(progress);
            show(session, &deleted, true)?;
            return Err(failure);
        }
        deleted.push(place);
        progress.tell(deleted.len() as u64, "versions");
    }
    drop(progress);
    show(session, &deleted, true)
}

fn show(session: &Session, rows: &[Place], done: bool) -> Outcome {
    if session.json {
        return output::json(&json!({ "done": done, "versions": rows }));
    }
    let word = if done { "deleted" } else { "would delete" };
    let mut text = String::new();
    for place in rows {
        text.push_str(&format!("{word} {}\n", printable(&place.to_string())));
    }
    text.push_str(match (rows.is_empty(), done) {
        (true, _) => "there is nothing to delete\n",
        (false, false) => "nothing was deleted; --yes does it\n",
        (false, true) => "",
    });
    output::text(&text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use stash::Version;

    use super::*;

    #[rstest]
    #[case::by_number("2", Ok("0000000000000000002"))]
    #[case::as_stored("0000000000000000002", Ok("0000000000000000002"))]
    #[case::a_text("rel", Ok("rel"))]
    #[case::unpadded("7", Ok("7"))]
    #[case::absent("4", Err(Kind::NotFound))]
    #[case::two_are_meant("3", Err(Kind::Conflict))]
    #[case::the_padded_of_two("0000000000000000003", Ok("0000000000000000003"))]
    fn one_version_is_meant_or_it_is_refused(
        #[case] text: &str,
        #[case] expected: Result<&str, Kind>,
    ) {
        let stored = [
            "0000000000000000002",
            "0000000000000000003",
            "3",
            "7",
            "rel",
        ]
        .map(|version| Place {
            name: "db".parse().expect("a name"),
            version: Version::stored(version),
        });
        let found = only(&stored, text).map(|place| place.version.as_str().to_owned());
        let found = found.map_err(|failure| failure.kind());
        assert_eq!(found, expected.map(str::to_owned));
    }
}
