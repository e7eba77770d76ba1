//! Other people's implementations read our bytes, and we read theirs.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use proptest::prelude::*;
use seal::EncryptionContext;
use seal::envelope::{unwrap, wrap};
use seal::fernet::FernetKey;

use crate::vectors::{data_key, plaintext};

/// The crate cannot be told to leave the clock alone, and refuses tokens from its future.
const PAST: std::ops::Range<u64> = 0..1_700_000_000;

proptest! {
    #[test]
    fn the_fernet_crate_opens_our_tokens_and_we_open_its(
        raw: [u8; 32], iv: [u8; 16], time in PAST, value in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let text = FernetKey::text_of(&data_key(&raw));
        let theirs = fernet_oracle::Fernet::new(str::from_utf8(text.expose()).unwrap()).unwrap();
        let ours = FernetKey::parse(&text).unwrap();
        let token = ours.seal(&plaintext(&value), time, iv).unwrap();
        prop_assert!(theirs.decrypt(&token).is_ok_and(|opened| opened == value));
        prop_assert!(ours.open(&theirs.encrypt(&value)).unwrap().expose() == value);
    }

    #[test]
    fn rustcrypto_wraps_the_same_bytes_as_we_do(
        master: [u8; 32], nonce: [u8; 12], id in "[!-~]{1,128}",
        key in prop::collection::vec(any::<u8>(), 1..100), name in "[a-z]{0,9}", value in "[a-z]{0,9}",
    ) {
        // The format as its documentation words it, not as our code builds it.
        let mut expected = [b"KWDK\x01", &[id.len() as u8][..], id.as_bytes()].concat();
        let mut associated = expected.clone();
        for part in [&name, &value] {
            associated.extend([0, 0, 0, 0, 0, 0, 0, part.len() as u8]);
            associated.extend(part.as_bytes());
        }
        let sealed = Aes256Gcm::new(&master.into())
            .encrypt(&nonce.into(), Payload { msg: &key, aad: &associated })
            .unwrap();
        expected.extend(nonce);
        expected.extend(sealed);

        let context = EncryptionContext::new([(name, value)]);
        let ours = wrap(&data_key(&master), &id, nonce, &data_key(&key), &context).unwrap();
        prop_assert_eq!(&ours.0, &expected);
        prop_assert!(unwrap(&data_key(&master), &ours, &context).unwrap().expose() == key);
    }
}
