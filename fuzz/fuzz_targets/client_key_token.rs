//! Client keys' tokens: no bytes panic, none is signed but those that were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use login::danger_parse_token;
use seal::signature::SigningKey;

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::from_seed(Box::new([7; 32])).expect("32 bytes");
    let public = key.verifying_key();

    // As a client sends it, bare and behind the right magic. Nobody guesses a signature.
    for token in [bytes.to_vec(), [b"KWCK\x01", bytes].concat()] {
        if let Ok(parsed) = danger_parse_token(&token) {
            assert!(!parsed.is_signed_by(&public), "a forged token");
        }
    }

    // Behind the signature: whatever the body, signed with the right key.
    let body = [b"KWCK\x01", bytes].concat();
    let token = [&body[..], &key.sign(&body)].concat();
    if let Ok(parsed) = danger_parse_token(&token) {
        assert!(parsed.is_signed_by(&public));
        // Every byte has its place: the three texts, their lengths and the fixed parts.
        let texts = parsed.from.len() + parsed.to.len() + parsed.user_type.len();
        assert_eq!(token.len(), 4 + 1 + 16 + 3 * 2 + texts + 2 * 8 + 64);
    }
});
