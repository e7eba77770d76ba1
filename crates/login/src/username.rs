//! The username of a token: `name`, or `version/type/name`.

/// A parsed username. It claims an identity; the token proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Username<'t> {
    /// Which token format the client made: 1 or 2, but any number is parsed.
    pub version: u32,
    /// `service`, `user` or another word.
    pub user_type: &'t str,
    /// Who; never empty, no slash, no control character.
    pub name: &'t str,
}

/// Why a text is no username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUsername {
    /// Neither one part nor three.
    #[error("unsupported username format: {0} parts instead of 1 or 3")]
    Parts(usize),
    /// A part is empty.
    #[error("unsupported username format: an empty part")]
    EmptyPart,
    /// The version is not a plain decimal number (`01`, `2 `, `-1`, `2.0`) or too great.
    #[error("the version in the username is no plain number")]
    Version,
    /// A control character, which no name of a person or service holds.
    #[error("a control character in the username")]
    ControlCharacter,
}

impl<'t> Username<'t> {
    /// Parses a username. `name` means version 1 and type `service`.
    ///
    /// Stricter than Confidant, which reads `01`, `2 ` and `+2` as numbers too.
    /// Source: spec/confidant.md section 6.2.
    pub fn parse(text: &'t str) -> Result<Self, BadUsername> {
        if text.chars().any(char::is_control) {
            return Err(BadUsername::ControlCharacter);
        }
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.count()) {
            (Some(name), None, None, 0) => Self {
                version: 1,
                user_type: "service",
                name,
            }
            .checked(),
            (Some(version), Some(user_type), Some(name), 0) => {
                if version.is_empty() {
                    return Err(BadUsername::EmptyPart);
                }
                Self {
                    version: plain_number(version).ok_or(BadUsername::Version)?,
                    user_type,
                    name,
                }
                .checked()
            }
            _ => Err(BadUsername::Parts(text.split('/').count())),
        }
    }

    fn checked(self) -> Result<Self, BadUsername> {
        if self.user_type.is_empty() || self.name.is_empty() {
            Err(BadUsername::EmptyPart)
        } else {
            Ok(self)
        }
    }
}

/// Digits only, no leading zero but in `0` itself.
fn plain_number(text: &str) -> Option<u32> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::bare("svc-a", 1, "service", "svc-a")]
    #[case::three_parts("2/user/bob", 2, "user", "bob")]
    #[case::version_1_with_three_parts("1/user/bob", 1, "user", "bob")]
    #[case::version_0("0/service/a", 0, "service", "a")]
    #[case::any_name("2/service/a b@c:é", 2, "service", "a b@c:é")]
    fn parses(
        #[case] text: &str,
        #[case] version: u32,
        #[case] user_type: &str,
        #[case] name: &str,
    ) {
        assert_eq!(
            Username::parse(text),
            Ok(Username {
                version,
                user_type,
                name
            })
        );
    }

    #[rstest]
    #[case::nothing("", BadUsername::EmptyPart)]
    #[case::two_parts("service/svc-a", BadUsername::Parts(2))]
    #[case::four_parts("2/service/a/b", BadUsername::Parts(4))]
    #[case::only_slashes("//", BadUsername::EmptyPart)]
    #[case::empty_version("/service/a", BadUsername::EmptyPart)]
    #[case::empty_type("2//a", BadUsername::EmptyPart)]
    #[case::empty_name("2/service/", BadUsername::EmptyPart)]
    #[case::leading_zero("01/service/a", BadUsername::Version)]
    #[case::two_zeros("00/service/a", BadUsername::Version)]
    #[case::blank_after("2 /service/a", BadUsername::Version)]
    #[case::blank_before(" 2/service/a", BadUsername::Version)]
    #[case::minus("-1/service/a", BadUsername::Version)]
    #[case::plus("+2/service/a", BadUsername::Version)]
    #[case::fraction("2.0/service/a", BadUsername::Version)]
    #[case::underscore("1_0/service/a", BadUsername::Version)]
    #[case::huge("4294967296/service/a", BadUsername::Version)]
    #[case::huger(&format!("{}/service/a", "9".repeat(500)), BadUsername::Version)]
    #[case::other_digits("２/service/a", BadUsername::Version)]
    #[case::word("x/service/a", BadUsername::Version)]
    #[case::line_break("2/service/a\nb", BadUsername::ControlCharacter)]
    #[case::nul("a\0", BadUsername::ControlCharacter)]
    fn refuses(#[case] text: &str, #[case] expected: BadUsername) {
        assert_eq!(Username::parse(text), Err(expected));
    }

    proptest! {
        #[test]
        fn any_text_parses_without_panic_and_says_what_it_said(text in ".{0,40}") {
            if let Ok(Username { version, user_type, name }) = Username::parse(&text) {
                let whole = format!("{version}/{user_type}/{name}");
                prop_assert!(text == name || text == whole);
            }
        }
    }
}
