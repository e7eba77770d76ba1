//! What is done to a template's text before the engine reads it: the few forms of Jinja2 that minijinja does not have.
//!
//! Lines stay where they are, so that errors name the right one. Text that cannot be followed is left alone: the engine
//! then says what is wrong with it.
//!
//! - line ends become `\n`, and one at the end of the text goes;
//! - `secrets['a', 'b']`, `{{ a, b }}` and `for x in a, b` get the parentheses of a tuple;
//! - `'%s' % value` becomes a method call, and `+value` loses its sign;
//! - a raw block keeps its first line end;
//! - `do`, which the engine has and Jinja2 has not, is refused.

use std::borrow::Cow;

use crate::error::TemplateError;
use crate::tokens::{Kind, Token, Tokens};

/// The text for the engine.
///
/// Errors: `Syntax` for a tag that only the engine knows.
pub(crate) fn prepare(template: &str) -> Result<String, TemplateError> {
    let text = with_one_line_end(template);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut prepared = String::with_capacity(text.len() + 16);
    let mut done = 0;
    while let Some(start) = next_tag(text, done) {
        prepared.push_str(text.get(done..start).unwrap_or_default());
        done = start;
        match tag(text, start, &mut prepared)? {
            Some(end) => done = end,
            None => break,
        }
    }
    prepared.push_str(text.get(done..).unwrap_or_default());
    Ok(prepared)
}

fn with_one_line_end(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

fn next_tag(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.match_indices('{')
        .map(|(at, _)| from + at)
        .find(|at| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')))
}

/// Writes the tag that starts at `start` and says where it ends; `None` when it cannot be followed.
fn tag(text: &str, start: usize, out: &mut String) -> Result<Option<usize>, TemplateError> {
    let from = text.get(start..).unwrap_or_default();
    if from.starts_with("{#") {
        let Some(end) = from.find("#}") else {
            return Ok(None);
        };
        out.push_str(from.get(..end + 2).unwrap_or_default());
        return Ok(Some(start + end + 2));
    }
    if let Some(length) = raw(from, out) {
        return Ok(Some(start + length));
    }
    let Some(tokens) = Tokens::of(from) else {
        return Ok(None);
    };
    let is_statement = from.starts_with("{%");
    if is_statement && tokens.is_name(0, "do") {
        let before = text.get(..start).unwrap_or_default();
        return Err(TemplateError::Syntax {
            line: before.matches('\n').count() + 1,
            what: "unknown tag `do`".to_owned(),
        });
    }
    let mut edits = Edits(Vec::new());
    edits.bare_tuple(&tokens, is_statement);
    for (at, token) in tokens.list.iter().enumerate() {
        match tokens.text(token) {
            "[" => edits.subscript(&tokens, at),
            "%" => edits.percent(&tokens, at),
            "+" if at
                .checked_sub(1)
                .is_none_or(|before| !tokens.ends_value(before)) =>
            {
                edits.0.push((token.start, token.end, " "));
            }
            _ => {}
        }
    }
    edits.apply(from, tokens.end, out);
    Ok(Some(start + tokens.end))
}

/// A raw block whole, when one starts here. Jinja2 trims no line end after its opening tag: `+` tells the engine so.
fn raw(from: &str, out: &mut String) -> Option<usize> {
    let begin = from.strip_prefix("{%")?;
    let begin = begin.strip_prefix(['-', '+']).unwrap_or(begin);
    let after = begin.trim_start().strip_prefix("raw")?.trim_start();
    let head = from.len() - after.len();
    let body = after
        .strip_prefix("%}")
        .or_else(|| after.strip_prefix("-%}"))?;
    let mut searched = from.len() - body.len();
    loop {
        let at = searched + from.get(searched..)?.find("{%")?;
        let inner = from.get(at + 2..)?;
        let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
        let closing = inner
            .trim_start()
            .strip_prefix("endraw")
            .map(str::trim_start);
        let Some(closing) = closing else {
            searched = at + 2;
            continue;
        };
        let tail = closing.strip_prefix(['-', '+']).unwrap_or(closing);
        let Some(rest) = tail.strip_prefix("%}") else {
            searched = at + 2;
            continue;
        };
        let length = from.len() - rest.len();
        out.push_str(from.get(..head)?);
        if after.starts_with("%}") {
            out.push('+');
        }
        out.push_str(from.get(head..length)?);
        return Some(length);
    }
}

/// Places of a tag, from where to where, and what stands there instead.
struct Edits(Vec<(usize, usize, &'static str)>);

impl Edits {
    fn around(&mut self, from: usize, to: usize) {
        self.0.push((from, from, "("));
        self.0.push((to, to, ")"));
    }

    /// `{{ a, b }}` and `{% for x in a, b if c %}`.
    fn bare_tuple(&mut self, tokens: &Tokens<'_>, is_statement: bool) {
        let mut part: Vec<usize> = tokens.outermost(0..tokens.list.len()).collect();
        if is_statement {
            if !tokens.is_name(0, "for") {
                return;
            }
            let mut from = part.into_iter().skip_while(|at| !tokens.is_name(*at, "in"));
            from.next();
            part = from
                .take_while(|at| !tokens.is_name(*at, "if") && !tokens.is_name(*at, "recursive"))
                .collect();
        }
        let has_comma = part.iter().any(|at| tokens.kind(*at) == Some(Kind::Comma));
        if has_comma
            && let (Some(first), Some(last)) = (part.first(), part.last())
            && let (Some(first), Some(last)) = (tokens.list.get(*first), tokens.last_of(*last))
        {
            self.around(first.start, last.end);
        }
    }

    /// `x[a, b]`.
    fn subscript(&mut self, tokens: &Tokens<'_>, at: usize) {
        let Some(close) = tokens.partner(at) else {
            return;
        };
        // Jinja2 wants no comma at the end here.
        let is_subscript = at
            .checked_sub(1)
            .is_some_and(|before| tokens.ends_value(before))
            && tokens.kind(close - 1) != Some(Kind::Comma);
        let has = |kind| {
            tokens
                .outermost(at + 1..close)
                .any(|inner| tokens.kind(inner) == Some(kind))
        };
        if is_subscript
            && has(Kind::Comma)
            && !has(Kind::Colon)
            && let (Some(open), Some(close)) = (tokens.list.get(at), tokens.list.get(close))
        {
            self.around(open.end, close.start);
        }
    }

    /// `'%s' % value`, where the text is written out: only then is it known not to be a division.
    fn percent(&mut self, tokens: &Tokens<'_>, at: usize) {
        let is_format = at
            .checked_sub(1)
            .is_some_and(|text| tokens.kind(text) == Some(Kind::Text))
            && at.checked_sub(2).is_none_or(|before| {
                !tokens.list.get(before).is_some_and(|token| {
                    matches!(tokens.text(token), "*" | "/" | "//" | "%" | "**")
                })
            });
        if is_format
            && let Some(last) = operand(tokens, at + 1)
            && let (Some(sign), Some(last)) = (tokens.list.get(at), tokens.list.get(last))
        {
            self.0.push((sign.start, sign.end, "._percent("));
            self.0.push((last.end, last.end, ")"));
        }
    }

    fn apply(mut self, from: &str, end: usize, out: &mut String) {
        self.0.sort_by_key(|(start, _, _)| *start);
        let mut done = 0;
        for (start, stop, text) in self.0 {
            out.push_str(from.get(done..start).unwrap_or_default());
            out.push_str(text);
            done = stop;
        }
        out.push_str(from.get(done..end).unwrap_or_default());
    }
}

/// The last token of the operand that starts at `at`: signs, a value, what is called or looked up on it, its filters.
fn operand(tokens: &Tokens<'_>, at: usize) -> Option<usize> {
    let text = |at: usize| tokens.list.get(at).map(|token: &Token| tokens.text(token));
    let mut last = at;
    while matches!(text(last), Some("-" | "+")) {
        last += 1;
    }
    match tokens.kind(last)? {
        Kind::Open => last = tokens.partner(last)?,
        Kind::Text => {
            while tokens.kind(last + 1) == Some(Kind::Text) {
                last += 1;
            }
        }
        Kind::Name if tokens.ends_value(last) => {}
        Kind::Number => {}
        _ => return None,
    }
    loop {
        match text(last + 1) {
            Some(".") => last += 2,
            Some("(" | "[") => last = tokens.partner(last + 1)?,
            Some("|") if tokens.kind(last + 2) == Some(Kind::Name) => last += 2,
            Some("**") => return operand(tokens, last + 2),
            // A test binds to the operand too, but takes an argument without parentheses.
            Some("is") => return None,
            _ => return tokens.list.get(last).map(|_| last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain(
        "a {{ b }} {% if c %}{% endif %} {# d, e #}",
        "a {{ b }} {% if c %}{% endif %} {# d, e #}"
    )]
    #[case::line_ends("a\r\nb\rc\n\n", "a\nb\nc\n")]
    #[case::subscript("{{ s['a', 'b'] }}", "{{ s[('a', 'b')] }}")]
    #[case::nested("{{ s[f(1, 2), [3, 4][0]] }}", "{{ s[(f(1, 2), [3, 4][0])] }}")]
    #[case::inner_subscript("{{ [s['a','b'], 1] }}", "{{ [s[('a','b')], 1] }}")]
    #[case::a_list_is_no_subscript("{% for x in [1, 2] %}", "{% for x in [1, 2] %}")]
    #[case::a_slice_is_no_tuple("{{ s[1:f(2, 3)] }}", "{{ s[1:f(2, 3)] }}")]
    #[case::bare("{{ 1, 2 }}", "{{ (1, 2) }}")]
    #[case::bare_loop("{% for x in 1, f(2) if x %}", "{% for x in (1, f(2)) if x %}")]
    #[case::bare_loop_with_names("{% for a, b in x %}", "{% for a, b in x %}")]
    #[case::percent(
        "{{ '%s' % x.y(1) | upper ~ z }}",
        "{{ '%s' ._percent( x.y(1) | upper) ~ z }}"
    )]
    #[case::percent_of_tuple("{{ '%s-%s' % (a, b) }}", "{{ '%s-%s' ._percent( (a, b)) }}")]
    #[case::rest_of_division("{{ a % b }}{{ 7 % 3 }}", "{{ a % b }}{{ 7 % 3 }}")]
    #[case::plus("{{ + n }}{{ 1 + +2 }}", "{{   n }}{{ 1 +  2 }}")]
    #[case::text_with_ends("{{ '}}', \"%}\" }}", "{{ ('}}', \"%}\") }}")]
    #[case::mapping("{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}} }}")]
    #[case::raw(
        "{% raw %}\n{{ a, b }}{% endraw %}{{ a, b }}",
        "{% raw +%}\n{{ a, b }}{% endraw %}{{ (a, b) }}"
    )]
    #[case::raw_trimmed("{%- raw -%} x {%- endraw -%}", "{%- raw -%} x {%- endraw -%}")]
    #[case::open("a {{ b, c", "a {{ b, c")]
    #[case::open_text("{{ 'a, b }} {{ 1, 2 }}", "{{ 'a, b }} {{ 1, 2 }}")]
    fn only_what_the_engine_lacks_is_written_anew(#[case] text: &str, #[case] prepared: &str) {
        assert_eq!(prepare(text).unwrap(), prepared);
    }

    #[test]
    fn a_tag_of_the_engine_alone_is_refused_with_its_line() {
        assert_eq!(
            prepare("\n\n{%- do x() %}").unwrap_err().to_string(),
            "template line 3: unknown tag `do`"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_loses_a_line(text in "[{}%#\\[\\]()'\"a,+\\-. \n]{0,60}") {
            if let Ok(prepared) = prepare(&text) {
                let expected = text.strip_suffix('\n').unwrap_or(&text);
                proptest::prop_assert_eq!(prepared.matches('\n').count(), expected.matches('\n').count());
            }
        }
    }
}
