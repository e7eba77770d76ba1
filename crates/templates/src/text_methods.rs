//! Methods of Python's text.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use crate::arguments::{Arguments, integer, pay, text};
use crate::error::told;
use crate::percent::{printf, printf_named, widths};
use crate::python;

pub(crate) fn of_text(
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

/// Their names.
pub(crate) const TEXT_METHODS: &[&str] = &[
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
