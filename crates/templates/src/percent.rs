//! Python's formatting of text with `%`.

use minijinja::Error;
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::Value;

use crate::error::told;

/// `format % values`; every value must be used, as in Python.
pub(crate) fn printf(format_text: &str, values: &[Value]) -> Result<Value, Error> {
    if fields(format_text) < values.len() {
        return Err(told("not all arguments converted during string formatting"));
    }
    format(FormatStyle::Printf, format_text, values).map(Value::from)
}

/// `format % mapping`, with `%(name)s`.
pub(crate) fn printf_named(format_text: &str, values: &Value) -> Result<Value, Error> {
    let named: minijinja::value::Kwargs = values
        .as_object()
        .and_then(|map| map.try_iter_pairs())
        .ok_or_else(|| told("a mapping is needed here"))?
        .filter_map(|(key, value)| key.as_str().map(|key| (key.to_owned(), value)))
        .collect();
    format(FormatStyle::Printf, format_text, &[Value::from(named)]).map(Value::from)
}

/// How many values a format takes: one for each `%`, and for each `*` within; `%%` takes none.
fn fields(format_text: &str) -> usize {
    let mut count = 0;
    let mut letters = format_text.chars();
    while letters.by_ref().any(|letter| letter == '%') {
        for letter in letters.by_ref() {
            match letter {
                '%' => break,
                '*' => count += 1,
                _ if letter.is_ascii_alphabetic() && !matches!(letter, 'h' | 'l' | 'L') => {
                    count += 1;
                    break;
                }
                _ => {}
            }
        }
    }
    count
}

/// The sum of all numbers in a format: at least as much as its widths can ask for.
pub(crate) fn widths(format_text: &str) -> usize {
    format_text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap_or(usize::MAX))
        .fold(0, usize::saturating_add)
}
