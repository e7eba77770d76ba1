//! Page tokens: no text panics, what is read is written as a token that says the same.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use door_confidant::fuzzing::page_token_again;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // As it comes, and behind the base64.
    let inner = STANDARD.encode(bytes);
    for token in [str::from_utf8(bytes).unwrap_or_default(), &inner] {
        let Some(again) = page_token_again(token) else {
            continue;
        };
        // Keys that no list of ours has are left out, and all may be such.
        if let Some(third) = page_token_again(&again) {
            assert_eq!(third, again);
        }
    }
});
