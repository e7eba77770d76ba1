//! The pairs of one credential: the secret itself.

use std::collections::HashSet;
use std::sync::Arc;

use seal::Plaintext;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::diff::{Changed, ChangedNames, changed_keys};
use crate::python_json::python_json;
use crate::{BadField, Error};

/// The opened JSON text of a credential's pairs, wiped on drop, and the names of its keys.
///
/// The names are no secret (they are stored and shown as `credential_keys`); the text is. It has
/// no `Debug`, `Display`, `Serialize`, `Clone` or `PartialEq`.
pub struct Pairs {
    json: Arc<Plaintext>,
    keys: Vec<String>,
}

impl Pairs {
    /// Takes pairs as a caller sent them, and wipes what it took.
    ///
    /// Keys become lower case; of keys equal after that the last one wins. Values stay as they
    /// are: texts, numbers, booleans or null.
    /// Errors: `PairsEmpty`, `PairNotScalar`, `PairKeyWhitespace`, `PairNumberTooLarge`.
    pub fn draft(sent: Map<String, Value>) -> Result<Self, BadField> {
        let mut lowered = Map::with_capacity(sent.len());
        let mut fault = if sent.is_empty() {
            Some(BadField::PairsEmpty)
        } else {
            None
        };
        for (key, value) in sent {
            fault = fault.or_else(|| fault_of(&value));
            if let Some(mut replaced) = lowered.insert(key.to_lowercase(), value) {
                wipe(&mut replaced);
            }
        }
        if lowered.keys().any(|key| has_blank(key)) {
            fault = fault.or(Some(BadField::PairKeyWhitespace));
        }
        let drafted = match fault {
            Some(fault) => Err(fault),
            None => Ok(Self {
                json: Arc::new(Plaintext::new(python_json(&lowered))),
                keys: lowered.keys().cloned().collect(),
            }),
        };
        lowered.values_mut().for_each(wipe);
        drafted
    }

    /// The pairs inside an opened text, which was stored under the credential `id`.
    ///
    /// Errors: `Damaged` when it is no JSON object.
    pub(crate) fn opened(id: &str, json: Arc<Plaintext>) -> Result<Self, Error> {
        let keys = std::str::from_utf8(json.expose())
            .ok()
            .and_then(|text| keys_of(text).ok());
        keys.map(|keys| Self { json, keys })
            .ok_or_else(|| Error::damaged(id, "credential_pairs"))
    }

    /// The names of the keys, in the order of the text, each once.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The only way to the values: the text of a JSON object in UTF-8.
    pub fn expose_json(&self) -> &[u8] {
        self.json.expose()
    }

    pub(crate) fn plaintext(&self) -> &Plaintext {
        &self.json
    }

    /// The names of the keys whose values are texts of which `test` holds.
    pub(crate) fn keys_of_texts(&self, test: impl Fn(&str) -> bool) -> Vec<String> {
        let Ok(mut values) = serde_json::from_slice::<Map<String, Value>>(self.json.expose())
        else {
            return Vec::new();
        };
        let held = |(key, value): (&String, &Value)| {
            value.as_str().is_some_and(&test).then(|| key.clone())
        };
        let keys = values.iter().filter_map(held).collect();
        values.values_mut().for_each(wipe);
        keys
    }

    /// Whether both hold the same keys with the same values, in any order.
    pub(crate) fn same_values(&self, other: &Self) -> bool {
        self.changed_keys(other).is_none()
    }

    /// The keys that only one of both has, or whose values differ; `None` without any.
    pub(crate) fn changed_keys(&self, newer: &Self) -> Option<ChangedNames> {
        if self.json.expose() == newer.json.expose() {
            return None;
        }
        match (self.read(), newer.read()) {
            (Some(mut old), Some(mut new)) => {
                let changed = changed_keys(&old, &new);
                old.values_mut().chain(new.values_mut()).for_each(wipe);
                changed
            }
            // What cannot be compared value by value counts as different.
            _ => Some(Changed {
                removed: self.keys.iter().cloned().collect(),
                added: newer.keys.iter().cloned().collect(),
            }),
        }
    }

    /// Finds fault with pairs that were stored before, by the rules of [`Pairs::draft`]. A large
    /// number is none here: the text is kept as it is, and nothing is rounded.
    pub(crate) fn fault(&self) -> Option<BadField> {
        let mut values = self.read()?;
        let faults = values.values().filter_map(fault_of);
        let fault = { faults }.find(|fault| *fault != BadField::PairNumberTooLarge);
        values.values_mut().for_each(wipe);
        let blank = self.keys.iter().any(|key| has_blank(key));
        fault.or(blank.then_some(BadField::PairKeyWhitespace))
    }

    /// The values, for the caller to wipe; `None` for what Python can write and we cannot hold,
    /// such as half a surrogate pair.
    fn read(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(self.json.expose()).ok()
    }
}

fn has_blank(key: &str) -> bool {
    key.chars().any(char::is_whitespace)
}

fn keys_of(text: &str) -> serde_json::Result<Vec<String>> {
    let mut seen = HashSet::new();
    let mut keys = serde_json::from_str::<KeysInOrder>(text)?.0;
    keys.retain(|key| seen.insert(key.clone()));
    Ok(keys)
}

struct KeysInOrder(Vec<String>);

impl<'de> serde::Deserialize<'de> for KeysInOrder {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> serde::de::Visitor<'de> for Object {
            type Value = KeysInOrder;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<KeysInOrder, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(KeysInOrder(keys))
            }
        }
        from.deserialize_map(Object)
    }
}

fn fault_of(value: &Value) -> Option<BadField> {
    match value {
        Value::Object(_) | Value::Array(_) => Some(BadField::PairNotScalar),
        // Whole numbers beyond 64 bits were rounded when they were read; refuse what changed.
        Value::Number(number)
            if number
                .as_f64()
                .is_some_and(|n| number.is_f64() && n.abs() >= EXACT) =>
        {
            Some(BadField::PairNumberTooLarge)
        }
        _ => None,
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// From here on a binary fraction cannot tell neighbouring whole numbers apart.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn lowers_keys_and_the_last_of_equal_ones_wins() {
        let pairs = Pairs::draft(map(json!({"A": "1", "b": 2, "a": "3"})))
            .unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(pairs.expose_json(), br#"{"a": "3", "b": 2}"#);
        assert_eq!(pairs.keys(), ["a", "b"]);
    }

    #[rstest]
    #[case::none(json!({}), BadField::PairsEmpty)]
    #[case::object(json!({"a": {}}), BadField::PairNotScalar)]
    #[case::array(json!({"a": ["c"]}), BadField::PairNotScalar)]
    #[case::blank_in_key(json!({"a b": "c"}), BadField::PairKeyWhitespace)]
    #[case::tab_in_key(json!({"a\tb": "c"}), BadField::PairKeyWhitespace)]
    #[case::rounded(json!({"a": 1e22}), BadField::PairNumberTooLarge)]
    fn refuses_bad_pairs(#[case] sent: Value, #[case] expected: BadField) {
        assert_eq!(Pairs::draft(map(sent)).err(), Some(expected));
    }

    #[rstest]
    #[case::array("[]")]
    #[case::text("\"a\"")]
    #[case::cut("{\"a\": 1")]
    #[case::trailing("{} x")]
    fn an_opened_text_that_is_no_object_is_damage(#[case] text: &str) {
        let opened = Pairs::opened("c1", Arc::new(Plaintext::new(text.as_bytes().into())));
        assert!(
            matches!(opened.err(), Some(Error::Damaged { id, what: "credential_pairs" }) if id == "c1")
        );
    }

    #[test]
    fn a_large_number_is_no_fault_of_what_was_stored_before() {
        let stored = |text: &str| {
            let opened = Pairs::opened("c1", Arc::new(Plaintext::new(text.as_bytes().into())));
            opened.unwrap_or_else(|fault| panic!("{fault}")).fault()
        };
        assert_eq!(stored(r#"{"a": 1e+22}"#), None);
        assert_eq!(
            stored(r#"{"a": 1e+22, "b": [1]}"#),
            Some(BadField::PairNotScalar)
        );
    }

    #[test]
    fn equal_values_in_another_order_are_the_same() {
        let pairs = |value| Pairs::draft(map(value)).unwrap_or_else(|f| panic!("{f}"));
        assert!(pairs(json!({"a": 1, "b": "x"})).same_values(&pairs(json!({"B": "x", "a": 1}))));
        assert!(!pairs(json!({"a": 1})).same_values(&pairs(json!({"a": "1"}))));
    }
}
