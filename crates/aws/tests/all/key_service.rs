//! Data keys through real moto.

use aws::AwsKms;
use keep::{KeyError, KeyService, MasterKey};
use rstest::rstest;
use seal::{DataKey, EncryptionContext, WrappedKey};
use testkit::Moto;

use crate::support::{kms_at, settings};

/// The key of `alias/confidant` in the seed.
const ARN: &str = "arn:aws:kms:us-east-1:123456789012:key/0a3baea3-8d99-46be-8c59-44d44efa9649";

async fn kms(access_key: &str) -> AwsKms {
    kms_at(&settings(&Moto::shared().url, access_key)).await
}

fn context(id: &str) -> EncryptionContext {
    EncryptionContext::new([("id", id)])
}

fn key(bytes: &[u8]) -> DataKey {
    DataKey::new(bytes.into())
}

#[tokio::test]
async fn a_wrapped_key_opens_under_its_own_context_only() {
    let kms = kms("wrapper").await;
    let wrapped = kms
        .wrap("alias/confidant", &key(b"0123456789"), &context("a"))
        .await
        .unwrap();
    let opened = kms
        .unwrap(&wrapped, &context("a"))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(opened.key.expose(), b"0123456789");
    assert_eq!(opened.master, MasterKey(ARN.to_owned()));
    for wrong in [
        context("b"),
        EncryptionContext::default(),
        EncryptionContext::new([("id", "a"), ("x", "y")]),
    ] {
        assert_eq!(
            kms.unwrap(&wrapped, &wrong).await.err(),
            Some(KeyError::DoesNotOpen)
        );
    }
}

#[tokio::test]
async fn a_generated_key_has_the_length_asked_for_and_opens() {
    let kms = kms("generator").await;
    for bytes in [1, 64, 1024] {
        let (plain, wrapped) = kms
            .generate("alias/confidant", bytes, &context("a"))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plain.expose().len(), bytes);
        let opened = kms
            .unwrap(&wrapped, &context("a"))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.key.expose(), plain.expose());
    }
}

#[tokio::test]
async fn random_bytes_have_the_length_asked_for_and_differ() {
    let kms = kms("random").await;
    let one = kms
        .random(32)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let other = kms
        .random(32)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((one.expose().len(), other.expose().len()), (32, 32));
    assert_ne!(one.expose(), other.expose());
    for bytes in [0, 1025] {
        assert!(matches!(
            kms.random(bytes).await.err(),
            Some(KeyError::Unusable(_))
        ));
    }
}

/// Bytes that are no wrapped key, or the wrapped key of somebody else.
#[rstest]
#[case::nothing(vec![])]
#[case::too_many(vec![b'x'; 6145])]
#[tokio::test]
async fn what_no_kms_made_does_not_open_and_is_not_sent(#[case] bytes: Vec<u8>) {
    let name = format!("foreign_{}", bytes.len());
    let opened = kms(&name)
        .await
        .unwrap(&WrappedKey(bytes), &context("a"))
        .await;
    assert_eq!(opened.err(), Some(KeyError::DoesNotOpen));
    assert_eq!(Moto::shared().calls_by(&name).len(), 0);
}

#[tokio::test]
async fn a_damaged_key_does_not_open() {
    let kms = kms("damaged").await;
    let mut wrapped = kms
        .wrap("alias/confidant", &key(b"0123456789"), &context("a"))
        .await
        .unwrap();
    *wrapped.0.last_mut().unwrap() ^= 1;
    assert_eq!(
        kms.unwrap(&wrapped, &context("a")).await.err(),
        Some(KeyError::DoesNotOpen)
    );
}

#[rstest]
#[case::alias("alias/confidant")]
#[case::alias_without_its_prefix("confidant")]
#[case::id("0a3baea3-8d99-46be-8c59-44d44efa9649")]
#[case::arn(ARN)]
#[tokio::test]
async fn a_master_key_has_many_names(#[case] name: &str) {
    let kms = kms("names").await;
    assert_eq!(kms.describe(name).await, Ok(MasterKey(ARN.to_owned())));
    let wrapped = kms.wrap(name, &key(b"key"), &context("a")).await.unwrap();
    let opened = kms
        .unwrap(&wrapped, &context("a"))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(opened.master, MasterKey(ARN.to_owned()));
}

#[tokio::test]
async fn a_full_name_is_asked_for_once_and_an_arn_never() {
    let kms = kms("describer").await;
    for _ in 0..3 {
        kms.describe("authnz").await.unwrap();
        kms.describe(ARN).await.unwrap();
    }
    let calls = Moto::shared().calls_by("describer");
    assert_eq!(
        calls
            .iter()
            .map(testkit::Call::operation)
            .collect::<Vec<_>>(),
        ["DescribeKey"]
    );
}

#[tokio::test]
async fn an_unknown_master_key_is_named() {
    let kms = kms("unknown").await;
    let missing = Some(KeyError::NoSuchKey("nobody".into()));
    assert_eq!(kms.describe("nobody").await.err(), missing);
    assert_eq!(
        kms.wrap("nobody", &key(b"key"), &context("a")).await.err(),
        missing
    );
    assert_eq!(
        kms.generate("nobody", 32, &context("a")).await.err(),
        missing
    );
    assert!(matches!(
        kms.describe("").await.err(),
        Some(KeyError::NoSuchKey(_))
    ));
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let kms = kms("narrow_kms").await;
    let wrapped = kms
        .wrap("confidant", &key(b"key"), &context("a"))
        .await
        .unwrap();
    Moto::shared().allow_only("narrow_kms", &["kms:Encrypt"]);
    let denied = |action: &str| Some(KeyError::Denied(action.into()));
    assert_eq!(
        kms.unwrap(&wrapped, &context("a")).await.err(),
        denied("kms:Decrypt")
    );
    assert_eq!(
        kms.generate("confidant", 32, &context("a")).await.err(),
        denied("kms:GenerateDataKey")
    );
    assert_eq!(kms.random(32).await.err(), denied("kms:GenerateRandom"));
    assert_eq!(
        kms.describe("confidant").await.err(),
        denied("kms:DescribeKey")
    );
    assert!(
        kms.wrap("confidant", &key(b"key"), &context("a"))
            .await
            .is_ok()
    );
}
