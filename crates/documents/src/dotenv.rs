//! Lines of variables: for dotenv readers, for a shell, and as credstash printed them.

use std::collections::HashMap;

use seal::Plaintext;

use crate::limits::{self, Budget};
use crate::page::Page;
use crate::python::is_space;
use crate::{Error, Tree};

/// How a line of a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// `NAME='value'`, quoted for the readers of `.env` files.
    ///
    /// Their dialects, and the shell's, differ in escapes only, so none is used where one form of quotes or the other
    /// does without. A value with both kinds of quotes is written as python-dotenv reads it.
    Dotenv,
    /// `export NAME='value'`, quoted for a POSIX shell.
    Export,
}

/// The name of the variable that a secret becomes: upper case, and `_` for all that is no letter or digit of ASCII.
///
/// Errors: `NoVariable`, when nothing of the name is left.
pub fn variable(name: &str) -> Result<String, Error> {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if !name.contains(valid) {
        return Err(Error::NoVariable(name.to_owned()));
    }
    let mut variable: String = name
        .to_uppercase()
        .chars()
        .map(|letter| if valid(letter) { letter } else { '_' })
        .collect();
    if variable.starts_with(|first: char| first.is_ascii_digit()) {
        variable.insert(0, '_');
    }
    Ok(variable)
}

/// One line for each entry, in the order given; names become variables.
///
/// Errors: `NoVariable`, `SameVariable`, `Nul`.
pub(crate) fn texts(entries: &[(&str, &str)], line: Line) -> Result<Plaintext, Error> {
    let mut owners: HashMap<String, &str> = HashMap::new();
    let mut page = Page::new();
    for (name, value) in entries {
        let variable = variable(name)?;
        if value.contains('\0') {
            return Err(Error::Nul((*name).to_owned()));
        }
        if let Some(first) = owners.insert(variable.clone(), name) {
            return Err(Error::SameVariable {
                first: first.to_owned(),
                second: (*name).to_owned(),
                variable,
            });
        }
        write(&mut page, line, &variable, value);
    }
    Ok(page.finish())
}

/// The lines of variables whose names are made already.
///
/// Shape: neither name nor value has a NUL; the names are ones that the reader takes.
pub fn lines<'v>(line: Line, variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Plaintext {
    let mut page = Page::new();
    for (name, value) in variables {
        write(&mut page, line, name, value);
    }
    page.finish()
}

fn write(page: &mut Page, line: Line, variable: &str, value: &str) {
    if line == Line::Export {
        page.text("export ");
    }
    page.text(variable);
    page.text("=");
    match line {
        Line::Dotenv => dotenv(page, value),
        Line::Export => shell(page, value),
    }
    page.text("\n");
}

/// `NAME='value'` as credstash prints it: the name in upper case, otherwise as it is, and nothing quoted.
///
/// Source: credstash 1.17.1 `dotenv_dump`.
pub(crate) fn credstash(entries: &[(&str, &str)]) -> Plaintext {
    let mut page = Page::new();
    for (name, value) in entries {
        page.text(&name.to_uppercase());
        page.text("='");
        page.text(value);
        page.text("'\n");
    }
    page.finish()
}

/// In single quotes nothing has a meaning but the quote, which stands outside them.
fn shell(page: &mut Page, value: &str) {
    page.text("'");
    for (place, piece) in value.split('\'').enumerate() {
        if place > 0 {
            page.text(r"'\''");
        }
        page.text(piece);
    }
    page.text("'");
}

fn dotenv(page: &mut Page, value: &str) {
    // Readers turn a bare carriage return into a line feed.
    let needs_escapes = value.contains('\r');
    if value.contains('\'') && !needs_escapes && !value.contains(['"', '\\', '$', '`']) {
        page.text("\"");
        page.text(value);
        return page.text("\"");
    }
    let quote = if needs_escapes { '"' } else { '\'' };
    page.letter(quote);
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        // In single quotes a backslash is one, unless it stands before a quote or another.
        let escaped = letter == quote
            || letter == '\\'
                && (needs_escapes || matches!(letters.peek(), None | Some('\'' | '\\')));
        match letter {
            '\r' => page.text("\\r"),
            '\n' if needs_escapes => page.text("\\n"),
            letter => {
                if escaped {
                    page.text("\\");
                }
                page.letter(letter);
            }
        }
    }
    page.letter(quote);
}

/// Reads a `.env` file: names and texts in its order.
///
/// Shape: as python-dotenv 1.2.4 reads it, `export` before a name included, but nothing is put in for `${NAME}`.
/// Errors: `Dotenv` with the line, where python-dotenv skips a line that it cannot read; `NotUtf8`; the limits.
pub fn read(document: &[u8]) -> Result<Vec<(String, Tree)>, Error> {
    let text = limits::text(document)?;
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
    };
    let mut budget = Budget::new();
    let mut entries = Vec::new();
    while let Some(entry) = reader.entry()? {
        budget.spend(0)?;
        entries.push(entry);
    }
    Ok(entries)
}

struct Reader<'d> {
    rest: &'d str,
    line: usize,
}

impl<'d> Reader<'d> {
    /// The next line that is no comment; `None` at the end.
    fn entry(&mut self) -> Result<Option<(String, Tree)>, Error> {
        loop {
            self.take_while(is_space);
            if self.rest.is_empty() {
                return Ok(None);
            }
            let after_export = self.rest.strip_prefix("export").unwrap_or_default();
            if after_export.starts_with(is_blank) {
                self.rest = after_export.trim_start_matches(is_blank);
            }
            if !self.rest.starts_with('#') {
                break;
            }
            self.take_while(|letter| !is_line_break(letter));
        }
        let name = self.name()?.to_owned();
        self.take_while(is_blank);
        if !self.took("=") {
            return Err(self.fault("a = must follow the name"));
        }
        let blank = !self.take_while(is_blank).is_empty();
        let value = match self.rest.chars().next() {
            Some('#') if blank => Page::new(),
            Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
            _ => self.plain(),
        };
        self.take_while(is_blank);
        if self.rest.starts_with('#') {
            self.take_while(|letter| !is_line_break(letter));
        }
        if !self.rest.is_empty() && !self.rest.starts_with(is_line_break) {
            return Err(self.fault("nothing but a comment may follow the closing quote"));
        }
        Ok(Some((name, value.into())))
    }

    fn name(&mut self) -> Result<&'d str, Error> {
        let name = if self.took("'") {
            let name = self.take_while(|letter| letter != '\'');
            if !self.took("'") {
                return Err(self.fault("the quote of the name is not closed"));
            }
            name
        } else {
            self.take_while(|letter| letter != '=' && letter != '#' && !is_space(letter))
        };
        if name.is_empty() {
            return Err(self.fault("a name is missing"));
        }
        Ok(name)
    }

    /// A value in quotes, over as many lines as it has.
    fn quoted(&mut self, quote: char) -> Result<Page, Error> {
        let opening = self.line;
        self.rest = self.rest.get(1..).unwrap_or_default();
        let mut page = Page::new();
        loop {
            page.text(self.take_while(|letter| letter != quote && letter != '\\'));
            let mut letters = self.rest.chars();
            match (letters.next(), letters.next()) {
                (Some('\\'), Some(escaped)) => {
                    match unescaped(quote, escaped) {
                        Some(letter) => page.letter(letter),
                        None => {
                            page.letter('\\');
                            page.letter(escaped);
                        }
                    }
                    self.line += usize::from(escaped == '\n');
                    self.rest = letters.as_str();
                }
                (Some(letter), _) if letter == quote => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    return Ok(page);
                }
                _ => {
                    return Err(Error::Dotenv {
                        problem: "the quote of the value is not closed",
                        line: opening,
                    });
                }
            }
        }
    }

    /// A value without quotes: to the end of the line or a comment after a blank.
    fn plain(&mut self) -> Page {
        let line = self.take_while(|letter| !is_line_break(letter));
        let mut before = ' ';
        let mut end = line.len();
        for (place, letter) in line.char_indices() {
            if letter == '#' && place > 0 && is_space(before) {
                end = place;
                break;
            }
            before = letter;
        }
        let mut page = Page::new();
        page.text(line.get(..end).unwrap_or(line).trim_end_matches(is_space));
        page
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'d str {
        let end = self
            .rest
            .find(|letter| !wanted(letter))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    fn took(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn fault(&self, problem: &'static str) -> Error {
        Error::Dotenv {
            problem,
            line: self.line,
        }
    }
}

/// What a backslash and this letter stand for; `None` for themselves.
fn unescaped(quote: char, escaped: char) -> Option<char> {
    Some(match escaped {
        '\\' | '\'' => escaped,
        _ if quote == '\'' => return None,
        '"' => '"',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        _ => return None,
    })
}

fn is_line_break(letter: char) -> bool {
    matches!(letter, '\r' | '\n')
}

fn is_blank(letter: char) -> bool {
    is_space(letter) && !is_line_break(letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn printed(document: &Plaintext) -> &str {
        std::str::from_utf8(document.expose()).expect("text")
    }

    fn read_texts(document: &[u8]) -> Vec<(String, String)> {
        let entries = read(document).expect("a dotenv document");
        let text =
            |(name, value): (String, Tree)| (name, value.as_text().expect("text").to_owned());
        entries.into_iter().map(text).collect()
    }

    #[rstest]
    #[case::plain("plain", "'plain'", "'plain'")]
    #[case::empty("", "''", "''")]
    #[case::lines("a\nb\n", "'a\nb\n'", "'a\nb\n'")]
    #[case::apostrophe("it's", r"'it'\''s'", "\"it's\"")]
    #[case::both_quotes(r#"it's "x""#, r#"'it'\''s "x"'"#, r#"'it\'s "x"'"#)]
    #[case::dollar("$HOME `id`", "'$HOME `id`'", "'$HOME `id`'")]
    #[case::backslash(r"C:\dir", r"'C:\dir'", r"'C:\dir'")]
    #[case::backslash_at_the_end(r"dir\", r"'dir\'", r"'dir\\'")]
    #[case::two_backslashes(r"\\host", r"'\\host'", r"'\\\host'")]
    #[case::carriage_return("a\r\n'\"b", "'a\r\n'\\''\"b'", r#""a\r\n'\"b""#)]
    fn quotes(#[case] value: &str, #[case] in_a_shell: &str, #[case] in_dotenv: &str) {
        let export = texts(&[("k", value)], Line::Export).expect("a variable");
        assert_eq!(printed(&export), format!("export K={in_a_shell}\n"));
        let dotenv = texts(&[("k", value)], Line::Dotenv).expect("a variable");
        assert_eq!(printed(&dotenv), format!("K={in_dotenv}\n"));
    }

    #[rstest]
    #[case("db.password", "DB_PASSWORD")]
    #[case("prod/db-1", "PROD_DB_1")]
    #[case("1st", "_1ST")]
    #[case("_", "_")]
    #[case("größe", "GR_SSE")]
    fn a_name_becomes_a_variable(#[case] name: &str, #[case] wanted: &str) {
        assert_eq!(variable(name), Ok(wanted.to_owned()));
    }

    #[test]
    fn what_cannot_be_a_variable_is_refused_by_name() {
        let refused = |entries: &[(&str, &str)]| {
            let Err(error) = texts(entries, Line::Dotenv) else {
                panic!("it is written");
            };
            error.to_string()
        };
        assert!(refused(&[("...", "x")]).starts_with("\"...\" cannot be the name"));
        assert_eq!(
            refused(&[("a.b", "x"), ("a-b", "y")]),
            "\"a.b\" and \"a-b\" would both be the variable A_B"
        );
        let nul = refused(&[("a", "kw-canary\0")]);
        assert!(nul.contains("\"a\"") && !nul.contains("canary"), "{nul}");
    }

    #[test]
    fn credstash_quotes_nothing() {
        assert_eq!(
            printed(&credstash(&[("c.d", "3"), ("b", "x\"y'z\nl2")])),
            "C.D='3'\nB='x\"y'z\nl2'\n"
        );
    }

    #[rstest]
    #[case::plain("a=b", &[("a", "b")])]
    #[case::blanks_and_comments("\n # c\n  a = b c  # d\n\nexport\te=f#g\n", &[("a", "b c"), ("e", "f#g")])]
    #[case::empty("a=\nb= # c\nc=#d\n", &[("a", ""), ("b", ""), ("c", "#d")])]
    #[case::quotes("a='b\\'\\n' # c\nb=\"c\\n\\q\\\"\"\n", &[("a", "b'\\n"), ("b", "c\n\\q\"")])]
    #[case::lines("a='b\n\nc'\r\nb=\"\n\"", &[("a", "b\n\nc"), ("b", "\n")])]
    #[case::quoted_name("'a b'=c", &[("a b", "c")])]
    #[case::no_export("exported=1\nexport=2\n", &[("exported", "1"), ("export", "2")])]
    #[case::not_filled_in("a=${HOME} $x", &[("a", "${HOME} $x")])]
    #[case::again("a=1\na=2", &[("a", "1"), ("a", "2")])]
    #[case::byte_order_mark("\u{feff}a=1", &[("a", "1")])]
    #[case::nothing("", &[])]
    fn reads(#[case] document: &str, #[case] wanted: &[(&str, &str)]) {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read_texts(document.as_bytes()), wanted);
    }

    #[rstest]
    #[case("a=1\nkw-canary\n", 2, "a = must follow the name")]
    #[case("a=1\n=kw-canary", 2, "a name is missing")]
    #[case("\n\na='kw-canary\nb=1\n", 3, "the quote of the value is not closed")]
    #[case("'kw-canary", 1, "the quote of the name is not closed")]
    #[case(
        "a='\n' kw-canary",
        2,
        "nothing but a comment may follow the closing quote"
    )]
    fn a_bad_line_is_named_by_its_number_alone(
        #[case] document: &str,
        #[case] line: usize,
        #[case] problem: &'static str,
    ) {
        assert_eq!(
            read(document.as_bytes()).err(),
            Some(Error::Dotenv { problem, line })
        );
    }

    proptest! {
        #[test]
        fn every_value_is_read_back(
            values in proptest::collection::vec(r#"([ -~]|['"\\$`\n\r\t!#=]|[^\x00])*"#, 1..20)
        ) {
            let names: Vec<_> = (0..values.len()).map(|place| format!("K_{place}")).collect();
            let entries: Vec<_> = names
                .iter()
                .zip(&values)
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let document = texts(&entries, Line::Dotenv).expect("variables");
            let wanted: Vec<_> = names.into_iter().zip(values.clone()).collect();
            prop_assert_eq!(read_texts(document.expose()), wanted);
        }

        #[test]
        fn no_document_is_too_much(document in r#"(export |[a-z= \n'"\\#])*"#) {
            let _ = read(document.as_bytes());
        }
    }
}
