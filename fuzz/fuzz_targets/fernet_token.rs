//! Fernet tokens, keys and the unencrypted form: no bytes panic, no forged token opens.
#![no_main]

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use libfuzzer_sys::fuzz_target;
use seal::fernet::FernetKey;
use seal::unencrypted::{danger_read, danger_write};
use seal::{DataKey, Plaintext};

fuzz_target!(|bytes: &[u8]| {
    let key = FernetKey::parse(&FernetKey::text_of(&DataKey::new(Box::new(RAW)))).expect("a key");

    // As text from the store. Nobody guesses a MAC, so what opens here is a forgery.
    if let Ok(text) = str::from_utf8(bytes) {
        assert!(key.open(text).is_err(), "a forged token opened");
        if let Ok(read) = danger_read(text) {
            let written = danger_write(&read).expect("what was read can be written");
            assert!(danger_read(&written).is_ok_and(|again| again.expose() == read.expose()));
        }
    }
    let _ = FernetKey::parse(&DataKey::new(Box::from(bytes))).is_ok();

    // Behind the MAC: whatever the body, signed with the right key.
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &RAW[..16]), bytes);
    let signed = URL_SAFE.encode([bytes, mac.as_ref()].concat());
    if let Ok(opened) = key.open(&signed) {
        // CBC and PKCS#7 leave one token for a plaintext, time and IV.
        let (time, iv) = (bytes[1..9].try_into(), bytes[9..25].try_into());
        let time = u64::from_be_bytes(time.expect("8 bytes"));
        let sealed = key.seal(&opened, time, iv.expect("16 bytes"));
        assert!(sealed.is_ok_and(|again| again == signed));
    }

    // And the law of every value.
    let sealed = key
        .seal(&Plaintext::new(Box::from(bytes)), 1, [1; 16])
        .expect("it seals");
    assert!(
        key.open(&sealed)
            .is_ok_and(|opened| opened.expose() == bytes)
    );
});

const RAW: [u8; 32] = [7; 32];
