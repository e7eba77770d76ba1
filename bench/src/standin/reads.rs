//! Reads: GetItem, BatchGetItem, Query, Scan.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::attribute::key_bytes;
use super::condition::Condition;
use super::dynamodb::{Answer, no_table};
use super::refusal::Refusal;
use super::table::{Stored, Table};
use super::tokens::Tokens;

/// The item's text, or that of the attributes that the request projects.
fn shown<'a>(item: &'a Stored, request: &Value) -> Result<Cow<'a, str>, Refusal> {
    let Some(projection) = request["ProjectionExpression"].as_str() else {
        return Ok(Cow::Borrowed(&item.text));
    };
    let mut names = Tokens::of(projection, request)?;
    let mut projected = Map::new();
    while names.peek().is_some() {
        let name = names.name()?;
        if let Some(value) = item.attributes.get(&name) {
            projected.insert(name, value.clone());
        }
        names.take_sign(",");
    }
    Ok(Cow::Owned(json!(projected).to_string()))
}

pub(super) fn get_item(table: &Table, request: &Value, looked_at: &mut u64) -> Answer {
    match table.item(&table.position(&request["Key"])?) {
        Some(item) => {
            *looked_at += 1;
            Ok(format!("{{\"Item\":{}}}", shown(item, request)?))
        }
        None => Ok("{}".to_owned()),
    }
}

pub(super) fn batch_get_item(
    tables: &HashMap<String, Table>,
    request: &Value,
    looked_at: &mut u64,
) -> Answer {
    // Room for a service's twenty credentials, so that the text is not moved as it grows.
    let mut answer = String::with_capacity(64 * 1024);
    answer.push_str("{\"Responses\":{");
    let mut separator = "";
    for (name, wanted) in request["RequestItems"].as_object().into_iter().flatten() {
        let table = tables.get(name).ok_or_else(|| no_table(name))?;
        let _ = write!(answer, "{separator}{}:[", json!(name));
        separator = ",";
        let mut comma = "";
        for key in wanted["Keys"].as_array().into_iter().flatten() {
            if let Some(item) = table.item(&table.position(key)?) {
                *looked_at += 1;
                answer.push_str(comma);
                answer.push_str(&shown(item, wanted)?);
                comma = ",";
            }
        }
        answer.push(']');
    }
    answer.push_str("},\"UnprocessedKeys\":{}}");
    Ok(answer)
}

pub(super) fn query(table: &Table, request: &Value, looked_at: &mut u64) -> Answer {
    let order = table.order(request["IndexName"].as_str())?;
    let wanted = Condition::of(request, "KeyConditionExpression")?
        .ok_or_else(|| Refusal::invalid("a query without KeyConditionExpression"))?;
    let (mut hash, mut low) = (None, Vec::new());
    for clause in wanted.clauses() {
        let (operand, bound) = match clause {
            Condition::Compare(operand, "=", value) if operand.is(&order.names.hash) => {
                hash = value.constant().and_then(key_bytes);
                continue;
            }
            Condition::Compare(operand, "=" | ">" | ">=", value) => (operand, value),
            Condition::Between(operand, low, _) | Condition::BeginsWith(operand, low) => {
                (operand, low)
            }
            _ => continue,
        };
        if order
            .names
            .range
            .as_deref()
            .is_some_and(|range| operand.is(range))
        {
            low = bound.constant().and_then(key_bytes).unwrap_or_default();
        }
    }
    let hash = hash.ok_or_else(|| Refusal::invalid("Query condition missed key schema element"))?;
    page(table, request, Some(&hash), &low, Some(&wanted), looked_at)
}

pub(super) fn scan(table: &Table, request: &Value, looked_at: &mut u64) -> Answer {
    page(table, request, None, &[], None, looked_at)
}

/// One page of a query or scan: `Limit` items are looked at, or a megabyte; then the filter.
fn page(
    table: &Table,
    request: &Value,
    hash: Option<&[u8]>,
    low: &[u8],
    wanted: Option<&Condition>,
    looked_at: &mut u64,
) -> Answer {
    let index = request["IndexName"].as_str();
    let filter = Condition::of(request, "FilterExpression")?;
    let limit = request["Limit"].as_u64().unwrap_or(u64::MAX);
    let start = match &request["ExclusiveStartKey"] {
        Value::Null => None,
        token => Some(table.page_start(index, token)?),
    };
    let descending = request["ScanIndexForward"] == false;
    let (mut items, mut scanned, mut bytes, mut last) = (Vec::new(), 0_u64, 0, None);
    for (_, item) in table
        .order(index)?
        .walk(hash, low, start.as_ref(), descending)
    {
        if wanted.is_some_and(|wanted| !wanted.holds(&item.attributes)) {
            continue;
        }
        scanned += 1;
        bytes += item.text.len();
        if filter
            .as_ref()
            .is_none_or(|filter| filter.holds(&item.attributes))
        {
            items.push(shown(item, request)?);
        }
        if scanned >= limit || bytes > MAX_PAGE_BYTES {
            last = Some(item);
            break;
        }
    }
    *looked_at += scanned;
    let mut answer = match request["Select"].as_str() {
        Some("COUNT") => "{".to_owned(),
        _ => format!("{{\"Items\":[{}],", items.join(",")),
    };
    let _ = write!(
        answer,
        "\"Count\":{},\"ScannedCount\":{scanned}",
        items.len()
    );
    if let Some(item) = last {
        let _ = write!(
            answer,
            ",\"LastEvaluatedKey\":{}",
            table.page_token(index, &item.attributes)
        );
    }
    answer.push('}');
    Ok(answer)
}

const MAX_PAGE_BYTES: usize = 1024 * 1024;
