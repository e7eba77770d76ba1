//! `keepward stash get`: one value, byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use stash::Record;

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::stash::arguments::Get;
use crate::stash::names::{self, secret_name, versions_meant};
use crate::stash::session::Session;
use crate::stash::written;

pub(super) async fn run(session: &Session, asked: &Get) -> Outcome {
    let record = record(session, asked).await?;
    let value = session.open_value(&record, asked.repair).await?;
    if session.json {
        // The one place where a value becomes JSON of this command.
        let (field, text) = match str::from_utf8(value.expose()) {
            Ok(text) => ("value", text.to_owned()),
            Err(_) => ("value_base64", STANDARD.encode(value.expose())),
        };
        return output::json(&json!({
            "name": record.name.as_str(),
            "version": record.version.as_str(),
            "comment": record.sealed.comment,
            field: text,
        }));
    }
    written::value(asked.out.as_deref(), value.expose())
}

async fn record(session: &Session, asked: &Get) -> Outcome<Record> {
    let name = secret_name(&asked.name)?;
    let Some(text) = &asked.version else {
        let newest = session.told(session.secrets.newest(&name).await)?;
        return newest.ok_or_else(|| names::not_found(session, &name));
    };
    for version in versions_meant(text) {
        let found = session.told(session.secrets.version(&name, &version).await)?;
        if let Some(record) = found {
            return Ok(record);
        }
    }
    let (name, text) = (printable(name.as_str()), printable(text));
    Err(
        Failure::new(Kind::NotFound, format!("{name} has no version {text}")).hint(format!(
            "`keepward stash versions {name}` lists those that there are"
        )),
    )
}
