//! JSON as Python's `json.dumps` prints it: ASCII alone, everything else as `\uXXXX`.

use seal::Plaintext;

use crate::page::Page;
use crate::{Tree, python};

/// An object of texts as `json.dumps(_, sort_keys=True, indent=4, separators=(',', ': '))` prints it.
///
/// Source: CredSmash 3.0.2 `write_many_str`, credstash 1.17.1 `getAllAction`; vectors `documents/json.json`.
pub(crate) fn texts(entries: &[(&str, &str)]) -> Plaintext {
    let mut sorted = entries.to_vec();
    // UTF-8 sorts as Python sorts text: by code point.
    sorted.sort_by_key(|(name, _)| *name);
    let mut page = Page::new();
    let mut before = "{\n    ";
    for (name, value) in sorted {
        page.text(before);
        string(&mut page, name);
        page.text(": ");
        string(&mut page, value);
        before = ",\n    ";
    }
    page.text(if entries.is_empty() { "{}" } else { "\n}" });
    page.finish()
}

/// A tree as `json.dumps(_, sort_keys=True, indent=4, separators=(',', ': '))` prints it, without a final newline.
///
/// Bytes are printed as base64 and a date as text, neither of which Python's `json` prints at all.
pub fn pretty(tree: &Tree) -> Plaintext {
    let mut page = Page::new();
    value(&mut page, tree, Layout::Pretty { indent: 0 });
    page.finish()
}

/// A tree as plain `json.dumps` prints it: on one line with `, ` and `: `, in its own order.
pub fn line(tree: &Tree) -> Plaintext {
    let mut page = Page::new();
    value(&mut page, tree, Layout::Line);
    page.finish()
}

#[derive(Clone, Copy)]
enum Layout {
    Line,
    Pretty { indent: usize },
}

impl Layout {
    fn deeper(self) -> Self {
        match self {
            Self::Line => Self::Line,
            Self::Pretty { indent } => Self::Pretty { indent: indent + 4 },
        }
    }

    /// What stands before an element: after the bracket or after another element.
    fn separate(self, page: &mut Page, first: bool) {
        match self {
            Self::Line if first => {}
            Self::Line => page.text(", "),
            Self::Pretty { .. } => {
                if !first {
                    page.text(",");
                }
                self.new_line(page);
            }
        }
    }

    fn new_line(self, page: &mut Page) {
        if let Self::Pretty { indent } = self {
            page.text("\n");
            page.text(&" ".repeat(indent));
        }
    }
}

fn value(page: &mut Page, tree: &Tree, layout: Layout) {
    match tree {
        Tree::Text(_) => string(page, tree.as_text().unwrap_or_default()),
        Tree::List(list) if list.is_empty() => page.text("[]"),
        Tree::Map(entries) if entries.is_empty() => page.text("{}"),
        Tree::List(list) => {
            page.text("[");
            for (place, element) in list.iter().enumerate() {
                layout.deeper().separate(page, place == 0);
                value(page, element, layout.deeper());
            }
            layout.new_line(page);
            page.text("]");
        }
        Tree::Map(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| (name(key), value))
                .collect();
            if matches!(layout, Layout::Pretty { .. }) {
                entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            }
            page.text("{");
            for (place, (key, element)) in entries.iter().enumerate() {
                layout.deeper().separate(page, place == 0);
                string(page, key);
                page.text(": ");
                value(page, element, layout.deeper());
            }
            layout.new_line(page);
            page.text("}");
        }
        Tree::Bytes(_) | Tree::Date(_) => string(page, &name(tree)),
        Tree::Null | Tree::Bool(_) | Tree::Integer(_) | Tree::Float(_) => page.text(&name(tree)),
    }
}

/// A value as the text it is when it stands for a name.
fn name(key: &Tree) -> String {
    use base64::Engine as _;
    match key {
        Tree::Null | Tree::List(_) | Tree::Map(_) => "null".to_owned(),
        Tree::Bool(value) => value.to_string(),
        Tree::Integer(value) => value.to_string(),
        Tree::Float(value) => python::float(*value),
        Tree::Text(_) => key.as_text().unwrap_or_default().to_owned(),
        Tree::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes.expose()),
        Tree::Date(date) => date.clone(),
    }
}

/// A string literal.
fn string(page: &mut Page, text: &str) {
    page.text("\"");
    for letter in text.chars() {
        match letter {
            '"' => page.text("\\\""),
            '\\' => page.text("\\\\"),
            '\n' => page.text("\\n"),
            '\r' => page.text("\\r"),
            '\t' => page.text("\\t"),
            '\u{8}' => page.text("\\b"),
            '\u{c}' => page.text("\\f"),
            ' '..='~' => page.letter(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    page.text("\\u");
                    for shift in [12, 8, 4, 0] {
                        let digit = char::from_digit(u32::from((*unit >> shift) & 0xf), 16);
                        page.letter(digit.unwrap_or('0'));
                    }
                }
            }
        }
    }
    page.text("\"");
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn printed(document: Plaintext) -> String {
        String::from_utf8(document.expose().to_vec()).expect("text")
    }

    #[test]
    fn an_object_of_texts_is_sorted_indented_and_has_no_final_newline() {
        let entries = [
            ("b", "2"),
            ("\u{e9}", "\u{1f600}"),
            ("a", "it's \"x\"\n"),
            ("B", ""),
        ];
        assert_eq!(
            printed(texts(&entries)),
            "{\n    \"B\": \"\",\n    \"a\": \"it's \\\"x\\\"\\n\",\n    \"b\": \"2\",\n    \"\\u00e9\": \"\\ud83d\\ude00\"\n}"
        );
        assert_eq!(printed(texts(&[])), "{}");
    }

    #[rstest]
    #[case("{}", "{}")]
    #[case("[]", "[]")]
    #[case("[1, [2], {}]", "[\n    1,\n    [\n        2\n    ],\n    {}\n]")]
    #[case(
        "{\"b\": null, \"a\": {\"c\": true}}",
        "{\n    \"a\": {\n        \"c\": true\n    },\n    \"b\": null\n}"
    )]
    fn a_tree_is_printed_on_one_line_in_its_order_or_sorted_on_many(
        #[case] line_of: &str,
        #[case] pretty_of: &str,
    ) {
        let tree = super::super::read(line_of.as_bytes()).expect("JSON");
        assert_eq!(printed(line(&tree)), line_of);
        assert_eq!(printed(pretty(&tree)), pretty_of);
    }
}
