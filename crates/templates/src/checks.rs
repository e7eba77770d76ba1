//! Jinja2's tests (`is mapping`, `is callable`, ...) where the engine has none or answers otherwise.

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error};

use crate::error::told;
use crate::filters::are_comparable;
use crate::globals::{Cycler, Range};
use crate::secrets::Secrets;

/// Puts the tests into `environment`, and takes out those that Jinja2 does not have.
pub(crate) fn add(environment: &mut Environment<'_>) {
    for name in ["startingwith", "endingwith", "safe"] {
        environment.remove_test(name);
    }
    compare(environment, &["lt", "lessthan", "<"], |order| order.is_lt());
    compare(environment, &["le", "<="], |order| order.is_le());
    compare(environment, &["gt", "greaterthan", ">"], |order| {
        order.is_gt()
    });
    compare(environment, &["ge", ">="], |order| order.is_ge());
    environment.add_test("callable", is_callable);
    environment.add_test("mapping", is_mapping);
    environment.add_test("sequence", is_sequence);
    environment.add_test("iterable", is_iterable);
    environment.add_test("odd", |value: &Value| {
        Ok::<_, Error>(rest_of_two(value)? == 1.0)
    });
    environment.add_test("even", |value: &Value| {
        Ok::<_, Error>(rest_of_two(value)? == 0.0)
    });
}

/// Adds a comparison under its names, which fails for values that Python does not compare.
fn compare(
    environment: &mut Environment<'_>,
    names: &[&'static str],
    test: fn(std::cmp::Ordering) -> bool,
) {
    for name in names {
        environment.add_test(*name, move |one: &Value, other: &Value| {
            if are_comparable(one, other) {
                Ok(test(one.cmp(other)))
            } else {
                Err(told("values of these kinds cannot be compared"))
            }
        });
    }
}

fn is_secrets(value: &Value) -> bool {
    value.downcast_object_ref::<Secrets>().is_some()
}

/// What the engine can call is an object without items; a cycler is one too, and cannot be called.
fn is_callable(value: &Value) -> bool {
    value.kind() == ValueKind::Plain && value.downcast_object_ref::<Cycler>().is_none()
}

fn is_mapping(value: &Value) -> bool {
    value.kind() == ValueKind::Map && !is_secrets(value)
}

fn is_sequence(value: &Value) -> bool {
    match value.kind() {
        ValueKind::String | ValueKind::Bytes | ValueKind::Seq | ValueKind::Undefined => true,
        ValueKind::Map => !is_secrets(value),
        // What `+` makes from two lists is a list.
        ValueKind::Iterable => {
            value
                .downcast_object_ref::<crate::methods::View>()
                .is_none()
                && value.len().is_some()
        }
        _ => value.downcast_object_ref::<Range>().is_some(),
    }
}

fn is_iterable(value: &Value) -> bool {
    match value.kind() {
        ValueKind::None => false,
        ValueKind::Bytes => true,
        ValueKind::Map => true,
        _ => value.try_iter().is_ok(),
    }
}

fn rest_of_two(value: &Value) -> Result<f64, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(f64::from(u8::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => {
            Ok(i128::try_from(value.clone()).map_or(0.0, |number| {
                if number.rem_euclid(2) == 1 { 1.0 } else { 0.0 }
            }))
        }
        ValueKind::Number => f64::try_from(value.clone())
            .map(|number| number.rem_euclid(2.0))
            .map_err(|_| told("a number is needed here")),
        _ => Err(told("a number is needed here")),
    }
}
