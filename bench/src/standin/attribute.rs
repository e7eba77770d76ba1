//! Attribute values in DynamoDB's JSON (`{"S": "x"}`): how they compare, and how they order as keys.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The type letters and content of an attribute value.
pub(super) fn parts(value: &Value) -> Option<(&str, &Value)> {
    let mut members = value.as_object()?.iter();
    let (kind, content) = members.next()?;
    Some((kind.as_str(), content))
}

/// Whether two values are the same to a condition: numbers by value, sets without order.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (parts(a), parts(b)) {
        (Some(("N", _)), Some(("N", _))) => compare(a, b) == Some(Ordering::Equal),
        (Some((kind @ ("SS" | "NS" | "BS"), a)), Some((other, b))) if kind == other => {
            elements(a) == elements(b)
        }
        _ => a == b,
    }
}

/// The order of two values of one type; `None` where DynamoDB has none.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    let ((kind, _), (other, _)) = (parts(a)?, parts(b)?);
    (kind == other).then(|| Some(key_bytes(a)?.cmp(&key_bytes(b)?)))?
}

/// Bytes that order as the key values do: text and bytes as they are, numbers by value.
pub(super) fn key_bytes(value: &Value) -> Option<Vec<u8>> {
    let (kind, content) = parts(value)?;
    let text = content.as_str()?;
    match kind {
        "S" => Some(text.as_bytes().to_vec()),
        "B" => STANDARD.decode(text).ok(),
        "N" => {
            let bits = text.parse::<f64>().ok()?.to_bits();
            let ordered = if bits >> 63 == 1 {
                !bits
            } else {
                bits | 1 << 63
            };
            Some(ordered.to_be_bytes().to_vec())
        }
        _ => None,
    }
}

fn elements(set: &Value) -> Vec<&str> {
    let mut elements: Vec<&str> = set
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    elements.sort_unstable();
    elements
}
