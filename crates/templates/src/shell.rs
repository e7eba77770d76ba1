//! The filters that quote a value for a shell and for a file of variables.

use zeroize::Zeroizing;

/// One word of a POSIX shell: single quotes around, a single quote as `'"'"'`.
///
/// Source: CredSmash 3.0.2 `shell_quote`, except that text of special characters only, which it leaves bare, is quoted
/// too (fault B5 of the reference).
pub(crate) fn sh(text: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(
        text.len() + 2 + 4 * text.matches('\'').count(),
    ));
    quoted.push('\'');
    for (at, part) in text.split('\'').enumerate() {
        if at > 0 {
            quoted.push_str("'\"'\"'");
        }
        quoted.push_str(part);
    }
    quoted.push('\'');
    quoted
}

/// Double quotes for a file of variables: `\` doubled, a newline as `\n`, backslash and newline, `"` as `\"`.
///
/// Source: CredSmash 3.0.2 `envfile_quote`.
pub(crate) fn env(text: &str) -> Zeroizing<String> {
    let special = text.matches(['\\', '\n', '"']).count();
    let mut quoted = Zeroizing::new(String::with_capacity(text.len() + 2 + 3 * special));
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n\\\n"),
            '"' => quoted.push_str("\\\""),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::empty("", "''")]
    #[case::plain("abc", "'abc'")]
    #[case::quote("it's", "'it'\"'\"'s'")]
    #[case::special_only("$(*);", "'$(*);'")]
    #[case::newline("a\nb", "'a\nb'")]
    fn a_shell_word_is_quoted_whatever_it_holds(#[case] text: &str, #[case] quoted: &str) {
        assert_eq!(*sh(text), quoted);
    }

    #[rstest]
    #[case::empty("", "\"\"")]
    #[case::backslash("a\\b", "\"a\\\\b\"")]
    #[case::newline("a\nb", "\"a\\n\\\nb\"")]
    #[case::quote("say \"x\"", "\"say \\\"x\\\"\"")]
    fn a_variable_is_quoted_as_the_reference_does(#[case] text: &str, #[case] quoted: &str) {
        assert_eq!(*env(text), quoted);
    }
}
