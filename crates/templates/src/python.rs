//! Values as Python prints them: `str()` and `repr()`, and the few rules of Python's text that Rust's do not have.

use std::fmt::Write as _;

use minijinja::value::{Value, ValueKind};

/// The text of a value that is text. The engine's `as_str` also reads bytes.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    value.as_str().filter(|_| value.kind() == ValueKind::String)
}

/// What `str(value)` gives: text as it is, everything else as in a list.
pub(crate) fn str(value: &Value) -> String {
    match text_of(value) {
        Some(text) => text.to_owned(),
        None if value.is_undefined() => String::new(),
        None => repr(value),
    }
}

/// What `repr(value)` gives.
pub(crate) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(value, DEEPEST, &mut out);
    out
}

fn write(value: &Value, depth: usize, out: &mut String) {
    match value.kind() {
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(number) => out.push_str(&float(number)),
            Err(_) => plain(value, out),
        },
        ValueKind::String => text(value.as_str().unwrap_or_default(), out),
        ValueKind::Bytes => bytes(value.as_bytes().unwrap_or_default(), out),
        ValueKind::Seq | ValueKind::Map if depth == 0 => out.push_str("..."),
        ValueKind::Seq if value.is_tuple() => {
            out.push('(');
            let count = items(value, depth, out);
            out.push_str(if count == 1 { ",)" } else { ")" });
        }
        ValueKind::Seq if !has_own_form(value) => {
            out.push('[');
            items(value, depth, out);
            out.push(']');
        }
        ValueKind::Iterable if value.len().is_some() && !has_own_form(value) => {
            out.push('[');
            items(value, depth.saturating_sub(1), out);
            out.push(']');
        }
        ValueKind::Map => match value.as_object().and_then(|object| object.try_iter_pairs()) {
            Some(pairs) => {
                out.push('{');
                for (at, (key, value)) in pairs.enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    write(&key, depth - 1, out);
                    out.push_str(": ");
                    write(&value, depth - 1, out);
                }
                out.push('}');
            }
            None => plain(value, out),
        },
        _ => plain(value, out),
    }
}

fn items(value: &Value, depth: usize, out: &mut String) -> usize {
    let mut count = 0;
    for item in value.try_iter().into_iter().flatten() {
        if count > 0 {
            out.push_str(", ");
        }
        write(&item, depth.saturating_sub(1), out);
        count += 1;
    }
    count
}

/// Objects of ours say themselves how they print.
fn has_own_form(value: &Value) -> bool {
    value
        .downcast_object_ref::<crate::globals::Range>()
        .is_some()
        || value
            .downcast_object_ref::<crate::methods::View>()
            .is_some()
        || value
            .downcast_object_ref::<crate::filters::Group>()
            .is_some()
}

fn plain(value: &Value, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

/// What `repr` gives for a float: the shortest digits that read back, an exponent below 1e-4 and from 1e16.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => {
            let mut fixed = number.to_string();
            if !fixed.contains('.') {
                fixed.push_str(".0");
            }
            fixed
        }
    }
}

fn text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter == quote => out.extend(['\\', quote]),
            _ if is_printable(letter) => out.push(letter),
            _ => escape(u32::from(letter), out),
        }
    }
    out.push(quote);
}

fn escape(code: u32, out: &mut String) {
    let _ = match code {
        ..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

fn bytes(bytes: &[u8], out: &mut String) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    out.push('b');
    out.push(quote);
    for byte in bytes {
        match *byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if char::from(byte) == quote => out.extend(['\\', quote]),
            0x20..=0x7e => out.push(char::from(*byte)),
            byte => escape(u32::from(byte), out),
        }
    }
    out.push(quote);
}

/// Python's `str.isprintable` for one letter. Rust's own escaping has the same rule, but for what combines with a
/// letter before it; hence the letter before.
pub(crate) fn is_printable(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        _ => {
            let mut pair = String::from("a");
            pair.push(letter);
            pair.escape_debug().nth(1) == Some(letter)
        }
    }
}

/// Python's `str.isspace` for one letter.
pub(crate) fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}

/// Python's `str.splitlines`; each line with what ended it.
pub(crate) fn lines(text: &str) -> Vec<(&str, &str)> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_line_end) {
        let (line, from) = rest.split_at(at);
        let length = if from.starts_with("\r\n") {
            2
        } else {
            from.chars().next().map_or(0, char::len_utf8)
        };
        let (end, after) = from.split_at(length);
        lines.push((line, end));
        rest = after;
    }
    if !rest.is_empty() {
        lines.push((rest, ""));
    }
    lines
}

fn is_line_end(letter: char) -> bool {
    matches!(
        letter,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Deeper values print as `...`; the engine's own limits keep templates from building such.
const DEEPEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1.0, "1.0")]
    #[case(0.1 + 0.2, "0.30000000000000004")]
    #[case(1e15, "1000000000000000.0")]
    #[case(1e16, "1e+16")]
    #[case(1.5e300, "1.5e+300")]
    #[case(0.0001, "0.0001")]
    #[case(0.00001, "1e-05")]
    #[case(-0.0, "-0.0")]
    #[case(5e-324, "5e-324")]
    #[case(f64::NAN, "nan")]
    #[case(f64::NEG_INFINITY, "-inf")]
    fn a_float_prints_as_in_python(#[case] number: f64, #[case] printed: &str) {
        assert_eq!(float(number), printed);
    }

    #[rstest]
    #[case("it's", "\"it's\"")]
    #[case("both ' and \"", "'both \\' and \"'")]
    #[case("tab\t\u{1}\u{7f}\u{a0}\u{200b}é☃", "'tab\\t\\x01\\x7f\\xa0\\u200bé☃'")]
    #[case("e\u{301}", "'e\u{301}'")]
    fn text_in_a_list_prints_as_in_python(#[case] text: &str, #[case] printed: &str) {
        assert_eq!(repr(&Value::from(text)), printed);
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let mut value = Value::from(1);
        for _ in 0..10_000 {
            value = Value::from(vec![value]);
        }
        assert!(repr(&value).contains("[...]"));
        // The engine's values free themselves one inside the other.
        std::mem::forget(value);
    }
}
