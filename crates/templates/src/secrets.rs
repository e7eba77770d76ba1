//! The object through which a template sees secrets, and the port behind it.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};
use seal::Plaintext;

use crate::arguments::Arguments;
use crate::error::{TemplateError, told};
use crate::key_format::KeyFormat;
use crate::python;

/// Where secrets come from, by name.
///
/// Synchronous, since a template waits for each answer anyway: a caller whose store is asynchronous blocks on its
/// runtime in here (from a thread that is not one of the runtime's own).
pub trait Lookup: Send + Sync {
    /// The newest value of `name`; `None` when there is no such secret.
    ///
    /// Errors: anything else; the rendering stops with it as the source of its own error.
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn StdError + Send + Sync>>;
}

/// The secrets of one run, which may render many templates: each name is asked once and kept, and wiped on drop.
#[derive(Clone)]
pub struct Secrets(Arc<Kept>);

struct Kept {
    lookup: Arc<dyn Lookup>,
    format: KeyFormat,
    asked: Mutex<HashMap<String, Option<Arc<Plaintext>>>>,
    /// What went wrong first: an object's answer is a value or nothing, so the engine cannot always carry it.
    failed: Mutex<Option<TemplateError>>,
}

impl Secrets {
    /// Secrets of `lookup`, whose names are made by `format`.
    pub fn new(lookup: Arc<dyn Lookup>, format: KeyFormat) -> Self {
        Self(Arc::new(Kept {
            lookup,
            format,
            asked: Mutex::default(),
            failed: Mutex::default(),
        }))
    }

    /// The bytes of the secret for `key`, which the key format makes a name as in a template.
    ///
    /// Errors: `NoSuchSecret`, `Lookup`.
    pub fn bytes(&self, key: &str) -> Result<Plaintext, TemplateError> {
        match self.find(&[key.to_owned()])? {
            Some((_, value)) => Ok(Plaintext::new(value.expose().into())),
            None => Err(TemplateError::NoSuchSecret(self.shown(key))),
        }
    }

    /// A name as errors may show it: not when a template made it from the value of another secret.
    fn shown(&self, name: &str) -> String {
        let folded = name.to_lowercase();
        let is_made_from_a_value = lock(&self.0.asked).values().flatten().any(|value| {
            std::str::from_utf8(value.expose()).is_ok_and(|value| {
                // Shorter ones stand in any name.
                value == name
                    || (value.len() >= SHORTEST_HIDDEN && folded.contains(&value.to_lowercase()))
            })
        });
        if is_made_from_a_value {
            "(its name is made from another secret)".to_owned()
        } else {
            name.to_owned()
        }
    }

    /// What went wrong while the engine could not be told; asked once after each rendering.
    pub(crate) fn take_failure(&self) -> Option<TemplateError> {
        lock(&self.0.failed).take()
    }

    fn find(&self, keys: &[String]) -> Result<Option<(String, Arc<Plaintext>)>, TemplateError> {
        let Some(name) = self.0.format.name(keys) else {
            return Ok(None);
        };
        let mut asked = lock(&self.0.asked);
        if let Some(known) = asked.get(&name) {
            return Ok(known.clone().map(|value| (name, value)));
        }
        match self.0.lookup.look_up(&name) {
            Ok(found) => {
                let found = found.map(Arc::new);
                asked.insert(name.clone(), found.clone());
                Ok(found.map(|value| (name, value)))
            }
            Err(source) => {
                drop(asked);
                let name = self.shown(&name);
                Err(TemplateError::Lookup { name, source })
            }
        }
    }

    fn text(&self, keys: &[String]) -> Result<Option<Value>, TemplateError> {
        let Some((name, value)) = self.find(keys)? else {
            return Ok(None);
        };
        match std::str::from_utf8(value.expose()) {
            Ok(text) => Ok(Some(Value::from(text))),
            Err(_) => Err(TemplateError::NotText(self.shown(&name))),
        }
    }

    /// Remembers a failed lookup, and gives the engine an error that stops it where it can.
    fn stop(&self, error: TemplateError) -> Error {
        let stop = told(error.to_string());
        if matches!(error, TemplateError::Lookup { .. }) {
            lock(&self.0.failed).get_or_insert(error);
        }
        stop
    }

    fn answer(&self, found: Result<Option<Value>, TemplateError>) -> Option<Value> {
        found.unwrap_or_else(|error| Some(Value::from(self.stop(error))))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secrets>")
    }
}

impl Object for Secrets {
    /// A map as far as `in` goes; it has no length and cannot be walked.
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    /// `secrets['name']`, `secrets['a', 'b']`, and `in`: a secret first, then an attribute of the object.
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = self.answer(self.text(&parts(key)));
        found.or_else(|| match key.as_str() {
            Some("get_str") => Some(Method::Text.of(self)),
            Some("get_bytes") => Some(Method::Bytes.of(self)),
            _ => None,
        })
    }

    /// `secrets.name`: an attribute of the object first, where the sandbox allows it, then a secret.
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "get_str" => Some(Method::Text.of(self)),
            "get_bytes" => Some(Method::Bytes.of(self)),
            _ if is_barred(key) => None,
            _ => self.answer(self.text(&[key.to_owned()])),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "get_str" => Method::Text.call(self, args),
            "get_bytes" => Method::Bytes.call(self, args),
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        Some(std::ptr::from_ref(self.0.as_ref()).cmp(&std::ptr::from_ref(
            other.downcast_ref::<Self>()?.0.as_ref(),
        )))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secrets>")
    }
}

/// `secrets.get_str` and `secrets.get_bytes`, which may be kept in a variable before they are called.
#[derive(Clone, Copy)]
enum Method {
    Text,
    Bytes,
}

impl Method {
    fn of(self, secrets: &Arc<Secrets>) -> Value {
        Value::from_object(Bound(self, Arc::clone(secrets)))
    }

    fn call(self, secrets: &Secrets, args: &[Value]) -> Result<Value, Error> {
        let arguments = Arguments::bind(&["key"], args)?;
        let keys = parts(arguments.required(0)?);
        let found = match self {
            Self::Text => secrets.text(&keys),
            Self::Bytes => secrets
                .find(&keys)
                .map(|found| found.map(|(_, value)| Value::from_bytes(value.expose().to_vec()))),
        };
        match found {
            Ok(Some(value)) => Ok(value),
            Ok(None) => {
                let name = secrets
                    .0
                    .format
                    .name(&keys)
                    .unwrap_or_else(|| keys.join(", "));
                let name = secrets.shown(&name);
                Err(secrets.stop(TemplateError::NoSuchSecret(name)))
            }
            Err(error) => Err(secrets.stop(error)),
        }
    }
}

struct Bound(Method, Arc<Secrets>);

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<method of secrets>")
    }
}

impl Object for Bound {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.0.call(&self.1, args)
    }
}

/// The method of the secrets object, as an attribute; `None` for any other value.
pub(crate) fn method(value: &Value, name: &str) -> Option<Value> {
    let secrets = value.downcast_object::<Secrets>()?;
    match name {
        "get_str" => Some(Method::Text.of(&secrets)),
        "get_bytes" => Some(Method::Bytes.of(&secrets)),
        _ => None,
    }
}

/// A tuple is a key of several parts, anything else of one.
fn parts(key: &Value) -> Vec<String> {
    if key.is_tuple()
        && let Ok(items) = key.try_iter()
    {
        return items.map(|item| python::str(&item)).collect();
    }
    vec![python::str(key)]
}

/// Attributes that the reference's object has and its sandbox hides. Others with an underscore are secrets.
fn is_barred(attribute: &str) -> bool {
    attribute.starts_with("__")
        || matches!(
            attribute,
            "_items"
                | "_key_fmt"
                | "_encoding"
                | "_errors"
                | "_data"
                | "_key_service"
                | "_storage_service"
        )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of a lookup leaves the map whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of a value from which on a name that holds it is not shown.
const SHORTEST_HIDDEN: usize = 4;
