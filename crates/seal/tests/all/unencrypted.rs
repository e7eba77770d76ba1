//! The form of `USE_ENCRYPTION=false`: what it reads beside Confidant's recorded case.

use proptest::prelude::*;
use rstest::rstest;
use seal::SealError;
use seal::unencrypted::{DANGER_MARK, MAX_TEXT, danger_read, danger_write};

use crate::vectors::{plaintext, refusal};

proptest! {
    #[test]
    fn a_written_value_reads_as_it_was(value in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = danger_write(&plaintext(&value)).unwrap();
        prop_assert!(danger_read(&text).unwrap().expose() == value);
        let bare = text.strip_prefix(DANGER_MARK).expect("the mark comes first");
        prop_assert!(danger_read(bare).unwrap().expose() == value);
    }

    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}") {
        let _ = danger_read(&text).is_ok();
    }
}

#[rstest]
#[case::one_letter("Q")]
#[case::marked_letter("DANGER_NOT_ENCRYPTED_Q")]
#[case::no_padding("DANGER_NOT_ENCRYPTED_QQ")]
fn refuses_what_is_not_base64(#[case] text: &str) {
    assert_eq!(
        refusal(danger_read(text)),
        SealError::Malformed("an unencrypted value")
    );
}

#[test]
fn takes_the_mark_off_once_and_only_in_front() {
    // The mark's own letters are base64 letters in part: only the first one is a mark.
    let twice = format!("{DANGER_MARK}{DANGER_MARK}QQ==");
    let within = format!("QUJD{DANGER_MARK}QQ==");
    for text in [twice, within] {
        let read = danger_read(&text);
        assert!(read.map_or(true, |read| read.expose() != b"A"
            && read.expose() != b"ABCA"));
    }
}

#[test]
fn refuses_text_over_the_limit_both_ways() {
    let too_long = SealError::TooLong {
        what: "unencrypted value",
        limit: MAX_TEXT,
    };
    assert_eq!(refusal(danger_read(&"A".repeat(MAX_TEXT + 4))), too_long);
    assert_eq!(
        refusal(danger_write(&plaintext(&vec![0; MAX_TEXT]))),
        too_long
    );
    let most = (MAX_TEXT - DANGER_MARK.len()) / 4 * 3;
    let text = danger_write(&plaintext(&vec![0; most])).unwrap();
    assert_eq!(danger_read(&text).unwrap().expose().len(), most);
    assert_eq!(
        refusal(danger_write(&plaintext(&vec![0; most + 1]))),
        too_long
    );
}
