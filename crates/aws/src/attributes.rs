//! Items and keys in the SDK's types and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use keep::{Item, Key, PageStart, TableError, Value};

/// Attribute names and values as the SDK holds them.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

pub(crate) fn from_item(item: &Item) -> Attributes {
    item.iter()
        .map(|(name, value)| (name.clone(), from_value(value)))
        .collect()
}

pub(crate) fn from_key(key: &Key) -> Attributes {
    [Some(&key.hash), key.range.as_ref()]
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), from_value(value)))
        .collect()
}

pub(crate) fn from_start(start: &PageStart) -> Attributes {
    from_item(&start.0)
}

pub(crate) fn from_value(value: &Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text.clone()),
        Value::N(number) => AttributeValue::N(number.clone()),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Null => AttributeValue::Null(true),
        Value::Ss(set) => AttributeValue::Ss(set.iter().cloned().collect()),
        Value::Ns(set) => AttributeValue::Ns(set.iter().cloned().collect()),
        Value::Bs(set) => {
            AttributeValue::Bs(set.iter().map(|bytes| Blob::new(bytes.clone())).collect())
        }
        Value::L(list) => AttributeValue::L(list.iter().map(from_value).collect()),
        Value::M(map) => AttributeValue::M(
            map.iter()
                .map(|(name, value)| (name.clone(), from_value(value)))
                .collect(),
        ),
    }
}

/// Errors: `Invalid` for a kind of value that DynamoDB has learnt since and we have not.
pub(crate) fn to_item(attributes: Attributes) -> Result<Item, TableError> {
    attributes
        .into_iter()
        .map(|(name, value)| to_value(&name, value).map(|value| (name, value)))
        .collect()
}

pub(crate) fn to_items(items: Option<Vec<Attributes>>) -> Result<Vec<Item>, TableError> {
    items.into_iter().flatten().map(to_item).collect()
}

pub(crate) fn to_start(key: Option<Attributes>) -> Result<Option<PageStart>, TableError> {
    key.filter(|key| !key.is_empty())
        .map(|key| to_item(key).map(PageStart))
        .transpose()
}

fn to_value(name: &str, value: AttributeValue) -> Result<Value, TableError> {
    Ok(match value {
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::N(number) => Value::N(number),
        AttributeValue::B(bytes) => Value::B(bytes.into_inner()),
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Ss(set) => Value::Ss(set.into_iter().collect()),
        AttributeValue::Ns(set) => Value::Ns(set.into_iter().collect()),
        AttributeValue::Bs(set) => Value::Bs(set.into_iter().map(Blob::into_inner).collect()),
        AttributeValue::L(list) => Value::L(
            list.into_iter()
                .map(|value| to_value(name, value))
                .collect::<Result<_, _>>()?,
        ),
        AttributeValue::M(map) => Value::M(to_item(map)?),
        _ => {
            return Err(TableError::Invalid(format!(
                "the attribute {name} has a kind of value that is unknown here"
            )));
        }
    })
}
