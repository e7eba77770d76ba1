//! One page of a query or a scan.

use std::sync::Arc;

use keep::{
    Consistency, Item, MAX_PAGE_BYTES, Order, Page, PageStart, Query, Scan, TableError, Value,
    item_bytes,
};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::catalogue::{MAX_HASH, MAX_RANGE, TableInfo, key_text};
use super::file::unavailable;
use super::json;

/// A checked query or scan, ready to run.
pub(super) struct Plan {
    sql: String,
    values: Vec<Sql>,
    limit: Option<usize>,
    /// What the start of the next page is made of.
    key_attributes: Vec<String>,
    /// Only these of each item; empty for all.
    attributes: Vec<String>,
}

impl Plan {
    /// The items of one hash value, in the order of the range attribute.
    pub(super) fn of_query(table: &Arc<TableInfo>, query: &Query) -> Result<Self, TableError> {
        checked_limit(query.limit)?;
        let index = query
            .index
            .as_deref()
            .map(|name| table.index(name))
            .transpose()?;
        let (hash_name, range_name) = match index {
            Some(index) => (&index.schema.hash, Some(&index.schema.range)),
            None => (&table.hash, table.range.as_ref()),
        };
        if index.is_some() && query.consistency == Consistency::Strong {
            return invalid("a strong read of an index");
        }
        if query.hash.0 != *hash_name {
            return invalid(&format!("the hash attribute is {hash_name}"));
        }
        let hash = key_text(hash_name, Some(&query.hash.1), MAX_HASH)?;

        let mut key_attributes: Vec<String> = table_key(table);
        let mut values;
        let mut sql;
        let columns = match index {
            Some(index) => {
                for name in [&index.schema.hash, &index.schema.range] {
                    if !key_attributes.contains(name) {
                        key_attributes.push(name.clone());
                    }
                }
                // CROSS: the planner must walk the index and look items up, not the reverse.
                sql = "SELECT i.item FROM entries e CROSS JOIN items i ON i.number = e.item
                       WHERE e.index_number = ? AND e.hash = ?"
                    .to_owned();
                values = vec![Sql::Integer(index.number), Sql::Blob(hash.to_owned())];
                ["e.range", "e.table_hash", "e.table_range"].as_slice()
            }
            None => {
                sql =
                    "SELECT i.item FROM items i WHERE i.table_number = ? AND i.hash = ?".to_owned();
                values = vec![Sql::Integer(table.number), Sql::Blob(hash.to_owned())];
                ["i.range"].as_slice()
            }
        };
        let range_column = columns.first().copied().unwrap_or_default();

        if let Some((name, value)) = &query.from {
            if Some(name) != range_name {
                return invalid(&format!("{name} is not the range attribute"));
            }
            sql += &format!(" AND {range_column} >= ?");
            values.push(Sql::Blob(
                key_text(name, Some(value), MAX_RANGE)?.to_owned(),
            ));
        }
        if let Some(start) = &query.start {
            checked_start(start, &key_attributes)?;
            if start.0.get(hash_name) != Some(&query.hash.1) {
                return invalid("a page start of another hash value");
            }
            let comparison = match query.order {
                Order::Ascending => ">",
                Order::Descending => "<",
            };
            let marks = vec!["?"; columns.len()].join(", ");
            sql += &format!(" AND ({}) {comparison} ({marks})", columns.join(", "));
            let names = match index {
                Some(index) => vec![
                    Some(&index.schema.range),
                    Some(&table.hash),
                    table.range.as_ref(),
                ],
                None => vec![table.range.as_ref()],
            };
            values.extend(names.into_iter().map(|name| start_value(start, name)));
        }
        let direction = match query.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let order: Vec<_> = columns
            .iter()
            .map(|column| format!("{column} {direction}"))
            .collect();
        sql += &format!(" ORDER BY {}", order.join(", "));
        Ok(Self {
            sql,
            values,
            limit: query.limit,
            key_attributes,
            attributes: Vec::new(),
        })
    }

    /// All items, in the order of their keys, which nobody is promised.
    pub(super) fn of_scan(table: &Arc<TableInfo>, scan: &Scan) -> Result<Self, TableError> {
        checked_limit(scan.limit)?;
        let key_attributes = table_key(table);
        let mut sql = "SELECT item FROM items WHERE table_number = ?".to_owned();
        let mut values = vec![Sql::Integer(table.number)];
        if let Some(start) = &scan.start {
            checked_start(start, &key_attributes)?;
            sql += " AND (hash, range) > (?, ?)";
            values.push(start_value(start, Some(&table.hash)));
            values.push(start_value(start, table.range.as_ref()));
        }
        sql += " ORDER BY hash, range";
        Ok(Self {
            sql,
            values,
            limit: scan.limit,
            key_attributes,
            attributes: scan.attributes.clone(),
        })
    }

    /// Runs it: up to the limit, the item that fills the page, or the end.
    pub(super) fn page(&self, connection: &Connection) -> Result<Page, TableError> {
        let mut statement = connection.prepare_cached(&self.sql).map_err(unavailable)?;
        let mut rows = statement
            .query(params_from_iter(&self.values))
            .map_err(unavailable)?;
        let mut page = Page::default();
        let mut bytes = 0;
        while let Some(row) = rows.next().map_err(unavailable)? {
            let mut item = json::parse(row.get_ref(0).map_err(unavailable)?)?;
            bytes += item_bytes(&item);
            let full = bytes >= MAX_PAGE_BYTES || Some(page.items.len() + 1) == self.limit;
            if full {
                page.next = Some(self.start_after(&item));
            }
            if !self.attributes.is_empty() {
                item.retain(|name, _| self.attributes.contains(name));
            }
            page.items.push(item);
            if full {
                break;
            }
        }
        Ok(page)
    }

    fn start_after(&self, item: &Item) -> PageStart {
        let names: Vec<&str> = self.key_attributes.iter().map(String::as_str).collect();
        PageStart::after(item, &names)
    }
}

fn table_key(table: &TableInfo) -> Vec<String> {
    std::iter::once(&table.hash)
        .chain(&table.range)
        .cloned()
        .collect()
}

fn checked_limit(limit: Option<usize>) -> Result<(), TableError> {
    if limit == Some(0) {
        invalid("a page of no items")
    } else {
        Ok(())
    }
}

/// A page start has exactly the key attributes, each a text.
fn checked_start(start: &PageStart, key_attributes: &[String]) -> Result<(), TableError> {
    let fits = start.0.len() == key_attributes.len()
        && key_attributes
            .iter()
            .all(|name| matches!(start.0.get(name), Some(Value::S(text)) if !text.is_empty()));
    if fits {
        Ok(())
    } else {
        invalid("a page start that this read did not give")
    }
}

/// The value of a checked page start; the empty one for a range that the table does not have.
fn start_value(start: &PageStart, name: Option<&String>) -> Sql {
    let text = name
        .and_then(|name| start.0.get(name))
        .and_then(Value::as_s)
        .unwrap_or_default();
    Sql::Blob(text.as_bytes().to_owned())
}

fn invalid<T>(why: &str) -> Result<T, TableError> {
    Err(TableError::Invalid(why.to_owned()))
}
