//! JSON as Python's `json` module prints and reads it.

use std::fmt::Write as _;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

use crate::arguments::{Arguments, pay, text};
use crate::error::told;
use crate::python;

/// How `json.dumps` is asked to print.
pub(crate) struct Style {
    indent: Option<String>,
    sorted: bool,
    ascii: bool,
    between: String,
    after_key: String,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            indent: None,
            sorted: false,
            ascii: true,
            between: ", ".to_owned(),
            after_key: ": ".to_owned(),
        }
    }
}

/// `jsonify`: `json.dumps`, with those of its options that make sense in a template.
pub(crate) fn jsonify(
    state: &mut State<'_, '_>,
    value: &Value,
    given: &[Value],
) -> Result<Value, Error> {
    let arguments = Arguments::bind(
        &["indent", "sort_keys", "ensure_ascii", "separators"],
        given,
    )?;
    let mut style = Style {
        indent: indent(&arguments, 0)?,
        sorted: arguments.truth(1, false),
        ascii: arguments.truth(2, true),
        ..Style::default()
    };
    if style.indent.is_some() {
        style.between = ",".to_owned();
    }
    if let Some(separators) = arguments.get(3) {
        let mut two = separators.try_iter()?;
        let (Some(between), Some(after_key), None) = (two.next(), two.next(), two.next()) else {
            return Err(told("separators must be two texts"));
        };
        style.between = text(&between)?.to_owned();
        style.after_key = text(&after_key)?.to_owned();
    }
    Ok(Value::from(dumps(state, value, &style)?))
}

/// `tojson`: keys sorted, and `<`, `>`, `&`, `'` escaped so that HTML may hold it.
pub(crate) fn tojson(
    state: &mut State<'_, '_>,
    value: &Value,
    given: &[Value],
) -> Result<Value, Error> {
    let arguments = Arguments::bind(&["indent"], given)?;
    let mut style = Style {
        indent: indent(&arguments, 0)?,
        sorted: true,
        ..Style::default()
    };
    if style.indent.is_some() {
        style.between = ",".to_owned();
    }
    let printed = dumps(state, value, &style)?
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\'', "\\u0027");
    Ok(Value::from_safe_string(printed))
}

/// `minjson`: JSON text read and printed again on one line, keys in their order.
pub(crate) fn minjson(value: &Value) -> Result<Value, Error> {
    let text = match value.as_str() {
        Some(text) => text,
        None => value
            .as_bytes()
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .ok_or_else(|| told("only text can be read as JSON"))?,
    };
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let node = reader.node(DEEPEST)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.bad());
    }
    let mut out = String::new();
    node.print(&mut out);
    Ok(Value::from(out))
}

fn indent(arguments: &Arguments, at: usize) -> Result<Option<String>, Error> {
    match arguments.get(at) {
        None => Ok(None),
        Some(value) if value.as_str().is_some() => Ok(value.as_str().map(str::to_owned)),
        Some(_) => {
            let width = arguments.integer(at, 0)?.clamp(0, 1000);
            Ok(Some(" ".repeat(usize::try_from(width).unwrap_or(0))))
        }
    }
}

fn dumps(state: &State<'_, '_>, value: &Value, style: &Style) -> Result<String, Error> {
    let mut out = String::new();
    dump(state, value, style, 0, &mut out)?;
    Ok(out)
}

fn dump(
    state: &State<'_, '_>,
    value: &Value,
    style: &Style,
    depth: usize,
    out: &mut String,
) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(told("this is nested too deeply for JSON"));
    }
    pay(state, 64)?;
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => out.push_str(&number(value)),
        ValueKind::String => string(value.as_str().unwrap_or_default(), style.ascii, out),
        ValueKind::Map => {
            let Some(pairs) = value.as_object().and_then(|object| object.try_iter_pairs()) else {
                return Err(not_json());
            };
            let mut pairs: Vec<(Value, Value)> = pairs.collect();
            if style.sorted {
                pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
            let mut inner = Items::open('{', style, depth, out);
            for (name, value) in pairs {
                inner.next(out);
                string(&key(&name)?, style.ascii, out);
                out.push_str(&style.after_key);
                dump(state, &value, style, depth + 1, out)?;
            }
            inner.close('}', out);
        }
        ValueKind::Seq | ValueKind::Iterable if !is_lazy(value) => {
            let mut inner = Items::open('[', style, depth, out);
            for item in value.try_iter()? {
                inner.next(out);
                dump(state, &item, style, depth + 1, out)?;
            }
            inner.close(']', out);
        }
        _ => return Err(not_json()),
    }
    Ok(())
}

/// The commas, and the lines when there is an indent.
struct Items<'a> {
    style: &'a Style,
    depth: usize,
    is_empty: bool,
}

impl<'a> Items<'a> {
    fn open(with: char, style: &'a Style, depth: usize, out: &mut String) -> Self {
        out.push(with);
        Self {
            style,
            depth,
            is_empty: true,
        }
    }

    fn next(&mut self, out: &mut String) {
        if !self.is_empty {
            out.push_str(&self.style.between);
        }
        self.is_empty = false;
        self.line(self.depth + 1, out);
    }

    fn close(self, with: char, out: &mut String) {
        if !self.is_empty {
            self.line(self.depth, out);
        }
        out.push(with);
    }

    fn line(&self, depth: usize, out: &mut String) {
        if let Some(indent) = &self.style.indent {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        }
    }
}

/// Python has no JSON for what it makes item by item.
fn is_lazy(value: &Value) -> bool {
    value
        .downcast_object_ref::<crate::globals::Range>()
        .is_some()
        || value
            .downcast_object_ref::<crate::methods::View>()
            .is_some()
}

fn not_json() -> Error {
    told("JSON has no form for this value")
}

fn key(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => Ok(number(value)),
        _ => Err(told(
            "a key of JSON must be text, a number, true, false or none",
        )),
    }
}

fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(float) if !value.is_integer() => json_float(float),
        _ => value.to_string(),
    }
}

fn json_float(float: f64) -> String {
    if float.is_nan() {
        "NaN".to_owned()
    } else if float.is_infinite() {
        if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        python::float(float)
    }
}

fn string(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        escaped(letter, ascii, out);
    }
    out.push('"');
}

fn escaped(letter: char, ascii: bool, out: &mut String) {
    match letter {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        ' '..='~' => out.push(letter),
        _ if !ascii && letter >= ' ' => out.push(letter),
        _ => {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

/// JSON that keeps what a number looked like when it is whole, however long, and the order of keys.
enum Node {
    /// `null`, a truth value, or a number in Python's form.
    Bare(String),
    Text(Letters),
    List(Vec<Node>),
    Map(Vec<(Letters, Node)>),
}

/// Text as UTF-16, since JSON may hold half of a pair.
#[derive(PartialEq, Eq)]
struct Letters(Vec<u16>);

impl Letters {
    fn print(&self, out: &mut String) {
        out.push('"');
        for unit in &self.0 {
            match char::from_u32(u32::from(*unit)).filter(char::is_ascii) {
                Some(letter) => escaped(letter, true, out),
                None => {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
        out.push('"');
    }
}

impl Node {
    fn print(&self, out: &mut String) {
        match self {
            Self::Bare(text) => out.push_str(text),
            Self::Text(text) => text.print(out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    item.print(out);
                }
                out.push(']');
            }
            Self::Map(pairs) => {
                out.push('{');
                for (at, (name, value)) in pairs.iter().enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    name.print(out);
                    out.push_str(": ");
                    value.print(out);
                }
                out.push('}');
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn bad(&self) -> Error {
        told(format!("this is no JSON, from byte {} on", self.at))
    }

    fn node(&mut self, deeper: usize) -> Result<Node, Error> {
        for (word, printed) in [
            ("null", "null"),
            ("true", "true"),
            ("false", "false"),
            ("NaN", "NaN"),
            ("Infinity", "Infinity"),
            ("-Infinity", "-Infinity"),
        ] {
            if self.take(word) {
                return Ok(Node::Bare(printed.to_owned()));
            }
        }
        if deeper == 0 {
            return Err(told("this JSON is nested too deeply"));
        }
        if self.take("\"") {
            return Ok(Node::Text(self.letters()?));
        }
        if self.take("[") {
            return Ok(Node::List(self.list(deeper)?));
        }
        if self.take("{") {
            return Ok(Node::Map(self.map(deeper)?));
        }
        self.number()
    }

    fn list(&mut self, deeper: usize) -> Result<Vec<Node>, Error> {
        let mut items = Vec::new();
        self.space();
        if self.take("]") {
            return Ok(items);
        }
        loop {
            self.space();
            items.push(self.node(deeper - 1)?);
            self.space();
            if self.take("]") {
                return Ok(items);
            }
            if !self.take(",") {
                return Err(self.bad());
            }
        }
    }

    fn map(&mut self, deeper: usize) -> Result<Vec<(Letters, Node)>, Error> {
        let mut pairs: Vec<(Letters, Node)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        self.space();
        if self.take("}") {
            return Ok(pairs);
        }
        loop {
            self.space();
            if !self.take("\"") {
                return Err(self.bad());
            }
            let name = self.letters()?;
            self.space();
            if !self.take(":") {
                return Err(self.bad());
            }
            self.space();
            let value = self.node(deeper - 1)?;
            // The last one wins, in the place of the first.
            let place = *places.entry(name.0.clone()).or_insert(pairs.len());
            match pairs.get_mut(place) {
                Some(pair) => pair.1 = value,
                None => pairs.push((name, value)),
            }
            self.space();
            if self.take("}") {
                return Ok(pairs);
            }
            if !self.take(",") {
                return Err(self.bad());
            }
        }
    }

    fn letters(&mut self) -> Result<Letters, Error> {
        let mut units = Vec::new();
        loop {
            let Some(letter) = self.rest().chars().next() else {
                return Err(self.bad());
            };
            if letter < ' ' {
                return Err(self.bad());
            }
            self.at += letter.len_utf8();
            match letter {
                '"' => return Ok(Letters(units)),
                '\\' => {
                    let escaped = self.rest().chars().next().ok_or_else(|| self.bad())?;
                    let unit = match escaped {
                        '"' | '\\' | '/' => u16::try_from(u32::from(escaped)).unwrap_or_default(),
                        'b' => 8,
                        'f' => 12,
                        'n' => 10,
                        'r' => 13,
                        't' => 9,
                        'u' => {
                            let digits = self
                                .rest()
                                .get(1..5)
                                .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                                .ok_or_else(|| self.bad())?;
                            self.at += 4;
                            u16::from_str_radix(digits, 16).map_err(|_| self.bad())?
                        }
                        _ => return Err(self.bad()),
                    };
                    self.at += 1;
                    units.push(unit);
                }
                _ => units.extend(letter.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }

    fn number(&mut self) -> Result<Node, Error> {
        let rest = self.rest();
        let digits = |from: usize| {
            let after = rest.get(from..).unwrap_or_default();
            after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len()
        };
        let sign = usize::from(rest.starts_with('-'));
        let whole = match rest.get(sign..).unwrap_or_default().starts_with('0') {
            true => 1,
            false => digits(sign),
        };
        if whole == 0 {
            return Err(self.bad());
        }
        let mut end = sign + whole;
        let mut is_whole = true;
        if rest.get(end..).unwrap_or_default().starts_with('.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
            is_whole = false;
        }
        let after = rest.get(end..).unwrap_or_default();
        if after.starts_with(['e', 'E']) {
            let signed = usize::from(after.get(1..).unwrap_or_default().starts_with(['+', '-']));
            if digits(end + 1 + signed) > 0 {
                end += 1 + signed + digits(end + 1 + signed);
                is_whole = false;
            }
        }
        let number = rest.get(..end).unwrap_or_default();
        self.at += end;
        if is_whole {
            // Python refuses more digits; and it has one zero.
            if whole > 4300 {
                return Err(told(
                    "a whole number of this JSON has more than 4300 digits",
                ));
            }
            let printed = if number == "-0" { "0" } else { number };
            return Ok(Node::Bare(printed.to_owned()));
        }
        let float = number.parse().map_err(|_| self.bad())?;
        Ok(Node::Bare(json_float(float)))
    }
}

/// How deeply lists and mappings may be nested.
const DEEPEST: usize = 100;
