//! The encryption context of a KMS token: who speaks to which server, as what.

use std::fmt;

use seal::EncryptionContext;

use crate::Username;

/// What a KMS token must have been encrypted with for its username to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenContext {
    /// The name in the username.
    pub from: String,
    /// The server's `AUTH_CONTEXT`.
    pub to: String,
    /// The type in the username; `None` for version 1, whose tokens must not have it.
    pub user_type: Option<String>,
}

impl TokenContext {
    /// The one context under which a server called `to` opens this username's token.
    pub fn of(username: &Username<'_>, to: &str) -> Self {
        Self {
            from: username.name.to_owned(),
            to: to.to_owned(),
            user_type: (username.version > 1).then(|| username.user_type.to_owned()),
        }
    }

    /// The same, for KMS.
    pub fn pairs(&self) -> EncryptionContext {
        let user_type = self.user_type.as_deref().map(|kind| ("user_type", kind));
        EncryptionContext::new(
            [("from", self.from.as_str()), ("to", self.to.as_str())]
                .into_iter()
                .chain(user_type),
        )
    }

    /// This context with every other `user_type` that a client may have put in by mistake, the
    /// likeliest first.
    pub fn mistaken(&self) -> impl Iterator<Item = Self> + '_ {
        [None, Some("service"), Some("user")]
            .into_iter()
            .filter(|kind| *kind != self.user_type.as_deref())
            .map(|kind| Self {
                user_type: kind.map(str::to_owned),
                ..self.clone()
            })
    }
}

impl fmt::Display for TokenContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from={} to={}", Shown(&self.from), Shown(&self.to))?;
        match &self.user_type {
            Some(kind) => write!(f, " user_type={}", Shown(kind)),
            None => f.write_str(" (no user_type)"),
        }
    }
}

/// A client's text in quotes for a log line: nothing in it can end the line or steer a terminal,
/// and what is longer than any name is not shown, as it may be a token in the wrong place.
pub(crate) struct Shown<'t>(pub(crate) &'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0..=MAX_SHOWN => write!(f, "{:?}", self.0),
            bytes => write!(f, "({bytes} bytes)"),
        }
    }
}

/// Shorter than the shortest token.
pub(crate) const MAX_SHOWN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn context(username: &str) -> TokenContext {
        TokenContext::of(&Username::parse(username).unwrap(), "keep")
    }

    #[test]
    fn version_1_has_no_user_type_even_in_three_parts() {
        for username in ["bob", "1/user/bob"] {
            assert_eq!(context(username).pairs().get("user_type"), None);
            assert_eq!(
                context(username).to_string(),
                r#"from="bob" to="keep" (no user_type)"#
            );
        }
        assert_eq!(
            context("2/user/bob").to_string(),
            r#"from="bob" to="keep" user_type="user""#
        );
    }

    #[test]
    fn the_mistakes_are_the_other_user_types() {
        let kinds = |username| -> Vec<_> {
            context(username)
                .mistaken()
                .map(|mistake| mistake.user_type)
                .collect()
        };
        let (service, user) = (Some("service".to_owned()), Some("user".to_owned()));
        assert_eq!(kinds("2/user/bob"), [None, service.clone()]);
        assert_eq!(kinds("bob"), [service, user]);
    }

    #[test]
    fn what_is_shown_stays_on_its_line_and_is_no_token() {
        assert_eq!(
            Shown("a\n\u{1b}[2J\u{202e}").to_string(),
            r#""a\n\u{1b}[2J\u{202e}""#
        );
        assert_eq!(Shown(&"x".repeat(129)).to_string(), "(129 bytes)");
    }
}
