//! Filters on numbers, lists and mappings.

use minijinja::filters;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, State};

use super::{Filter, soft};
use crate::arguments::Arguments;
use crate::error::told;
use crate::methods::{Bound, is_known};
use crate::python;

pub(super) fn add(add: &mut impl FnMut(&'static str, Filter)) {
    add("attr", attr);
    add("default", default);
    add("d", default);
    add("float", float);
    add("int", int);
    add("join", join);
    add("pprint", pprint);
    add("random", random);
    add("round", round);
    add("unique", unique);
}

/// An attribute and never an item, so for values of a template: a method that has not been called.
fn attr(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["name"], given)?;
    let name = crate::arguments::text(arguments.required(0)?)?;
    Ok(if is_known(value, name) {
        Value::from_object(Bound(value.clone(), name.to_owned()))
    } else {
        crate::secrets::method(value, name).unwrap_or_default()
    })
}

fn default(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["default_value", "boolean"], given)?;
    if value.is_undefined() || (arguments.truth(1, false) && !value.is_true()) {
        Ok(match arguments.required(0) {
            Ok(other) => other.clone(),
            Err(_) => Value::from(""),
        })
    } else {
        Ok(value.clone())
    }
}

fn unique(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["case_sensitive", "attribute"], given)?;
    let mut named = vec![("case_sensitive", Value::from(arguments.truth(0, false)))];
    if let Some(attribute) = arguments.get(1) {
        named.push(("attribute", attribute.clone()));
    }
    filters::unique(state, value.clone(), named.into_iter().collect())
}

/// A number as `float(value)` reads it.
pub(super) fn to_float(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::String => read_float(value.as_str()?),
        _ => None,
    }
}

fn read_float(text: &str) -> Option<f64> {
    let text = without_underscores(text.trim_matches(python::is_space))?;
    // Rust reads a few forms that Python does not, and both read `inf` and `nan` in any case.
    text.parse().ok()
}

/// `1_000` is a number; `_1`, `1_` and `1__0` are not.
fn without_underscores(text: &str) -> Option<String> {
    let digit = |part: Option<&str>, last: bool| {
        part.and_then(|part| {
            if last {
                part.chars().last()
            } else {
                part.chars().next()
            }
        })
        .is_some_and(|letter| letter.is_ascii_alphanumeric())
    };
    let parts: Vec<&str> = text.split('_').collect();
    parts
        .windows(2)
        .all(|pair| digit(pair.first().copied(), true) && digit(pair.get(1).copied(), false))
        .then(|| parts.concat())
}

fn float(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["default"], given)?;
    if value.is_undefined() {
        return Err(minijinja::ErrorKind::UndefinedError.into());
    }
    Ok(match to_float(value) {
        Some(number) => Value::from(number),
        None => arguments
            .required(0)
            .cloned()
            .unwrap_or_else(|_| Value::from(0.0)),
    })
}

fn int(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["default", "base"], given)?;
    let base = arguments.integer(1, 10)?;
    let whole = match value.kind() {
        ValueKind::Undefined => return Err(minijinja::ErrorKind::UndefinedError.into()),
        ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Some(value.clone()),
        ValueKind::String => read_int(value.as_str().unwrap_or_default(), base).map(Value::from),
        _ => None,
    };
    let whole = whole.or_else(|| {
        let number = to_float(value).filter(|number| number.is_finite())?.trunc();
        // Past i128 the engine has no whole numbers.
        (number.abs() < 1e38).then(|| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is whole and within i128"
            )]
            Value::from(number as i128)
        })
    });
    Ok(match whole {
        Some(whole) => whole,
        None => arguments
            .required(0)
            .cloned()
            .unwrap_or_else(|_| Value::from(0)),
    })
}

/// Python's `int(text, base)`; `None` where it fails, and past 128 bits.
fn read_int(text: &str, base: i64) -> Option<i128> {
    let text = text.trim_matches(python::is_space);
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, radix)));
    let (digits, radix) = match (prefixed, base) {
        (Some((digits, radix)), 0) => (digits.strip_prefix('_').unwrap_or(digits), radix),
        (Some((digits, radix)), base) if base == i64::from(radix) => {
            (digits.strip_prefix('_').unwrap_or(digits), radix)
        }
        (None, 0)
            if lower.len() > 1
                && lower.starts_with('0')
                && !lower.trim_matches(['0', '_']).is_empty() =>
        {
            return None;
        }
        (_, 0) => (lower.as_str(), 10),
        (_, base) => (
            lower.as_str(),
            u32::try_from(base).ok().filter(|b| (2..=36).contains(b))?,
        ),
    };
    let digits = without_underscores(digits)?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

fn join(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["d", "attribute"], given)?;
    let between = arguments.get(0).map(soft).unwrap_or_default();
    let mut joined = String::new();
    for (at, item) in super::order::walk(value)?.enumerate() {
        crate::arguments::pay(state, between.len() + 64)?;
        if at > 0 {
            joined.push_str(&between);
        }
        let item = match arguments.get(1) {
            Some(attribute) => super::order::by_path(&item, attribute)?,
            None => item,
        };
        joined.push_str(&soft(&item));
    }
    Ok(Value::from(joined))
}

fn round(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["precision", "method"], given)?;
    let digits = i32::try_from(arguments.integer(0, 0)?)
        .map_err(|_| told("there are not so many digits"))?;
    let method = arguments.text(1)?.unwrap_or("common");
    let value = match value.kind() {
        // Up and down it goes through a division, which makes a fraction.
        ValueKind::Bool | ValueKind::Number if method != "common" => {
            to_float(value).map_or_else(|| value.clone(), Value::from)
        }
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        _ => value.clone(),
    };
    crate::arguments::pay(state, usize::try_from(digits).unwrap_or(0))?;
    filters::round(
        value,
        Some(digits),
        Some(method),
        Kwargs::from_iter::<[(&str, Value); 0]>([]),
    )
}

/// Chance has no place in text that must come out the same; one item is no chance.
fn random(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    Arguments::bind(&[], given)?;
    match value.len() {
        Some(0) => Ok(Value::UNDEFINED),
        Some(1) => filters::first(value),
        Some(_) => Err(told(
            "random is not offered: a template gives the same text each time",
        )),
        None => Err(told("a list is needed here")),
    }
}

/// Python's `pprint` for what fits on lines of 80 letters, keys sorted; longer lists and mappings one item a line.
fn pprint(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    Arguments::bind(&[], given)?;
    let mut out = String::new();
    pretty(value, 0, 0, 50, &mut out);
    Ok(Value::from(out))
}

fn pretty(value: &Value, indent: usize, after: usize, deeper: usize, out: &mut String) {
    let one_line = python::repr(&sorted(value, deeper));
    if indent + one_line.chars().count() + after <= 80 || deeper == 0 {
        out.push_str(&one_line);
        return;
    }
    match value.kind() {
        ValueKind::Map => {
            let mut pairs: Vec<(Value, Value)> = value
                .as_object()
                .and_then(|map| map.try_iter_pairs())
                .into_iter()
                .flatten()
                .collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            let last = pairs.len().saturating_sub(1);
            out.push('{');
            for (at, (key, item)) in pairs.iter().enumerate() {
                if at > 0 {
                    out.push_str(",\n");
                    out.push_str(&" ".repeat(indent + 1));
                }
                let key = python::repr(key);
                out.push_str(&key);
                out.push_str(": ");
                let inner = indent + 3 + key.chars().count();
                pretty(
                    item,
                    inner,
                    if at == last { after + 1 } else { 1 },
                    deeper - 1,
                    out,
                );
            }
            out.push('}');
        }
        ValueKind::Seq => {
            let items: Vec<Value> = value.try_iter().into_iter().flatten().collect();
            let (open, close) = if value.is_tuple() {
                ('(', ')')
            } else {
                ('[', ']')
            };
            let last = items.len().saturating_sub(1);
            out.push(open);
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(",\n");
                    out.push_str(&" ".repeat(indent + 1));
                }
                pretty(
                    item,
                    indent + 1,
                    if at == last { after + 1 } else { 1 },
                    deeper - 1,
                    out,
                );
            }
            if value.is_tuple() && items.len() == 1 {
                out.push(',');
            }
            out.push(close);
        }
        _ => out.push_str(&one_line),
    }
}

/// The same value with the keys of its mappings in order.
fn sorted(value: &Value, deeper: usize) -> Value {
    match value.kind() {
        ValueKind::Map if deeper > 0 => {
            let mut pairs: Vec<(Value, Value)> = value
                .as_object()
                .and_then(|map| map.try_iter_pairs())
                .into_iter()
                .flatten()
                .map(|(key, item)| (key, sorted(&item, deeper - 1)))
                .collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::from_pairs(pairs)
        }
        ValueKind::Seq if deeper > 0 && !value.is_tuple() => value
            .try_iter()
            .into_iter()
            .flatten()
            .map(|item| sorted(&item, deeper - 1))
            .collect(),
        _ => value.clone(),
    }
}
