//! Lists, and what a write answered: whole as JSON, or a line each for a person.

use serde_json::{Map, Value};

use crate::arguments::{Connection, Page};
use crate::client::{Client, printable, query};
use crate::exit::Outcome;
use crate::output;

/// Fetches a paged list: everything without a limit, else so many entries, however many pages the
/// server takes for them.
///
/// Shape: as the server answers a page; `next_page` is null at the end.
pub(crate) fn pages(client: &Client, path: &str, list: &str, page: &Page) -> Outcome<Value> {
    let Some(limit) = page.limit else {
        return client.get(path);
    };
    let mut left = limit as usize;
    let mut next = page.page.clone();
    let mut all = Vec::new();
    while left > 0 {
        let mut asked = vec![("limit", left.to_string())];
        asked.extend(next.take().map(|token| ("page", token)));
        let mut answer = client.get(&format!("{path}?{}", query(&asked)))?;
        if let Some(Value::Array(some)) = answer.get_mut(list).map(Value::take) {
            left = left.saturating_sub(some.len());
            all.extend(some);
        }
        next = match answer.get_mut("next_page").map(Value::take) {
            Some(Value::String(token)) => Some(token),
            _ => break,
        };
    }
    let next = next.map_or(Value::Null, Value::String);
    Ok(Map::from_iter([
        (list.to_owned(), all.into()),
        ("next_page".to_owned(), next),
    ])
    .into())
}

/// Prints a list: the whole answer as JSON, or one line each; and where it goes on.
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
    output::text(&table(rows, columns))?;
    if let Some(next) = answer.get("next_page").and_then(Value::as_str) {
        output::warning(&format!("there is more: --page {}", printable(next)));
    }
    Ok(())
}

/// Rows in columns under their names in upper case.
pub(crate) fn table(rows: &[Value], columns: &[&str]) -> String {
    let head = columns.iter().map(|column| column.to_uppercase()).collect();
    let cells: Vec<Vec<String>> = std::iter::once(head)
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
    text
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

/// A field for a terminal.
pub(crate) fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(other) => printable(&other.to_string()),
    }
}
