//! JSON as Python's `json.loads` reads it, with its errors and its leniencies.

use zeroize::Zeroize as _;

use crate::limits::{self, Budget};
use crate::page::Page;
use crate::tree::Entries;
use crate::{Error, Tree};

/// Reads a document.
///
/// Shape: JSON; also `NaN`, `Infinity` and `-Infinity`; of equal names the last one counts. A number without
/// fraction has at most 38 digits. A lone surrogate, which Python takes and then cannot store, is an error here.
/// Errors: `Json` in Python's words; `NotUtf8`; the limits.
/// Source: CPython 3.11 `json`; vectors `documents/json.json`.
pub fn read(document: &[u8]) -> Result<Tree, Error> {
    let text = limits::text(document)?;
    let mut reader = Reader {
        text,
        at: 0,
        lone_surrogate: None,
        budget: Budget::new(),
    };
    if text.starts_with('\u{feff}') {
        return Err(reader.fault("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
    }
    reader.skip_space();
    let tree = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.fault("Extra data", reader.at));
    }
    match reader.lone_surrogate {
        Some(at) => Err(reader.fault("Lone surrogate in \\uXXXX escape", at)),
        None => Ok(tree),
    }
}

struct Reader<'d> {
    text: &'d str,
    /// In bytes.
    at: usize,
    /// Where half a letter stands. Python takes it, so that another fault is told first.
    lone_surrogate: Option<usize>,
    budget: Budget,
}

impl<'d> Reader<'d> {
    fn value(&mut self, depth: usize) -> Result<Tree, Error> {
        self.budget.spend(0)?;
        match self.peek() {
            Some(b'"') => Ok(self.string()?.into()),
            Some(b'{') => self.map(depth + 1),
            Some(b'[') => self.list(depth + 1),
            _ => self.word(),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Tree, Error> {
        limits::depth(depth)?;
        let mut entries = Entries::new();
        self.at += 1;
        self.skip_space();
        if self.took("}") {
            return Ok(entries.finish());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.here("Expecting property name enclosed in double quotes"));
            }
            let name = self.string()?;
            self.skip_space();
            if !self.took(":") {
                return Err(self.here("Expecting ':' delimiter"));
            }
            self.skip_space();
            let value = self.value(depth)?;
            entries.put(name.into(), value);
            self.skip_space();
            if self.took("}") {
                return Ok(entries.finish());
            }
            if !self.took(",") {
                return Err(self.here("Expecting ',' delimiter"));
            }
            self.skip_space();
        }
    }

    fn list(&mut self, depth: usize) -> Result<Tree, Error> {
        limits::depth(depth)?;
        let mut list = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.took("]") {
            return Ok(Tree::List(list));
        }
        loop {
            list.push(self.value(depth)?);
            self.skip_space();
            if self.took("]") {
                return Ok(Tree::List(list));
            }
            if !self.took(",") {
                return Err(self.here("Expecting ',' delimiter"));
            }
            self.skip_space();
        }
    }

    /// A string, at its opening quote.
    fn string(&mut self) -> Result<Page, Error> {
        let opening = self.at;
        self.at += 1;
        let mut page = Page::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .find(|letter: char| letter == '"' || letter == '\\' || letter < ' ')
                .ok_or_else(|| self.fault("Unterminated string starting at", opening))?;
            let (text, stop) = rest.split_at(plain);
            page.text(text);
            self.at += plain;
            if stop.starts_with('"') {
                self.at += 1;
                return Ok(page);
            }
            if !stop.starts_with('\\') {
                return Err(self.here("Invalid control character at"));
            }
            let escaped = self.escape(opening)?;
            page.letter(escaped);
        }
    }

    /// What an escape stands for, at its backslash.
    fn escape(&mut self, opening: usize) -> Result<char, Error> {
        let start = self.at;
        self.at += 1;
        let named = self
            .peek()
            .ok_or_else(|| self.fault("Unterminated string starting at", opening))?;
        let letter = match named {
            b'"' | b'\\' | b'/' => char::from(named),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.fault("Invalid \\escape", start)),
        };
        self.at += 1;
        Ok(letter)
    }

    /// What `uXXXX`, or a pair of them with a backslash between, stands for.
    fn unicode(&mut self) -> Result<char, Error> {
        let start = self.at;
        let unit = self.hex_digits()?;
        let mut second = None;
        if (0xd800..0xdc00).contains(&unit) && self.rest().starts_with("\\u") {
            self.at += 1;
            second = Some(self.hex_digits()?);
        }
        match char::decode_utf16([Some(unit), second].into_iter().flatten()).next() {
            Some(Ok(letter)) => Ok(letter),
            _ => {
                self.lone_surrogate.get_or_insert(start);
                Ok(char::REPLACEMENT_CHARACTER)
            }
        }
    }

    /// Four hexadecimal digits, at the `u` before them.
    fn hex_digits(&mut self) -> Result<u16, Error> {
        let start = self.at;
        let digits = self.text.get(start + 1..start + 5);
        let value = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.fault("Invalid \\uXXXX escape", start))?;
        self.at += 5;
        Ok(value)
    }

    /// A number, `null`, `true` and the like.
    fn word(&mut self) -> Result<Tree, Error> {
        let words = [
            ("null", Tree::Null),
            ("true", Tree::Bool(true)),
            ("false", Tree::Bool(false)),
            ("NaN", Tree::Float(f64::NAN)),
            ("Infinity", Tree::Float(f64::INFINITY)),
            ("-Infinity", Tree::Float(f64::NEG_INFINITY)),
        ];
        for (word, tree) in words {
            if self.took(word) {
                return Ok(tree);
            }
        }
        let start = self.at;
        self.took("-");
        if !self.took("0") && self.digits() == 0 {
            return Err(self.fault("Expecting value", start));
        }
        let whole = self.at;
        self.tail(&["."], &[""]);
        self.tail(&["e", "E"], &["+", "-", ""]);
        let written = self.text.get(start..self.at).unwrap_or_default();
        let mut digits = written.to_owned();
        let number = if self.at == whole {
            digits.parse().ok().map(Tree::Integer)
        } else {
            digits.parse().ok().map(Tree::Float)
        };
        digits.zeroize();
        number.ok_or_else(|| self.fault("Number with too many digits", start))
    }

    /// A part of a number that needs digits after its mark and its sign; without them it is none of the number.
    fn tail(&mut self, marks: &[&str], signs: &[&str]) {
        let start = self.at;
        if marks.iter().any(|mark| self.took(mark)) {
            let _ = signs.iter().any(|sign| self.took(sign));
            if self.digits() == 0 {
                self.at = start;
            }
        }
    }

    fn digits(&mut self) -> usize {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += digits;
        digits
    }

    fn skip_space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().bytes().take_while(space).count();
    }

    fn took(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'d str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn here(&self, problem: &'static str) -> Error {
        self.fault(problem, self.at)
    }

    fn fault(&self, problem: &'static str, at: usize) -> Error {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Error::Json {
            problem,
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            char: before.chars().count(),
        }
    }
}
