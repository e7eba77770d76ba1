//! What is in a KMS token, and a client's file of it: no bytes panic, what is read holds together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use login::{CachedToken, Validity, read_kms_payload};

fuzz_target!(|bytes: &[u8]| {
    // Bare, and as the values of the two dates, which a fuzzer hardly finds by itself.
    let mut dates = bytes.splitn(2, |byte| *byte == b'\n');
    let (before, after) = (dates.next().unwrap_or(b""), dates.next().unwrap_or(b""));
    let object = [
        &br#"{"not_before": ""#[..],
        before,
        br#"", "not_after": ""#,
        after,
        br#""}"#,
    ]
    .concat();
    for payload in [bytes, &object] {
        let Ok(validity) = read_kms_payload(payload) else {
            continue;
        };
        judge(validity);
        // What was read is what is written for it, and read again.
        let again = format!(
            r#"{{"not_after": "{}", "not_before": "{}"}}"#,
            validity.not_after.compact(),
            validity.not_before.compact()
        );
        assert_eq!(read_kms_payload(again.as_bytes()), Ok(validity));
    }

    if let Ok(cached) = CachedToken::parse(bytes) {
        assert!(!cached.token.expose().is_empty());
        let end = cached.not_after;
        assert!(cached.serves(&cached.context, "", end.plus_seconds(-180)) || cached.key.is_some());
        assert!(!cached.serves(&cached.context, "", end.plus_seconds(-179)));
    }
});

/// A lifetime within the limit ends at its last second and one second later is over.
fn judge(validity: Validity) {
    let Validity {
        not_before,
        not_after,
    } = validity;
    if validity.check_length(60).is_ok() {
        assert!(not_before <= not_after);
        assert!(validity.check_now(not_before, 0).is_ok());
        assert!(validity.check_now(not_after, 0).is_ok());
        assert!(validity.check_now(not_after.plus_seconds(1), 0).is_err());
        assert!(validity.check_now(not_before.plus_seconds(-1), 0).is_err());
        assert!(validity.check_now(not_after.plus_seconds(1), 1).is_ok());
    }
}
