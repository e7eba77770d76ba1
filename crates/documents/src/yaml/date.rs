//! Dates of YAML 1.1, as Python prints them.

/// The numbers of a date as they are written.
pub(super) struct Parts<'t> {
    year: &'t str,
    month: &'t str,
    day: &'t str,
    time: Option<Time<'t>>,
}

struct Time<'t> {
    hour: &'t str,
    minute: &'t str,
    second: &'t str,
    fraction: Option<&'t str>,
    zone: Option<Zone<'t>>,
}

enum Zone<'t> {
    Utc,
    Offset {
        sign: char,
        hour: &'t str,
        minute: Option<&'t str>,
    },
}

impl<'t> Parts<'t> {
    /// The parts of `2001-12-14` or `2001-12-14 21:59:43.10 -5`; `None` when it has another form.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        let (year, rest) = digits(text, 4..=4)?;
        let (month, rest) = digits(rest.strip_prefix('-')?, 1..=2)?;
        let (day, rest) = digits(rest.strip_prefix('-')?, 1..=2)?;
        let time = if rest.is_empty() {
            None
        } else {
            Some(Time::of(rest)?)
        };
        Some(Self {
            year,
            month,
            day,
            time,
        })
    }

    /// Whether a plain scalar of this form is a date: one without a time has two digits in each place.
    pub(super) fn is_full(&self) -> bool {
        self.time.is_some() || (self.month.len() == 2 && self.day.len() == 2)
    }

    /// As Python's `str` prints the date; `None` when the calendar has no such date.
    pub(super) fn printed(&self) -> Option<String> {
        let number = |text: &str| text.parse::<u32>().ok();
        let (year, month, day) = (number(self.year)?, number(self.month)?, number(self.day)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if year == 0 || day == 0 || day > days {
            return None;
        }
        let mut printed = format!("{year:04}-{month:02}-{day:02}");
        let Some(time) = &self.time else {
            return Some(printed);
        };
        let (hour, minute, second) = (
            number(time.hour)?,
            number(time.minute)?,
            number(time.second)?,
        );
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        printed.push_str(&format!(" {hour:02}:{minute:02}:{second:02}"));
        let fraction: String = time.fraction.unwrap_or_default().chars().take(6).collect();
        if fraction.contains(|digit| digit != '0') {
            printed.push_str(&format!(".{fraction:0<6}"));
        }
        match &time.zone {
            None => {}
            Some(Zone::Utc) => printed.push_str("+00:00"),
            Some(Zone::Offset { sign, hour, minute }) => {
                let minutes = number(hour)? * 60 + number(minute.unwrap_or("0"))?;
                // A day or more is no offset.
                if minutes >= 24 * 60 {
                    return None;
                }
                let sign = if minutes == 0 { '+' } else { *sign };
                printed.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
            }
        }
        Some(printed)
    }
}

impl<'t> Time<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let rest = match text.strip_prefix(['T', 't']) {
            Some(rest) => rest,
            None => {
                let rest = text.trim_start_matches([' ', '\t']);
                if rest.len() == text.len() {
                    return None;
                }
                rest
            }
        };
        let (hour, rest) = digits(rest, 1..=2)?;
        let (minute, rest) = digits(rest.strip_prefix(':')?, 2..=2)?;
        let (second, rest) = digits(rest.strip_prefix(':')?, 2..=2)?;
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let end = rest
                    .find(|digit: char| !digit.is_ascii_digit())
                    .unwrap_or(rest.len());
                let (fraction, rest) = rest.split_at(end);
                (Some(fraction), rest)
            }
            None => (None, rest),
        };
        let zone = if rest.is_empty() {
            None
        } else {
            Some(Zone::of(rest.trim_start_matches([' ', '\t']))?)
        };
        Some(Self {
            hour,
            minute,
            second,
            fraction,
            zone,
        })
    }
}

impl<'t> Zone<'t> {
    fn of(text: &'t str) -> Option<Self> {
        if text == "Z" {
            return Some(Self::Utc);
        }
        let sign = text.chars().next().filter(|sign| "+-".contains(*sign))?;
        let (hour, rest) = digits(text.get(1..)?, 1..=2)?;
        let minute = match rest {
            "" => None,
            rest => {
                let (minute, rest) = digits(rest.strip_prefix(':')?, 2..=2)?;
                rest.is_empty().then_some(minute).map(Some)?
            }
        };
        Some(Self::Offset { sign, hour, minute })
    }
}

/// As many digits as stand there, if that is an allowed number of them, and the rest.
fn digits(text: &str, allowed: std::ops::RangeInclusive<usize>) -> Option<(&str, &str)> {
    let count = text
        .bytes()
        .take(*allowed.end())
        .take_while(u8::is_ascii_digit)
        .count();
    allowed.contains(&count).then(|| text.split_at(count))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2001-12-14", Some("2001-12-14"))]
    #[case(
        "2001-12-14t21:59:43.10-05:00",
        Some("2001-12-14 21:59:43.100000-05:00")
    )]
    #[case("2001-12-14 1:59:43 Z", Some("2001-12-14 01:59:43+00:00"))]
    #[case("2001-12-14 21:59:43.", Some("2001-12-14 21:59:43"))]
    #[case(
        "2001-1-4 21:59:43.1234567 +5",
        Some("2001-01-04 21:59:43.123456+05:00")
    )]
    #[case("2001-12-14 21:59:43 -0", Some("2001-12-14 21:59:43+00:00"))]
    #[case("2000-02-29", Some("2000-02-29"))]
    #[case("1900-02-29", None)]
    #[case("2001-13-01", None)]
    #[case("0000-01-01", None)]
    #[case("2001-12-14 24:00:00", None)]
    #[case("2001-12-14 23:00:00 +24", None)]
    fn a_date_is_printed_as_python_prints_it(#[case] text: &str, #[case] printed: Option<&str>) {
        let parts = Parts::of(text).expect("the form of a date");
        assert_eq!(parts.printed().as_deref(), printed);
    }

    #[rstest]
    #[case("2001-12-14x")]
    #[case("2001-12-14T")]
    #[case("2001-12-14 21:59")]
    #[case("2001-12-14 21:59:43 +1:2")]
    #[case("20011-12-14")]
    #[case("2001-123-14")]
    fn another_form_is_no_date(#[case] text: &str) {
        assert!(Parts::of(text).is_none());
    }
}
