//! Laws of wrapped keys: bound to master key, header and context, byte by byte.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;
use seal::envelope::{MAX_ID, MAX_KEY, master_id, unwrap, wrap};
use seal::{EncryptionContext, SealError, WrappedKey};

use crate::vectors::{data_key, refusal};

const MASTER: [u8; 32] = [0x11; 32];
const NONCE: [u8; 12] = [0x22; 12];

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::new(pairs.iter().copied())
}

fn wrapped(id: &str, key: &[u8], context: &EncryptionContext) -> WrappedKey {
    wrap(&data_key(&MASTER), id, NONCE, &data_key(key), context).unwrap()
}

proptest! {
    #[test]
    fn a_wrapped_key_unwraps_as_it_was(
        master: [u8; 32], nonce: [u8; 12], id in "[!-~]{1,128}",
        key in prop::collection::vec(any::<u8>(), 1..200),
        pairs in prop::collection::btree_map(".{0,20}", ".{0,20}", 0..5),
    ) {
        let context = EncryptionContext::new(pairs);
        let wrapped = wrap(&data_key(&master), &id, nonce, &data_key(&key), &context).unwrap();
        prop_assert_eq!(master_id(&wrapped).unwrap(), id);
        prop_assert!(unwrap(&data_key(&master), &wrapped, &context).unwrap().expose() == key);
    }

    #[test]
    fn any_other_context_opens_nothing(
        pairs in prop::collection::btree_map("[ab]{0,3}", "[ab]{0,3}", 0..4),
        other in prop::collection::btree_map("[ab]{0,3}", "[ab]{0,3}", 0..4),
    ) {
        let key = wrapped("m1", b"key", &EncryptionContext::new(pairs.clone()));
        let opened = unwrap(&data_key(&MASTER), &key, &EncryptionContext::new(other.clone()));
        prop_assert_eq!(opened.is_ok(), pairs == other);
    }

    #[test]
    fn any_change_to_one_pair_opens_nothing(
        pairs in prop::collection::btree_map("[a-z]{1,4}", "[a-z]{0,4}", 1..4), pick: prop::sample::Index,
    ) {
        let key = wrapped("m1", b"key", &EncryptionContext::new(pairs.clone()));
        let name = pick.get(&pairs.keys().cloned().collect::<Vec<_>>()).clone();
        let changed = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
            let mut other = pairs.clone();
            change(&mut other);
            EncryptionContext::new(other)
        };
        for other in [
            changed(&|pairs| drop(pairs.remove(&name))),
            changed(&|pairs| drop(pairs.insert(name.clone(), format!("{}x", pairs[&name])))),
            changed(&|pairs| drop(pairs.insert(format!("{name}1"), String::new()))),
            changed(&|pairs| {
                let value = pairs.remove(&name).unwrap();
                pairs.insert(name.to_uppercase(), value);
            }),
        ] {
            let refused = matches!(
                unwrap(&data_key(&MASTER), &key, &other),
                Err(SealError::Forged("wrapped key"))
            );
            prop_assert!(refused, "{:?}", other);
        }
    }

    #[test]
    fn random_bytes_never_panic_and_never_unwrap(
        bytes in prop::collection::vec(any::<u8>(), 0..300), ours: bool,
    ) {
        let mut wrapped = if ours { b"KWDK\x01".to_vec() } else { Vec::new() };
        wrapped.extend(bytes);
        let wrapped = WrappedKey(wrapped);
        let _ = master_id(&wrapped).is_ok();
        prop_assert!(unwrap(&data_key(&MASTER), &wrapped, &context(&[])).is_err());
    }
}

#[rstest]
#[case::one_byte(b"k", "m")]
#[case::fernet_text(&[b'A'; 44], "2024-01-01")]
#[case::credstash(&[7; 64], "arn:local:key/1")]
fn every_single_flipped_bit_of_a_wrapped_key_is_refused(#[case] key: &[u8], #[case] id: &str) {
    let context = context(&[("id", "abc")]);
    let good = wrapped(id, key, &context);
    for bit in 0..good.0.len() * 8 {
        let mut bytes = good.0.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = refusal(unwrap(&data_key(&MASTER), &WrappedKey(bytes), &context));
        // Behind the header every change is the tag's to find.
        if bit >= (6 + id.len()) * 8 {
            assert_eq!(error, SealError::Forged("wrapped key"), "bit {bit}");
        }
    }
}

#[test]
fn a_wrapped_key_cut_or_lengthened_anywhere_is_refused() {
    let context = context(&[]);
    let good = wrapped("m1", b"some key", &context);
    for length in 0..good.0.len() {
        let short = WrappedKey(good.0[..length].to_vec());
        refusal(unwrap(&data_key(&MASTER), &short, &context));
        let mut longer = good.0.clone();
        longer.insert(length, 0);
        refusal(unwrap(&data_key(&MASTER), &WrappedKey(longer), &context));
    }
}

#[test]
fn another_master_key_or_id_opens_nothing() {
    let context = context(&[]);
    let good = wrapped("m1", b"some key", &context);
    let forged = SealError::Forged("wrapped key");
    for bit in 0..256 {
        let mut other = MASTER;
        other[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refusal(unwrap(&data_key(&other), &good, &context)), forged);
    }
    let mut renamed = good.clone();
    renamed.0[7] = b'2';
    assert_eq!(master_id(&renamed).unwrap(), "m2");
    assert_eq!(
        refusal(unwrap(&data_key(&MASTER), &renamed, &context)),
        forged
    );
}

#[rstest]
#[case::no_id(MASTER.to_vec(), String::new(), 1)]
#[case::id_too_long(MASTER.to_vec(), "x".repeat(MAX_ID + 1), 1)]
#[case::id_far_too_long(MASTER.to_vec(), "x".repeat(257), 1)]
#[case::space_in_id(MASTER.to_vec(), "a b".to_owned(), 1)]
#[case::id_outside_ascii(MASTER.to_vec(), "schlüssel".to_owned(), 1)]
#[case::empty_key(MASTER.to_vec(), "m".to_owned(), 0)]
#[case::key_too_long(MASTER.to_vec(), "m".to_owned(), MAX_KEY + 1)]
#[case::master_too_short(vec![1; 31], "m".to_owned(), 1)]
#[case::master_too_long(vec![1; 33], "m".to_owned(), 1)]
#[case::no_master(vec![], "m".to_owned(), 1)]
fn refuses_to_wrap_other_shapes(#[case] master: Vec<u8>, #[case] id: String, #[case] key: usize) {
    let key = data_key(&vec![0; key]);
    refusal(wrap(&data_key(&master), &id, NONCE, &key, &context(&[])));
}

#[test]
fn wraps_and_unwraps_the_longest_id_and_key() {
    let context = context(&[]);
    let good = wrapped(&"x".repeat(MAX_ID), &vec![5; MAX_KEY], &context);
    assert_eq!(
        unwrap(&data_key(&MASTER), &good, &context)
            .unwrap()
            .expose(),
        [5; MAX_KEY]
    );
    let mut longer = good.clone();
    longer.0.push(0);
    let error = refusal(master_id(&longer));
    assert_eq!(
        error,
        SealError::TooLong {
            what: "wrapped key",
            limit: good.0.len()
        }
    );
    assert_eq!(
        refusal(unwrap(&data_key(&[1; 31]), &good, &context)).to_string(),
        "not a master key of 32 bytes"
    );
}
