//! DynamoDB's limits on items and values, which are the port's.

use keep::{Clause, Condition, Item, MAX_ITEM_BYTES, TableError, Value, item_bytes};

/// Whether this item may be stored, its key apart. Returns its size.
pub(super) fn checked_item(item: &Item) -> Result<usize, TableError> {
    for (name, value) in item {
        checked_name(name)?;
        checked_value(value)?;
    }
    let bytes = item_bytes(item);
    if bytes > MAX_ITEM_BYTES {
        return Err(TableError::Limit(format!(
            "an item of {bytes} bytes, at most {MAX_ITEM_BYTES}"
        )));
    }
    Ok(bytes)
}

/// Whether an attribute may have this name.
pub(super) fn checked_name(name: &str) -> Result<(), TableError> {
    if name.is_empty() {
        return Err(TableError::Invalid(
            "an attribute without a name".to_owned(),
        ));
    }
    Ok(())
}

/// Whether a condition may be asked.
pub(super) fn checked_condition(condition: &Condition) -> Result<(), TableError> {
    condition.0.iter().try_for_each(|clause| match clause {
        Clause::Absent(name) | Clause::Present(name) => checked_name(name),
        Clause::Equals(name, value) => checked_name(name).and_then(|()| checked_value(value)),
    })
}

/// Whether this value may be stored.
pub(super) fn checked_value(value: &Value) -> Result<(), TableError> {
    checked_at(value, 1)
}

fn checked_at(value: &Value, depth: usize) -> Result<(), TableError> {
    let invalid = |why: &str| Err(TableError::Invalid(why.to_owned()));
    match value {
        Value::L(_) | Value::M(_) if depth > MAX_DEPTH => Err(TableError::Limit(format!(
            "lists and maps nested deeper than {MAX_DEPTH} levels"
        ))),
        Value::S(_) | Value::B(_) | Value::Bool(_) | Value::Null => Ok(()),
        Value::N(number) if !is_number(number) => invalid("a number that is none"),
        Value::N(_) => Ok(()),
        Value::Ss(set) if set.is_empty() => invalid("an empty set"),
        Value::Ns(set) if set.is_empty() => invalid("an empty set"),
        Value::Bs(set) if set.is_empty() => invalid("an empty set"),
        Value::Ns(set) if !set.iter().all(|number| is_number(number)) => {
            invalid("a number that is none")
        }
        Value::Ss(_) | Value::Ns(_) | Value::Bs(_) => Ok(()),
        Value::L(list) => list
            .iter()
            .try_for_each(|value| checked_at(value, depth + 1)),
        Value::M(map) => map
            .values()
            .try_for_each(|value| checked_at(value, depth + 1)),
    }
}

/// Sign, digits, fraction, exponent; up to 38 digits that count and magnitudes from 1e-130 to
/// 9.99e125, as DynamoDB has them.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let exponent = match exponent {
        None => 0,
        Some(exponent) => match exponent.parse::<i16>() {
            Ok(exponent) => i64::from(exponent),
            Err(_) => return false,
        },
    };
    let counts = |digit: &u8| *digit != b'0';
    let (Some(first), Some(last)) = (
        digits.iter().position(counts),
        digits.iter().rposition(counts),
    ) else {
        return true;
    };
    let place = |position: usize| i64::try_from(position).unwrap_or(i64::MAX);
    let magnitude = place(whole.len()) - 1 - place(first) + exponent;
    last - first < 38 && (-130..=125).contains(&magnitude)
}

const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("0", true)]
    #[case("-0.5", true)]
    #[case("+12", true)]
    #[case("1e125", true)]
    #[case("1E-130", true)]
    #[case("10.00", true)]
    #[case("99999999999999999999999999999999999999", true)]
    #[case("999999999999999999999999999999999999990000", true)]
    #[case("999999999999999999999999999999999999999", false)]
    #[case("1e126", false)]
    #[case("1e-131", false)]
    #[case("", false)]
    #[case("-", false)]
    #[case(".", false)]
    #[case("1 ", false)]
    #[case("0x1", false)]
    #[case("1e", false)]
    #[case("NaN", false)]
    fn a_number_is_what_dynamodb_takes(#[case] text: &str, #[case] is: bool) {
        assert_eq!(is_number(text), is, "{text:?}");
    }

    #[test]
    fn lists_and_maps_nest_32_levels_and_no_more() {
        let mut value = Value::Null;
        for _ in 1..=32 {
            value = Value::L(vec![value]);
        }
        assert_eq!(checked_value(&value), Ok(()));
        let deeper = checked_value(&Value::M(Item::from([("a".to_owned(), value)])));
        assert!(matches!(deeper, Err(TableError::Limit(_))), "{deeper:?}");
    }
}
