//! `keepward stash migrate`: padded versions; shown first, and done only with --yes.

use serde_json::{Value, json};
use stash::{Left, Migrated, Move, Place, migrate, plan_migration};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::stash::arguments::Migrate;
use crate::stash::names;
use crate::stash::session::Session;

pub(super) async fn run(session: &Session, asked: &Migrate) -> Outcome {
    let wanted = names::matching(asked.pattern.as_deref());
    let planned = session.told(plan_migration(&session.secrets, &wanted).await)?;
    if !asked.yes {
        return show(session, &planned.moves, &planned.left, false);
    }
    let progress = Progress::of(Some(planned.moves.len() as u64));
    let Migrated {
        moved,
        left,
        mut failed,
    } = migrate(&session.secrets, planned, &|rows| {
        progress.tell(rows as u64, "rows");
    })
    .await;
    drop(progress);
    show(session, &moved, &left, true)?;
    let count = failed.len();
    let taken = left.iter().filter(|(_, why)| *why == Left::Taken).count();
    match failed.pop() {
        None if taken > 0 => Err(Failure::new(
            Kind::Conflict,
            format!("{taken} rows were left, whose padded version is there with another value"),
        )
        .hint("look at both, and delete the one that does not belong")),
        None => Ok(()),
        Some((place, error)) => {
            let place = printable(&place.to_string());
            Err(session
                .failure(&error)
                .about(&format!("{count} rows are not done, among them {place}"))
                .hint_too("nothing is lost; run this again to go on"))
        }
    }
}

fn show(session: &Session, moves: &[Move], left: &[(Place, Left)], done: bool) -> Outcome {
    if session.json {
        let left: Vec<Value> = left
            .iter()
            .map(|(place, why)| json!({ "row": place, "why": why }))
            .collect();
        return output::json(&json!({ "done": done, "moved": moves, "left": left }));
    }
    let word = if done { "moved" } else { "would move" };
    let mut text = String::new();
    for Move { from, to } in moves {
        text.push_str(&format!(
            "{word} {} to {}\n",
            printable(&from.to_string()),
            printable(to.as_str())
        ));
    }
    for (place, why) in left {
        text.push_str(&format!("left {}: {why}\n", printable(&place.to_string())));
    }
    text.push_str(match (moves.is_empty(), done) {
        (true, _) => "there is nothing to move\n",
        (false, false) => "nothing was moved; --yes does it\n",
        (false, true) => "",
    });
    output::text(&text)
}
