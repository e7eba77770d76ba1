//! Filters that make text fit for HTML and addresses.

use std::fmt::Write as _;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

use super::{Filter, soft};
use crate::arguments::Arguments;
use crate::error::told;

pub(super) fn add(add: &mut impl FnMut(&'static str, Filter)) {
    add("escape", escape);
    add("e", escape);
    add("forceescape", |_, value, given| {
        Arguments::bind(&[], given)?;
        Ok(Value::from_safe_string(escaped(&soft(value))))
    });
    add("striptags", striptags);
    add("urlencode", urlencode);
    add("xmlattr", xmlattr);
}

/// `&`, `<`, `>` and both quotes as HTML wants them, in the forms of MarkupSafe.
pub(crate) fn escaped(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => made.push_str("&amp;"),
            '<' => made.push_str("&lt;"),
            '>' => made.push_str("&gt;"),
            '\'' => made.push_str("&#39;"),
            '"' => made.push_str("&#34;"),
            plain => made.push(plain),
        }
    }
    made
}

fn escape(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    Arguments::bind(&[], given)?;
    Ok(if value.is_safe() {
        value.clone()
    } else {
        Value::from_safe_string(escaped(&soft(value)))
    })
}

fn striptags(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    Arguments::bind(&[], given)?;
    let text = without(&soft(value), "<!--", "-->");
    let text = without(&text, "<", ">");
    let words: Vec<&str> = text
        .split(crate::python::is_space)
        .filter(|word| !word.is_empty())
        .collect();
    Ok(Value::from(unescaped(&words.join(" "))))
}

/// The text without everything from an `open` to the `close` after it.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(open) {
        let Some((_, after)) = from.split_once(close) else {
            break;
        };
        made.push_str(before);
        rest = after;
    }
    made.push_str(rest);
    made
}

/// Undoes `escaped`, numbers and the few names that text of machines has; other names stay as they are.
fn unescaped(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('&') {
        made.push_str(before);
        rest = from;
        let Some((name, after)) = from.split_once(';').filter(|(name, _)| name.len() <= 10) else {
            made.push('&');
            continue;
        };
        let letter = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            _ => name
                .strip_prefix('#')
                .and_then(|number| match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16).ok(),
                    None => number.parse().ok(),
                })
                .and_then(char::from_u32),
        };
        match letter {
            Some(letter) => {
                made.push(letter);
                rest = after;
            }
            None => made.push('&'),
        }
    }
    made.push_str(rest);
    made
}

fn urlencode(_: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    Arguments::bind(&[], given)?;
    let pair = |name: &Value, value: &Value| {
        format!(
            "{}={}",
            percent(&bytes(name), true),
            percent(&bytes(value), true)
        )
    };
    let pairs: Vec<String> = match value.kind() {
        ValueKind::Map => value
            .as_object()
            .and_then(|map| map.try_iter_pairs())
            .ok_or_else(|| told("this cannot be walked"))?
            .map(|(name, value)| pair(&name, &value))
            .collect(),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut made = Vec::new();
            for item in value.try_iter()? {
                let mut two = item.try_iter()?;
                match (two.next(), two.next(), two.next()) {
                    (Some(name), Some(value), None) => made.push(pair(&name, &value)),
                    _ => return Err(told("pairs are needed here")),
                }
            }
            made
        }
        _ => return Ok(Value::from(percent(&bytes(value), false))),
    };
    Ok(Value::from(pairs.join("&")))
}

fn bytes(value: &Value) -> Vec<u8> {
    value
        .as_bytes()
        .map_or_else(|| soft(value).into_bytes(), <[u8]>::to_vec)
}

/// `%XX` for all but letters, digits and `-_.~`; in a query a space is `+`, elsewhere `/` stays.
fn percent(bytes: &[u8], in_query: bool) -> String {
    let mut made = String::with_capacity(bytes.len());
    for byte in bytes {
        match *byte {
            b' ' if in_query => made.push('+'),
            b'/' if !in_query => made.push('/'),
            b'-' | b'_' | b'.' | b'~' => made.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => made.push(char::from(byte)),
            byte => {
                let _ = write!(made, "%{byte:02X}");
            }
        }
    }
    made
}

fn xmlattr(state: &mut State<'_, '_>, value: &Value, given: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["autospace"], given)?;
    let pairs = value
        .as_object()
        .and_then(|map| map.try_iter_pairs())
        .filter(|_| value.kind() == ValueKind::Map)
        .ok_or_else(|| told("xmlattr takes a mapping"))?;
    let mut made = Vec::new();
    for (name, value) in pairs {
        if value.is_none() || value.is_undefined() {
            continue;
        }
        let name = crate::arguments::text(&name)?.to_owned();
        if name.contains(|letter: char| {
            crate::python::is_space(letter) || matches!(letter, '/' | '>' | '=')
        }) {
            return Err(told(
                "an attribute's name has a letter that cannot be there",
            ));
        }
        let value = if value.is_safe() {
            soft(&value)
        } else {
            escaped(&soft(&value))
        };
        made.push(format!("{}=\"{value}\"", escaped(&name)));
    }
    let mut made = made.join(" ");
    if arguments.truth(0, true) && !made.is_empty() {
        made.insert(0, ' ');
    }
    Ok(match state.auto_escape() {
        minijinja::AutoEscape::None => Value::from(made),
        _ => Value::from_safe_string(made),
    })
}
