//! Arguments as Python binds them: by position or by name, to a fixed list of names.

use minijinja::value::{Kwargs, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};

use crate::error::told;
use crate::python;

/// One value, or none, for each name of a function's list.
pub(crate) struct Arguments(Vec<Option<Value>>);

impl Arguments {
    /// Binds what a template passed to `names`.
    ///
    /// Errors: more than there are names, one given twice, a name that is not in the list.
    pub(crate) fn bind(names: &[&str], given: &[Value]) -> Result<Self, Error> {
        let (positional, named): (&[Value], Kwargs) = from_args(given)?;
        if positional.len() > names.len() {
            return Err(ErrorKind::TooManyArguments.into());
        }
        let mut bound: Vec<Option<Value>> = positional.iter().cloned().map(Some).collect();
        bound.resize(names.len(), None);
        for (slot, name) in bound.iter_mut().zip(names) {
            if named.has(name) {
                if slot.is_some() {
                    return Err(told(format!("the argument {name} is given twice")));
                }
                *slot = Some(named.get(name)?);
            }
        }
        if named.assert_all_used().is_err() {
            return Err(told("an argument of this name is not known"));
        }
        Ok(Self(bound))
    }

    /// The argument at a place of the list, if it was given and is not `none`.
    pub(crate) fn get(&self, at: usize) -> Option<&Value> {
        self.0
            .get(at)
            .and_then(Option::as_ref)
            .filter(|value| !value.is_none())
    }

    /// The argument at a place of the list; it must have been given.
    pub(crate) fn required(&self, at: usize) -> Result<&Value, Error> {
        self.0
            .get(at)
            .and_then(Option::as_ref)
            .ok_or_else(|| ErrorKind::MissingArgument.into())
    }

    pub(crate) fn truth(&self, at: usize, default: bool) -> bool {
        self.get(at).map_or(default, Value::is_true)
    }

    pub(crate) fn integer(&self, at: usize, default: i64) -> Result<i64, Error> {
        self.get(at).map_or(Ok(default), integer)
    }

    /// Text, or `None` when it was not given.
    pub(crate) fn text(&self, at: usize) -> Result<Option<&str>, Error> {
        self.get(at).map(text).transpose()
    }
}

/// The text in a value.
pub(crate) fn text(value: &Value) -> Result<&str, Error> {
    python::text_of(value).ok_or_else(|| told("text is needed here"))
}

/// The whole number in a value; a truth value counts, as in Python.
pub(crate) fn integer(value: &Value) -> Result<i64, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(i64::from(value.is_true())),
        ValueKind::Number if value.is_integer() => value
            .as_i64()
            .ok_or_else(|| told("this number is too large here")),
        _ => Err(told("a whole number is needed here")),
    }
}

/// Pays for `bytes` that are about to be made, so that no width or count can ask for more memory than the limit.
pub(crate) fn pay(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    state.consume_fuel(u64::try_from(bytes / 64).unwrap_or(u64::MAX))
}
