//! A mapping of texts, byte for byte as PyYAML writes it.

use seal::Plaintext;
use zeroize::Zeroizing;

use super::scalar::{Scalar, Style, is_ascii_printable, is_break};
use crate::page::Page;

/// A mapping in block style with sorted keys; `unicode` keeps what is not ASCII.
///
/// Source: PyYAML 6.0.3 `yaml.safe_dump(_, default_flow_style=False, allow_unicode=unicode)`; vectors
/// `documents/yaml.json`.
pub(crate) fn texts(entries: &[(&str, &str)], unicode: bool) -> Plaintext {
    let mut sorted = entries.to_vec();
    sorted.sort_by_key(|(name, _)| *name);
    let mut pen = Pen {
        page: Page::new(),
        column: 0,
        unicode,
    };
    if entries.is_empty() {
        pen.text("{}\n");
    }
    for (name, value) in sorted {
        let key = Scalar::of(name, unicode);
        // With its tag, which is never written, a key on the line of its value is shorter than 128.
        let simple = !key.empty && !key.multiline && name.chars().count() + "!!str".len() < 128;
        if simple {
            pen.scalar(name, key, true);
            pen.text(":");
        } else {
            pen.text("? ");
            pen.scalar(name, key, false);
            pen.line_break('\n');
            pen.text(":");
        }
        pen.text(" ");
        pen.scalar(value, Scalar::of(value, unicode), false);
        pen.line_break('\n');
    }
    pen.page.finish()
}

/// Longer lines are folded at their next space.
const WIDTH: usize = 80;

/// Before each further line of a scalar.
const INDENT: &str = "  ";

struct Pen {
    page: Page,
    /// In characters.
    column: usize,
    unicode: bool,
}

impl Pen {
    fn text(&mut self, text: &str) {
        self.page.text(text);
        self.column += text.chars().count();
    }

    fn letter(&mut self, letter: char) {
        self.page.letter(letter);
        self.column += 1;
    }

    fn line_break(&mut self, letter: char) {
        self.page.letter(letter);
        self.column = 0;
    }

    fn new_line(&mut self) {
        self.line_break('\n');
        self.text(INDENT);
    }

    fn scalar(&mut self, text: &str, scalar: Scalar, simple_key: bool) {
        match scalar.style(simple_key) {
            Style::Plain => self.plain(text, !simple_key),
            Style::SingleQuoted => self.single_quoted(text, !simple_key),
            Style::DoubleQuoted => self.double_quoted(text, !simple_key),
        }
    }

    /// Text without breaks, and without a space at either end.
    fn plain(&mut self, text: &str, fold: bool) {
        for run in runs(text) {
            if run == " " && fold && self.column > WIDTH {
                self.new_line();
            } else {
                self.text(run);
            }
        }
    }

    fn single_quoted(&mut self, text: &str, fold: bool) {
        self.text("'");
        let mut rest = text.len();
        for run in runs(text) {
            let is_first = rest == text.len();
            rest -= run.len();
            if run.starts_with(is_break) {
                // A single line feed would be read as a space.
                if run.starts_with('\n') {
                    self.line_break('\n');
                }
                for letter in run.chars() {
                    self.line_break(letter);
                }
                self.text(INDENT);
            } else if run == " " && fold && self.column > WIDTH && !is_first && rest > 0 {
                self.new_line();
            } else if run == "'" {
                self.text("''");
            } else {
                self.text(run);
            }
        }
        self.text("'");
    }

    fn double_quoted(&mut self, text: &str, fold: bool) {
        let count = text.chars().count();
        let mut letters = Zeroizing::new(Vec::with_capacity(count));
        letters.extend(text.chars());
        self.text("\"");
        // Letters that are not written yet begin here.
        let mut start = 0;
        for (place, letter) in letters.iter().enumerate() {
            if let Some(escaped) = self.escape(*letter) {
                self.letters(letters.get(start..place));
                self.text(&escaped);
                start = place + 1;
            }
            // After an escape there is one letter less than none to write.
            let column = (self.column + place).saturating_sub(start);
            let between = *letter == ' ' || start >= place;
            if fold && place > 0 && place + 1 < count && between && column > WIDTH {
                self.letters(letters.get(start..place));
                start = start.max(place);
                self.text("\\");
                self.new_line();
                // A space at the start of a line would be lost.
                if letters.get(start) == Some(&' ') {
                    self.text("\\");
                }
            }
        }
        self.letters(letters.get(start..));
        self.text("\"");
    }

    fn letters(&mut self, letters: Option<&[char]>) {
        for letter in letters.unwrap_or_default() {
            self.letter(*letter);
        }
    }

    /// What stands for a letter that double quotes cannot hold.
    fn escape(&self, letter: char) -> Option<String> {
        let named = match letter {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => letter,
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            letter if is_ascii_printable(letter) => return None,
            '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}'
                if self.unicode =>
            {
                return None;
            }
            '\u{a0}' => '_',
            letter => {
                let code = u32::from(letter);
                return Some(match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                });
            }
        };
        Some(format!("\\{named}"))
    }
}

/// The text cut into runs of spaces, of breaks and of all else; a single quote is a run of its own.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let kind = |letter: char| match letter {
        ' ' => 0,
        '\'' => 1,
        letter if is_break(letter) => 2,
        _ => 3,
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let same = |letter| first != '\'' && kind(letter) == kind(first);
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, letter)| !same(*letter))
            .map_or(rest.len(), |(place, _)| place);
        let (run, after) = rest.split_at(end);
        rest = after;
        Some(run)
    })
}
