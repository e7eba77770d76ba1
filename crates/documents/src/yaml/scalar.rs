//! How PyYAML decides in which quotes a text stands.

use super::plain::Plain;

/// What PyYAML looks for in a text.
#[derive(Clone, Copy)]
pub(super) struct Scalar {
    pub(super) empty: bool,
    pub(super) multiline: bool,
    plain: bool,
    single_quoted: bool,
}

/// In which quotes a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
}

impl Scalar {
    /// Source: PyYAML 6.0.3 `Emitter.analyze_scalar`, `choose_scalar_style`; vectors `documents/yaml.json`.
    pub(super) fn of(text: &str, unicode: bool) -> Self {
        let seen = Seen::of(text, unicode);
        let ends_in_space =
            |letter: Option<char>| letter.is_some_and(|letter| letter == ' ' || is_break(letter));
        let edges = ends_in_space(text.chars().next()) || ends_in_space(text.chars().next_back());
        let quoted = seen.break_before_space || seen.space_before_break || seen.special;
        Self {
            empty: text.is_empty(),
            multiline: seen.breaks,
            plain: !(edges || quoted || seen.breaks || seen.indicator)
                && Plain::of(text) == Plain::Text,
            single_quoted: !quoted,
        }
    }

    /// Where it is a key on the line of its value, breaks need double quotes.
    pub(super) fn style(self, simple_key: bool) -> Style {
        if self.plain {
            Style::Plain
        } else if self.single_quoted && !(simple_key && self.multiline) {
            Style::SingleQuoted
        } else {
            Style::DoubleQuoted
        }
    }
}

#[derive(Default)]
struct Seen {
    breaks: bool,
    /// A character that only double quotes can hold, as an escape.
    special: bool,
    /// A character that has a meaning of its own where it stands.
    indicator: bool,
    space_before_break: bool,
    break_before_space: bool,
}

impl Seen {
    fn of(text: &str, unicode: bool) -> Self {
        let mut seen = Self {
            indicator: text.starts_with("---") || text.starts_with("..."),
            ..Self::default()
        };
        let mut before: Option<char> = None;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let blank_after = letters.peek().is_none_or(|next| is_blank(*next));
            seen.indicator |= match (before, letter) {
                (None, '?' | ':' | '-') => blank_after,
                (None, first) => "#,[]{}&*!|>'\"%@`".contains(first),
                (Some(_), ':') => blank_after,
                (Some(before), '#') => is_blank(before),
                _ => false,
            };
            seen.breaks |= is_break(letter);
            seen.special |=
                !(letter == '\n' || is_ascii_printable(letter) || (unicode && is_wide(letter)));
            if let Some(before) = before {
                seen.space_before_break |= before == ' ' && is_break(letter);
                seen.break_before_space |= is_break(before) && letter == ' ';
            }
            before = Some(letter);
        }
        seen
    }
}

pub(super) fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_ascii_printable(letter: char) -> bool {
    matches!(letter, ' '..='~')
}

fn is_blank(letter: char) -> bool {
    is_break(letter) || matches!(letter, '\0' | ' ' | '\t' | '\r')
}

/// What may stand unescaped where Unicode is kept.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10fffe}')
        && letter != '\u{feff}'
}
