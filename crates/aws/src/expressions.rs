//! Expressions in which every name and value is a placeholder, so that no reserved word and no odd
//! letter in a name can break one.

use std::collections::HashMap;
use std::mem;

use aws_sdk_dynamodb::types::AttributeValue;
use keep::{Clause, Condition, Query, Value};

use crate::attributes::{Attributes, from_value};

/// Placeholders handed out so far, for all expressions of one call.
#[derive(Default)]
pub(crate) struct Placeholders {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Placeholders {
    /// Hands over the names; absent when there are none: DynamoDB refuses an empty map.
    pub(crate) fn names(&mut self) -> Option<HashMap<String, String>> {
        Some(mem::take(&mut self.names)).filter(|names| !names.is_empty())
    }

    /// Hands over the values; absent when there are none.
    pub(crate) fn values(&mut self) -> Option<Attributes> {
        Some(mem::take(&mut self.values)).filter(|values| !values.is_empty())
    }

    /// The condition, absent when it always holds.
    pub(crate) fn condition(&mut self, condition: &Condition) -> Option<String> {
        let clauses: Vec<_> = condition
            .0
            .iter()
            .map(|clause| match clause {
                Clause::Absent(name) => format!("attribute_not_exists({})", self.name(name)),
                Clause::Present(name) => format!("attribute_exists({})", self.name(name)),
                Clause::Equals(name, value) => {
                    format!("{} = {}", self.name(name), self.value(value))
                }
            })
            .collect();
        (!clauses.is_empty()).then(|| clauses.join(" AND "))
    }

    /// Sets the attribute, or removes it.
    pub(crate) fn update(&mut self, attribute: &str, value: Option<&Value>) -> String {
        match value {
            Some(value) => format!("SET {} = {}", self.name(attribute), self.value(value)),
            None => format!("REMOVE {}", self.name(attribute)),
        }
    }

    /// One hash value, and range values from one on.
    pub(crate) fn query(&mut self, query: &Query) -> String {
        let (name, value) = &query.hash;
        let hash = format!("{} = {}", self.name(name), self.value(value));
        match &query.from {
            Some((name, value)) => {
                format!("{hash} AND {} >= {}", self.name(name), self.value(value))
            }
            None => hash,
        }
    }

    /// Only these attributes; absent for all.
    pub(crate) fn projection(&mut self, attributes: &[String]) -> Option<String> {
        let names: Vec<_> = attributes
            .iter()
            .map(|attribute| self.name(attribute))
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn name(&mut self, name: &str) -> String {
        let known = self
            .names
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(placeholder, _)| placeholder.clone());
        known.unwrap_or_else(|| {
            let placeholder = format!("#n{}", self.names.len());
            self.names.insert(placeholder.clone(), name.to_owned());
            placeholder
        })
    }

    fn value(&mut self, value: &Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), from_value(value));
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_and_no_value_stands_in_an_expression_itself() {
        let mut used = Placeholders::default();
        let condition = Condition(vec![
            Clause::Absent("id".to_owned()),
            Clause::Equals("name".to_owned(), Value::s("x")),
            Clause::Present("name".to_owned()),
        ]);
        let condition = used.condition(&condition);
        let expected = "attribute_not_exists(#n0) AND #n1 = :v0 AND attribute_exists(#n1)";
        assert_eq!(condition.as_deref(), Some(expected));
        assert_eq!(used.update("name", Some(&Value::Null)), "SET #n1 = :v1");
        assert_eq!(used.update("size", None), "REMOVE #n2");
        assert_eq!(used.names().map(|names| names.len()), Some(3));
        assert_eq!(used.values().map(|values| values.len()), Some(2));
    }

    #[test]
    fn what_is_not_used_is_not_sent() {
        let mut used = Placeholders::default();
        assert_eq!(used.condition(&Condition::always()), None);
        assert_eq!(used.projection(&[]), None);
        assert_eq!(used.names(), None);
        assert_eq!(used.values(), None);
    }
}
