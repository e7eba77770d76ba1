//! Ed25519: the published vectors of RFC 8032, section 7.1, and the laws of signatures.

use proptest::prelude::*;
use rstest::rstest;
use seal::signature::{SigningKey, VerifyingKey};

use crate::vectors::refusal;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[rstest]
#[case::test_1(
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
     5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)]
#[case::test_2(
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
     085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)]
#[case::test_3(
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
     18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)]
fn signs_as_rfc_8032(
    #[case] seed: &str,
    #[case] public: &str,
    #[case] message: &str,
    #[case] signature: &str,
) {
    let key = SigningKey::from_seed(bytes(seed).into()).unwrap();
    assert!(key.seed().expose() == bytes(seed));
    assert_eq!(key.verifying_key().as_bytes()[..], bytes(public));
    assert_eq!(key.sign(&bytes(message))[..], bytes(signature));
    let public = VerifyingKey::parse(&bytes(public)).unwrap();
    assert_eq!(public, key.verifying_key());
    assert!(public.verify(&bytes(message), &bytes(signature)));
}

proptest! {
    #[test]
    fn a_signature_holds_for_its_key_and_message_only(
        seed: [u8; 32], other: [u8; 32], message in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        prop_assume!(seed != other);
        let key = SigningKey::from_seed(seed.into()).unwrap();
        let signature = key.sign(&message);
        prop_assert!(key.verifying_key().verify(&message, &signature));
        let other = SigningKey::from_seed(other.into()).unwrap().verifying_key();
        prop_assert!(!other.verify(&message, &signature));
        prop_assert!(!key.verifying_key().verify(&[&message[..], b"."].concat(), &signature));
    }

    #[test]
    fn random_bytes_never_panic(
        key: [u8; 32], message in prop::collection::vec(any::<u8>(), 0..50),
        signature in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        if let Ok(key) = VerifyingKey::parse(&key) {
            prop_assert!(!key.verify(&message, &signature));
        }
    }
}

#[test]
fn every_single_flipped_bit_of_signature_key_or_message_is_refused() {
    let key = SigningKey::from_seed([8; 32].into()).unwrap();
    let message = b"GET /v1/services/web";
    let signature = key.sign(message);
    let public = *key.verifying_key().as_bytes();
    let flip = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..signature.len() * 8 {
        assert!(
            !key.verifying_key().verify(message, &flip(&signature, bit)),
            "signature {bit}"
        );
    }
    for bit in 0..message.len() * 8 {
        assert!(
            !key.verifying_key().verify(&flip(message, bit), &signature),
            "message {bit}"
        );
    }
    for bit in 0..public.len() * 8 {
        let accepted = VerifyingKey::parse(&flip(&public, bit))
            .is_ok_and(|other| other.verify(message, &signature));
        assert!(!accepted, "key {bit}");
    }
}

#[test]
fn refuses_seeds_keys_and_signatures_of_another_size() {
    for size in (0..100).filter(|size| *size != 32) {
        let seed = SigningKey::from_seed(vec![1; size].into());
        assert_eq!(
            refusal(seed).to_string(),
            "not a signing key seed of 32 bytes"
        );
        assert!(VerifyingKey::parse(&vec![3; size]).is_err(), "{size}");
    }
    let key = SigningKey::from_seed([8; 32].into()).unwrap();
    let mut signature = key.sign(b"m").to_vec();
    signature.push(0);
    assert!(!key.verifying_key().verify(b"m", &signature));
    assert!(!key.verifying_key().verify(b"m", &signature[..63]));
    assert!(!key.verifying_key().verify(b"m", &[]));
}

#[test]
fn a_verifying_key_shows_itself_in_hex() {
    let key = VerifyingKey::parse(&bytes(
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ));
    assert_eq!(
        format!("{:?}", key.unwrap()),
        "VerifyingKey(d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a)"
    );
}
