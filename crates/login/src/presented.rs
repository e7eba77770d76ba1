//! What a request presents to prove who sends it: a username and a token.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};

use crate::LoginRefused;

/// The longest username, in bytes.
pub const MAX_USERNAME: usize = 1_024;
/// The longest token, in characters. Real ones have about 400; KMS itself would take 8,192.
pub const MAX_TOKEN: usize = 4_096;

/// A token as it came: whoever holds it can log in with it, so nothing prints it.
pub struct BearerToken(Box<str>);

impl BearerToken {
    /// Takes a token's text.
    ///
    /// Errors: [`LoginRefused::EmptyToken`], [`LoginRefused::TooLong`].
    pub fn new(text: &str) -> Result<Self, LoginRefused> {
        match text.len() {
            0 => Err(LoginRefused::EmptyToken),
            1..=MAX_TOKEN => Ok(Self(text.into())),
            bytes => Err(LoginRefused::TooLong {
                what: "token",
                bytes,
                most: MAX_TOKEN,
            }),
        }
    }

    /// The only way to the text: grep `expose` to audit every reader.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes behind the text, as secret as it is.
    ///
    /// Shape: base64, standard or URL alphabet, padding optional; blanks and line breaks are
    /// skipped, since some clients send base64 in lines.
    /// Errors: [`LoginRefused::NotBase64`].
    pub fn decode(&self) -> Result<Vec<u8>, LoginRefused> {
        let joined: String;
        let text = if self.0.bytes().any(|byte| byte.is_ascii_whitespace()) {
            joined = self.0.split_ascii_whitespace().collect();
            joined.as_str()
        } else {
            &*self.0
        };
        let engine = if text.bytes().any(|byte| byte == b'-' || byte == b'_') {
            &URL_ALPHABET
        } else {
            &STANDARD_ALPHABET
        };
        match engine.decode(text) {
            Ok(bytes) if bytes.is_empty() => Err(LoginRefused::EmptyToken),
            Ok(bytes) => Ok(bytes),
            Err(_) => Err(LoginRefused::NotBase64),
        }
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)") // not even the length
    }
}

/// A username and a token, neither of them believed yet.
#[derive(Debug)]
pub struct Presented {
    /// `name` or `version/type/name`; see [`crate::Username`].
    pub username: String,
    /// The proof.
    pub token: BearerToken,
}

impl Presented {
    /// Reads the three headers through `values`, which gives every value of one header.
    ///
    /// A header that comes twice is refused: two programs on the way could each believe another one.
    pub fn from_lookup<'h, I>(
        values: impl Fn(&'static str) -> I,
    ) -> Result<Option<Self>, LoginRefused>
    where
        I: Iterator<Item = &'h [u8]>,
    {
        let single = |name| {
            let mut all = values(name);
            match (all.next(), all.next()) {
                (only, None) => Ok(only),
                (_, Some(_)) => Err(LoginRefused::BadHeader("a login header came twice")),
            }
        };
        Self::from_headers(
            single("authorization")?,
            single("x-auth-from")?,
            single("x-auth-token")?,
        )
    }

    /// What these headers present; `None` when they present nothing.
    ///
    /// HTTP Basic counts when it has a username, whatever the header's other schemes; otherwise
    /// `X-Auth-From` and `X-Auth-Token` count when both came. Basic **and** both headers: refused
    /// unless they say the same, because a proxy that adds one of them must never decide who
    /// somebody else's request speaks for. (Confidant takes Basic then; no client sends both.)
    ///
    /// Errors: an empty, overlong or undecodable part, two different identities.
    /// Source: spec/confidant.md section 6.1.
    pub fn from_headers(
        authorization: Option<&[u8]>,
        x_auth_from: Option<&[u8]>,
        x_auth_token: Option<&[u8]>,
    ) -> Result<Option<Self>, LoginRefused> {
        let basic = match authorization.and_then(basic_part) {
            Some(encoded) => basic_pair(encoded)?,
            None => None,
        };
        let pair = match (x_auth_from, x_auth_token) {
            (Some(username), Some(token)) => Some((text(username)?, text(token)?)),
            _ => None,
        };
        match (basic, pair) {
            (None, None) => Ok(None),
            (None, Some((username, token))) => Self::new(username, token).map(Some),
            (Some(basic), None) => basic.present().map(Some),
            (Some(basic), Some((username, token))) => {
                if basic.username() != username || basic.token() != token {
                    return Err(LoginRefused::TwoIdentities);
                }
                basic.present().map(Some)
            }
        }
    }

    /// Checks the lengths of both parts.
    pub fn new(username: &str, token: &str) -> Result<Self, LoginRefused> {
        match username.len() {
            0 => Err(LoginRefused::BadHeader("the username is empty")),
            1..=MAX_USERNAME => Ok(Self {
                username: username.to_owned(),
                token: BearerToken::new(token)?,
            }),
            bytes => Err(LoginRefused::TooLong {
                what: "username",
                bytes,
                most: MAX_USERNAME,
            }),
        }
    }
}

/// Decoded Basic credentials with a username; dropped before anything could print them.
struct Basic {
    decoded: String,
    colon: usize,
}

impl Basic {
    fn username(&self) -> &str {
        self.decoded.get(..self.colon).unwrap_or_default()
    }

    fn token(&self) -> &str {
        self.decoded.get(self.colon + 1..).unwrap_or_default()
    }

    fn present(&self) -> Result<Presented, LoginRefused> {
        Presented::new(self.username(), self.token())
    }
}

/// What follows the scheme `Basic` in an Authorization header; `None` for other schemes.
fn basic_part(header: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = header.split_at_checked(BASIC.len())?;
    let (first, rest) = rest.split_first()?;
    (scheme.eq_ignore_ascii_case(BASIC) && *first == b' ').then_some(rest.trim_ascii())
}

fn basic_pair(encoded: &[u8]) -> Result<Option<Basic>, LoginRefused> {
    if encoded.len() > MAX_BASIC {
        return Err(LoginRefused::TooLong {
            what: "Authorization header",
            bytes: encoded.len(),
            most: MAX_BASIC,
        });
    }
    let decoded = STANDARD
        .decode(encoded)
        .map_err(|_| LoginRefused::BadHeader("the Basic credentials are not base64"))?;
    let decoded = String::from_utf8(decoded)
        .map_err(|_| LoginRefused::BadHeader("the Basic credentials are not UTF-8"))?;
    match decoded.find(':') {
        None => Err(LoginRefused::BadHeader(
            "the Basic credentials have no colon",
        )),
        Some(0) => Ok(None),
        Some(colon) => Ok(Some(Basic { decoded, colon })),
    }
}

fn text(header: &[u8]) -> Result<&str, LoginRefused> {
    std::str::from_utf8(header).map_err(|_| LoginRefused::BadHeader("a login header is not UTF-8"))
}

const BASIC: &[u8] = b"basic";
/// base64 of the longest username, a colon and the longest token.
const MAX_BASIC: usize = (MAX_USERNAME + 1 + MAX_TOKEN).div_ceil(3) * 4;
const LENIENT_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD_ALPHABET: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_PADDING);
const URL_ALPHABET: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT_PADDING);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn basic(pair: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(pair)).into_bytes()
    }

    fn told(
        authorization: Option<&[u8]>,
        from: Option<&[u8]>,
        token: Option<&[u8]>,
    ) -> Result<Option<String>, LoginRefused> {
        Presented::from_headers(authorization, from, token)
            .map(|presented| presented.map(|p| format!("{} {}", p.username, p.token.expose())))
    }

    #[rstest]
    #[case::nothing(None, None, None, None)]
    #[case::basic(Some("2/user/bob:dG9r"), None, None, Some("2/user/bob dG9r"))]
    #[case::colon_in_token(Some("bob:a:b"), None, None, Some("bob a:b"))]
    #[case::headers(None, Some("bob"), Some("dG9r"), Some("bob dG9r"))]
    #[case::basic_without_username_leaves_it_to_the_headers(
        Some(":x"),
        Some("bob"),
        Some("dG9r"),
        Some("bob dG9r")
    )]
    #[case::basic_without_username_alone(Some(":x"), None, None, None)]
    #[case::only_from(None, Some("bob"), None, None)]
    #[case::only_token(None, None, Some("dG9r"), None)]
    #[case::basic_wins_over_half_a_pair(Some("bob:dG9r"), Some("eve"), None, Some("bob dG9r"))]
    #[case::both_the_same(Some("bob:dG9r"), Some("bob"), Some("dG9r"), Some("bob dG9r"))]
    fn takes_what_the_reference_takes(
        #[case] authorization: Option<&str>,
        #[case] from: Option<&str>,
        #[case] token: Option<&str>,
        #[case] expected: Option<&str>,
    ) {
        let header = authorization.map(basic);
        let got = told(
            header.as_deref(),
            from.map(str::as_bytes),
            token.map(str::as_bytes),
        );
        assert_eq!(got, Ok(expected.map(str::to_owned)));
    }

    #[rstest]
    #[case::lower_case(b"basic Ym9iOmRHOXI=", Some("bob dG9r"))]
    #[case::blanks_after_the_scheme(b"BASIC   Ym9iOmRHOXI= ", Some("bob dG9r"))]
    #[case::bearer(b"Bearer Ym9iOmRHOXI=", None)]
    #[case::longer_scheme(b"Basics Ym9iOmRHOXI=", None)]
    #[case::empty(b"", None)]
    #[case::scheme_only(b"Basic", None)]
    fn knows_the_scheme(#[case] header: &[u8], #[case] expected: Option<&str>) {
        assert_eq!(
            told(Some(header), None, None),
            Ok(expected.map(str::to_owned))
        );
    }

    #[rstest]
    #[case::empty_password(&basic("bob:"), None, None, LoginRefused::EmptyToken)]
    #[case::empty_token_header(b"", Some(&b"bob"[..]), Some(&b""[..]), LoginRefused::EmptyToken)]
    #[case::empty_from_header(b"", Some(&b""[..]), Some(&b"x"[..]), LoginRefused::BadHeader("the username is empty"))]
    #[case::no_colon(&basic("bob"), None, None, LoginRefused::BadHeader("the Basic credentials have no colon"))]
    #[case::not_base64(
        b"Basic !!!",
        None,
        None,
        LoginRefused::BadHeader("the Basic credentials are not base64")
    )]
    #[case::basic_not_utf8(
        b"Basic //46dA==",
        None,
        None,
        LoginRefused::BadHeader("the Basic credentials are not UTF-8")
    )]
    #[case::from_not_utf8(b"", Some(&b"\xff"[..]), Some(&b"x"[..]), LoginRefused::BadHeader("a login header is not UTF-8"))]
    #[case::long_username(&basic(&format!("{}:x", "u".repeat(MAX_USERNAME + 1))), None, None, LoginRefused::TooLong { what: "username", bytes: MAX_USERNAME + 1, most: MAX_USERNAME })]
    #[case::long_token(&basic(&format!("u:{}", "x".repeat(MAX_TOKEN + 1))), None, None, LoginRefused::TooLong { what: "token", bytes: MAX_TOKEN + 1, most: MAX_TOKEN })]
    #[case::long_header(&basic(&format!("u:{}", "x".repeat(MAX_BASIC))), None, None, LoginRefused::TooLong { what: "Authorization header", bytes: (MAX_BASIC + 2).div_ceil(3) * 4, most: MAX_BASIC })]
    #[case::other_username(&basic("bob:t"), Some(&b"eve"[..]), Some(&b"t"[..]), LoginRefused::TwoIdentities)]
    #[case::other_token(&basic("bob:t"), Some(&b"bob"[..]), Some(&b"u"[..]), LoginRefused::TwoIdentities)]
    fn refuses(
        #[case] authorization: &[u8],
        #[case] from: Option<&[u8]>,
        #[case] token: Option<&[u8]>,
        #[case] expected: LoginRefused,
    ) {
        assert_eq!(told(Some(authorization), from, token), Err(expected));
    }

    #[test]
    fn refuses_a_header_that_comes_twice() {
        let twice = |name: &'static str| {
            let values: &[&[u8]] = if name == "x-auth-from" {
                &[b"bob", b"eve"]
            } else {
                &[b"x"]
            };
            values.iter().copied()
        };
        assert_eq!(
            Presented::from_lookup(twice).err(),
            Some(LoginRefused::BadHeader("a login header came twice"))
        );
    }

    #[rstest]
    #[case::standard("+/8=", &[0xfb, 0xff])]
    #[case::standard_without_padding("+/8", &[0xfb, 0xff])]
    #[case::url("-_8", &[0xfb, 0xff])]
    #[case::in_lines("+/\r\n8 =\n", &[0xfb, 0xff])]
    fn decodes_both_alphabets(#[case] text: &str, #[case] expected: &[u8]) {
        assert_eq!(BearerToken::new(text).unwrap().decode().unwrap(), expected);
    }

    #[rstest]
    #[case::mixed_alphabets("+_8=", LoginRefused::NotBase64)]
    #[case::bits_after_the_end("+/9=", LoginRefused::NotBase64)]
    #[case::letters("é", LoginRefused::NotBase64)]
    #[case::blanks_only(" \n", LoginRefused::EmptyToken)]
    fn refuses_to_decode(#[case] text: &str, #[case] expected: LoginRefused) {
        assert_eq!(BearerToken::new(text).unwrap().decode(), Err(expected));
    }

    #[test]
    fn debug_shows_no_token() {
        let presented = Presented::new("bob", "c2VjcmV0").unwrap();
        assert_eq!(
            format!("{presented:?}"),
            r#"Presented { username: "bob", token: BearerToken(..) }"#
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            authorization in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
            credentials in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
            from in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
            token in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
        ) {
            let basic = credentials.map(|bytes| format!("Basic {}", STANDARD.encode(bytes)).into_bytes());
            for authorization in [authorization.as_deref(), basic.as_deref()] {
                if let Ok(Some(presented)) = Presented::from_headers(authorization, from.as_deref(), token.as_deref()) {
                    prop_assert!(!presented.username.is_empty());
                    let _any = presented.token.decode();
                }
            }
        }
    }
}
