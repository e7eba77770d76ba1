//! `keepward client-key`: keys by which services and people log in where there is no AWS.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::PrincipalKind;
use local::SystemRandom;
use login::{ClientKeyFile, ClientKeyFileError};
use serde_json::{Value, json};

use crate::arguments::{Caller, ClientKeyCommand, Connection};
use crate::client::{Client, segment};
use crate::exit::{Failure, Kind, Outcome};
use crate::listing::listed;
use crate::output;
use crate::token::with_cause;

pub(crate) fn run(command: ClientKeyCommand) -> Outcome {
    match command {
        ClientKeyCommand::Issue {
            name,
            kind,
            days,
            out,
            connection,
        } => {
            let (id, registered) = issue(&name, kind, days, &out, &connection)?;
            if connection.json {
                return output::json(&registered);
            }
            let kind = kind.word();
            let place = out.display();
            output::text(&format!(
                "client key {id} of {kind} {name}, good for {days} days, is in {place}\n"
            ))
        }
        ClientKeyCommand::List { connection } => {
            let list = Client::connect(&connection)?.get("/console/v1/client-keys")?;
            listed(
                &connection,
                &list,
                "client_keys",
                &["id", "kind", "name", "expires", "created_by"],
            )
        }
        ClientKeyCommand::Revoke { id, connection } => {
            let answer = Client::connect(&connection)?
                .delete(&format!("/console/v1/client-keys/{}", segment(&id)))?;
            if connection.json {
                output::json(&answer)
            } else {
                output::text(&format!("client key {id} is revoked\n"))
            }
        }
    }
}

/// Makes the pair here; only the public half travels. The file is written first: a key that is
/// registered and lost could be used by nobody and would only confuse.
///
/// Returns its id and what the server answered.
pub(crate) fn issue(
    name: &str,
    kind: Caller,
    days: u32,
    out: &Path,
    connection: &Connection,
) -> Outcome<(String, Value)> {
    let client = Client::connect(connection)?;
    let failed = |error: ClientKeyFileError| {
        let exists = matches!(&error, ClientKeyFileError::Io(_, cause) if cause.kind() == std::io::ErrorKind::AlreadyExists);
        let failure = |kind| {
            Failure::new(
                kind,
                format!("client key {}: {}", out.display(), with_cause(&error)),
            )
        };
        if exists {
            failure(Kind::Conflict).hint("it is not replaced; name another file with --out")
        } else {
            failure(Kind::Usage)
        }
    };
    let principal = match kind {
        Caller::Service => PrincipalKind::Service,
        Caller::User => PrincipalKind::User,
    };
    let mut key = ClientKeyFile::generate(&SystemRandom, principal, name).map_err(failed)?;
    key.url = Some(client.url().to_owned());
    key.to.clone_from(&connection.to);
    key.create(out).map_err(failed)?;
    let body = json!({
        "public_key": STANDARD.encode(key.public_key().as_bytes()),
        "kind": kind.word(),
        "name": name,
        "days": days,
    });
    let registered = client
        .post("/console/v1/client-keys", &body)
        .inspect_err(|failure| {
            // After a lost answer the key may be registered, and then this is its only private half.
            if failure.kind() != Kind::Unavailable {
                let _not_registered = std::fs::remove_file(out);
            }
        })?;
    Ok((key.id().to_string(), registered))
}
