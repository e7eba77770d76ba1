//! Lists in the order of the date index, whole or by pages.

use keep::{Consistency, Item, Items, Order, PageStart, Query, TableError, TableName, Value};

use crate::{Asked, BadField, Error};

/// One page of a list, or all of it.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The things, each page sorted as its operation says: mostly by lower-cased name.
    pub page: Vec<T>,
    /// Where the next page starts; set does not promise that there is one more thing.
    pub next: Option<PageStart>,
}

/// The index by kind and date.
pub(crate) const DATE_INDEX: &str = "data_type_date_index";

/// All things of a kind by date.
pub(crate) fn date_index_query(table: &TableName, kind: &str, order: Order) -> Query {
    Query {
        table: table.clone(),
        index: Some(DATE_INDEX.to_owned()),
        hash: ("data_type".to_owned(), Value::s(kind)),
        from: None,
        order,
        limit: None,
        start: None,
        consistency: Consistency::Eventual,
    }
}

/// Reads the items of a list. Without a limit everything is read and the page only checked; with
/// one the newest come first.
///
/// Errors: `BadPage` when the start is no key of this list.
pub(crate) async fn list(
    items: Items<'_>,
    table: &TableName,
    kind: &str,
    limit: Option<usize>,
    start: Asked<PageStart>,
) -> Result<(Vec<Item>, Option<PageStart>), Error> {
    let start = checked(start, kind)?;
    let Some(limit) = limit.filter(|limit| *limit > 0) else {
        let query = date_index_query(table, kind, Order::Ascending);
        return Ok((items.query_all(&query).await?, None));
    };
    let mut query = date_index_query(table, kind, Order::Descending);
    query.limit = Some(limit.min(MOST));
    query.start = start;
    page(items, &query).await
}

/// Reads the things of a list. A damaged one is logged and left out, so that it hides no other;
/// asked for by its id, it is told.
pub(crate) fn readable<T>(items: &[Item], read: impl Fn(&Item) -> Result<T, Error>) -> Vec<T> {
    let whole = |item| match read(item) {
        Ok(thing) => Some(thing),
        Err(error) => {
            tracing::error!(%error, "left out of a list");
            None
        }
    };
    items.iter().filter_map(whole).collect()
}

/// Checks that a page starts at a key of this list.
pub(crate) fn checked(start: Asked<PageStart>, kind: &str) -> Asked<PageStart> {
    match start? {
        Some(start) if !is_key_of(&start, kind) => Err(BadField::BadPage),
        start => Ok(start),
    }
}

/// Reads one page.
///
/// Errors: `BadPage` when the table takes its start for no key.
pub(crate) async fn page(
    items: Items<'_>,
    query: &Query,
) -> Result<(Vec<Item>, Option<PageStart>), Error> {
    match items.query(query).await {
        Ok(page) => Ok((page.items, page.next)),
        Err(TableError::Invalid(_)) if query.start.is_some() => Err(BadField::BadPage.into()),
        Err(error) => Err(error.into()),
    }
}

fn is_key_of(start: &PageStart, kind: &str) -> bool {
    let text = |name: &str| start.0.get(name).and_then(Value::as_s);
    start.0.len() == 3
        && text("id").is_some_and(|id| !id.is_empty())
        && text("data_type") == Some(kind)
        && text("modified_date").is_some_and(|date| !date.is_empty())
}

/// A page ends at 1 MB anyway.
pub(crate) const MOST: usize = 10_000;
