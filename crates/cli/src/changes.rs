//! What a write changed or would change, by name: no value is ever among it.
//!
//! Shape: as the server answers a diff. A field whose values were replaced is `{"added": new,
//! "removed": old}`; a list or an object is `{"added": [names], "removed": [names]}`, where a name in
//! both has another value.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::arguments::Connection;
use crate::exit::Outcome;
use crate::listing::plain;
use crate::output;

/// Changes to one thing, field by field.
#[derive(Default)]
pub(crate) struct Changes(Map<String, Value>);

impl Changes {
    /// The changes that a server told.
    pub(crate) fn told(diff: Value) -> Self {
        match diff {
            Value::Object(fields) => Self(fields),
            _ => Self::default(),
        }
    }

    /// The same in the other direction.
    pub(crate) fn reversed(mut self) -> Self {
        for change in self.0.values_mut().filter_map(Value::as_object_mut) {
            let (added, removed) = (change.remove("added"), change.remove("removed"));
            let turned = [("added", removed), ("removed", added)];
            change.extend(
                turned
                    .into_iter()
                    .filter_map(|(side, names)| Some((side.to_owned(), names?))),
            );
        }
        self
    }

    /// Without who changed it and when, which differ always.
    pub(crate) fn of_content(mut self) -> Self {
        self.0
            .retain(|field, _| !matches!(field.as_str(), "modified_by" | "modified_date"));
        self
    }

    /// What the fields of `new` change in `current`. Ciphertexts tell only that they are others.
    pub(crate) fn by(current: &Value, new: &Map<String, Value>) -> Self {
        let mut changes = Self::default();
        for (field, new) in new {
            let old = current.get(field);
            match new {
                Value::Object(new) => changes.replace_pairs(field, &object(old), new),
                Value::Array(_) => changes.replace_names(field, &texts(old), &texts(Some(new))),
                _ => changes.replace(field, old, new),
            }
        }
        changes
    }

    /// Adds a field that takes another value.
    fn replace(&mut self, field: &str, old: Option<&Value>, new: &Value) {
        let old = old.unwrap_or(&Value::Null);
        if old != new {
            self.0
                .insert(field.to_owned(), json!({ "added": new, "removed": old }));
        }
    }

    /// Adds a list of names that is replaced by another.
    fn replace_names(&mut self, field: &str, old: &BTreeSet<&str>, new: &BTreeSet<&str>) {
        self.names(field, new.difference(old), old.difference(new));
    }

    /// Adds an object of pairs that is replaced by another.
    fn replace_pairs(&mut self, field: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let differs = |these: &Map<String, Value>, name: &String, value: &Value| {
            these.get(name) != Some(value)
        };
        let added = new.iter().filter(|(name, value)| differs(old, name, value));
        let removed = old.iter().filter(|(name, value)| differs(new, name, value));
        self.names(
            field,
            added.map(|(name, _)| name),
            removed.map(|(name, _)| name),
        );
    }

    fn names(
        &mut self,
        field: &str,
        added: impl Iterator<Item = impl AsRef<str>>,
        removed: impl Iterator<Item = impl AsRef<str>>,
    ) {
        let mut change = Map::new();
        for (side, names) in [("added", sorted(added)), ("removed", sorted(removed))] {
            if !names.is_empty() {
                change.insert(side.to_owned(), names.into());
            }
        }
        if !change.is_empty() {
            self.0.insert(field.to_owned(), change.into());
        }
    }

    /// Prints them as what happened between two revisions.
    pub(crate) fn print(&self, connection: &Connection) -> Outcome {
        if connection.json {
            return output::json(&self.0);
        }
        if self.0.is_empty() {
            return output::text("no difference\n");
        }
        output::text(&self.lines())
    }

    /// Prints them as what a write would do.
    pub(crate) fn print_dry_run(&self, connection: &Connection) -> Outcome {
        if connection.json {
            return output::json(&json!({ "dry_run": true, "changes": self.0 }));
        }
        if self.0.is_empty() {
            return output::text("nothing would change\n");
        }
        output::text(&format!(
            "this would change; nothing is written:\n{}",
            self.lines()
        ))
    }

    /// One line for each change: `+` and `-` for names that come and go, `~` for what is replaced.
    fn lines(&self) -> String {
        let mut lines = String::new();
        for (field, change) in &self.0 {
            let side = |side: &str| change.get(side);
            let names = |side: Option<&Value>| -> Option<BTreeSet<String>> {
                let list = side.map_or(Some(&[][..]), |side| side.as_array().map(Vec::as_slice))?;
                Some(list.iter().map(|name| plain(Some(name))).collect())
            };
            match (names(side("added")), names(side("removed"))) {
                (Some(added), Some(removed)) => {
                    for name in added.union(&removed) {
                        let sign = match (added.contains(name), removed.contains(name)) {
                            (true, true) => '~',
                            (true, false) => '+',
                            _ => '-',
                        };
                        lines.push_str(&format!("{sign} {field}: {name}\n"));
                    }
                }
                _ => lines.push_str(&format!(
                    "~ {field}: {} -> {}\n",
                    plain(side("removed")),
                    plain(side("added"))
                )),
            }
        }
        lines
    }
}

/// An object field; empty when it is none.
pub(crate) fn object(field: Option<&Value>) -> Map<String, Value> {
    field
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// The texts of a list field.
fn texts(field: Option<&Value>) -> BTreeSet<&str> {
    let list = field.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn sorted(names: impl Iterator<Item = impl AsRef<str>>) -> Vec<Value> {
    let names: BTreeSet<String> = names.map(|name| name.as_ref().to_owned()).collect();
    names.into_iter().map(Value::String).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn a_replaced_value_is_told_by_its_name_and_never_itself() {
        let mut changes = Changes::default();
        changes.replace_pairs(
            "credential_pairs",
            &object(json!({ "same": "kw-canary", "gone": "kw-canary", "other": "kw-canary-1" })),
            &object(json!({ "same": "kw-canary", "new": "kw-canary", "other": "kw-canary-2" })),
        );
        let changes_as_json = Value::Object(changes.0.clone());
        assert_eq!(
            changes_as_json,
            json!({ "credential_pairs": { "added": ["new", "other"], "removed": ["gone", "other"] } })
        );
        assert_eq!(
            changes.lines(),
            "- credential_pairs: gone\n+ credential_pairs: new\n~ credential_pairs: other\n"
        );
    }

    #[test]
    fn what_the_server_told_is_shown_in_either_direction() {
        let told = json!({
            "modified_by": { "added": "b", "removed": "a" },
            "name": { "added": "new", "removed": "old" },
            "tags": { "added": ["t"], "removed": [] },
            "metadata": { "added": ["k"] },
        });
        let changes = Changes::told(told.clone()).of_content();
        assert_eq!(
            changes.lines(),
            "~ name: old -> new\n+ tags: t\n+ metadata: k\n"
        );
        let changes = Changes::told(told).of_content().reversed();
        assert_eq!(
            changes.lines(),
            "~ name: new -> old\n- tags: t\n- metadata: k\n"
        );
    }

    #[test]
    fn equal_things_have_no_changes() {
        let mut changes = Changes::default();
        changes.replace("name", Some(&json!("a")), &json!("a"));
        changes.replace("documentation", None, &Value::Null);
        changes.replace_names("tags", &BTreeSet::from(["a"]), &BTreeSet::from(["a"]));
        changes.replace_pairs("metadata", &Map::new(), &Map::new());
        assert!(changes.0.is_empty());
    }
}
