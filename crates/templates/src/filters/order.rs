//! Filters that put values in order, or together by a key.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, Value, ValueKind};
use minijinja::{Error, State};

use super::Filter;
use crate::arguments::{Arguments, pay};
use crate::error::told;
use crate::python;

pub(super) fn add(add: &mut impl FnMut(&'static str, Filter)) {
    add("dictsort", dictsort);
    add("groupby", groupby);
    add("max", |state, value, given| {
        extreme(state, value, given, true)
    });
    add("min", |state, value, given| {
        extreme(state, value, given, false)
    });
    add("sort", sort);
}

/// `a.b.0`, or one number.
pub(super) fn by_path(value: &Value, path: &Value) -> Result<Value, Error> {
    let Some(path) = path.as_str() else {
        return value.get_item(path);
    };
    path.split('.')
        .try_fold(value.clone(), |value, part| match part.parse::<usize>() {
            Ok(index) => value.get_item_by_index(index),
            Err(_) => value.get_item(&Value::from(part)),
        })
}

fn sort(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["reverse", "case_sensitive", "attribute"], given)?;
    let case_sensitive = arguments.truth(1, false);
    let paths: Vec<Value> = match arguments.get(2) {
        Some(path) => match path.as_str() {
            Some(paths) => paths.split(',').map(Value::from).collect(),
            None => vec![path.clone()],
        },
        None => Vec::new(),
    };
    let mut keyed = Vec::new();
    for item in walk(value)? {
        pay(state, 128)?;
        let mut keys = Vec::new();
        for path in &paths {
            keys.push(folded(by_path(&item, path)?, case_sensitive));
        }
        if paths.is_empty() {
            keys.push(folded(item.clone(), case_sensitive));
        }
        keyed.push((keys, item));
    }
    put_in_order(&mut keyed, arguments.truth(0, false))?;
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

fn dictsort(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["case_sensitive", "by", "reverse"], given)?;
    let by_value = match arguments.text(1)? {
        None | Some("key") => false,
        Some("value") => true,
        Some(_) => return Err(told("You can only sort by either \"key\" or \"value\"")),
    };
    let pairs = value
        .as_object()
        .filter(|_| value.kind() == ValueKind::Map)
        .and_then(|map| map.try_iter_pairs())
        .ok_or_else(|| told("dictsort takes a mapping"))?;
    let mut keyed: Vec<(Vec<Value>, Value)> = pairs
        .map(|(name, value)| {
            let key = if by_value { &value } else { &name };
            let key = folded(key.clone(), arguments.truth(0, false));
            (vec![key], Value::from(Tuple::from([name, value])))
        })
        .collect();
    put_in_order(&mut keyed, arguments.truth(2, false))?;
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

fn groupby(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["attribute", "default", "case_sensitive"], given)?;
    let path = arguments.required(0)?;
    let case_sensitive = arguments.truth(2, false);
    let mut keyed = Vec::new();
    for item in walk(value)? {
        pay(state, 128)?;
        let mut key = by_path(&item, path)?;
        if key.is_undefined()
            && let Some(default) = arguments.get(1)
        {
            key = default.clone();
        }
        keyed.push((vec![folded(key.clone(), case_sensitive)], (key, item)));
    }
    put_in_order(&mut keyed, false)?;
    Ok(keyed
        .chunk_by(|(a, _), (b, _)| a == b)
        .filter_map(|group| {
            let (_, (grouper, _)) = group.first()?;
            let list: Value = group.iter().map(|(_, (_, item))| item.clone()).collect();
            Some(Value::from_object(Group(grouper.clone(), list)))
        })
        .collect())
}

/// The first of the least or greatest items; nothing when there are none.
fn extreme(
    state: &State<'_, '_>,
    value: &Value,
    given: &[Value],
    greatest: bool,
) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["case_sensitive", "attribute"], given)?;
    let mut keyed = Vec::new();
    for item in walk(value)? {
        pay(state, 128)?;
        let key = match arguments.get(1) {
            Some(path) => by_path(&item, path)?,
            None => item.clone(),
        };
        keyed.push((vec![folded(key, arguments.truth(0, false))], item));
    }
    put_in_order(&mut keyed, greatest)?;
    Ok(keyed
        .into_iter()
        .next()
        .map_or(Value::UNDEFINED, |(_, item)| item))
}

pub(super) fn walk(value: &Value) -> Result<impl Iterator<Item = Value>, Error> {
    if value.is_none() {
        return Err(told("none cannot be walked"));
    }
    value.try_iter()
}

fn folded(value: Value, case_sensitive: bool) -> Value {
    match value.as_str() {
        Some(text) if !case_sensitive => Value::from(text.to_lowercase()),
        _ => value,
    }
}

/// Sorts by the keys; equal ones stay as they are, also backwards.
///
/// Errors: keys that Python does not compare.
fn put_in_order<T>(keyed: &mut [(Vec<Value>, T)], reverse: bool) -> Result<(), Error> {
    for pair in keyed.windows(2) {
        if let [(a, _), (b, _)] = pair
            && !a.iter().zip(b).all(|(a, b)| are_comparable(a, b))
        {
            return Err(told("values of these kinds cannot be put in order"));
        }
    }
    if reverse {
        keyed.sort_by(|(a, _), (b, _)| b.cmp(a));
    } else {
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    Ok(())
}

/// Whether Python puts the two in order.
pub(crate) fn are_comparable(a: &Value, b: &Value) -> bool {
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::String) | (ValueKind::Bytes, ValueKind::Bytes) => true,
        (ValueKind::Seq | ValueKind::Iterable, ValueKind::Seq | ValueKind::Iterable) => {
            a.is_tuple() == b.is_tuple()
        }
        _ => is_number(a) && is_number(b),
    }
}

/// One group: a pair that also has names for its parts.
#[derive(Debug)]
pub(crate) struct Group(Value, Value);

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_usize() {
            Some(0) => Some(self.0.clone()),
            Some(1) => Some(self.1.clone()),
            _ => self.get_value_by_str(key.as_str()?),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "grouper" => Some(self.0.clone()),
            "list" => Some(self.1.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = Value::from(Tuple::from([self.0.clone(), self.1.clone()]));
        f.write_str(&python::repr(&pair))
    }
}
