//! A text that a browser keeps for us and cannot change: Flask's signed cookie.
//!
//! Shape: `[.]payload.timestamp.signature`, each base64url without padding. A leading dot says that
//! the payload is zlib-compressed. Timestamp: seconds since 1970, big-endian, no leading zero bytes.
//! Signature: HMAC-SHA1 over everything before the last dot, under a key derived from the secret.
//! Source: vectors `confidant/session_cookie.json`.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

/// What cookies are signed with, made of `SESSION_SECRET`. Whoever has it logs in as anybody.
#[derive(Clone)]
pub struct CookieKey(hmac::Key);

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey(..)")
    }
}

/// Why a cookie is not believed. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCookie {
    /// Longer than any of ours.
    #[error("the cookie is too long")]
    TooLong,
    /// Not of the form.
    #[error("the cookie is malformed")]
    Malformed,
    /// Signed under another secret, or changed.
    #[error("the cookie's signature is wrong")]
    Signature,
    /// Signed too long ago, or in the future.
    #[error("the cookie is too old")]
    Age,
}

impl CookieKey {
    /// The key of a secret.
    pub fn new(secret: &str) -> Self {
        let whole = hmac::Key::new(MAC, secret.as_bytes());
        let derived = hmac::sign(&whole, SALT);
        Self(hmac::Key::new(MAC, derived.as_ref()))
    }

    /// The signed form of `payload`, uncompressed.
    pub fn sign(&self, payload: &[u8], now: Timestamp) -> String {
        let seconds = now.seconds().max(0).to_be_bytes();
        let leading = seconds.iter().take_while(|byte| **byte == 0).count();
        let mut cookie = URL_SAFE_NO_PAD.encode(payload);
        cookie.push('.');
        URL_SAFE_NO_PAD.encode_string(seconds.get(leading..).unwrap_or_default(), &mut cookie);
        let signature = hmac::sign(&self.0, cookie.as_bytes());
        cookie.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut cookie);
        cookie
    }

    /// The payload of a cookie signed at most `longest` seconds ago. Nothing is read before the
    /// signature is right.
    pub fn open(&self, cookie: &str, now: Timestamp, longest: i64) -> Result<Vec<u8>, BadCookie> {
        if cookie.len() > MAX_COOKIE {
            return Err(BadCookie::TooLong);
        }
        let (signed, signature) = cookie.rsplit_once('.').ok_or(BadCookie::Malformed)?;
        let signature = decode(signature)?;
        hmac::verify(&self.0, signed.as_bytes(), &signature).or(Err(BadCookie::Signature))?;
        let (payload, timestamp) = signed.rsplit_once('.').ok_or(BadCookie::Malformed)?;
        let age = now.seconds().saturating_sub(seconds_of(timestamp)?);
        if !(-SKEW..=longest).contains(&age) {
            return Err(BadCookie::Age);
        }
        match payload.strip_prefix('.') {
            Some(compressed) => {
                decompress_to_vec_zlib_with_limit(&decode(compressed)?, MAX_PAYLOAD)
                    .or(Err(BadCookie::Malformed))
            }
            None => decode(payload),
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, BadCookie> {
    URL_SAFE_NO_PAD.decode(text).or(Err(BadCookie::Malformed))
}

fn seconds_of(timestamp: &str) -> Result<i64, BadCookie> {
    let bytes = decode(timestamp)?;
    let mut whole = [0; 8];
    let start = whole
        .len()
        .checked_sub(bytes.len())
        .ok_or(BadCookie::Malformed)?;
    for (place, byte) in whole.iter_mut().skip(start).zip(bytes) {
        *place = byte;
    }
    Ok(i64::from_be_bytes(whole))
}

const MAC: hmac::Algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
const SALT: &[u8] = b"cookie-session";
/// Browsers keep 4,096 bytes of a cookie.
const MAX_COOKIE: usize = 8 * 1024;
const MAX_PAYLOAD: usize = 64 * 1024;
/// Seconds that another server's clock may be ahead.
const SKEW: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> (CookieKey, Vec<serde_json::Value>) {
        let file: serde_json::Value = serde_json::from_str(include_str!(
            "../../../vectors/confidant/session_cookie.json"
        ))
        .unwrap();
        (
            CookieKey::new(file["session_secret"].as_str().unwrap()),
            file["cookies"].as_array().unwrap().clone(),
        )
    }

    #[test]
    fn every_recorded_cookie_is_opened_and_each_uncompressed_one_made_again() {
        let (key, cases) = vectors();
        let mut compressed = 0;
        for case in &cases {
            let cookie = case["cookie"].as_str().unwrap();
            let made = Timestamp::from_seconds(case["timestamp_unix"].as_i64().unwrap());
            let payload = key.open(cookie, made, 0).unwrap();
            assert_eq!(
                std::str::from_utf8(&payload).unwrap(),
                case["json_utf8"].as_str().unwrap()
            );
            if case["compressed"].as_bool().unwrap() {
                compressed += 1;
            } else {
                assert_eq!(key.sign(&payload, made), cookie);
            }
            assert_eq!(
                key.open(cookie, made.plus_seconds(11), 10),
                Err(BadCookie::Age)
            );
            assert_eq!(
                key.open(cookie, made.plus_seconds(-61), 10),
                Err(BadCookie::Age)
            );
        }
        assert!(cases.len() == 3 && compressed == 1);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let (key, cases) = vectors();
        for case in &cases {
            let cookie = case["cookie"].as_str().unwrap();
            let made = Timestamp::from_seconds(case["timestamp_unix"].as_i64().unwrap());
            for place in 0..cookie.len() {
                for bit in 0..7 {
                    let mut bytes = cookie.as_bytes().to_vec();
                    bytes[place] ^= 1 << bit;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert!(
                        key.open(&changed, made, 60).is_err(),
                        "byte {place} bit {bit}"
                    );
                }
                assert!(key.open(&cookie[..place], made, 60).is_err());
            }
            let other = CookieKey::new("another secret");
            assert_eq!(other.open(cookie, made, 60), Err(BadCookie::Signature));
        }
    }

    #[test]
    fn a_payload_that_grows_too_large_is_refused() {
        let key = CookieKey::new("s");
        let now = Timestamp::from_seconds(1_800_000_000);
        let zeros = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; MAX_PAYLOAD + 1], 9);
        let signed = format!(
            ".{}.{}",
            URL_SAFE_NO_PAD.encode(zeros),
            URL_SAFE_NO_PAD.encode(1_800_000_000_u32.to_be_bytes())
        );
        let signature = hmac::sign(&key.0, signed.as_bytes());
        let cookie = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
        assert_eq!(key.open(&cookie, now, 60), Err(BadCookie::Malformed));
        let long = key.sign(&[b' '; MAX_COOKIE], now);
        assert_eq!(key.open(&long, now, 60), Err(BadCookie::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn no_text_that_others_made_is_believed(cookie in ".{0,80}", dotted in "[A-Za-z0-9_-]{0,9}(\\.[A-Za-z0-9_-]{0,30}){0,4}") {
            let now = Timestamp::from_seconds(1_800_000_000);
            let key = CookieKey::new("s");
            proptest::prop_assert!(key.open(&cookie, now, 60).is_err());
            proptest::prop_assert!(key.open(&dotted, now, 60).is_err());
        }

        #[test]
        fn what_was_signed_is_what_is_opened(payload in proptest::collection::vec(0_u8.., 0..200), at in 0_i64..4_102_444_800) {
            let now = Timestamp::from_seconds(at);
            let key = CookieKey::new("s");
            proptest::prop_assert_eq!(key.open(&key.sign(&payload, now), now, 0), Ok(payload));
        }
    }

    #[test]
    fn a_key_shows_nothing() {
        assert_eq!(
            format!("{:?}", CookieKey::new("kw-canary-7f3a")),
            "CookieKey(..)"
        );
    }
}
