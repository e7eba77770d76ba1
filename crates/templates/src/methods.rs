//! Methods of Python's own types, of those that change nothing: text, mappings, lists, numbers, bytes.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use crate::arguments::Arguments;
use crate::error::told;
use crate::python;
use crate::text_methods::{TEXT_METHODS, of_text};

/// Calls `name` on a value that is no object of its own; the engine asks here last.
pub(crate) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    given: &[Value],
) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => of_text(state, value.as_str().unwrap_or_default(), name, given),
        ValueKind::Bytes => of_bytes(value.as_bytes().unwrap_or_default(), name, given),
        ValueKind::Map => of_map(value, name, given),
        ValueKind::Seq | ValueKind::Iterable => of_list(value, name, given),
        ValueKind::Number => of_number(value, name, given),
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

/// Whether `call` knows `name` for a value of this kind: what `attr` may hand out.
pub(crate) fn is_known(value: &Value, name: &str) -> bool {
    match value.kind() {
        ValueKind::String => TEXT_METHODS.contains(&name),
        ValueKind::Map => {
            value
                .downcast_object_ref::<crate::secrets::Secrets>()
                .is_none()
                && MAP_METHODS.contains(&name)
        }
        ValueKind::Seq => LIST_METHODS.contains(&name),
        _ => false,
    }
}

/// A method that was taken from its value and not yet called.
pub(crate) struct Bound(pub(crate) Value, pub(crate) String);

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<built-in method {}>", self.1)
    }
}

impl Object for Bound {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, given: &[Value]) -> Result<Value, Error> {
        call(state, &self.0, &self.1, given)
    }
}

fn of_bytes(this: &[u8], name: &str, given: &[Value]) -> Result<Value, Error> {
    match name {
        "decode" => {
            let arguments = Arguments::bind(&["encoding", "errors"], given)?;
            let encoding = arguments.text(0)?.unwrap_or("utf-8").to_ascii_lowercase();
            let errors = arguments.text(1)?.unwrap_or("strict");
            match (encoding.as_str(), errors) {
                ("utf-8" | "utf8" | "ascii", "replace") => {
                    Ok(Value::from(String::from_utf8_lossy(this).as_ref()))
                }
                ("utf-8" | "utf8", "ignore") => Ok(Value::from(
                    this.utf8_chunks()
                        .map(|chunk| chunk.valid())
                        .collect::<String>(),
                )),
                ("utf-8" | "utf8", "strict") => std::str::from_utf8(this)
                    .map(Value::from)
                    .map_err(|_| told("these bytes are not UTF-8 text")),
                ("ascii", "strict") if this.is_ascii() => {
                    Ok(Value::from(String::from_utf8_lossy(this).as_ref()))
                }
                ("latin-1" | "latin1" | "iso-8859-1", _) => Ok(Value::from(
                    this.iter()
                        .map(|byte| char::from(*byte))
                        .collect::<String>(),
                )),
                _ => Err(told("these bytes cannot be decoded so")),
            }
        }
        "hex" => {
            Arguments::bind(&[], given)?;
            Ok(Value::from(
                this.iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>(),
            ))
        }
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

fn of_map(this: &Value, name: &str, given: &[Value]) -> Result<Value, Error> {
    let Some(map) = this.as_object() else {
        return Err(ErrorKind::UnknownMethod.into());
    };
    match name {
        "get" => {
            let arguments = Arguments::bind(&["key", "default"], given)?;
            Ok(map
                .get_value(arguments.required(0)?)
                .or_else(|| arguments.get(1).cloned())
                .unwrap_or(Value::from(())))
        }
        "keys" | "values" | "items" => {
            Arguments::bind(&[], given)?;
            let pairs: Vec<(Value, Value)> = map
                .try_iter_pairs()
                .ok_or(ErrorKind::UnknownMethod)?
                .collect();
            Ok(Value::from_object(match name {
                "keys" => View("dict_keys", pairs.into_iter().map(|(key, _)| key).collect()),
                "values" => View(
                    "dict_values",
                    pairs.into_iter().map(|(_, value)| value).collect(),
                ),
                _ => View(
                    "dict_items",
                    pairs
                        .into_iter()
                        .map(|(key, value)| Value::from(Tuple::from([key, value])))
                        .collect(),
                ),
            }))
        }
        "copy" => Arguments::bind(&[], given).map(|_| this.clone()),
        "update" | "setdefault" | "pop" | "popitem" | "clear" => Err(fixed()),
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

/// What `keys()`, `values()` and `items()` give: walked like a list, printed with its name.
#[derive(Debug)]
pub(crate) struct View(&'static str, Vec<Value>);

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.1.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.1.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}({})",
            self.0,
            python::repr(&Value::from(self.1.clone()))
        )
    }
}

fn of_list(this: &Value, name: &str, given: &[Value]) -> Result<Value, Error> {
    match name {
        "count" => {
            let arguments = Arguments::bind(&["value"], given)?;
            let wanted = arguments.required(0)?;
            Ok(Value::from(
                this.try_iter()?.filter(|item| item == wanted).count(),
            ))
        }
        "index" => {
            let arguments = Arguments::bind(&["value"], given)?;
            let wanted = arguments.required(0)?;
            this.try_iter()?
                .position(|item| item == *wanted)
                .map(Value::from)
                .ok_or_else(|| told("the value is not in the list"))
        }
        "copy" if !this.is_tuple() => Arguments::bind(&[], given).map(|_| this.clone()),
        "append" | "extend" | "insert" | "remove" | "pop" | "clear" | "sort" | "reverse" => {
            Err(fixed())
        }
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

fn fixed() -> Error {
    told(
        "a list or mapping of a template cannot be changed: make a new one with set, as in `list + [value]`",
    )
}

fn of_number(this: &Value, name: &str, given: &[Value]) -> Result<Value, Error> {
    match name {
        "is_integer" if !this.is_integer() => {
            Arguments::bind(&[], given)?;
            let number = f64::try_from(this.clone()).unwrap_or(f64::NAN);
            Ok(Value::from(number.fract() == 0.0))
        }
        "bit_length" if this.is_integer() => {
            Arguments::bind(&[], given)?;
            let number = this
                .as_i64()
                .ok_or_else(|| told("this number is too large here"))?;
            Ok(Value::from(64 - number.unsigned_abs().leading_zeros()))
        }
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

const MAP_METHODS: &[&str] = &["get", "keys", "values", "items", "copy"];
const LIST_METHODS: &[&str] = &["count", "index", "copy"];
