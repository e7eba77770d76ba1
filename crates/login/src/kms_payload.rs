//! What a KMS token holds: two dates in a JSON object.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use domain::Timestamp;
use seal::DataKey;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::LoginRefused;
use crate::validity::Validity;

/// Reads an opened token.
///
/// Shape: `{"not_before": "YYYYMMDDTHHMMSSZ", "not_after": "YYYYMMDDTHHMMSSZ"}`; further keys are
/// ignored, no key may come twice.
/// Errors: [`LoginRefused::NotJson`], [`LoginRefused::MissingValidity`].
pub fn read_kms_payload(plaintext: &[u8]) -> Result<Validity, LoginRefused> {
    let mut json = serde_json::Deserializer::from_slice(plaintext);
    let dates = json
        .deserialize_map(DatesVisitor)
        .map_err(|_| LoginRefused::NotJson)?;
    json.end().map_err(|_| LoginRefused::NotJson)?;
    let date = |text: Option<String>| text.as_deref().and_then(Timestamp::from_compact);
    Ok(Validity {
        not_before: date(dates.not_before).ok_or(LoginRefused::MissingValidity("not_before"))?,
        not_after: date(dates.not_after).ok_or(LoginRefused::MissingValidity("not_after"))?,
    })
}

/// What a client encrypts to log in for `lifetime`, of which 3 minutes lie before `now`: they
/// forgive a clock that is ahead.
///
/// Source: kmsauth 0.6.3, `KMSTokenGenerator`; vectors `confidant/kmsauth.json`, `client`.
pub fn kms_payload(now: Timestamp, lifetime: Duration) -> (Validity, DataKey) {
    let not_before = now.plus_seconds(-FORGIVEN);
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let validity = Validity {
        not_before,
        not_after: not_before.plus_seconds(seconds),
    };
    let text = format!(
        r#"{{"not_before": "{}", "not_after": "{}"}}"#,
        validity.not_before.compact(),
        validity.not_after.compact()
    );
    (validity, DataKey::new(text.into_bytes().into_boxed_slice()))
}

/// How long before now a token begins. Units: seconds.
pub(crate) const FORGIVEN: i64 = 180;

#[derive(Default)]
struct Dates {
    not_before: Option<String>,
    not_after: Option<String>,
}

/// A map only: what derives would take an array for a struct too, and the last of two equal keys.
struct DatesVisitor;

impl<'de> Visitor<'de> for DatesVisitor {
    type Value = Dates;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object with each key once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Dates, A::Error> {
        let mut seen = HashSet::new();
        let mut dates = Dates::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "not_before" => dates.not_before = Some(map.next_value()?),
                "not_after" => dates.not_after = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if !seen.insert(key) {
                return Err(A::Error::custom("a key came twice"));
            }
        }
        Ok(dates)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[test]
    fn reads_what_clients_write() {
        let validity = read_kms_payload(
            br#"{"not_before": "20260115T115700Z", "not_after": "20260115T120700Z"}"#,
        )
        .unwrap();
        assert_eq!(validity.not_before.compact(), "20260115T115700Z");
        assert_eq!(validity.not_after.compact(), "20260115T120700Z");
    }

    #[rstest]
    #[case::nothing("", LoginRefused::NotJson)]
    #[case::text("x", LoginRefused::NotJson)]
    #[case::array(r#"["20260115T115700Z", "20260115T120700Z"]"#, LoginRefused::NotJson)]
    #[case::null("null", LoginRefused::NotJson)]
    #[case::rest(
        r#"{"not_before": "20260115T115700Z", "not_after": "20260115T120700Z"} x"#,
        LoginRefused::NotJson
    )]
    #[case::twice(r#"{"not_before": "20260115T115700Z", "not_after": "20260115T120700Z", "not_after": "20260115T120700Z"}"#, LoginRefused::NotJson)]
    #[case::twice_by_escape(r#"{"not_before": "20260115T115700Z", "not_after": "20260115T120700Z", "not\u005fafter": "20260115T120700Z"}"#, LoginRefused::NotJson)]
    #[case::other_key_twice(
        r#"{"a": 1, "a": 2, "not_before": "20260115T115700Z", "not_after": "20260115T120700Z"}"#,
        LoginRefused::NotJson
    )]
    #[case::deep(&format!(r#"{{"a": {}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000)), LoginRefused::MissingValidity("not_before"))]
    #[case::number(r#"{"not_before": 1, "not_after": 2}"#, LoginRefused::NotJson)]
    #[case::empty("{}", LoginRefused::MissingValidity("not_before"))]
    #[case::one(
        r#"{"not_before": "20260115T115700Z"}"#,
        LoginRefused::MissingValidity("not_after")
    )]
    #[case::iso(
        r#"{"not_before": "2026-01-15T11:59:00Z", "not_after": "2026-01-15T12:07:00Z"}"#,
        LoginRefused::MissingValidity("not_before")
    )]
    #[case::no_such_day(
        r#"{"not_before": "20260230T115700Z", "not_after": "20260230T120700Z"}"#,
        LoginRefused::MissingValidity("not_before")
    )]
    fn refuses(#[case] plaintext: &str, #[case] expected: LoginRefused) {
        assert_eq!(read_kms_payload(plaintext.as_bytes()), Err(expected));
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_back(seconds in 0_i64..250_000_000_000, minutes in 0_u64..100_000) {
            let (made, payload) = kms_payload(
                Timestamp::from_seconds(seconds),
                Duration::from_secs(60 * minutes),
            );
            prop_assert_eq!(read_kms_payload(payload.expose()), Ok(made));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any = read_kms_payload(&bytes);
        }
    }
}
