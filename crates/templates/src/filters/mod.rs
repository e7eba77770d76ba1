//! Jinja2's filters where the engine has none or answers otherwise, and CredSmash's own.

mod html;
mod order;
mod text;
mod values;
mod wrap;

pub(crate) use html::escaped;
use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, State};
pub(crate) use order::{Group, are_comparable};

use crate::error::told;
use crate::{json, python, shell};
use zeroize::Zeroizing;

/// Puts the filters into `environment`, and takes out those that Jinja2 does not have.
pub(crate) fn add(environment: &mut Environment<'_>) {
    for name in ["bool", "chain", "zip", "split", "lines"] {
        environment.remove_filter(name);
    }
    let mut add = |name: &'static str, filter: Filter| {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, value: Value, given: Rest<ValueOrKwargs>| {
                filter(state, &value, &given.into_values())
            },
        );
    };
    add("sh", |_, value, given| quote(value, given, shell::sh));
    add("env", |_, value, given| quote(value, given, shell::env));
    add("jsonify", json::jsonify);
    add("tojson", json::tojson);
    add("minjson", |_, value, given| {
        crate::arguments::Arguments::bind(&[], given)?;
        json::minjson(value)
    });
    text::add(&mut add);
    html::add(&mut add);
    order::add(&mut add);
    values::add(&mut add);
}

type Filter = fn(&mut State<'_, '_>, &Value, &[Value]) -> Result<Value, Error>;

fn quote(
    value: &Value,
    given: &[Value],
    quoted: fn(&str) -> Zeroizing<String>,
) -> Result<Value, Error> {
    crate::arguments::Arguments::bind(&[], given)?;
    match python::text_of(value) {
        Some(text) => Ok(Value::from(quoted(text).as_str())),
        None if !value.is_true() => Ok(Value::from(quoted("").as_str())),
        None => Err(told("only text can be quoted: put `| string` before it")),
    }
}

/// The text of any value, as Jinja2's own filters take it.
fn soft(value: &Value) -> String {
    python::str(value)
}
