//! Lists in the order of the date index, whole or by pages.

use keep::{Consistency, Item, Items, Order, PageStart, Query, TableError, TableName, Value};

use crate::{Asked, BadField, Error};

/// One page of a list, or all of it.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The things, each page sorted by lower-cased name.
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
    let start = start?;
    if start.as_ref().is_some_and(|start| !is_key_of(start, kind)) {
        return Err(BadField::BadPage.into());
    }
    let Some(limit) = limit.filter(|limit| *limit > 0) else {
        return Ok((
            items
                .query_all(&date_index_query(table, kind, Order::Ascending))
                .await?,
            None,
        ));
    };
    let mut query = date_index_query(table, kind, Order::Descending);
    query.limit = Some(limit.min(MOST));
    query.start = start;
    match items.query(&query).await {
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
const MOST: usize = 10_000;
