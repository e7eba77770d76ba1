//! Texts as Python writes and reads them, where the old tools let them through to their users.

/// A text as Python's `repr` shows it: in single quotes, or in double ones when it holds only single
/// ones.
pub(crate) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut shown = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if letter == quote => shown.extend(['\\', letter]),
            _ if letter.is_control() => shown.push_str(&format!("\\x{:02x}", u32::from(letter))),
            _ => shown.push(letter),
        }
    }
    shown.push(quote);
    shown
}

/// A whole number as Python's `int` reads it: blanks around it, a sign, leading zeros, and single
/// underscores between digits.
///
/// `None` also for more than 38 digits, which no version has.
pub(crate) fn int(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let shape = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(shape) {
        return None;
    }
    let number: i128 = digits.replace('_', "").parse().ok()?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("db.password", "'db.password'")]
    #[case::one_quote("it's", r#""it's""#)]
    #[case::both_quotes("'\"", r#"'\'"'"#)]
    #[case::controls("a\n\\\u{7}", r"'a\n\\\x07'")]
    #[case::letters("pässwörd", "'pässwörd'")]
    fn a_text_is_shown_as_python_shows_it(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(repr(text), shown);
    }

    #[rstest]
    #[case::padded("0000000000000000007", Some(7))]
    #[case::negative("-000000000000000005", Some(-5))]
    #[case::blanks("  2 ", Some(2))]
    #[case::sign("+3", Some(3))]
    #[case::underscores("1_000", Some(1000))]
    #[case::underscore_at_the_end("1_", None)]
    #[case::text("rel-1", None)]
    #[case::fraction("1.5", None)]
    #[case::nothing("", None)]
    #[case::sign_alone("-", None)]
    #[case::twenty_digits("20260101000000000001", Some(20_260_101_000_000_000_001))]
    #[case::too_many_digits(&"9".repeat(40), None)]
    fn a_number_is_read_as_python_reads_it(#[case] text: &str, #[case] number: Option<i128>) {
        assert_eq!(int(text), number);
    }
}
