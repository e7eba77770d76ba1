//! AWS KMS as the key service.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{PoisonError, RwLock};

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::Blob;
use keep::{About, KeyError, KeyService, MasterKey, Unwrapped};
use seal::{DataKey, EncryptionContext, WrappedKey};
use zeroize::Zeroize;

use crate::Connection;
use crate::failure::{Failure, Refusal, missing_action};

/// Master keys of AWS KMS.
///
/// A master key is named by its ARN, `alias/...`, key id or `mrk-...`; any other text is an alias
/// without its prefix, as Confidant before 5.0 took it. Data keys move out of the SDK's answer
/// into their own place and the SDK's copy is wiped; the HTTP buffers that carried them are out of
/// reach.
pub struct AwsKms {
    client: Client,
    /// What names turned out to be, for the life of the process.
    full_names: RwLock<HashMap<String, MasterKey>>,
}

impl AwsKms {
    /// The keys that `connection` reaches.
    pub fn new(connection: &Connection) -> Self {
        Self {
            client: connection.kms.clone(),
            full_names: RwLock::default(),
        }
    }
}

#[async_trait::async_trait]
impl KeyService for AwsKms {
    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        let made = self
            .client
            .generate_data_key()
            .key_id(key_id(master)?)
            .number_of_bytes(length(bytes)?)
            .set_encryption_context(pairs(context))
            .send()
            .await
            .map_err(|error| key_error("kms:GenerateDataKey", master, &error))?;
        match (made.plaintext, made.ciphertext_blob) {
            (Some(plain), Some(wrapped)) => Ok((data_key(plain), WrappedKey(wrapped.into_inner()))),
            _ => Err(incomplete("GenerateDataKey")),
        }
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        let made = self
            .client
            .encrypt()
            .key_id(key_id(master)?)
            .plaintext(Blob::new(key.expose()))
            .set_encryption_context(pairs(context))
            .send()
            .await
            .map_err(|error| key_error("kms:Encrypt", master, &error))?;
        made.ciphertext_blob
            .map(|wrapped| WrappedKey(wrapped.into_inner()))
            .ok_or_else(|| incomplete("Encrypt"))
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        if !(1..=MAX_WRAPPED_BYTES).contains(&wrapped.0.len()) {
            return Err(KeyError::DoesNotOpen);
        }
        let opened = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(wrapped.0.as_slice()))
            .set_encryption_context(pairs(context))
            .send()
            .await
            .map_err(|error| key_error("kms:Decrypt", "of the wrapped key", &error))?;
        match (opened.plaintext, opened.key_id) {
            (Some(plain), Some(arn)) => Ok(Unwrapped {
                key: data_key(plain),
                master: MasterKey(arn),
            }),
            _ => Err(incomplete("Decrypt")),
        }
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        let made = self
            .client
            .generate_random()
            .number_of_bytes(length(bytes)?)
            .send()
            .await
            .map_err(|error| key_error("kms:GenerateRandom", "", &error))?;
        made.plaintext
            .map(data_key)
            .ok_or_else(|| incomplete("GenerateRandom"))
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        if is_key_arn(master) {
            return Ok(MasterKey(master.to_owned()));
        }
        let known = self
            .full_names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(master)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let described = self
            .client
            .describe_key()
            .key_id(key_id(master)?)
            .send()
            .await
            .map_err(|error| key_error("kms:DescribeKey", master, &error))?;
        let arn = described
            .key_metadata
            .and_then(|about| about.arn)
            .ok_or_else(|| incomplete("DescribeKey"))?;
        let full = MasterKey(arn);
        self.full_names
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(master.to_owned(), full.clone());
        Ok(full)
    }
}

/// The longest ciphertext that Decrypt takes.
const MAX_WRAPPED_BYTES: usize = 6144;
/// The most bytes that one call makes.
const MAX_MADE_BYTES: usize = 1024;

/// The name as KMS takes it.
///
/// Errors: `NoSuchKey` for an empty name, which is what an unset setting is.
/// Source: spec/confidant.md section 6.5.
fn key_id(master: &str) -> Result<String, KeyError> {
    if master.is_empty() {
        return Err(KeyError::NoSuchKey("with an empty name".into()));
    }
    let as_is = master.starts_with("arn:")
        || master.starts_with("alias/")
        || master.starts_with("mrk-")
        || is_uuid(master);
    Ok(if as_is {
        master.to_owned()
    } else {
        format!("alias/{master}")
    })
}

/// An ARN of a key itself; an alias has ARNs too.
fn is_key_arn(master: &str) -> bool {
    let mut parts = master.splitn(6, ':');
    parts.next() == Some("arn")
        && parts
            .next()
            .is_some_and(|partition| partition.starts_with("aws"))
        && parts.next() == Some("kms")
        && parts
            .nth(2)
            .is_some_and(|resource| resource.starts_with("key/"))
}

fn is_uuid(text: &str) -> bool {
    let mut lengths = text.split('-').map(str::len);
    [8, 4, 4, 4, 12]
        .into_iter()
        .all(|length| lengths.next() == Some(length))
        && lengths.next().is_none()
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn length(bytes: usize) -> Result<i32, KeyError> {
    match i32::try_from(bytes) {
        Ok(length) if (1..=MAX_MADE_BYTES).contains(&bytes) => Ok(length),
        _ => Err(KeyError::Unusable(format!(
            "KMS makes 1 to {MAX_MADE_BYTES} bytes, not {bytes}"
        ))),
    }
}

/// The context, absent when it has no pairs.
fn pairs(context: &EncryptionContext) -> Option<HashMap<String, String>> {
    let pairs: HashMap<_, _> = context
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Some(pairs).filter(|pairs| !pairs.is_empty())
}

/// Moves the bytes to a place of exact size and wipes where they were.
fn data_key(plain: Blob) -> DataKey {
    let mut bytes = plain.into_inner();
    let key = DataKey::new(bytes.as_slice().into());
    bytes.zeroize();
    key
}

fn incomplete(call: &str) -> KeyError {
    KeyError::Unavailable(format!("KMS answered {call} without what was asked for"))
}

/// `action` is the call's name for IAM, `master` the key that was named.
fn key_error<E>(action: &str, master: &str, error: &SdkError<E, HttpResponse>) -> KeyError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (status, code, message) = match Failure::of(error) {
        Failure::NotSent(why) | Failure::NoAnswer(why) => return KeyError::Unavailable(why),
        Failure::Answered {
            status,
            code,
            message,
        } => (status, code, message),
    };
    match (Refusal::of(status, &code), code.as_str()) {
        (_, "InvalidCiphertextException" | "IncorrectKeyException") => KeyError::DoesNotOpen,
        // Bytes that no KMS made.
        (_, "ValidationException") if action == "kms:Decrypt" => KeyError::DoesNotOpen,
        (_, "NotFoundException" | "InvalidArnException" | "InvalidAliasNameException") => {
            KeyError::NoSuchKey(About::from(master).told(&code, &message))
        }
        (_, "DisabledException" | "KMSInvalidStateException" | "InvalidKeyUsageException") => {
            KeyError::Unusable(format!("{code}: {message}"))
        }
        (_, "LimitExceededException") | (Refusal::Throttled, _) => KeyError::Throttled,
        (Refusal::Denied, _) => {
            let missing = missing_action(action, &code, &message);
            KeyError::Denied(About::from(missing).told(&code, &message))
        }
        // Answered with 400 or 500, depending on the day.
        (_, "DependencyTimeoutException" | "KMSInternalException" | "KeyUnavailableException")
        | (Refusal::Fault, _) => KeyError::Unavailable(format!("status {status} {code}")),
        (Refusal::Request, _) => KeyError::Unusable(format!("{code}: {message}")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::key_arn(
        "arn:aws:kms:us-east-1:123456789012:key/1-2",
        "arn:aws:kms:us-east-1:123456789012:key/1-2"
    )]
    #[case::alias_arn(
        "arn:aws:kms:us-east-1:123456789012:alias/a",
        "arn:aws:kms:us-east-1:123456789012:alias/a"
    )]
    #[case::alias("alias/authnz-production", "alias/authnz-production")]
    #[case::id(
        "12345678-90ab-CDEF-1234-567890abcdef",
        "12345678-90ab-CDEF-1234-567890abcdef"
    )]
    #[case::multi_region("mrk-1234abcd", "mrk-1234abcd")]
    #[case::old_alias("authnz-production", "alias/authnz-production")]
    #[case::almost_an_id(
        "12345678-90ab-cdef-1234-567890abcdeg",
        "alias/12345678-90ab-cdef-1234-567890abcdeg"
    )]
    fn names_keys_as_kms_takes_them(#[case] configured: &str, #[case] sent: &str) {
        assert_eq!(key_id(configured).as_deref(), Ok(sent));
    }

    #[rstest]
    #[case::key("arn:aws:kms:us-east-1:123456789012:key/1-2", true)]
    #[case::china("arn:aws-cn:kms:cn-north-1:123456789012:key/1-2", true)]
    #[case::alias("arn:aws:kms:us-east-1:123456789012:alias/a", false)]
    #[case::other_service("arn:aws:iam::123456789012:key/1-2", false)]
    #[case::name("authnz-production", false)]
    fn only_the_arn_of_a_key_is_a_full_name(#[case] text: &str, #[case] full: bool) {
        assert_eq!(is_key_arn(text), full);
    }
}
