//! Rows of rucredstash, which counts blocks in little-endian order, played by an implementation of that.

use aes::Aes256;
use ctr::Ctr32LE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use keep::{DataKey, WrappedKey};
use rstest::rstest;
use seal::Hash;
use stash::{Error, Proof, Record, Sealed, Version};

/// A row as rucredstash 0.9 writes it.
fn row(key: &[u8; 64], value: &[u8]) -> Record {
    let mut start = [0; 16];
    start[15] = 1;
    let mut contents = value.to_vec();
    Ctr32LE::<Aes256>::new(key[..32].into(), &start.into()).apply_keystream(&mut contents);
    Record {
        name: "db".parse().unwrap(),
        version: Version::of(1),
        sealed: Sealed {
            key: WrappedKey(vec![1]).0,
            proof: Proof::Legacy {
                hmac: Hash::Sha256.hmac(&key[32..], &contents),
                digest: Some("SHA256".to_owned()),
                hex_bytes: true,
            },
            contents,
            comment: None,
            context_names: Default::default(),
        },
    }
}

#[rstest]
#[case::empty(0)]
#[case::one_block(16)]
#[case::two_blocks(32)]
#[case::part_of_a_block(100)]
#[case::carries_into_the_second_byte(16 * 300)]
fn a_value_of_the_other_order_is_repaired(#[case] length: usize) {
    let key: [u8; 64] = std::array::from_fn(|at| at as u8);
    let value: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
    let record = row(&key, &value);
    let key = DataKey::new(Box::from(key));
    assert_eq!(record.open_with_le_counter(&key).unwrap().expose(), value);
    // As everybody else reads it: the first block, and then garbage.
    let other = record.open(&key).unwrap();
    assert_eq!(other.expose()[..length.min(16)], value[..length.min(16)]);
    assert_eq!(other.expose() == value, length <= 16);
}

#[test]
fn a_forged_row_is_refused_before_it_is_decrypted() {
    let key = [7; 64];
    let mut record = row(&key, &[1; 40]);
    record.sealed.contents[20] ^= 1;
    let opened = record.open_with_le_counter(&DataKey::new(Box::from(key)));
    assert!(matches!(opened, Err(Error::Forged { .. })));
}
