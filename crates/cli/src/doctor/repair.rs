//! Repair of a current item that an old server overwrote: shown first, and done only when told which
//! of the two states shall hold. The server does it, as any write; both states stay in the history.

use clap::ValueEnum;
use confidant::preflight::{Clash, Side, clash};
use confidant::{BlindRecord, ServiceRecord};
use keep::Items;
use serde_json::{Value, json};

use crate::arguments::Connection;
use crate::client::Client;
use crate::exit::{Failure, Kind, Outcome};
use crate::listing::saved;
use crate::output;
use crate::ports::Opened;
use crate::preflight_command::failure;
use crate::revisions::Noun;
use crate::service_command::mapped;

/// Which of the two states shall hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wanted {
    /// What the current item says.
    Current,
    /// What the newest copy in the history says.
    History,
}

/// Compares the thing `id` with its history.
pub(crate) async fn look(opened: &Opened, id: &str) -> Outcome<Option<Clash>> {
    let items = Items::new(&*opened.table_port, &*opened.clock, &*opened.random);
    clash(items, &opened.table, id)
        .await
        .map_err(|error| match error {
            confidant::Error::NotFound => Failure::new(
                Kind::NotFound,
                format!("table {} has no current credential or service {id}", opened.table),
            ),
            confidant::Error::Damaged { .. } => Failure::new(Kind::Conflict, error.to_string())
                .hint("revert it to a revision that can be read: `keepward credential revert`, `keepward service revert`"),
            error => failure(&opened.table, error),
        })
}

/// Shows what is wrong, and mends it when told how.
pub(crate) fn run(
    id: &str,
    found: Option<&Clash>,
    wanted: Option<Wanted>,
    connection: &Connection,
) -> Outcome {
    let Some(clash) = found else {
        return show(connection, &json!({ "ok": true, "id": id }), || {
            format!("{id} and its history say the same\n")
        });
    };
    let Some(wanted) = wanted else {
        show(connection, &as_json(id, clash), || as_text(id, clash))?;
        return Err(Failure::new(
            Kind::Findings,
            format!("{id} and its history differ; nothing was changed"),
        ));
    };
    mend(id, clash, wanted, connection)
}

fn mend(id: &str, clash: &Clash, wanted: Wanted, connection: &Connection) -> Outcome {
    let noun = match clash.kind.as_str() {
        ServiceRecord::KIND => Noun::Service,
        BlindRecord::KIND => Noun::BlindCredential,
        _ => Noun::Credential,
    };
    let client = Client::connect(connection)?;
    let answer = match (wanted, &clash.history) {
        (Wanted::Current, _) => {
            let current = noun.current(&client, id)?;
            client.put(&noun.path(id), &unchanged(noun, &current))?
        }
        (Wanted::History, Some(copy)) => {
            client.put(&format!("{}/{}", noun.path(id), copy.revision), &json!({}))?
        }
        (Wanted::History, None) => {
            return Err(Failure::new(
                Kind::NotFound,
                format!("the history of {id} has nothing at or above its revision"),
            )
            .hint("--write current makes the history whole"));
        }
    };
    saved(connection, noun.word(), &answer)
}

/// An update that changes nothing but the revision.
fn unchanged(noun: Noun, current: &Value) -> Value {
    match noun {
        Noun::Service => mapped(current).into(),
        Noun::Credential | Noun::BlindCredential => json!({}),
    }
}

fn show(connection: &Connection, json: &Value, text: impl FnOnce() -> String) -> Outcome {
    if connection.json {
        output::json(json)
    } else {
        output::text(&text())
    }
}

fn as_json(id: &str, clash: &Clash) -> Value {
    let side = |side: &Side| {
        json!({
            "revision": side.revision,
            "modified_by": side.modified_by,
            "modified_date": side.modified_date.iso(),
        })
    };
    json!({
        "ok": false,
        "id": id,
        "kind": clash.kind,
        "current": side(&clash.current),
        "history": clash.history.as_ref().map(side),
        "differing": clash.differing,
    })
}

fn as_text(id: &str, clash: &Clash) -> String {
    let side = |side: &Side| {
        format!(
            "revision {} by {:?} at {}",
            side.revision,
            side.modified_by,
            side.modified_date.iso()
        )
    };
    let mut text = format!("{} {id}\n  current  {}\n", clash.kind, side(&clash.current));
    match &clash.history {
        None => text.push_str("  history  has no copy of that revision\n"),
        Some(copy) => text.push_str(&format!("  history  {}\n", side(copy))),
    }
    if !clash.differing.is_empty() {
        text.push_str(&format!(
            "  they differ in {}\n",
            clash.differing.join(", ")
        ));
    }
    text.push_str(
        "nothing was changed. Each of these writes a new revision through the server, and loses neither state:\n  \
         --write current   what the current item says shall hold\n",
    );
    if clash.history.is_some() {
        text.push_str("  --write history   what the history says shall hold\n");
    }
    text
}
