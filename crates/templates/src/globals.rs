//! The functions that every template has: `range`, `dict`, `cycler`, `joiner`, `lipsum`. `namespace` is the engine's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State};

use crate::arguments::{Arguments, integer, pay};
use crate::error::told;

/// Puts the functions into `environment`, in place of the engine's own.
pub(crate) fn add(environment: &mut Environment<'_>) {
    environment.remove_global("debug");
    environment.add_function("range", range);
    environment.add_function("dict", dict);
    environment.add_function("cycler", cycler);
    environment.add_function("joiner", joiner);
    environment.add_function("lipsum", lipsum);
}

/// Whole numbers in steps, made one by one. Prints as in Python.
pub(crate) struct Range {
    start: i64,
    stop: i64,
    step: i64,
    length: usize,
}

/// Errors: no numbers, a step of zero, more than 100 000 numbers (the limit of Jinja2's sandbox).
fn range(given: Rest<Value>) -> Result<Value, Error> {
    let (start, stop, step) = match given.as_slice() {
        [stop] => (0, integer(stop)?, 1),
        [start, stop] => (integer(start)?, integer(stop)?, 1),
        [start, stop, step] => (integer(start)?, integer(stop)?, integer(step)?),
        _ => return Err(told("range takes one to three numbers")),
    };
    let distance = if step > 0 {
        i128::from(stop) - i128::from(start)
    } else {
        i128::from(start) - i128::from(stop)
    };
    let stride = i128::from(step).abs();
    if stride == 0 {
        return Err(told("the step of a range cannot be zero"));
    }
    let length = usize::try_from((distance + stride - 1) / stride).unwrap_or(0);
    if distance > 0 && (distance + stride - 1) / stride > LONGEST_RANGE {
        return Err(told(format!(
            "a range may have at most {LONGEST_RANGE} numbers"
        )));
    }
    Ok(Value::from_object(Range {
        start,
        stop,
        step,
        length: if distance > 0 { length } else { 0 },
    }))
}

impl Range {
    fn at(&self, index: usize) -> Option<i64> {
        let steps = i64::try_from(index).ok().filter(|_| index < self.length)?;
        self.start.checked_add(self.step.checked_mul(steps)?)
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            1 => write!(f, "range({}, {})", self.start, self.stop),
            step => write!(f, "range({}, {}, {step})", self.start, self.stop),
        }
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.at(key.as_usize()?).map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.length)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// `dict(a=1)`, `dict(mapping)`, `dict(pairs)`, and both together.
fn dict(given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = given.into_values();
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    let mut put = |key: Value, value: Value| match pairs.iter_mut().find(|(known, _)| *known == key)
    {
        Some(pair) => pair.1 = value,
        None => pairs.push((key, value)),
    };
    if given.len() > 2 || (given.len() == 2 && !given.iter().any(Value::is_kwargs)) {
        return Err(ErrorKind::TooManyArguments.into());
    }
    for source in given.iter() {
        match source
            .as_object()
            .filter(|_| source.kind() == ValueKind::Map)
        {
            Some(map) => {
                let known = map
                    .try_iter_pairs()
                    .ok_or_else(|| told("this cannot become a mapping"))?;
                known.for_each(|(key, value)| put(key, value));
            }
            None => {
                for pair in source.try_iter()? {
                    let mut two = pair.try_iter()?;
                    match (two.next(), two.next(), two.next()) {
                        (Some(key), Some(value), None) => put(key, value),
                        _ => return Err(told("a mapping is made from pairs")),
                    }
                }
            }
        }
    }
    Ok(Value::from_pairs(pairs))
}

/// Values in turn: `next()`, `current`, `reset()`.
#[derive(Debug)]
pub(crate) struct Cycler {
    items: Vec<Value>,
    at: AtomicUsize,
}

fn cycler(items: Rest<Value>) -> Result<Value, Error> {
    if items.is_empty() {
        return Err(told("at least one item has to be provided"));
    }
    Ok(Value::from_object(Cycler {
        items: items.0,
        at: AtomicUsize::new(0),
    }))
}

impl Cycler {
    fn current(&self) -> Value {
        self.items
            .get(self.at.load(Ordering::Relaxed))
            .cloned()
            .unwrap_or_default()
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "current" => Some(self.current()),
            "items" => Some(Value::from(minijinja::value::Tuple::from(
                self.items.as_slice(),
            ))),
            "pos" => Some(Value::from(self.at.load(Ordering::Relaxed))),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        given: &[Value],
    ) -> Result<Value, Error> {
        Arguments::bind(&[], given)?;
        match method {
            "next" => {
                let current = self.current();
                let after = (self.at.load(Ordering::Relaxed) + 1) % self.items.len().max(1);
                self.at.store(after, Ordering::Relaxed);
                Ok(current)
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }
}

/// Nothing when called first, then the separator.
#[derive(Debug)]
struct Joiner {
    separator: Value,
    calls: AtomicUsize,
}

fn joiner(given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["sep"], &given.into_values())?;
    Ok(Value::from_object(Joiner {
        separator: arguments.get(0).cloned().unwrap_or(Value::from(", ")),
        calls: AtomicUsize::new(0),
    }))
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        (key == "sep").then(|| self.separator.clone())
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, given: &[Value]) -> Result<Value, Error> {
        Arguments::bind(&[], given)?;
        Ok(match self.calls.fetch_add(1, Ordering::Relaxed) {
            0 => Value::from(""),
            _ => self.separator.clone(),
        })
    }
}

/// Filler text. Always the same: a template gives the same text each time.
fn lipsum(state: &State<'_, '_>, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["n", "html", "min", "max"], &given.into_values())?;
    let paragraphs = arguments.integer(0, 5)?;
    let html = arguments.truth(1, true);
    let least = arguments.integer(2, 20)?.max(1);
    let most = arguments.integer(3, 100)?;
    if most <= least {
        return Err(told("lipsum's max must be above its min"));
    }
    let mut text = String::new();
    for number in 0..paragraphs.max(0) {
        let words = least + (number * 7 + 3) % (most - least);
        pay(
            state,
            usize::try_from(words)
                .unwrap_or(usize::MAX)
                .saturating_mul(8),
        )?;
        if number > 0 {
            text.push_str(if html { "\n" } else { "\n\n" });
        }
        text.push_str(if html { "<p>" } else { "" });
        for at in 0..words {
            let word = WORDS
                .get(usize::try_from((at * 5 + number) % 16).unwrap_or(0))
                .copied()
                .unwrap_or_default();
            if at == 0 {
                text.extend(word.chars().take(1).map(|first| first.to_ascii_uppercase()));
                text.push_str(word.get(1..).unwrap_or_default());
            } else {
                text.push(' ');
                text.push_str(word);
            }
        }
        text.push_str(if html { ".</p>" } else { "." });
    }
    Ok(if html {
        Value::from_safe_string(text)
    } else {
        Value::from(text)
    })
}

const LONGEST_RANGE: i128 = 100_000;

const WORDS: [&str; 16] = [
    "lorem", "ipsum", "dolor", "sit", "amet", "elit", "sed", "magna", "nulla", "quis", "porta",
    "felis", "turpis", "velit", "justo", "nibh",
];
