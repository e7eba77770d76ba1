//! Small habits of Python's text and numbers that several formats share.

/// Whether Python's `str.isspace` holds for the letter.
pub(crate) fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

/// `str.strip()`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `repr` of a text.
pub(crate) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut printed = String::with_capacity(text.len() + 2);
    printed.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => printed.push_str("\\\\"),
            '\n' => printed.push_str("\\n"),
            '\r' => printed.push_str("\\r"),
            '\t' => printed.push_str("\\t"),
            letter if letter == quote => printed.extend(['\\', letter]),
            letter if letter.is_control() => {
                printed.push_str(&format!("\\x{:02x}", u32::from(letter)));
            }
            letter => printed.push(letter),
        }
    }
    printed.push(quote);
    printed
}

/// `repr` of a float; `NaN`, `Infinity` and `-Infinity` as JSON in Python has them.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    // As few digits as read back as the same number; of several such, the nearest, and of two as near the even one.
    let shortest = format!("{value:e}");
    let fraction = shortest
        .split('e')
        .next()
        .and_then(|digits| digits.split_once('.'));
    let precision = fraction.map_or(0, |(_, fraction)| fraction.len());
    let nearest = format!("{value:.precision$e}");
    let scientific = if nearest.parse() == Ok(value) {
        nearest
    } else {
        shortest
    };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let decimals = i32::try_from(precision).unwrap_or_default() - exponent;
        return format!(
            "{value:.*}",
            usize::try_from(decimals).unwrap_or_default().max(1)
        );
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, "0.0")]
    #[case(-0.0, "-0.0")]
    #[case(1e15, "1000000000000000.0")]
    #[case(1e16, "1e+16")]
    #[case(1.5e300, "1.5e+300")]
    #[case(0.0001, "0.0001")]
    #[case(0.00001, "1e-05")]
    #[case(1.5e-7, "1.5e-07")]
    #[case(5e-324, "5e-324")]
    #[case(0.1, "0.1")]
    #[case(123456.789, "123456.789")]
    #[case(2_217_328_667_708_692.2, "2217328667708692.2")]
    #[case(1234567890123456.0, "1234567890123456.0")]
    #[case(f64::INFINITY, "Infinity")]
    #[case(f64::NEG_INFINITY, "-Infinity")]
    #[case(f64::NAN, "NaN")]
    fn prints_a_float_as_python(#[case] value: f64, #[case] printed: &str) {
        assert_eq!(float(value), printed);
    }

    #[rstest]
    #[case("a", "'a'")]
    #[case("it's", "\"it's\"")]
    #[case("it's \"", r#"'it\'s "'"#)]
    #[case("a\\\n\u{1}", r"'a\\\n\x01'")]
    fn shows_a_text_as_python(#[case] text: &str, #[case] printed: &str) {
        assert_eq!(repr(text), printed);
    }

    #[test]
    fn strips_what_python_strips() {
        assert_eq!(strip("\u{1c}\u{a0} a b\t\u{2028}\u{85}"), "a b");
        assert_eq!(strip("\u{feff}a\u{200b}"), "\u{feff}a\u{200b}");
    }
}
