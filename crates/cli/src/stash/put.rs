//! `keepward stash put`: a value as the next version.

use serde_json::json;
use stash::Stored;

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::stash::arguments::Put;
use crate::stash::names::secret_name;
use crate::stash::session::Session;
use crate::stash::value_source;

pub(super) async fn run(session: &Session, asked: &Put) -> Outcome {
    if !asked.typed.is_empty() {
        // Not repeated: it may be a value.
        return Err(Failure::new(
            Kind::Usage,
            "a value never stands on a command line, which every user of the machine can read",
        )
        .hint(
            "it comes from standard input, --file or a prompt; if it was a real one, change it",
        ));
    }
    let name = secret_name(&asked.name)?;
    let sealing = session.sealing(asked.comment.as_deref());
    // The table was opened before: what is wrong with it is told before a value is asked for.
    let value = value_source::read(&asked.name, asked.file.as_deref(), asked.trim, asked.empty)?;
    let secrets = &session.secrets;
    let stored = match asked.version {
        Some(number) => {
            let version = stash::Version::of(number.into());
            let put = secrets.put(&name, &version, &value, &sealing).await;
            put.map(|()| Stored {
                version,
                changed: true,
            })
        }
        None => {
            secrets
                .put_next(&name, &value, &sealing, !asked.no_compare)
                .await
        }
    };
    let Stored { version, changed } = session.told(stored)?;
    if session.json {
        return output::json(&json!({
            "name": name.as_str(),
            "version": version.as_str(),
            "changed": changed,
        }));
    }
    let (name, version) = (printable(name.as_str()), short(version.as_str()));
    output::text(&match changed {
        true => format!("{name} is at version {version}\n"),
        false => format!("{name} stays at version {version}, which holds the same value\n"),
    })
}

/// A version without the zeros before its number.
pub(super) fn short(version: &str) -> String {
    let short = version.trim_start_matches('0');
    let all_digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    match (version.len() == 19 && all_digits, short) {
        (true, "") => "0".to_owned(),
        (true, short) => short.to_owned(),
        (false, _) => printable(version),
    }
}
