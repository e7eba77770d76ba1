//! `keepward demo`: a server with sample data in a fresh folder, and what to try on it.

use std::path::{Path, PathBuf};

use keep::Random;
use local::SystemRandom;
use serde_json::{Value, json};

use crate::arguments::{Caller, Connection, Demo};
use crate::client::Client;
use crate::exit::{Failure, Kind, Outcome, internal};
use crate::serve::{Listening, runtime, serve};
use crate::wiring::Wiring;
use crate::{client_key_command, environment, log, output, settings};

pub(crate) fn run(demo: &Demo, wiring: &Wiring) -> Outcome {
    let folder = fresh_folder();
    let config = settings::read_with(None, &|name| match name {
        "PORT" => Some(demo.port.to_string()),
        "KEEPWARD_DATA_DIR" => Some(folder.display().to_string()),
        // Only what concerns the look of the terminal; a demo must not touch a real table.
        "KEEPWARD_LOG" => Some(environment::var(name).unwrap_or_else(|| "warn".to_owned())),
        _ => None,
    })?;
    log::start(&config.log, false)?;
    let ended = runtime()?.block_on(serve(&config, wiring, |listening| {
        let folder = folder.clone();
        async move {
            tokio::task::spawn_blocking(move || furnish(&listening, &folder))
                .await
                .map_err(|error| internal("making sample data", error))?
        }
    }));
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::warn!(%error, folder = %folder.display(), "the demo's folder is left behind");
    }
    ended
}

fn fresh_folder() -> PathBuf {
    let random: &dyn Random = &SystemRandom;
    std::env::temp_dir().join(format!(
        "keepward-demo-{}",
        hex::encode(random.bytes::<6>())
    ))
}

/// Stores sample data through the API, as any user would, and prints what to try.
fn furnish(listening: &Listening, folder: &Path) -> Outcome {
    let operator_key = listening.operator_key.clone().unwrap_or_default();
    let connection = connection(&listening.url, &operator_key);
    let client = Client::connect(&connection)?;
    let database = credential(
        &client,
        "orders database",
        &[("db_user", "orders"), ("db_password", &secret())],
    )?;
    let payments = credential(&client, "payments API", &[("payments_token", &secret())])?;
    let queue = credential(
        &client,
        "message queue",
        &[
            ("queue_url", "amqp://queue.example"),
            ("queue_password", &secret()),
        ],
    )?;
    map(&client, "web", &[&database, &payments])?;
    map(&client, "worker", &[&database, &queue])?;
    let web_key = folder.join("web.key");
    client_key_command::issue("web", Caller::Service, 90, &web_key, &connection)?;

    let program = std::env::current_exe()
        .map_or_else(|_| "keepward".to_owned(), |path| path.display().to_string());
    let program = quoted(&program);
    let web = quoted(&web_key.display().to_string());
    let operator = quoted(&operator_key.display().to_string());
    let url = &listening.url;
    output::text(&format!(
        "\n\
         Sample data is in {}, which goes away when you stop this with Ctrl-C.\n\
         Try in another terminal:\n\
         \n  # the service `web` fetches its secrets, as itself\n  \
         {program} service get --key-file {web}\n\
         \n  # it may not read those of another service, and the audit log says so\n  \
         {program} service get worker --key-file {web}\n\
         \n  # you, the operator, see every credential there is\n  \
         {program} credential list --key-file {operator} --url {url}\n\
         \nThe page at {url} says what runs here.\n",
        folder.display(),
    ))
}

/// A word for a shell, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:".contains(letter);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn connection(url: &str, key_file: &Path) -> Connection {
    Connection {
        url: Some(url.to_owned()),
        key_file: Some(key_file.to_owned()),
        kms_key: None,
        token_cache: None,
        from: None,
        to: None,
        caller: Caller::User,
        json: false,
    }
}

/// A value that nobody else's demo has.
fn secret() -> String {
    let random: &dyn Random = &SystemRandom;
    hex::encode(random.bytes::<12>())
}

fn credential(client: &Client, name: &str, pairs: &[(&str, &str)]) -> Outcome<String> {
    let pairs: serde_json::Map<_, _> = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect();
    let body = json!({ "name": name, "credential_pairs": pairs, "metadata": {}, "enabled": true });
    let made = client.post("/v1/credentials", &body)?;
    let id = made.get("id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| Failure::new(Kind::Internal, "the server answered a create without an id"))
}

fn map(client: &Client, service: &str, credentials: &[&String]) -> Outcome {
    let body = json!({ "credentials": credentials, "blind_credentials": [], "enabled": true });
    client
        .put(&format!("/v1/services/{service}"), &body)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_printed_path_is_one_word_of_a_shell() {
        assert_eq!(quoted("/tmp/a-b.key"), "/tmp/a-b.key");
        assert_eq!(quoted("/tmp/my dir/it's"), r"'/tmp/my dir/it'\''s'");
    }
}
