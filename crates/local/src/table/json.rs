//! Items as DynamoDB JSON text.
//!
//! Shape: `{"id":{"S":"x"},"n":{"N":"12"},"raw":{"B":"base64"},"on":{"BOOL":true}}`, attributes in
//! the order of their names.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::{Item, TableError, Value};
use rusqlite::types::ValueRef;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text of an item.
pub(super) fn print(item: &Item) -> Result<String, TableError> {
    serde_json::to_string(&Attributes(item)).map_err(|error| TableError::Invalid(error.to_string()))
}

/// The item of a stored text.
pub(super) fn parse(stored: ValueRef<'_>) -> Result<Item, TableError> {
    let damaged = || {
        TableError::Unavailable(
            "the database file is damaged: an item is not DynamoDB JSON".to_owned(),
        )
    };
    match stored {
        ValueRef::Text(text) => match serde_json::from_slice(text) {
            Ok(ParsedItem(item)) => Ok(item),
            Err(_) => Err(damaged()),
        },
        _ => Err(damaged()),
    }
}

struct Attributes<'a>(&'a BTreeMap<String, Value>);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Typed(value))))
    }
}

struct Typed<'a>(&'a Value);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            Value::S(text) => map.serialize_entry("S", text)?,
            Value::N(number) => map.serialize_entry("N", number)?,
            Value::B(bytes) => map.serialize_entry("B", &STANDARD.encode(bytes))?,
            Value::Bool(on) => map.serialize_entry("BOOL", on)?,
            Value::Null => map.serialize_entry("NULL", &true)?,
            Value::Ss(set) => map.serialize_entry("SS", set)?,
            Value::Ns(set) => map.serialize_entry("NS", set)?,
            Value::Bs(set) => {
                map.serialize_entry(
                    "BS",
                    &set.iter()
                        .map(|bytes| STANDARD.encode(bytes))
                        .collect::<Vec<_>>(),
                )?;
            }
            Value::L(list) => {
                map.serialize_entry("L", &list.iter().map(Typed).collect::<Vec<_>>())?
            }
            Value::M(inner) => map.serialize_entry("M", &Attributes(inner))?,
        }
        map.end()
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Type {
    S,
    N,
    B,
    #[serde(rename = "BOOL")]
    Bool,
    #[serde(rename = "NULL")]
    Null,
    #[serde(rename = "SS")]
    Ss,
    #[serde(rename = "NS")]
    Ns,
    #[serde(rename = "BS")]
    Bs,
    L,
    M,
}

struct ParsedItem(Item);

impl<'de> Deserialize<'de> for ParsedItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemVisitor).map(Self)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let mut item = Item::new();
        while let Some((name, ParsedValue(value))) = map.next_entry()? {
            item.insert(name, value);
        }
        Ok(item)
    }
}

struct ParsedValue(Value);

impl<'de> Deserialize<'de> for ParsedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value under its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let kind: Type = map.next_key()?.ok_or_else(|| A::Error::custom("no type"))?;
        let value = match kind {
            Type::S => Value::S(map.next_value()?),
            Type::N => Value::N(map.next_value()?),
            Type::B => Value::B(map.next_value::<Bytes>()?.0),
            Type::Bool => Value::Bool(map.next_value()?),
            Type::Null => {
                map.next_value::<bool>()?;
                Value::Null
            }
            Type::Ss => Value::Ss(map.next_value()?),
            Type::Ns => Value::Ns(map.next_value()?),
            Type::Bs => Value::Bs(
                map.next_value::<Vec<Bytes>>()?
                    .into_iter()
                    .map(|bytes| bytes.0)
                    .collect(),
            ),
            Type::L => Value::L(
                map.next_value::<Vec<ParsedValue>>()?
                    .into_iter()
                    .map(|value| value.0)
                    .collect(),
            ),
            Type::M => Value::M(map.next_value::<ParsedItem>()?.0),
        };
        match map.next_key::<Type>()? {
            None => Ok(value),
            Some(_) => Err(A::Error::custom("two types")),
        }
    }
}

struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                STANDARD
                    .decode(text)
                    .map(Bytes)
                    .map_err(|_| E::custom("not base64"))
            }
        }
        deserializer.deserialize_str(Base64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_every_type_as_dynamodb_does() {
        let item = Item::from([
            ("a".to_owned(), Value::s("x\"\u{0}é")),
            ("b".to_owned(), Value::n(-12)),
            ("c".to_owned(), Value::B(vec![0, 255])),
            ("d".to_owned(), Value::Bool(false)),
            ("e".to_owned(), Value::Null),
            (
                "f".to_owned(),
                Value::Ss(BTreeSet::from(["y".to_owned(), "x".to_owned()])),
            ),
            ("g".to_owned(), Value::Ns(BTreeSet::from(["1".to_owned()]))),
            ("h".to_owned(), Value::Bs(BTreeSet::from([vec![1]]))),
            (
                "i".to_owned(),
                Value::L(vec![Value::Null, Value::L(vec![])]),
            ),
            (
                "j".to_owned(),
                Value::M(Item::from([("k".to_owned(), Value::s(""))])),
            ),
        ]);
        let text = print(&item).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"a":{"S":"x\"\u0000é"},"b":{"N":"-12"},"c":{"B":"AP8="},"d":{"BOOL":false},"e":{"NULL":true},"#,
                r#""f":{"SS":["x","y"]},"g":{"NS":["1"]},"h":{"BS":["AQ=="]},"i":{"L":[{"NULL":true},{"L":[]}]},"#,
                r#""j":{"M":{"k":{"S":""}}}}"#
            )
        );
        assert_eq!(parse(ValueRef::Text(text.as_bytes())).unwrap(), item);
    }

    #[rstest::rstest]
    #[case::torn(r#"{"a":{"S":"x"}"#)]
    #[case::no_type(r#"{"a":{}}"#)]
    #[case::two_types(r#"{"a":{"S":"x","N":"1"}}"#)]
    #[case::unknown_type(r#"{"a":{"X":"x"}}"#)]
    #[case::not_base64(r#"{"a":{"B":"*"}}"#)]
    #[case::trailing(r#"{"a":{"S":"x"}}}"#)]
    fn a_damaged_text_is_unavailable_and_not_quoted(#[case] text: &str) {
        let refused = parse(ValueRef::Text(text.as_bytes())).unwrap_err();
        assert!(
            matches!(&refused, TableError::Unavailable(why) if why.contains("damaged")),
            "{refused}"
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::S),
            any::<i64>().prop_map(Value::n),
            vec(any::<u8>(), 0..40).prop_map(Value::B),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
            btree_set(any::<String>(), 1..4).prop_map(Value::Ss),
            btree_set(any::<i32>().prop_map(|n| n.to_string()), 1..4).prop_map(Value::Ns),
            btree_set(vec(any::<u8>(), 0..9), 1..4).prop_map(Value::Bs),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::L),
                btree_map(any::<String>(), inner, 0..4).prop_map(Value::M),
            ]
        })
    }

    proptest! {
        #[test]
        fn parse_of_print_is_the_item(item in btree_map(any::<String>(), value(), 0..6)) {
            let text = print(&item).unwrap();
            prop_assert_eq!(parse(ValueRef::Text(text.as_bytes())).unwrap(), item);
        }
    }
}
