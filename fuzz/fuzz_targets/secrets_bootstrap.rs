//! `SECRETS_BOOTSTRAP`: no text panics, and what reads as sealed secrets is printed and read again.
#![no_main]

use confidant::SealedSecrets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(sealed) = SealedSecrets::parse(text) {
        let again = SealedSecrets::parse(&sealed.print());
        assert_eq!(again.ok(), Some(sealed));
    }
});
