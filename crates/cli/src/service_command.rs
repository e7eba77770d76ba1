//! `keepward service`: which credentials a caller gets.

use serde_json::{Value, json};

use crate::arguments::{Connection, Format, Naming, ServiceCommand};
use crate::client::{Client, printable, segment};
use crate::exit::{Failure, Kind, Outcome};
use crate::formats::NO_SHELL_NAME;
use crate::variables::Variable;
use crate::{confidant_format, formats, output, served};

pub(crate) fn run(command: ServiceCommand) -> Outcome {
    match command {
        ServiceCommand::Get {
            id,
            metadata_only: true,
            format,
            connection,
            ..
        } => {
            if format != Format::Json {
                return Err(Failure::new(
                    Kind::Usage,
                    "--metadata-only leaves no values for this --format",
                ));
            }
            let client = Client::connect(&connection)?;
            let id = segment(id.as_deref().unwrap_or_else(|| client.name()));
            output::json(&client.get(&format!("/v1/services/{id}?metadata_only=true"))?)
        }
        ServiceCommand::Get {
            id,
            metadata_only: false,
            format,
            naming,
            blind,
            connection,
        } => {
            let client = Client::connect(&connection)?;
            let service = served::service(&client, id.as_deref(), &blind)?;
            print(service, format, &naming)
        }
        ServiceCommand::Set {
            id,
            credentials,
            none: _,
            connection,
        } => {
            let client = Client::connect(&connection)?;
            let service = set(&client, &id, &credentials)?;
            saved(&connection, "service", &service)
        }
        ServiceCommand::List { connection } => {
            let list = Client::connect(&connection)?.get("/v1/services")?;
            listed(
                &connection,
                &list,
                "services",
                &["id", "revision", "modified_date", "modified_by"],
            )
        }
    }
}

fn print(service: Value, format: Format, naming: &Naming) -> Outcome {
    let all = |service| naming.variables(service);
    let for_shells = |service| {
        let mut all = naming.variables(service);
        all.leave_out_unless(Variable::fits_shell, NO_SHELL_NAME);
        all.settle(naming.strict)
    };
    let printed = match format {
        Format::Json => return output::json(&service),
        Format::Env => formats::env(&for_shells(service)?)?,
        Format::Export => formats::export(&for_shells(service)?),
        Format::Dotenv => formats::dotenv(&for_shells(service)?),
        Format::Yaml => formats::yaml(&all(service).settle(naming.strict)?),
        Format::EnvExport => {
            confidant_format::env_export(service, naming.prefix.as_deref(), naming.strict)?
        }
        Format::CredentialCombined => confidant_format::credential_combined(service)?,
    };
    output::text(&printed)
}

/// Replaces the mapped credentials and leaves everything else of the service as it is.
fn set(client: &Client, id: &str, credentials: &[String]) -> Outcome<Value> {
    if matches!(id, "." | "..") {
        return Err(Failure::new(
            Kind::Usage,
            "a service cannot be called . or ..; programs on the way change such paths",
        ));
    }
    let path = format!("/v1/services/{}", segment(id));
    let before = match client.get(&format!("{path}?metadata_only=true")) {
        Ok(service) => service,
        Err(failure) if failure.kind() == Kind::NotFound => json!({}),
        Err(failure) => return Err(failure),
    };
    let blind: Vec<&Value> = before
        .get("blind_credentials")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("id"))
        .collect();
    let body = json!({
        "credentials": credentials,
        "blind_credentials": blind,
        "enabled": before.get("enabled").unwrap_or(&Value::Bool(true)),
        "account": before.get("account").unwrap_or(&Value::Null),
    });
    client.put(&path, &body)
}

/// Says what was written: the whole answer as JSON, or one line.
pub(crate) fn saved(connection: &Connection, kind: &str, answer: &Value) -> Outcome {
    if connection.json {
        return output::json(answer);
    }
    output::text(&format!(
        "{kind} {} is at revision {}\n",
        plain(answer.get("id")),
        plain(answer.get("revision"))
    ))
}

/// Prints a list: the whole answer as JSON, or one line each.
pub(crate) fn listed(
    connection: &Connection,
    answer: &Value,
    list: &str,
    columns: &[&str],
) -> Outcome {
    if connection.json {
        return output::json(answer);
    }
    let rows = answer
        .get(list)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let cells: Vec<Vec<String>> =
        std::iter::once(columns.iter().map(|column| column.to_uppercase()).collect())
            .chain(rows.iter().map(|row| {
                columns
                    .iter()
                    .map(|column| plain(row.get(column)))
                    .collect()
            }))
            .collect();
    let width = |column: usize| {
        cells
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let mut text = String::new();
    for row in &cells {
        let padded: Vec<_> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{cell:<0$}", width(column).unwrap_or(0)))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    output::text(&text)
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(other) => other.to_string(),
    }
}
