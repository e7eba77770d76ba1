//! Filters that make text from text.

use minijinja::value::{Kwargs, Value, ValueKind, from_args};
use minijinja::{Error, State};

use super::{Filter, soft, wrap};
use crate::arguments::{Arguments, pay};
use crate::error::told;
use crate::{percent, python, text_methods};

pub(super) fn add(add: &mut impl FnMut(&'static str, Filter)) {
    add("center", center);
    add("format", format);
    add("indent", indent);
    add("truncate", truncate);
    add("wordcount", wordcount);
    add("wordwrap", wordwrap);
    add("string", string);
    add("filesizeformat", filesizeformat);
}

fn center(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["width"], given)?;
    let width = usize::try_from(arguments.integer(0, 80)?).unwrap_or(0);
    pay(state, width)?;
    Ok(Value::from(text_methods::center(&soft(value), width, ' ')))
}

/// `'%s and %s' | format(a, b)`, or by name.
fn format(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let (positional, named): (&[Value], Kwargs) = from_args(given)?;
    let text = soft(value);
    pay(state, percent::widths(&text))?;
    let mut names = named.args().peekable();
    match (positional.is_empty(), names.peek().is_some()) {
        (false, true) => Err(told("format takes values by position or by name, not both")),
        (true, true) => {
            drop(names);
            percent::printf_named(&text, &Value::from(named))
        }
        _ if value.is_safe() => {
            let escaped: Vec<Value> = positional
                .iter()
                .map(|value| match python::text_of(value) {
                    Some(text) if !value.is_safe() => Value::from(super::escaped(text)),
                    _ => value.clone(),
                })
                .collect();
            Ok(Value::from_safe_string(python::str(&percent::printf(
                &text, &escaped,
            )?)))
        }
        _ => percent::printf(&text, positional),
    }
}

fn indent(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["width", "first", "blank"], given)?;
    let by = match arguments.get(0).and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => {
            let width = usize::try_from(arguments.integer(0, 4)?).unwrap_or(0);
            pay(state, width)?;
            " ".repeat(width)
        }
    };
    let (first, blank) = (arguments.truth(1, false), arguments.truth(2, false));
    let text = crate::arguments::text(value)?.to_owned() + "\n";
    let lines = python::lines(&text);
    pay(state, lines.len().saturating_mul(by.len() + 1))?;
    let mut made = String::new();
    for (at, (line, _)) in lines.iter().enumerate() {
        if at > 0 {
            made.push('\n');
        }
        let is_indented = if at == 0 {
            first
        } else {
            blank || !line.is_empty()
        };
        if is_indented {
            made.push_str(&by);
        }
        made.push_str(line);
    }
    Ok(if value.is_safe() {
        Value::from_safe_string(made)
    } else {
        Value::from(made)
    })
}

fn truncate(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["length", "killwords", "end", "leeway"], given)?;
    let length = usize::try_from(arguments.integer(0, 255)?).unwrap_or(0);
    let end = arguments.text(2)?.unwrap_or("...");
    let leeway = usize::try_from(arguments.integer(3, 5)?)
        .map_err(|_| told("the leeway cannot be below zero"))?;
    let ending = end.chars().count();
    if length < ending {
        return Err(told(format!("expected length >= {ending}, got {length}")));
    }
    let text = match value.kind() {
        ValueKind::Undefined => "",
        // What has a length and is short enough comes out as it is.
        ValueKind::Seq | ValueKind::Map | ValueKind::Bytes
            if value
                .len()
                .is_some_and(|items| items <= length.saturating_add(leeway)) =>
        {
            return Ok(value.clone());
        }
        _ => crate::arguments::text(value)?,
    };
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(Value::from(text));
    }
    let mut kept: String = text.chars().take(length - ending).collect();
    if !arguments.truth(1, false)
        && let Some((whole, _)) = kept.rsplit_once(' ')
    {
        kept = whole.to_owned();
    }
    kept.push_str(end);
    Ok(Value::from(kept))
}

fn wordcount(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    Arguments::bind(&[], given)?;
    Ok(Value::from(
        soft(value)
            .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .filter(|word| !word.is_empty())
            .count(),
    ))
}

fn wordwrap(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(
        &[
            "width",
            "break_long_words",
            "wrapstring",
            "break_on_hyphens",
        ],
        given,
    )?;
    let width = usize::try_from(arguments.integer(0, 79)?)
        .ok()
        .filter(|width| *width > 0)
        .ok_or_else(|| told("the width must be above zero"))?;
    let rules = wrap::Rules {
        width,
        break_long_words: arguments.truth(1, true),
        break_on_hyphens: arguments.truth(3, true),
    };
    let between = arguments.text(2)?.unwrap_or("\n");
    let wrapped: Vec<String> = python::lines(crate::arguments::text(value)?)
        .into_iter()
        .map(|(line, _)| wrap::wrap(line, &rules).join(between))
        .collect();
    Ok(Value::from(wrapped.join(between)))
}

fn string(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    Arguments::bind(&[], given)?;
    Ok(match python::text_of(value) {
        Some(_) => value.clone(),
        None => Value::from(soft(value)),
    })
}

fn filesizeformat(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["binary"], given)?;
    let binary = arguments.truth(0, false);
    let size = super::values::to_float(value).ok_or_else(|| told("a number is needed here"))?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if size == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if size < base {
        return Ok(Value::from(format!("{:.0} Bytes", size.trunc())));
    }
    let mut unit = base;
    let mut last = None;
    for prefix in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
        unit *= base;
        last = Some(prefix);
        if size < unit {
            break;
        }
    }
    let prefix = match last {
        Some("k") if binary => "K",
        Some(prefix) => prefix,
        None => "",
    };
    let infix = if binary { "i" } else { "" };
    Ok(Value::from(format!(
        "{:.1} {prefix}{infix}B",
        base * size / unit
    )))
}
