//! The published vectors of the Fernet specification (`generate`, `verify`, `invalid`).

use seal::SealError;
use serde_json::Value;

use crate::vectors::{fernet_key, plaintext, read, refusal, text};

/// The two cases that differ from a good token by its age alone. Secrets at rest have no
/// lifetime, so we hold no clock against a token: Confidant calls `decrypt` without a TTL.
const NOT_OURS: [&str; 2] = ["far-future TS (unacceptable clock skew)", "expired TTL"];

fn cases(name: &str) -> Vec<Value> {
    read(name).as_array().cloned().expect("a list")
}

#[test]
fn seals_every_published_token() {
    let cases = cases("fernet/generate.json");
    for case in &cases {
        let iv: Vec<u8> = serde_json::from_value(case["iv"].clone()).unwrap();
        // The vector's time is fixed by its text; the number is that text in seconds.
        assert_eq!(text(case, "now"), "1985-10-26T01:20:00-07:00");
        let key = fernet_key(text(case, "secret"));
        let token = key.seal(
            &plaintext(text(case, "src").as_bytes()),
            499_162_800,
            iv.try_into().unwrap(),
        );
        assert_eq!(token.unwrap(), text(case, "token"));
    }
    assert_eq!(cases.len(), 1);
}

#[test]
fn opens_every_published_token() {
    let cases = cases("fernet/verify.json");
    for case in &cases {
        let opened = fernet_key(text(case, "secret"))
            .open(text(case, "token"))
            .unwrap();
        assert!(opened.expose() == text(case, "src").as_bytes());
    }
    assert_eq!(cases.len(), 1);
}

#[test]
fn refuses_every_published_invalid_token_but_those_invalid_by_age() {
    let cases = cases("fernet/invalid.json");
    let (mut refused, mut opened) = (Vec::new(), Vec::new());
    for case in &cases {
        let name = text(case, "desc");
        match fernet_key(text(case, "secret")).open(text(case, "token")) {
            Err(error) => refused.push((name, error)),
            Ok(plaintext) => {
                // Python reads the same from both.
                assert!(plaintext.expose().is_empty(), "{name}");
                opened.push(name);
            }
        }
    }
    let forged = SealError::Forged("Fernet token");
    let malformed = SealError::Malformed("a Fernet token");
    assert_eq!(
        refused,
        [
            ("incorrect mac", forged),
            ("too short", forged),
            ("invalid base64", malformed),
            ("payload size not multiple of block size", malformed),
            ("payload padding error", malformed),
            ("incorrect IV (causes padding error)", malformed),
        ]
    );
    assert_eq!(opened, NOT_OURS);
    assert_eq!(refused.len() + opened.len(), cases.len());
}

#[test]
fn a_signed_token_with_bad_padding_says_nothing_of_what_it_held() {
    let case = &cases("fernet/invalid.json")[4];
    assert_eq!(text(case, "desc"), "payload padding error");
    let error = refusal(fernet_key(text(case, "secret")).open(text(case, "token")));
    assert_eq!(error.to_string(), "not a Fernet token");
}
