//! What a YAML 1.1 scalar without quotes means.

/// The type that PyYAML sees in a plain scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool,
    Integer,
    Float,
    Date,
    /// `<<`: the map beside it belongs to this one.
    Merge,
    /// `=`, `!`, `&` and `*` alone: a type of its own, and text where it is a key.
    Sign,
    Text,
}

impl Plain {
    /// Source: PyYAML 6.0.3, the implicit resolvers.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "<<" => return Self::Merge,
            "=" | "!" | "&" | "*" => return Self::Sign,
            _ => {}
        }
        if as_bool(text).is_some() {
            return Self::Bool;
        }
        // Numbers and dates begin so, and nothing else does.
        if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
            return Self::Text;
        }
        if is_float(text) {
            Self::Float
        } else if is_integer(text) {
            Self::Integer
        } else if is_date(text) {
            Self::Date
        } else {
            Self::Text
        }
    }
}

/// `yes`, `No`, `TRUE`: in one of three ways to write each.
pub(super) fn as_bool(text: &str) -> Option<bool> {
    Some(match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => true,
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => false,
        _ => return None,
    })
}

/// `0x1F`, `0b1`, `0600`, `1_000`, `1:30:00`. `None` when it is too large or has no digit.
pub(super) fn as_integer(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let (sign, digits) = signed(&text);
    let value = if digits == "0" {
        0
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()?
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i128::from_str_radix(hexadecimal, 16).ok()?
    } else if let Some(octal) = digits.strip_prefix('0') {
        i128::from_str_radix(octal, 8).ok()?
    } else {
        let mut value: i128 = 0;
        for part in digits.split(':') {
            value = value.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        }
        value
    };
    Some(if sign { -value } else { value })
}

/// `1.5`, `.inf`, `1:30.5`.
pub(super) fn as_float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let (sign, digits) = signed(&text);
    let value = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        digits => {
            let mut value = 0.0;
            for part in digits.split(':') {
                value = value * 60.0 + part.parse::<f64>().ok()?;
            }
            value
        }
    };
    Some(if sign { -value } else { value })
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn is_integer(text: &str) -> bool {
    let (_, text) = signed(text);
    let of = |text: &str, digits: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte == b'_' || digits.as_bytes().contains(&byte))
    };
    if text == "0" {
        return true;
    }
    if let Some(rest) = text.strip_prefix('0') {
        return match rest.as_bytes().first() {
            Some(b'b') => of(rest.get(1..).unwrap_or_default(), "01"),
            Some(b'x') => of(rest.get(1..).unwrap_or_default(), "0123456789abcdefABCDEF"),
            _ => of(rest, "01234567"),
        };
    }
    let (first, sixtieths) = text
        .split_once(':')
        .map_or((text, None), |(first, rest)| (first, Some(rest)));
    first.starts_with(|digit: char| digit.is_ascii_digit())
        && of(first, "0123456789")
        && sixtieths.is_none_or(|rest| rest.split(':').all(is_sixtieth))
}

fn is_float(text: &str) -> bool {
    let (_, unsigned) = signed(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, fraction)) = unsigned.split_once('.') else {
        return false;
    };
    let (digits, exponent) = match fraction.find(['e', 'E']) {
        Some(place) => {
            let (digits, exponent) = fraction.split_at(place);
            (digits, exponent.get(1..))
        }
        None => (fraction, None),
    };
    let good_exponent = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        })
    });
    let good_digits = digits
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_digit());
    if !good_exponent || !good_digits {
        return false;
    }
    if whole.is_empty() {
        // Without a sign, and with a digit after the point.
        return unsigned.len() == text.len()
            && digits.starts_with(|digit: char| digit.is_ascii_digit());
    }
    let (first, sixtieths) = whole
        .split_once(':')
        .map_or((whole, None), |(first, rest)| (first, Some(rest)));
    first.starts_with(|digit: char| digit.is_ascii_digit())
        && first
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_digit())
        && sixtieths.is_none_or(|rest| exponent.is_none() && rest.split(':').all(is_sixtieth))
}

/// 0 to 59, in one digit or two.
fn is_sixtieth(text: &str) -> bool {
    match text.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

fn is_date(text: &str) -> bool {
    super::date::Parts::of(text).is_some_and(|parts| parts.is_full())
}
