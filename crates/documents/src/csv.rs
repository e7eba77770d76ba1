//! Rows of name and value, as Python's `csv` writes and reads them.

use seal::Plaintext;

use crate::limits::{self, Budget};
use crate::page::Page;
use crate::{Error, Tree};

/// Rows in the order given, quoted where they must be.
///
/// Shape: a field with a comma, a quote or a line break stands in quotes, quotes inside doubled.
/// Source: `csv.writer` of CPython 3.11; vectors `documents/csv.json`. It leaves a bare CR unquoted when lines end
/// with LF, and then cannot read it back; here it is quoted, as in later versions.
pub(crate) fn texts(entries: &[(&str, &str)], line_end: &str) -> Plaintext {
    let mut page = Page::new();
    for (name, value) in entries {
        field(&mut page, name);
        page.text(",");
        field(&mut page, value);
        page.text(line_end);
    }
    page.finish()
}

fn field(page: &mut Page, text: &str) {
    if !text.contains([',', '"', '\r', '\n']) {
        return page.text(text);
    }
    page.text("\"");
    for (place, piece) in text.split('"').enumerate() {
        if place > 0 {
            page.text("\"\"");
        }
        page.text(piece);
    }
    page.text("\"");
}

/// Reads rows: a name, its value, and columns that are ignored. A row with a name alone has `Null` for a value.
///
/// Shape: quotes count at the start of a field alone; what follows a closing quote belongs to the field; lines end
/// with LF, CR or both; empty lines are skipped. A byte-order mark at the start is no part of the first name.
/// Errors: `NotUtf8` and the limits.
/// Source: `csv.DictReader` of CPython 3.11, which CredSmash 3.0.2 feeds; its own lines also end at U+2028 and the
/// like, which loses part of a value, and here they do not.
pub fn read(document: &[u8]) -> Result<Vec<(String, Tree)>, Error> {
    let text = limits::text(document)?;
    let mut reader = Reader::default();
    let mut budget = Budget::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for letter in text.chars() {
        if reader.take(letter) {
            reader.end_row(&mut budget)?;
        }
    }
    reader.end_row(&mut budget)?;
    Ok(reader.rows)
}

#[derive(Default)]
struct Reader {
    state: State,
    rows: Vec<(String, Tree)>,
    name: Option<Page>,
    value: Option<Page>,
    field: Option<Page>,
    fields: usize,
}

/// Where in a field the reader is.
#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted field: its end, or the first of two.
    AfterQuote,
}

impl Reader {
    /// Takes one letter and says whether it ended the row.
    fn take(&mut self, letter: char) -> bool {
        match (self.state, letter) {
            (State::Quoted, '"') => self.state = State::AfterQuote,
            (State::Quoted, letter) => self.push(letter),
            (State::Start, '"') => {
                self.state = State::Quoted;
                self.field.get_or_insert_with(Page::new);
            }
            (State::AfterQuote, '"') => {
                self.push('"');
                self.state = State::Quoted;
            }
            (_, '\r' | '\n') => return true,
            (_, ',') => {
                self.field.get_or_insert_with(Page::new);
                self.end_field();
            }
            (_, letter) => {
                self.push(letter);
                self.state = State::Plain;
            }
        }
        false
    }

    fn push(&mut self, letter: char) {
        self.field.get_or_insert_with(Page::new).letter(letter);
    }

    fn end_field(&mut self) {
        let field = self.field.take();
        match self.fields {
            0 => self.name = field,
            1 => self.value = field,
            // Further columns are dropped.
            _ => {}
        }
        self.fields += 1;
        self.state = State::Start;
    }

    fn end_row(&mut self, budget: &mut Budget) -> Result<(), Error> {
        if self.fields > 0 {
            // After the last comma there is a field, empty or not.
            self.field.get_or_insert_with(Page::new);
        }
        if self.field.is_some() {
            self.end_field();
        }
        self.fields = 0;
        self.state = State::Start;
        let Some(name) = self.name.take() else {
            return Ok(());
        };
        budget.spend(0)?;
        let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
        let value = self.value.take().map_or(Tree::Null, Tree::from);
        self.rows.push((name, value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(document: &str) -> Vec<(String, Option<String>)> {
        let rows = read(document.as_bytes()).expect("rows");
        let row = |(name, value): (String, Tree)| (name, value.as_text().map(str::to_owned));
        rows.into_iter().map(row).collect()
    }

    fn row(name: &str, value: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn a_carriage_return_is_quoted_and_read_back_however_lines_end() {
        for line_end in ["\n", "\r\n"] {
            let document = texts(&[("a", "x\ry")], line_end);
            let document = std::str::from_utf8(document.expose()).expect("text");
            assert_eq!(document, format!("a,\"x\ry\"{line_end}"));
            assert_eq!(rows(document), [row("a", "x\ry")]);
        }
    }

    #[test]
    fn rows_end_at_carriage_returns_and_line_feeds_alone() {
        assert_eq!(
            rows("a,x\u{2028}y\u{b}\u{85}z\rb,2\r\n\nc,3"),
            [
                row("a", "x\u{2028}y\u{b}\u{85}z"),
                row("b", "2"),
                row("c", "3")
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        assert_eq!(rows("\u{feff}a,1\n"), [row("a", "1")]);
    }
}
