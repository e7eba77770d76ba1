//! The port's limits, checked before anything is sent, so that every adapter refuses alike.
//!
//! They are DynamoDB's. What needs a table's schema (two puts on one item, a key of other
//! attributes) is left to the adapter.

use crate::{
    Action, Clause, Condition, Consistency, Item, Key, MAX_ACTIONS, MAX_BATCH_GET, MAX_ITEM_BYTES,
    MAX_TRANSACTION_BYTES, PageStart, Query, Scan, TableError, TableName, Value, item_bytes,
};

/// The greatest size of a hash attribute's value.
const MAX_HASH_BYTES: usize = 2048;
/// The greatest size of a range attribute's value.
const MAX_RANGE_BYTES: usize = 1024;
/// Lists and maps inside each other.
const MAX_DEPTH: usize = 32;
/// Digits that count in a number.
const MAX_DIGITS: usize = 38;
/// Numbers are below ten to the power of this, ...
const MAX_EXPONENT: i64 = 126;
/// ... and, when not zero, at least ten to the power of this.
const MIN_EXPONENT: i64 = -130;

/// Whether these actions may go out together.
///
/// Errors: `Limit` for too many actions or bytes; `Invalid` for none at all, for a value that no
/// table takes, and for two actions on one item as far as their keys tell without a schema.
pub fn check_transaction(actions: &[Action]) -> Result<(), TableError> {
    if actions.is_empty() {
        return Err(TableError::Invalid(
            "a transaction without actions".to_owned(),
        ));
    }
    if actions.len() > MAX_ACTIONS {
        return Err(TableError::Limit(format!(
            "{} actions, at most {MAX_ACTIONS}",
            actions.len()
        )));
    }
    let mut bytes = 0_usize;
    for action in actions {
        bytes = bytes.saturating_add(check_action(action)?);
    }
    if bytes > MAX_TRANSACTION_BYTES {
        return Err(TableError::Limit(format!(
            "a transaction of {bytes} bytes, at most {MAX_TRANSACTION_BYTES}"
        )));
    }
    let mut rest = actions;
    while let [action, others @ ..] = rest {
        if others.iter().any(|other| on_one_item(action, other)) {
            return Err(TableError::Invalid("two actions on one item".to_owned()));
        }
        rest = others;
    }
    Ok(())
}

/// Whether a table takes this item.
///
/// Errors: `Limit` when it is greater than [`MAX_ITEM_BYTES`] or nested too deeply; `Invalid` for
/// an empty set, a malformed number or an attribute without a name.
pub fn check_item(item: &Item) -> Result<(), TableError> {
    for (name, value) in item {
        check_name(name)?;
        check_value(name, value, 0)?;
    }
    let bytes = item_bytes(item);
    if bytes > MAX_ITEM_BYTES {
        return Err(TableError::Limit(format!(
            "an item of {bytes} bytes, at most {MAX_ITEM_BYTES}"
        )));
    }
    Ok(())
}

/// Whether an item can have this key.
///
/// Errors: `Invalid` for a value that is empty or no text, `Limit` for one that is too long.
pub fn check_key(key: &Key) -> Result<(), TableError> {
    check_key_part(&key.hash, MAX_HASH_BYTES)?;
    key.range
        .as_ref()
        .map_or(Ok(()), |range| check_key_part(range, MAX_RANGE_BYTES))
}

/// Whether these keys may be read in one batch.
///
/// Errors: `Limit` for more than [`MAX_BATCH_GET`]; those of [`check_key`].
pub fn check_batch(keys: &[Key]) -> Result<(), TableError> {
    if keys.len() > MAX_BATCH_GET {
        return Err(TableError::Limit(format!(
            "{} keys in a batch, at most {MAX_BATCH_GET}",
            keys.len()
        )));
    }
    keys.iter().try_for_each(check_key)
}

/// Whether this query can be asked.
///
/// Errors: `Invalid` for a page of no items, for a strong read of an index, and for a page start
/// that cannot be of this query; those of [`check_key`].
pub fn check_query(query: &Query) -> Result<(), TableError> {
    check_page(query.limit)?;
    if query.index.is_some() && query.consistency == Consistency::Strong {
        return Err(TableError::Invalid(
            "indexes are always eventual".to_owned(),
        ));
    }
    check_key_part(&query.hash, MAX_HASH_BYTES)?;
    if let Some(PageStart(start)) = &query.start {
        let (name, value) = &query.hash;
        // The table's own starts are its key, one or two attributes; an index adds its own.
        let of_this_order = query.index.is_some() || start.len() <= 2;
        if start.get(name) != Some(value) || !of_this_order {
            return Err(TableError::Invalid(
                "a page start that this query did not give".to_owned(),
            ));
        }
    }
    query
        .from
        .as_ref()
        .map_or(Ok(()), |from| check_key_part(from, MAX_RANGE_BYTES))
}

/// Whether this scan can be asked.
///
/// Errors: `Invalid` for a page of no items or an attribute without a name.
pub fn check_scan(scan: &Scan) -> Result<(), TableError> {
    check_page(scan.limit)?;
    scan.attributes.iter().try_for_each(|name| check_name(name))
}

/// The size that counts, after checking the parts.
fn check_action(action: &Action) -> Result<usize, TableError> {
    let (bytes, condition) = match action {
        Action::Put {
            item, condition, ..
        } => {
            check_item(item)?;
            (item_bytes(item), condition)
        }
        Action::Delete { key, condition, .. } | Action::Check { key, condition, .. } => {
            check_key(key)?;
            (0, condition)
        }
        Action::Update {
            key,
            attribute,
            value,
            condition,
            ..
        } => {
            check_key(key)?;
            check_name(attribute)?;
            if *attribute == key.hash.0
                || key
                    .range
                    .as_ref()
                    .is_some_and(|(name, _)| name == attribute)
            {
                return Err(TableError::Invalid(format!(
                    "{attribute} is part of the key and cannot be updated"
                )));
            }
            let set = value
                .iter()
                .map(|value| (attribute.clone(), value.clone()))
                .collect();
            check_item(&set)?;
            (item_bytes(&set), condition)
        }
    };
    check_condition(condition)?;
    Ok(bytes)
}

fn check_condition(condition: &Condition) -> Result<(), TableError> {
    condition.0.iter().try_for_each(|clause| match clause {
        Clause::Absent(name) | Clause::Present(name) => check_name(name),
        Clause::Equals(name, value) => {
            check_name(name)?;
            check_value(name, value, 0)
        }
    })
}

fn check_page(limit: Option<usize>) -> Result<(), TableError> {
    match limit {
        Some(0) => Err(TableError::Invalid("a page of no items".to_owned())),
        _ => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), TableError> {
    match name.is_empty() {
        true => Err(TableError::Invalid(
            "an attribute without a name".to_owned(),
        )),
        false => Ok(()),
    }
}

fn check_key_part((name, value): &(String, Value), most: usize) -> Result<(), TableError> {
    check_name(name)?;
    // The port's keys are text throughout.
    let Value::S(text) = value else {
        return Err(TableError::Invalid(format!(
            "the key attribute {name} is no text"
        )));
    };
    match text.len() {
        0 => Err(TableError::Invalid(format!(
            "the key attribute {name} is empty"
        ))),
        bytes if bytes > most => Err(TableError::Limit(format!(
            "the key attribute {name} has {bytes} bytes, at most {most}"
        ))),
        _ => Ok(()),
    }
}

/// `name` is the attribute in which the value lies, for the error; the value stays out of it.
fn check_value(name: &str, value: &Value, depth: usize) -> Result<(), TableError> {
    if depth > MAX_DEPTH {
        return Err(TableError::Limit(format!(
            "{name} is nested more than {MAX_DEPTH} deep"
        )));
    }
    let well_formed = match value {
        Value::S(_) | Value::B(_) | Value::Bool(_) | Value::Null => true,
        Value::N(number) => is_number(number),
        Value::Ss(set) => !set.is_empty(),
        Value::Bs(set) => !set.is_empty(),
        Value::Ns(set) => !set.is_empty() && set.iter().all(|number| is_number(number)),
        Value::L(list) => {
            return list
                .iter()
                .try_for_each(|value| check_value(name, value, depth + 1));
        }
        Value::M(map) => {
            return map
                .values()
                .try_for_each(|value| check_value(name, value, depth + 1));
        }
    };
    match well_formed {
        true => Ok(()),
        false => Err(TableError::Invalid(format!(
            "{name} holds an empty set or a malformed number"
        ))),
    }
}

/// Shape: `-?digits[.digits][e±digits]`, at most 38 digits that count, and of a size that
/// DynamoDB keeps.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (text, Some(0)),
    };
    let Some(exponent) = exponent else {
        return false;
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return false;
    }
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let counting = digits.trim_matches('0').len();
    if counting == 0 {
        return true;
    }
    // The power of ten just above the number.
    let (Ok(whole), Ok(leading)) = (i64::try_from(whole.len()), i64::try_from(leading)) else {
        return false;
    };
    let power = (whole - leading).saturating_add(exponent);
    counting <= MAX_DIGITS && power <= MAX_EXPONENT && power > MIN_EXPONENT
}

fn on_one_item(one: &Action, other: &Action) -> bool {
    let (one, other) = (aim(one), aim(other));
    one.0 == other.0
        && match (one.1, other.1) {
            (Aim::Key(one), Aim::Key(other)) => one == other,
            (Aim::Key(key), Aim::Item(item)) | (Aim::Item(item), Aim::Key(key)) => key.is_of(item),
            (Aim::Item(one), Aim::Item(other)) => one == other,
        }
}

enum Aim<'a> {
    Key(&'a Key),
    Item(&'a Item),
}

fn aim(action: &Action) -> (&TableName, Aim<'_>) {
    match action {
        Action::Put { table, item, .. } => (table, Aim::Item(item)),
        Action::Delete { table, key, .. }
        | Action::Update { table, key, .. }
        | Action::Check { table, key, .. } => (table, Aim::Key(key)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rstest::rstest;

    use super::*;

    fn put(id: &str, extra: Value) -> Action {
        let item = Item::from([("id".to_owned(), Value::s(id)), ("extra".to_owned(), extra)]);
        Action::Put {
            table: TableName::new("t"),
            item,
            condition: Condition::always(),
        }
    }

    fn check(id: &str) -> Action {
        Action::Check {
            table: TableName::new("t"),
            key: Key::id(id),
            condition: Condition::new_item("id"),
        }
    }

    /// An item of exactly `bytes` bytes: 2 for `id`, 1 for its value, 5 for `extra`.
    fn of_size(bytes: usize) -> Value {
        Value::s("x".repeat(bytes - 8))
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(Value::Null, |inner, _| Value::L(vec![inner]))
    }

    #[rstest]
    #[case::one_hundred_actions((0..100).map(|n| put(&n.to_string(), Value::Null)).collect())]
    #[case::greatest_item(vec![put("a", of_size(MAX_ITEM_BYTES))])]
    #[case::four_megabytes((0..10).map(|n| put(&n.to_string(), of_size(MAX_ITEM_BYTES))).chain([put("x", of_size(96 * 1024))]).collect())]
    #[case::deepest(vec![put("a", nested(32))])]
    #[case::empty_text_outside_keys(vec![put("a", Value::s(""))])]
    #[case::two_items(vec![put("a", Value::Null), check("b")])]
    fn takes_what_is_within_the_limits(#[case] actions: Vec<Action>) {
        assert_eq!(check_transaction(&actions), Ok(()));
    }

    #[rstest]
    #[case::actions((0..101).map(|n| put(&n.to_string(), Value::Null)).collect())]
    #[case::item(vec![put("a", of_size(MAX_ITEM_BYTES + 1))])]
    #[case::sum((0..11).map(|n| put(&n.to_string(), of_size(MAX_ITEM_BYTES))).collect())]
    #[case::depth(vec![put("a", nested(33))])]
    #[case::key(vec![check(&"x".repeat(2049))])]
    fn refuses_what_is_too_large(#[case] actions: Vec<Action>) {
        let refused = check_transaction(&actions);
        assert!(matches!(refused, Err(TableError::Limit(_))), "{refused:?}");
    }

    #[rstest]
    #[case::nothing(vec![])]
    #[case::empty_set(vec![put("a", Value::Ss(BTreeSet::new()))])]
    #[case::empty_set_inside(vec![put("a", Value::M(BTreeMap::from([("b".to_owned(), Value::Bs(BTreeSet::new()))])))])]
    #[case::number(vec![put("a", Value::N("one".to_owned()))])]
    #[case::empty_key(vec![check("")])]
    #[case::one_item_twice(vec![check("a"), check("a")])]
    #[case::one_item_written_and_checked(vec![put("a", Value::Null), check("a")])]
    #[case::key_updated(vec![Action::Update {
        table: TableName::new("t"), key: Key::id("a"), attribute: "id".to_owned(), value: None,
        condition: Condition::always(),
    }])]
    fn refuses_what_is_not_well_formed(#[case] actions: Vec<Action>) {
        let refused = check_transaction(&actions);
        assert!(
            matches!(refused, Err(TableError::Invalid(_))),
            "{refused:?}"
        );
    }

    #[rstest]
    #[case("0", true)]
    #[case("-12.50", true)]
    #[case("1E-130", true)]
    #[case("9.99e125", true)]
    #[case("12345678901234567890123456789012345678", true)]
    #[case("0.00012345678901234567890123456789012345678", true)]
    #[case("", false)]
    #[case("-", false)]
    #[case(".", false)]
    #[case("1_0", false)]
    #[case("0x10", false)]
    #[case("NaN", false)]
    #[case("1e", false)]
    #[case("1e126", false)]
    #[case("1e-131", false)]
    #[case("123456789012345678901234567890123456789", false)]
    fn knows_numbers(#[case] text: &str, #[case] number: bool) {
        assert_eq!(is_number(text), number);
    }

    #[test]
    fn an_error_never_shows_the_value() {
        let Err(error) = check_item(&Item::from([(
            "n".to_owned(),
            Value::N("hunter2".to_owned()),
        )])) else {
            panic!("taken");
        };
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
