//! Methods of Python's own types, of those that change nothing: text, mappings, lists, numbers, bytes.

use std::fmt;
use std::sync::Arc;

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use crate::arguments::{Arguments, integer, pay, text};
use crate::error::told;
use crate::python;

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

fn of_text(
    state: &mut State<'_, '_>,
    this: &str,
    name: &str,
    given: &[Value],
) -> Result<Value, Error> {
    let none = |made: Value| Arguments::bind(&[], given).map(|_| made);
    let all =
        |test: fn(char) -> bool| none(Value::from(!this.is_empty() && this.chars().all(test)));
    match name {
        "upper" => none(Value::from(this.to_uppercase())),
        "lower" => none(Value::from(this.to_lowercase())),
        // Folding differs from lower case in few letters; this is the one people meet.
        "casefold" => none(Value::from(this.to_lowercase().replace('ß', "ss"))),
        "capitalize" => none(Value::from(capitalize(this))),
        "title" => none(Value::from(title(this))),
        "swapcase" => none(Value::from(swap_case(this))),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isnumeric" => all(char::is_numeric),
        "isdigit" | "isdecimal" => all(|letter| letter.is_ascii_digit()),
        "isspace" => all(python::is_space),
        "isascii" => none(Value::from(this.is_ascii())),
        "isprintable" => none(Value::from(this.chars().all(python::is_printable))),
        "islower" => none(Value::from(has_case(
            this,
            char::is_lowercase,
            char::is_uppercase,
        ))),
        "isupper" => none(Value::from(has_case(
            this,
            char::is_uppercase,
            char::is_lowercase,
        ))),
        "istitle" => none(Value::from(
            this.chars().any(char::is_alphabetic) && title(this) == this,
        )),
        "isidentifier" => none(Value::from(
            !this.starts_with(|first: char| first.is_numeric())
                && !this.is_empty()
                && this
                    .chars()
                    .all(|letter| letter == '_' || letter.is_alphanumeric()),
        )),
        "strip" | "lstrip" | "rstrip" => {
            let arguments = Arguments::bind(&["chars"], given)?;
            let chars: Option<Vec<char>> = arguments.text(0)?.map(|chars| chars.chars().collect());
            let is_cut = |letter: char| match &chars {
                Some(chars) => chars.contains(&letter),
                None => python::is_space(letter),
            };
            Ok(Value::from(match name {
                "strip" => this.trim_matches(is_cut),
                "lstrip" => this.trim_start_matches(is_cut),
                _ => this.trim_end_matches(is_cut),
            }))
        }
        "removeprefix" | "removesuffix" => {
            let arguments = Arguments::bind(&["fix"], given)?;
            let fix = text(arguments.required(0)?)?;
            let cut = if name == "removeprefix" {
                this.strip_prefix(fix)
            } else {
                this.strip_suffix(fix)
            };
            Ok(Value::from(cut.unwrap_or(this)))
        }
        "split" | "rsplit" => {
            let arguments = Arguments::bind(&["sep", "maxsplit"], given)?;
            let most = usize::try_from(arguments.integer(1, -1)?).unwrap_or(usize::MAX);
            let parts = match arguments.text(0)? {
                Some("") => return Err(told("the separator is empty")),
                Some(separator) => split(this, separator, most, name == "rsplit"),
                None => split_space(this, most, name == "rsplit"),
            };
            Ok(Value::from_iter(parts))
        }
        "splitlines" => {
            let arguments = Arguments::bind(&["keepends"], given)?;
            let keep = arguments.truth(0, false);
            Ok(Value::from_iter(python::lines(this).into_iter().map(
                |(line, end)| {
                    if keep {
                        format!("{line}{end}")
                    } else {
                        line.to_owned()
                    }
                },
            )))
        }
        "partition" | "rpartition" => {
            let arguments = Arguments::bind(&["sep"], given)?;
            let separator = text(arguments.required(0)?)?;
            if separator.is_empty() {
                return Err(told("the separator is empty"));
            }
            let parts = if name == "partition" {
                match this.split_once(separator) {
                    Some((before, after)) => [before, separator, after],
                    None => [this, "", ""],
                }
            } else {
                match this.rsplit_once(separator) {
                    Some((before, after)) => [before, separator, after],
                    None => ["", "", this],
                }
            };
            Ok(Value::from(Tuple::from(parts.map(Value::from))))
        }
        "join" => {
            let arguments = Arguments::bind(&["iterable"], given)?;
            let mut joined = String::new();
            for (at, item) in arguments.required(0)?.try_iter()?.enumerate() {
                pay(state, this.len() + 64)?;
                if at > 0 {
                    joined.push_str(this);
                }
                joined.push_str(text(&item)?);
            }
            Ok(Value::from(joined))
        }
        "replace" => {
            let arguments = Arguments::bind(&["old", "new", "count"], given)?;
            let (old, new) = (text(arguments.required(0)?)?, text(arguments.required(1)?)?);
            let most = usize::try_from(arguments.integer(2, -1)?).unwrap_or(usize::MAX);
            let places = (this.len() / old.len().max(1)).saturating_add(1).min(most);
            pay(state, places.saturating_mul(new.len()))?;
            Ok(Value::from(this.replacen(old, new, most)))
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let arguments = Arguments::bind(&["sub", "start", "end"], given)?;
            let wanted = text(arguments.required(0)?)?;
            let (before, part) = window(this, &arguments)?;
            if name == "count" {
                return Ok(Value::from(
                    part.map_or(0, |part| part.matches(wanted).count()),
                ));
            }
            let found = part.and_then(|part| {
                let at = if name.starts_with('r') {
                    part.rfind(wanted)
                } else {
                    part.find(wanted)
                }?;
                part.get(..at)
                    .map(|skipped| before + skipped.chars().count())
            });
            match found {
                Some(at) => Ok(Value::from(at)),
                None if name.ends_with("find") => Ok(Value::from(-1)),
                None => Err(told("the text looked for is not there")),
            }
        }
        "startswith" | "endswith" => {
            let arguments = Arguments::bind(&["fix", "start", "end"], given)?;
            let wanted = arguments.required(0)?;
            let (_, part) = window(this, &arguments)?;
            let has = |fix: &Value| {
                let fix = text(fix)?;
                Ok::<bool, Error>(part.is_some_and(|part| {
                    if name == "startswith" {
                        part.starts_with(fix)
                    } else {
                        part.ends_with(fix)
                    }
                }))
            };
            if !wanted.is_tuple() {
                return has(wanted).map(Value::from);
            }
            for fix in wanted.try_iter()? {
                if has(&fix)? {
                    return Ok(Value::from(true));
                }
            }
            Ok(Value::from(false))
        }
        "center" | "ljust" | "rjust" | "zfill" => {
            let arguments = Arguments::bind(&["width", "fillchar"], given)?;
            let width = usize::try_from(integer(arguments.required(0)?)?).unwrap_or(0);
            let fill = match arguments.text(1)? {
                None if name == "zfill" => '0',
                None => ' ',
                Some(fill) => {
                    let mut letters = fill.chars();
                    match (letters.next(), letters.next()) {
                        (Some(fill), None) => fill,
                        _ => return Err(told("the fill must be one letter")),
                    }
                }
            };
            let missing = width.saturating_sub(this.chars().count());
            pay(state, missing.saturating_mul(fill.len_utf8()))?;
            Ok(Value::from(match name {
                "center" => center(this, width, fill),
                "ljust" => format!("{this}{}", repeat(fill, missing)),
                "rjust" => format!("{}{this}", repeat(fill, missing)),
                _ => {
                    let digits = this.trim_start_matches(['+', '-']);
                    let sign = if digits.len() + 1 == this.len() {
                        this.get(..1).unwrap_or_default()
                    } else {
                        ""
                    };
                    let digits = if sign.is_empty() { this } else { digits };
                    format!("{sign}{}{digits}", repeat('0', missing))
                }
            }))
        }
        "expandtabs" => {
            let arguments = Arguments::bind(&["tabsize"], given)?;
            let width = usize::try_from(arguments.integer(0, 8)?).unwrap_or(0);
            pay(state, this.matches('\t').count().saturating_mul(width))?;
            Ok(Value::from(expand_tabs(this, width)))
        }
        "encode" => {
            let arguments = Arguments::bind(&["encoding", "errors"], given)?;
            match arguments.text(0)?.map(str::to_ascii_lowercase).as_deref() {
                None | Some("utf-8" | "utf8") => Ok(Value::from_bytes(this.as_bytes().to_vec())),
                Some("ascii") if this.is_ascii() => Ok(Value::from_bytes(this.as_bytes().to_vec())),
                Some(_) => Err(told("only utf-8 can be encoded to")),
            }
        }
        "format" => {
            pay(state, widths(this))?;
            format(FormatStyle::StrFormat, this, given).map(Value::from)
        }
        "format_map" => {
            let arguments = Arguments::bind(&["mapping"], given)?;
            pay(state, widths(this))?;
            let named: minijinja::value::Kwargs = arguments
                .required(0)?
                .as_object()
                .and_then(|map| map.try_iter_pairs())
                .ok_or_else(|| told("format_map takes a mapping"))?
                .filter_map(|(key, value)| key.as_str().map(|key| (key.to_owned(), value)))
                .collect();
            format(FormatStyle::StrFormat, this, &[Value::from(named)]).map(Value::from)
        }
        // Made from `'...' % value` before the engine reads the template.
        "_percent" => {
            let arguments = Arguments::bind(&["value"], given)?;
            let values = arguments.required(0)?;
            pay(state, widths(this))?;
            if values.is_tuple() {
                let values: Vec<Value> = values.try_iter()?.collect();
                printf(this, &values)
            } else if values.kind() == ValueKind::Map && this.contains("%(") {
                printf_named(this, values)
            } else {
                printf(this, std::slice::from_ref(values))
            }
        }
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

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

fn capitalize(this: &str) -> String {
    let mut letters = this.chars();
    let mut made: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    made.push_str(&letters.as_str().to_lowercase());
    made
}

/// Python's `str.title`: a letter after no letter is upper case, every other one lower case.
fn title(this: &str) -> String {
    let mut made = String::with_capacity(this.len());
    let mut inside = false;
    for letter in this.chars() {
        if inside {
            made.extend(letter.to_lowercase());
        } else {
            made.extend(letter.to_uppercase());
        }
        inside = letter.is_alphabetic();
    }
    made
}

fn swap_case(this: &str) -> String {
    let mut made = String::with_capacity(this.len());
    for letter in this.chars() {
        if letter.is_uppercase() {
            made.extend(letter.to_lowercase());
        } else {
            made.extend(letter.to_uppercase());
        }
    }
    made
}

fn has_case(this: &str, wanted: fn(char) -> bool, other: fn(char) -> bool) -> bool {
    this.chars().any(wanted) && !this.chars().any(other)
}

fn split<'a>(this: &'a str, separator: &str, most: usize, from_right: bool) -> Vec<&'a str> {
    let parts = most.saturating_add(1);
    if from_right {
        let mut found: Vec<&str> = this.rsplitn(parts, separator).collect();
        found.reverse();
        found
    } else {
        this.splitn(parts, separator).collect()
    }
}

fn split_space(this: &str, most: usize, from_right: bool) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = this;
    if from_right {
        rest = rest.trim_end_matches(python::is_space);
        while found.len() < most
            && let Some(at) = rest.rfind(python::is_space)
        {
            let (before, word) = rest.split_at(at);
            found.push(word.trim_start_matches(python::is_space));
            rest = before.trim_end_matches(python::is_space);
        }
        if !rest.is_empty() {
            found.push(rest);
        }
        found.reverse();
    } else {
        rest = rest.trim_start_matches(python::is_space);
        while found.len() < most
            && let Some(at) = rest.find(python::is_space)
        {
            let (word, after) = rest.split_at(at);
            found.push(word);
            rest = after.trim_start_matches(python::is_space);
        }
        if !rest.is_empty() {
            found.push(rest);
        }
    }
    found
}

/// The part of a text between `start` and `end` (counted in letters, from the end when negative), and how many letters
/// stand before it; `None` when `start` lies behind `end`.
fn window<'a>(this: &'a str, arguments: &Arguments) -> Result<(usize, Option<&'a str>), Error> {
    let length = i64::try_from(this.chars().count()).unwrap_or(i64::MAX);
    let place = |at: i64| {
        let at = if at < 0 { (at + length).max(0) } else { at };
        usize::try_from(at.min(length + 1)).unwrap_or(0)
    };
    let (start, end) = (
        place(arguments.integer(1, 0)?),
        place(arguments.integer(2, length)?),
    );
    let byte = |at: usize| {
        this.char_indices()
            .map(|(byte, _)| byte)
            .chain([this.len()])
            .nth(at)
    };
    let part = byte(start).and_then(|from| this.get(from..byte(end).unwrap_or(this.len())));
    Ok((start, part))
}

/// Python's `str.center`: an odd space goes to the left when the width is odd.
pub(crate) fn center(this: &str, width: usize, fill: char) -> String {
    let missing = width.saturating_sub(this.chars().count());
    let left = missing / 2 + (missing & width & 1);
    format!(
        "{}{this}{}",
        repeat(fill, left),
        repeat(fill, missing - left)
    )
}

fn repeat(fill: char, count: usize) -> String {
    std::iter::repeat_n(fill, count).collect()
}

fn expand_tabs(this: &str, width: usize) -> String {
    let mut made = String::with_capacity(this.len());
    let mut column = 0;
    for letter in this.chars() {
        match letter {
            '\t' if width > 0 => {
                let spaces = width - column % width;
                made.push_str(&" ".repeat(spaces));
                column += spaces;
            }
            '\t' => {}
            '\n' | '\r' => {
                made.push(letter);
                column = 0;
            }
            _ => {
                made.push(letter);
                column += 1;
            }
        }
    }
    made
}

const TEXT_METHODS: &[&str] = &[
    "upper",
    "lower",
    "casefold",
    "capitalize",
    "title",
    "swapcase",
    "isalpha",
    "isalnum",
    "isnumeric",
    "isdigit",
    "isdecimal",
    "isspace",
    "isascii",
    "isprintable",
    "islower",
    "isupper",
    "istitle",
    "isidentifier",
    "strip",
    "lstrip",
    "rstrip",
    "removeprefix",
    "removesuffix",
    "split",
    "rsplit",
    "splitlines",
    "partition",
    "rpartition",
    "join",
    "replace",
    "find",
    "rfind",
    "index",
    "rindex",
    "count",
    "startswith",
    "endswith",
    "center",
    "ljust",
    "rjust",
    "zfill",
    "expandtabs",
    "encode",
    "format",
    "format_map",
];
const MAP_METHODS: &[&str] = &["get", "keys", "values", "items", "copy"];
const LIST_METHODS: &[&str] = &["count", "index", "copy"];
