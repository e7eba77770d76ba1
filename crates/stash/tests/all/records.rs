//! Stored forms.

use std::collections::BTreeSet;

use keep::{Item, Value};
use rstest::rstest;
use stash::{Error, Proof, Record, Sealed, Version};

fn record(proof: Proof, comment: Option<&str>) -> Record {
    let sealed = Sealed {
        key: vec![0, 255],
        contents: b"\x01\x02".to_vec(),
        proof,
        comment: comment.map(str::to_owned),
        context_names: BTreeSet::new(),
    };
    Record {
        name: "db.prod".parse().unwrap(),
        version: Version::of(7),
        sealed,
    }
}

fn item<const N: usize>(pairs: [(&str, Value); N]) -> Item {
    let key = [
        ("name", Value::s("db.prod")),
        ("version", Value::s("0000000000000000007")),
    ];
    key.into_iter()
        .chain(pairs)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn bytes(bytes: &[u8]) -> Value {
    Value::B(bytes.to_vec())
}

#[test]
fn a_legacy_version_is_base64_and_hexadecimal_text() {
    let record = record(
        Proof::Legacy {
            hmac: vec![0xAB, 1],
            digest: Some("SHA256".to_owned()),
            hex_bytes: true,
        },
        Some("for the shop"),
    );
    let expected = item([
        ("key", Value::s("AP8=")),
        ("contents", Value::s("AQI=")),
        ("hmac", bytes(b"ab01")),
        ("digest", Value::s("SHA256")),
        ("comment", Value::s("for the shop")),
    ]);
    assert_eq!(record.item(), expected);
    assert_eq!(Record::of(&expected).unwrap(), record);
}

#[rstest]
#[case::credstash_1_0(item([("key", Value::s("AP8=")), ("contents", Value::s("AQI=")), ("hmac", Value::s("ab01"))]), None)]
#[case::upper_case(item([("key", Value::s("AP8=")), ("contents", Value::s("AQI=")), ("hmac", Value::s("AB01"))]), None)]
#[case::named(item([
    ("algorithm", Value::s("aes-ctr-legacy")), ("key", Value::s("AP8=")), ("contents", Value::s("AQI=")),
    ("hmac", bytes(b"AB01")), ("digest", Value::s("MD5")),
]), Some("MD5"))]
#[case::empty_algorithm_and_unicreds(item([
    ("algorithm", Value::s("")), ("key", Value::s("AP8=")), ("contents", Value::s("AQI=")),
    ("hmac", bytes(b"ab01")), ("created_at", Value::n(1_700_000_000)),
]), None)]
fn older_legacy_forms_are_read(#[case] item: Item, #[case] digest: Option<&str>) {
    let hex_bytes = matches!(item["hmac"], Value::B(_));
    let expected = record(
        Proof::Legacy {
            hmac: vec![0xAB, 1],
            digest: digest.map(str::to_owned),
            hex_bytes,
        },
        None,
    );
    assert_eq!(Record::of(&item).unwrap(), expected);
}

#[rstest]
#[case::ctr(
    Proof::Ctr { nonce: Some(vec![9; 16]), hmac: vec![8; 32], digest: Some("SHA512".to_owned()) },
    item([
        ("algorithm", Value::s("aes-ctr")), ("key", bytes(&[0, 255])), ("contents", bytes(&[1, 2])),
        ("nonce", bytes(&[9; 16])), ("hmac", bytes(&[8; 32])), ("digest", Value::s("SHA512")),
    ])
)]
#[case::ctr_without_nonce_and_digest(
    Proof::Ctr { nonce: None, hmac: vec![8; 32], digest: None },
    item([
        ("algorithm", Value::s("aes-ctr")), ("key", bytes(&[0, 255])), ("contents", bytes(&[1, 2])),
        ("hmac", bytes(&[8; 32])),
    ])
)]
#[case::gcm(
    Proof::Gcm { iv: vec![9; 12], tag: vec![8; 16] },
    item([
        ("algorithm", Value::s("aes-gcm")), ("key", bytes(&[0, 255])), ("contents", bytes(&[1, 2])),
        ("iv", bytes(&[9; 12])), ("tag", bytes(&[8; 16])),
    ])
)]
fn the_forms_of_credsmash_are_bytes(#[case] proof: Proof, #[case] item: Item) {
    let record = record(proof, None);
    assert_eq!(record.item(), item);
    assert_eq!(Record::of(&item).unwrap(), record);
}

#[rstest]
#[case::no_name("name", None, "name")]
#[case::no_version("version", Some(Value::n(7)), "version")]
#[case::no_key("key", None, "key")]
#[case::key_as_text("key", Some(Value::s("AP8=")), "key")]
#[case::no_contents("contents", None, "contents")]
#[case::no_tag("tag", None, "tag")]
#[case::no_text_for_algorithm("algorithm", Some(Value::n(1)), "algorithm")]
#[case::bytes_under_the_legacy_form("algorithm", None, "hmac")]
fn a_damaged_item_names_its_attribute(
    #[case] changed: &str,
    #[case] value: Option<Value>,
    #[case] named: &str,
) {
    let mut item = record(
        Proof::Gcm {
            iv: vec![9; 12],
            tag: vec![8; 16],
        },
        None,
    )
    .item();
    match value {
        Some(value) => item.insert(changed.to_owned(), value),
        None => item.remove(changed),
    };
    match Record::of(&item) {
        Err(Error::Damaged { attribute, .. }) => assert_eq!(attribute, named),
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_algorithm_is_named() {
    let mut item = item([("key", bytes(&[1])), ("contents", bytes(&[1]))]);
    item.insert("algorithm".to_owned(), Value::s("rot13"));
    match Record::of(&item) {
        Err(Error::UnknownAlgorithm { algorithm, .. }) => assert_eq!(algorithm, "rot13"),
        other => panic!("{other:?}"),
    }
}
