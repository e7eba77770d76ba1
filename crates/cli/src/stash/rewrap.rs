//! `keepward stash rewrap`: all rows under another master key; shown first, and done only with --yes.

use serde_json::json;
use stash::{Examine, Finding, Rewrap as Asked, Rewrapped, examine, rewrap};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::stash::arguments::Rewrap;
use crate::stash::names;
use crate::stash::session::Session;

pub(super) async fn run(session: &Session, binds: bool, asked: &Rewrap) -> Outcome {
    let Some(master) = session.key_id.as_deref() else {
        return Err(
            Failure::new(Kind::Usage, "no new master key is named").hint("--key-id names it")
        );
    };
    if binds && !asked.accept_copies {
        no_copies(session).await?;
    }
    let wanted = names::matching(asked.pattern.as_deref());
    let progress = Progress::of(None);
    let done = rewrap(
        &session.secrets,
        Asked {
            master,
            context: &session.context,
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
        let failure = session.failure(&error);
        return Err(match asked.yes {
            true => failure.hint_too("what was done stays; run this again to go on"),
            false => failure,
        });
    }
    match done.failed.len() {
        0 => Ok(()),
        failed => Err(Failure::new(
            Kind::Findings,
            format!("{failed} rows stay as they are"),
        )
        .hint("`keepward stash doctor --open` looks at them; --context gives the pairs they were sealed under")),
    }
}

/// Errors: `Conflict` when a row is a copy of another.
async fn no_copies(session: &Session) -> Outcome {
    let progress = Progress::of(None);
    let told = |rows| progress.tell(rows as u64, "rows looked at for copies");
    let examined = examine(&session.secrets, Examine::default(), &told).await;
    drop(progress);
    let findings = session.told(examined)?.findings;
    match findings
        .iter()
        .find(|finding| matches!(finding, Finding::CopiedKey { .. }))
    {
        None => Ok(()),
        Some(copies) => Err(Failure::new(
            Kind::Conflict,
            format!(
                "one row is a copy of another, and binding would make it look right: {}",
                printable(&copies.to_string())
            ),
        )
        .hint("delete what does not belong, or give --accept-copies")),
    }
}

fn show(session: &Session, done: &Rewrapped, written: bool) -> Outcome {
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
            "master": done.master.0,
            "changed": done.changed,
            "already": done.already,
            "failed": failed,
        }));
    }
    let word = if written { "rewrapped" } else { "would rewrap" };
    let mut text = String::new();
    for place in &done.changed {
        text.push_str(&format!("{word} {}\n", printable(&place.to_string())));
    }
    for (place, why) in failed {
        text.push_str(&format!("left {}: {}\n", printable(place), printable(&why)));
    }
    text.push_str(&format!(
        "{word} {} rows; {} are under {} already, {} stay as they are\n",
        done.changed.len(),
        done.already,
        printable(&done.master.0),
        done.failed.len(),
    ));
    if !written && !done.changed.is_empty() {
        text.push_str("nothing was changed; --yes does it\n");
    }
    output::text(&text)
}
