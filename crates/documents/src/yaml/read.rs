//! Reads YAML as PyYAML's `safe_load` does, within limits.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use seal::Plaintext;
use zeroize::{Zeroize as _, Zeroizing};

use super::date::Parts;
use super::plain::{self, Plain};
use crate::limits::{self, Budget, MAX_DEPTH};
use crate::page::Page;
use crate::tree::Entries;
use crate::{Error, Tree};

/// Reads a document; an empty one is `Null`.
///
/// Shape: YAML 1.1 for what plain scalars mean; aliases and `<<` are expanded; of equal keys the last one counts. A
/// whole number has at most 38 digits. Tags beyond the scalars, lists and maps are errors, as all are in PyYAML that
/// it does not know.
/// Errors: `Yaml` with the place, and neither a scalar, an anchor nor a tag of the document; `NotUtf8`; the limits.
/// Source: PyYAML 6.0.3; vectors `documents/yaml.json`.
pub fn read(document: &[u8]) -> Result<Tree, Error> {
    let text = limits::text(document)?;
    let source = Source::of(text)?;
    let options = granit_parser::options! {
        block_scalar_eof_without_line_feed: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(&source.text, options),
        mark: source.mark,
        anchors: HashMap::new(),
        budget: Budget::new(),
    };
    reader.stream()
}

/// A document as the parser takes it.
struct Source<'d> {
    text: Cow<'d, str>,
    /// Stands at the end of each line that ends with U+2028 or U+2029 in the document.
    mark: Option<[char; 2]>,
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.text {
            text.zeroize();
        }
    }
}

impl<'d> Source<'d> {
    /// In YAML 1.1 a line also ends at U+0085, U+2028 and U+2029, and PyYAML writes them so; the parser knows 1.2,
    /// where they are letters. U+0085 becomes a line feed, as in PyYAML; the other two, which are kept in a text, a
    /// mark and a line feed.
    fn of(text: &'d str) -> Result<Self, Error> {
        let breaks = ['\u{85}', '\u{2028}', '\u{2029}'];
        if !text.contains(breaks) {
            return Ok(Self {
                text: Cow::Borrowed(text),
                mark: None,
            });
        }
        // Two letters for private use that the document does not have.
        let mut unused = ('\u{e000}'..='\u{f8ff}').filter(|letter| !text.contains(*letter));
        let (Some(line), Some(paragraph)) = (unused.next(), unused.next()) else {
            return Err(Error::TooLarge);
        };
        // No letter becomes more than four bytes, so it never moves.
        let mut marked = String::with_capacity(text.len() + text.matches(breaks).count() * 2);
        for letter in text.chars() {
            match letter {
                '\u{85}' => marked.push('\n'),
                '\u{2028}' => marked.extend([line, '\n']),
                '\u{2029}' => marked.extend([paragraph, '\n']),
                letter => marked.push(letter),
            }
        }
        Ok(Self {
            text: Cow::Owned(marked),
            mark: Some([line, paragraph]),
        })
    }
}

struct Reader<'d> {
    parser: Parser<'d, StrInput<'d>>,
    mark: Option<[char; 2]>,
    anchors: HashMap<usize, Tree>,
    budget: Budget,
}

/// A node, and whether it is a plain `<<`.
struct Node {
    tree: Tree,
    is_merge: bool,
}

impl From<Tree> for Node {
    fn from(tree: Tree) -> Self {
        Self {
            tree,
            is_merge: false,
        }
    }
}

impl<'d> Reader<'d> {
    fn stream(&mut self) -> Result<Tree, Error> {
        let mut tree = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(tree.unwrap_or(Tree::Null)),
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if tree.is_some() => {
                    return Err(fault("expected a single document in the stream", &span));
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    tree = Some(self.node(event, &span, 0)?.tree);
                }
                _ => return Err(fault("content outside of a document", &span)),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'d>, Span), Error> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(scan_fault(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'d>, span: &Span, depth: usize) -> Result<Node, Error> {
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let Some(tree) = self.anchors.get(&anchor) else {
                    return Err(fault("an alias inside of what it stands for", span));
                };
                return Ok(tree.copy(&mut self.budget)?.into());
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = Scalar::new(text, style, self.mark);
                self.budget.spend(text.0.len())?;
                let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                (scalar(&text, style, tag.as_deref(), span)?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "seq", span)?;
                (self.list(depth + 1)?.into(), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "map", span)?;
                (self.map(depth + 1)?.into(), anchor)
            }
            _ => return Err(fault("expected a value", span)),
        };
        if anchor != 0 {
            let copy = node.tree.copy(&mut self.budget)?;
            self.anchors.insert(anchor, copy);
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Tree, Error> {
        limits::depth(depth)?;
        self.budget.spend(0)?;
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Tree::List(list));
            }
            let node = self.node(event, &span, depth)?;
            list.push(value(node, &span)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Tree, Error> {
        limits::depth(depth)?;
        self.budget.spend(0)?;
        let (mut merged, mut own) = (Vec::new(), Vec::new());
        loop {
            let (event, key_span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, &key_span, depth)?;
            let (event, span) = self.next()?;
            let node = self.node(event, &span, depth)?;
            if key.is_merge {
                merged.extend(merge(node.tree, &span)?);
            } else {
                own.push((key.tree, value(node, &span)?, key_span));
            }
        }
        let mut entries = Entries::new();
        for (key, value) in merged {
            entries.put(key, value);
        }
        for (key, value, span) in own {
            if !entries.put(key, value) {
                return Err(fault("a list or a map cannot be a key", &span));
            }
        }
        Ok(entries.finish())
    }
}

/// The entries that `<<` adds: of one map, or of several, where the first counts most.
fn merge(tree: Tree, span: &Span) -> Result<Vec<(Tree, Tree)>, Error> {
    let maps = match tree {
        Tree::List(list) => list,
        tree => vec![tree],
    };
    let mut entries = Vec::new();
    for map in maps.into_iter().rev() {
        let Tree::Map(more) = map else {
            return Err(fault(
                "expected a mapping or list of mappings for merging",
                span,
            ));
        };
        entries.extend(more);
    }
    Ok(entries)
}

fn value(node: Node, span: &Span) -> Result<Tree, Error> {
    if node.is_merge {
        return Err(fault("<< is no value: put it in quotes", span));
    }
    Ok(node.tree)
}

/// The text of a scalar, wiped when it is a copy.
struct Scalar<'d>(Cow<'d, str>);

impl Drop for Scalar<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

impl<'d> Scalar<'d> {
    fn new(text: Cow<'d, str>, style: ScalarStyle, mark: Option<[char; 2]>) -> Self {
        let text = Self(text);
        match mark {
            Some(mark) if text.0.contains(mark) => Self(Cow::Owned(text.unmarked(style, mark))),
            _ => text,
        }
    }

    /// The text with its line separators, and without the line feed beside each: the parser keeps it in a literal and
    /// makes it a space elsewhere, unless more line feeds follow.
    fn unmarked(&self, style: ScalarStyle, [line, paragraph]: [char; 2]) -> String {
        let mut text: &str = &self.0;
        if style == ScalarStyle::Plain {
            // They ended the scalar.
            text = text.trim_end_matches([line, paragraph]);
        }
        let dropped = if style == ScalarStyle::Literal {
            '\n'
        } else {
            ' '
        };
        // No letter is shorter than its mark.
        let mut unmarked = String::with_capacity(text.len());
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let separator = match letter {
                letter if letter == line => '\u{2028}',
                letter if letter == paragraph => '\u{2029}',
                letter => {
                    unmarked.push(letter);
                    continue;
                }
            };
            if style != ScalarStyle::Literal {
                // Blanks at the end of a line, or the space of a line feed before.
                unmarked.truncate(unmarked.trim_end_matches([' ', '\t']).len());
            }
            unmarked.push(separator);
            letters.next_if_eq(&dropped);
        }
        unmarked
    }
}

fn scalar(
    scalar: &Scalar<'_>,
    style: ScalarStyle,
    tag: Option<&str>,
    span: &Span,
) -> Result<Node, Error> {
    let text: &str = &scalar.0;
    let plain = match tag {
        None if style != ScalarStyle::Plain => Plain::Text,
        None | Some("!") => Plain::of(text),
        Some(tag) => match tag.strip_prefix(TAGS) {
            Some("str") => Plain::Text,
            Some("null") => Plain::Null,
            Some("bool") => Plain::Bool,
            Some("int") => Plain::Integer,
            Some("float") => Plain::Float,
            Some("timestamp") => Plain::Date,
            Some("binary") => return Ok(Tree::Bytes(binary(text, span)?).into()),
            _ => return Err(fault(UNKNOWN_TAG, span)),
        },
    };
    let tree = match plain {
        Plain::Text => Some(Tree::text(text)),
        Plain::Null => Some(Tree::Null),
        Plain::Bool => plain::as_bool(text).map(Tree::Bool),
        Plain::Integer => plain::as_integer(text).map(Tree::Integer),
        Plain::Float => plain::as_float(text).map(Tree::Float),
        Plain::Date => Parts::of(text)
            .and_then(|parts| parts.printed())
            .map(Tree::Date),
        Plain::Merge => {
            return Ok(Node {
                tree: Tree::text(text),
                is_merge: true,
            });
        }
        Plain::Sign => return Err(fault("= alone is no value: put it in quotes", span)),
    };
    let tree = tree.ok_or_else(|| {
        fault(
            match plain {
                Plain::Integer | Plain::Float => {
                    "a number that is too large or has no digits: put text in quotes"
                }
                Plain::Date => "no date of the calendar: put text in quotes",
                _ => "not what its tag says",
            },
            span,
        )
    })?;
    Ok(tree.into())
}

fn binary(text: &str, span: &Span) -> Result<Plaintext, Error> {
    // Line breaks and the like are skipped, as in Python.
    let mut page = Page::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || "+/=".contains(letter) {
            page.letter(letter);
        }
    }
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(page.as_bytes())
        .map_err(|_| fault("failed to decode base64 data", span))?;
    let decoded = Zeroizing::new(decoded);
    Ok(Plaintext::new(Box::from(decoded.as_slice())))
}

const TAGS: &str = "tag:yaml.org,2002:";

const UNKNOWN_TAG: &str =
    "could not determine a constructor for the tag: put a text that begins with ! in quotes";

fn check_tag(tag: Option<&granit_parser::Tag>, wanted: &str, span: &Span) -> Result<(), Error> {
    match tag {
        None => Ok(()),
        Some(tag) if tag.handle() == "!" && tag.suffix().is_empty() => Ok(()),
        Some(tag) if tag.handle() == TAGS && tag.suffix() == wanted => Ok(()),
        Some(_) => Err(fault(UNKNOWN_TAG, span)),
    }
}

fn fault(problem: &str, span: &Span) -> Error {
    Error::Yaml {
        problem: problem.to_owned(),
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}

fn scan_fault(error: &ScanError) -> Error {
    use granit_parser::ErrorKind;
    let problem = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return Error::TooDeep,
        // Its message shows a letter of the document.
        ErrorKind::UnexpectedCharacter { .. } => {
            "found a character that cannot start any token".to_owned()
        }
        kind => kind.to_string(),
    };
    Error::Yaml {
        problem,
        line: error.marker().line(),
        column: error.marker().col() + 1,
    }
}
