//! The tokens of one tag, as far as it takes to see where its parts begin and end.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Number,
    Text,
    Open,
    Close,
    Comma,
    Colon,
    Other,
}

/// A token's place in the text, in bytes from the start of its tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The other bracket of a pair.
    partner: Option<usize>,
}

/// A tag that is closed, with brackets that match.
pub(crate) struct Tokens<'a> {
    source: &'a str,
    pub(crate) list: Vec<Token>,
    /// Where the tag ends.
    pub(crate) end: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens of the tag that `source` starts with; `None` when it does not end well.
    pub(crate) fn of(source: &'a str) -> Option<Self> {
        let close = if source.starts_with("{{") { "}}" } else { "%}" };
        let mut list: Vec<Token> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut at = if source.get(2..)?.starts_with(['-', '+']) {
            3
        } else {
            2
        };
        loop {
            let rest = source.get(at..)?;
            let first = rest.chars().next()?;
            if first.is_whitespace() {
                at += first.len_utf8();
                continue;
            }
            if open.is_empty() {
                let ending = rest.strip_prefix(['-', '+']).unwrap_or(rest);
                if let Some(after) = ending.strip_prefix(close) {
                    let end = source.len() - after.len();
                    return Some(Self { source, list, end });
                }
            }
            let (kind, length) = token(rest, first)?;
            let mut partner = None;
            let place = list.len();
            match kind {
                Kind::Open => open.push(place),
                Kind::Close => {
                    let other = open.pop()?;
                    let opened = list.get_mut(other)?;
                    if !matches!(
                        (source.get(opened.start..opened.end)?, first),
                        ("(", ')') | ("[", ']') | ("{", '}')
                    ) {
                        return None;
                    }
                    opened.partner = Some(place);
                    partner = Some(other);
                }
                _ => {}
            }
            list.push(Token {
                kind,
                start: at,
                end: at + length,
                partner,
            });
            at += length;
        }
    }

    pub(crate) fn text(&self, token: &Token) -> &'a str {
        self.source.get(token.start..token.end).unwrap_or_default()
    }

    pub(crate) fn kind(&self, at: usize) -> Option<Kind> {
        self.list.get(at).map(|token| token.kind)
    }

    pub(crate) fn partner(&self, at: usize) -> Option<usize> {
        self.list.get(at)?.partner
    }

    pub(crate) fn is_name(&self, at: usize, name: &str) -> bool {
        self.list
            .get(at)
            .is_some_and(|token| token.kind == Kind::Name && self.text(token) == name)
    }

    /// Whether a value can end here, so that a bracket after it looks something up and a sign adds.
    pub(crate) fn ends_value(&self, at: usize) -> bool {
        self.list.get(at).is_some_and(|token| match token.kind {
            Kind::Name => !WORDS.contains(&self.text(token)),
            Kind::Number | Kind::Text | Kind::Close => true,
            _ => false,
        })
    }

    /// The tokens of a part that stand in no brackets of it; of a pair of brackets, the opening one.
    pub(crate) fn outermost(&self, part: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let mut next = part.start;
        std::iter::from_fn(move || {
            let at = next;
            if at >= part.end {
                return None;
            }
            next = match self.list.get(at) {
                Some(token) if token.kind == Kind::Open => token.partner.unwrap_or(at) + 1,
                _ => at + 1,
            };
            Some(at)
        })
    }

    /// The last token of what starts at `at`: of a pair of brackets, the closing one.
    pub(crate) fn last_of(&self, at: usize) -> Option<&Token> {
        let token = self.list.get(at)?;
        match (token.kind, token.partner) {
            (Kind::Open, Some(close)) => self.list.get(close),
            _ => Some(token),
        }
    }
}

fn token(rest: &str, first: char) -> Option<(Kind, usize)> {
    let run = |test: fn(char) -> bool| {
        rest.find(|letter: char| !test(letter))
            .unwrap_or(rest.len())
    };
    Some(match first {
        '\'' | '"' => {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, letter)| {
                let ends = *letter == first && !escaped;
                escaped = *letter == '\\' && !escaped;
                ends
            })?;
            (Kind::Text, end.0 + 1)
        }
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        ':' => (Kind::Colon, 1),
        '0'..='9' => (Kind::Number, number(rest)),
        _ if first == '_' || first.is_alphabetic() => (
            Kind::Name,
            run(|letter| letter == '_' || letter.is_alphanumeric()),
        ),
        _ => {
            let double = ["**", "//", "==", "!=", "<=", ">="]
                .iter()
                .any(|sign| rest.starts_with(sign));
            (Kind::Other, if double { 2 } else { first.len_utf8() })
        }
    })
}

/// Digits, one fraction and one exponent.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let is_part = |at: usize| {
        bytes
            .get(at)
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    let mut at = 0;
    while is_part(at)
        || (bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
        || (matches!(bytes.get(at), Some(b'+' | b'-'))
            && at
                .checked_sub(1)
                .and_then(|at| bytes.get(at))
                .is_some_and(|b| matches!(b, b'e' | b'E'))
            && !rest.starts_with("0x"))
    {
        at += 1;
    }
    at
}

/// Names after which a value begins.
const WORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "elif",
    "for",
    "set",
    "with",
    "call",
    "filter",
    "from",
    "import",
    "include",
    "extends",
    "autoescape",
];
