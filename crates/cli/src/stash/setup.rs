//! `keepward stash setup`: the table, ready for use.

use serde_json::json;
use stash::Secrets;

use crate::exit::Outcome;
use crate::output;
use crate::stash::session::Session;

pub(super) async fn run(session: &Session) -> Outcome {
    let (table, name) = (&session.ports().table, session.secrets.table());
    let was_there = session.table_told("DescribeTable", table.exists(name).await)?;
    session.table_told("CreateTable", table.create(&Secrets::schema(name)).await)?;
    if session.json {
        return output::json(&json!({ "table": name.as_str(), "made": !was_there }));
    }
    output::text(&match was_there {
        true => format!("table {name} is there\n"),
        false => format!("table {name} is made\n"),
    })
}
