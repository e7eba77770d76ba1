//! Laws of Fernet tokens: open(seal(x)) = x, no flipped bit opens, random bytes never panic.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use proptest::prelude::*;
use rstest::rstest;
use seal::fernet::{FernetKey, MAX_TOKEN_TEXT};
use seal::{DataKey, SealError};

use crate::vectors::{data_key, fernet_key, plaintext, refusal};

fn key(raw: &[u8; 32]) -> FernetKey {
    FernetKey::parse(&FernetKey::text_of(&data_key(raw))).expect("32 bytes make a key")
}

proptest! {
    #[test]
    fn a_sealed_value_opens_as_it_was(
        raw: [u8; 32], iv: [u8; 16], time: u64, value in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let token = key(&raw).seal(&plaintext(&value), time, iv).unwrap();
        prop_assert!(key(&raw).open(&token).unwrap().expose() == value);
    }

    #[test]
    fn another_key_opens_nothing(
        raw: [u8; 32], signing: bool, bit in 0..128usize, value in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let token = key(&raw).seal(&plaintext(&value), 1, [7; 16]).unwrap();
        let mut other = raw;
        other[bit / 8 + if signing { 0 } else { 16 }] ^= 1 << (bit % 8);
        let opened = key(&other).open(&token);
        if signing {
            prop_assert!(matches!(opened, Err(SealError::Forged(_))));
        } else {
            // The MAC knows only the signing half; the other half yields anything but the value.
            prop_assert!(opened.map_or(true, |opened| opened.expose() != value));
        }
    }

    #[test]
    fn a_token_of_random_bytes_never_panics_and_never_opens(
        bytes in prop::collection::vec(any::<u8>(), 0..300), version: bool,
    ) {
        let mut bytes = bytes;
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = 0x80;
        }
        prop_assert!(key(&[3; 32]).open(&URL_SAFE.encode(&bytes)).is_err());
    }

    #[test]
    fn a_token_of_random_text_never_panics_and_never_opens(text in "(gAAAAA)?[A-Za-z0-9_=+/\\-\\PC]{0,300}") {
        prop_assert!(key(&[3; 32]).open(&text).is_err());
    }

    #[test]
    fn a_key_of_random_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let wrong = bytes.len() != 44;
        let refused = FernetKey::parse(&data_key(&bytes)).is_err();
        prop_assert!(refused || !wrong);
    }
}

#[rstest]
#[case::empty(0)]
#[case::one_byte(1)]
#[case::one_byte_short_of_a_block(15)]
#[case::one_block(16)]
#[case::a_credential(300)]
fn every_single_flipped_bit_of_a_token_is_refused(#[case] size: usize) {
    let key = key(&[9; 32]);
    let value: Vec<u8> = (0..size).map(|i| i as u8).collect();
    let token = key
        .seal(&plaintext(&value), 1_700_000_000, [5; 16])
        .unwrap();
    assert!(key.open(&token).unwrap().expose() == value);
    let bytes = URL_SAFE.decode(&token).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = refusal(key.open(&URL_SAFE.encode(&flipped)));
        let expected = if bit < 8 {
            SealError::Malformed("a Fernet token")
        } else {
            SealError::Forged("Fernet token")
        };
        assert_eq!(error, expected, "bit {bit}");
    }
}

#[test]
fn a_token_cut_or_lengthened_anywhere_is_refused() {
    let key = key(&[9; 32]);
    let token = key
        .seal(&plaintext(b"some value or other"), 1, [5; 16])
        .unwrap();
    let bytes = URL_SAFE.decode(&token).unwrap();
    for length in 0..bytes.len() {
        refusal(key.open(&URL_SAFE.encode(&bytes[..length])));
        let mut longer = bytes.clone();
        longer.insert(length, 0);
        refusal(key.open(&URL_SAFE.encode(&longer)));
    }
}

#[test]
fn seals_up_to_the_limit_and_opens_all_that_it_seals() {
    let key = key(&[1; 32]);
    let seal = |size| key.seal(&plaintext(&vec![b'x'; size]), 1, [2; 16]);
    // 57 bytes stand round the ciphertext, and the padding is at least one byte.
    let most = (MAX_TOKEN_TEXT / 4 * 3 - 57) / 16 * 16 - 1;
    let token = seal(most).unwrap();
    assert!(token.len() <= MAX_TOKEN_TEXT && token.len() > MAX_TOKEN_TEXT - 32);
    assert_eq!(key.open(&token).unwrap().expose().len(), most);

    let too_long = SealError::TooLong {
        what: "Fernet token",
        limit: MAX_TOKEN_TEXT,
    };
    assert_eq!(refusal(seal(most + 1)), too_long);
    assert_eq!(refusal(key.open(&"A".repeat(MAX_TOKEN_TEXT + 1))), too_long);
    assert_eq!(
        refusal(key.open(&"A".repeat(MAX_TOKEN_TEXT))),
        SealError::Malformed("a Fernet token")
    );
}

#[rstest]
#[case::empty("")]
#[case::raw_bytes("0123456789abcdef0123456789abcdef")]
#[case::no_padding("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")]
#[case::two_pads("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==")]
#[case::one_byte_too_many("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g")]
#[case::a_line_break("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")]
#[case::letter_outside_the_alphabet("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh%=")]
fn refuses_a_key_of_another_shape(#[case] text: &str) {
    let error = refusal(FernetKey::parse(&data_key(text.as_bytes())));
    assert_eq!(
        error.to_string(),
        "not a Fernet key of 44 base64url letters"
    );
}

#[test]
fn reads_a_key_in_the_standard_alphabet_as_python_does() {
    let raw = [0xfb; 32];
    let url_safe: DataKey = FernetKey::text_of(&data_key(&raw));
    let url_safe = str::from_utf8(url_safe.expose()).unwrap().to_owned();
    let standard = url_safe.replace('-', "+").replace('_', "/");
    assert_ne!(url_safe, standard);
    let token = fernet_key(&url_safe)
        .seal(&plaintext(b"value"), 1, [0; 16])
        .unwrap();
    assert!(fernet_key(&standard).open(&token).unwrap().expose() == b"value");
}
