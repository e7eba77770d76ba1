//! Every refusal of KMS becomes the port's word for it.

use keep::{KeyError, KeyService};
use rstest::rstest;
use seal::{DataKey, EncryptionContext, WrappedKey};

use crate::stub::{Answer, Stub};
use crate::support::{kms_at, settings};

const DENIED: &str = "User: arn:aws:iam::123456789012:user/web is not authorized to perform: kms:Decrypt on resource: \
     arn:aws:kms:us-east-1:123456789012:key/1 because no resource-based policy allows the kms:Decrypt action";
const FOREIGN: &str = "The ciphertext refers to a customer master key that does not exist, does not exist in this \
     region, or you are not allowed to access.";

async fn unwrap_at(stub: &Stub) -> Option<KeyError> {
    let kms = kms_at(&settings(&stub.url, "key")).await;
    kms.unwrap(&WrappedKey(vec![1; 64]), &EncryptionContext::default())
        .await
        .err()
}

async fn wrap_at(stub: &Stub) -> Option<KeyError> {
    let kms = kms_at(&settings(&stub.url, "key")).await;
    kms.wrap(
        "alias/a",
        &DataKey::new(Box::new([1; 32])),
        &EncryptionContext::default(),
    )
    .await
    .err()
}

fn unusable(text: &str) -> KeyError {
    KeyError::Unusable(text.to_owned())
}

fn denied(action: &str) -> KeyError {
    KeyError::Denied(action.into())
}

#[rstest]
#[case::other_context("InvalidCiphertextException", "", KeyError::DoesNotOpen)]
#[case::other_key(
    "IncorrectKeyException",
    "The key ID in the request does not identify...",
    KeyError::DoesNotOpen
)]
#[case::no_ciphertext(
    "ValidationException",
    "1 validation error detected",
    KeyError::DoesNotOpen
)]
#[case::disabled(
    "DisabledException",
    "arn:...:key/1 is disabled.",
    unusable("DisabledException: arn:...:key/1 is disabled.")
)]
#[case::going_to_be_deleted(
    "KMSInvalidStateException",
    "arn:...:key/1 is pending deletion.",
    unusable("KMSInvalidStateException: arn:...:key/1 is pending deletion.")
)]
#[case::deleted("NotFoundException", "Key 'arn:...:key/1' does not exist", KeyError::NoSuchKey("of the wrapped key".into()))]
#[case::denied("AccessDeniedException", DENIED, denied("kms:Decrypt"))]
#[case::foreign_key("AccessDeniedException", FOREIGN, denied("kms:Decrypt"))]
#[case::unknown_caller(
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
    denied("kms:Decrypt (UnrecognizedClientException)")
)]
#[tokio::test]
async fn opening_is_refused_at_once(
    #[case] code: &str,
    #[case] message: &str,
    #[case] expected: KeyError,
) {
    let stub = Stub::refusing(400, code, message).await;
    assert_eq!(unwrap_at(&stub).await, Some(expected));
    assert_eq!(stub.operations(), ["Decrypt"]);
}

#[rstest]
#[case::throttled(400, "ThrottlingException", KeyError::Throttled)]
#[case::internal(500, "KMSInternalException", KeyError::Unavailable("status 500 KMSInternalException".to_owned()))]
#[case::dependency(503, "DependencyTimeoutException", KeyError::Unavailable("status 503 DependencyTimeoutException".to_owned()))]
#[case::key_not_ready(500, "KeyUnavailableException", KeyError::Unavailable("status 500 KeyUnavailableException".to_owned()))]
#[tokio::test]
async fn what_may_pass_is_tried_three_times(
    #[case] status: u16,
    #[case] code: &str,
    #[case] expected: KeyError,
) {
    let stub = Stub::refusing(status, code, "").await;
    assert_eq!(unwrap_at(&stub).await, Some(expected));
    assert_eq!(stub.operations(), ["Decrypt", "Decrypt", "Decrypt"]);
}

#[rstest]
#[case::disabled("DisabledException", unusable("DisabledException: told"))]
#[case::for_signing("InvalidKeyUsageException", unusable("InvalidKeyUsageException: told"))]
#[case::missing("NotFoundException", KeyError::NoSuchKey("alias/a".into()))]
#[case::malformed("InvalidArnException", KeyError::NoSuchKey("alias/a".into()))]
#[case::context_too_long("ValidationException", unusable("ValidationException: told"))]
#[case::denied("AccessDeniedException", denied("kms:Encrypt"))]
#[case::too_many("LimitExceededException", KeyError::Throttled)]
#[tokio::test]
async fn wrapping_is_refused(#[case] code: &str, #[case] expected: KeyError) {
    let stub = Stub::refusing(400, code, "told").await;
    assert_eq!(wrap_at(&stub).await, Some(expected));
}

#[rstest]
#[case::without_the_key("{}")]
#[case::of_another_shape(r#"{"Plaintext": "c2VjcmV0LXZhbHVl", "KeyId": 7}"#)]
#[case::broken_off(r#"{"Plaintext": "c2VjcmV0LXZhbHVl"#)]
#[case::no_json("c2VjcmV0LXZhbHVl")]
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_shown(#[case] body: &str) {
    let stub = Stub::answering(Answer::Body(200, body.to_owned())).await;
    let error = unwrap_at(&stub).await;
    assert!(matches!(error, Some(KeyError::Unavailable(_))), "{error:?}");
    let shown = format!("{error:?}");
    assert!(
        !shown.contains("c2Vj") && !shown.contains("secret"),
        "{shown}"
    );
}
