//! JSON in which no object has the same name twice.
//!
//! Two `StringEquals` in one `Condition` are a common mistake, of which a usual parser keeps the
//! last: the policy would be judged by half.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A value without twins, at any depth.
pub(crate) struct WithoutTwins(pub(crate) Value);

impl<'de> Deserialize<'de> for WithoutTwins {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(WithoutTwins(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, WithoutTwins(value))) = pairs.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(TWICE));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

/// Part of the message of a parse error.
pub(crate) const TWICE: &str = "a name comes twice in one object";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_values_as_they_are_and_refuses_a_name_that_comes_twice() {
        let text = r#"{"a": [1, -2, 0.5, true, null, "x"], "b": {"a": {}}}"#;
        let WithoutTwins(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        for text in [r#"{"a": 1, "a": 2}"#, r#"[{"x": {"\u0061": 1, "a": 1}}]"#] {
            let error = serde_json::from_str::<WithoutTwins>(text).err().unwrap();
            assert!(error.to_string().contains(TWICE), "{error}");
        }
    }
}
