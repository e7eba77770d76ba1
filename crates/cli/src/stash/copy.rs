//! `keepward stash copy`: secrets into another table, region, account or folder; shown first, and
//! done only with --yes.

use serde_json::json;
use stash::{Copied, Copy, copy};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::stash::arguments::{CopySecrets, Options, Target};
use crate::stash::confidant;
use crate::stash::names::matching;
use crate::stash::session::{Session, table_name};

pub(super) async fn run(session: &Session, options: &Options, asked: &CopySecrets) -> Outcome {
    if asked.to.to_confidant {
        return confidant::run(session, asked).await;
    }
    let options = options_there(options, &asked.to)?;
    let there = session.another(&options).await?;
    let wanted = matching(asked.pattern.as_deref());
    let progress = Progress::of(None);
    let done = copy(
        &session.secrets,
        Copy {
            context: &session.context,
            to: &there.secrets,
            sealing: &there.sealing(None),
            newest: asked.newest,
            le_counter: asked.repair.assume_le_counter,
            wanted: &wanted,
            write: asked.yes,
        },
        &|rows| progress.tell(rows as u64, "rows"),
    )
    .await;
    drop(progress);
    let done = session.told(done)?;
    show(session, &done, asked.yes)?;
    if let Some(error) = done.stopped {
        let failure = there.failure(&error);
        return Err(match asked.yes {
            true => failure.hint_too("what was copied stays; run this again to go on"),
            false => failure,
        });
    }
    match (done.differing.len(), done.failed.len()) {
        (0, 0) => Ok(()),
        (differing, 0) => Err(Failure::new(
            Kind::Conflict,
            format!("{differing} rows are there with another value, which was left"),
        )
        .hint("delete them there, or leave them out with a pattern")),
        (_, failed) => Err(Failure::new(
            Kind::Findings,
            format!("{failed} rows could not be copied"),
        )
        .hint("`keepward stash doctor --open` looks at them; --context gives the pairs they were sealed under")),
    }
}

/// The options as they are for the other table.
///
/// Errors: `Usage` when no other table is named.
fn options_there(options: &Options, to: &Target) -> Outcome<Options> {
    let elsewhere = to.to_region.is_some() || to.to_profile.is_some() || to.to_role.is_some();
    let mut there = options.clone();
    if let Some(table) = &to.to_table {
        there.table = Some(table.clone());
    }
    if elsewhere || to.to_kms_region.is_some() {
        // A key's region goes with the table's.
        there.kms_region.clone_from(&to.to_kms_region);
    }
    if let Some(region) = &to.to_region {
        there.region = Some(region.clone());
    }
    if to.to_profile.is_some() || to.to_role.is_some() {
        there.profile.clone_from(&to.to_profile);
        there.role.clone_from(&to.to_role);
    }
    if elsewhere {
        there.local = None;
    }
    if let Some(folder) = &to.to_local {
        there.local = Some(folder.clone());
    }
    if !to.to_context.is_empty() {
        there.context.clone_from(&to.to_context);
    }
    let same = table_name(options) == table_name(&there)
        && options.local == there.local
        && options.region == there.region
        && options.profile == there.profile
        && options.role == there.role;
    match same {
        false => Ok(there),
        true => Err(Failure::new(Kind::Usage, "the copies would go to the table itself").hint(
            "--to-table, --to-region, --to-profile, --to-role, --to-local or --to-confidant name another place",
        )),
    }
}

fn show(session: &Session, done: &Copied, written: bool) -> Outcome {
    let failed: Vec<_> = done
        .failed
        .iter()
        .map(|(place, error)| (place, error.to_string()))
        .collect();
    if session.json {
        let failed: Vec<_> = failed
            .iter()
            .map(|(place, why)| json!({ "row": place, "why": why }))
            .collect();
        return output::json(&json!({
            "done": written,
            "copied": done.copied,
            "same": done.same,
            "differing": done.differing,
            "failed": failed,
        }));
    }
    let word = if written { "copied" } else { "would copy" };
    let mut text = String::new();
    for place in &done.copied {
        text.push_str(&format!("{word} {}\n", printable(&place.to_string())));
    }
    for place in &done.differing {
        let place = printable(&place.to_string());
        text.push_str(&format!("left {place}: there with another value\n"));
    }
    for (place, why) in failed {
        text.push_str(&format!("left {}: {}\n", printable(place), printable(&why)));
    }
    text.push_str(&format!(
        "{word} {} rows; {} are there already\n",
        done.copied.len(),
        done.same
    ));
    if !written && !done.copied.is_empty() {
        text.push_str("nothing was copied; --yes does it\n");
    }
    output::text(&text)
}
