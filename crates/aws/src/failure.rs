//! How a call failed, before a port's words are found for it.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use hyper_util::client::legacy;

/// What a failed call told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request never left this process.
    NotSent(String),
    /// The request may have arrived; no answer that can be read came back.
    NoAnswer(String),
    /// The service answered no.
    Answered {
        /// The HTTP status, 400 at least.
        status: u16,
        /// The error code.
        code: String,
        /// What the service says about it.
        message: String,
    },
}

impl Failure {
    /// What this error tells.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ConstructionFailure(_) => Self::NotSent(chain(error)),
            SdkError::TimeoutError(_) => {
                Self::NoAnswer("no answer within the time of the whole call".to_owned())
            }
            SdkError::DispatchFailure(_) if never_left(error) => Self::NotSent(chain(error)),
            SdkError::DispatchFailure(_) => Self::NoAnswer(chain(error)),
            // The text of the error could hold pieces of the answer.
            SdkError::ResponseError(answer) => unreadable(answer.raw()),
            SdkError::ServiceError(answer) => match answer.err().code() {
                Some(code) if answer.raw().status().as_u16() >= 400 => Self::Answered {
                    status: answer.raw().status().as_u16(),
                    code: code.to_owned(),
                    message: answer.err().message().unwrap_or_default().to_owned(),
                },
                // The SDK calls a yes that it cannot read an error of the service, and an error
                // without a code is no word of AWS but of something in between.
                _ => unreadable(answer.raw()),
            },
            _ => Self::NoAnswer("an unknown kind of failure".to_owned()),
        }
    }
}

/// What kind of no an answer is, where DynamoDB and KMS say it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many calls.
    Throttled,
    /// Missing rights.
    Denied,
    /// The service itself failed.
    Fault,
    /// What the request asks for.
    Request,
}

impl Refusal {
    /// What kind of no this status and code are.
    pub fn of(status: u16, code: &str) -> Self {
        match code {
            "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "SlowDown" => Self::Throttled,
            "AccessDeniedException"
            | "AccessDenied"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "NotAuthorized"
            | "OptInRequired" => Self::Denied,
            _ if status == 429 => Self::Throttled,
            _ if status >= 500 => Self::Fault,
            _ => Self::Request,
        }
    }
}

/// The action that a refusal names ("... is not authorized to perform: kms:Decrypt on ..."), or
/// `called` with the code, when it names none.
pub fn missing_action(called: &str, code: &str, message: &str) -> String {
    let named = message
        .split_once("authorized to perform: ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .map(|action| action.trim_end_matches(['.', ',']))
        .filter(|action| action.contains(':'));
    match (named, code) {
        (Some(action), _) => action.to_owned(),
        (None, "AccessDeniedException" | "AccessDenied") => called.to_owned(),
        (None, code) => format!("{called} ({code})"),
    }
}

fn unreadable(answer: &HttpResponse) -> Failure {
    Failure::NoAnswer(format!(
        "an unreadable answer of status {}",
        answer.status().as_u16()
    ))
}

/// Whether the request cannot have left: no connection, or no credentials to sign it with.
fn never_left(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<legacy::Error>()
            .is_some_and(legacy::Error::is_connect)
            || cause.downcast_ref::<CredentialsError>().is_some()
    })
}

/// What happened and why, without the request and without the answer.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = causes(error).map(ToString::to_string).collect();
    told.dedup();
    told.join(": ")
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::{ProvideCredentials, future};
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region};
    use rstest::rstest;

    use super::*;

    #[derive(Debug)]
    struct NoCredentials;

    impl ProvideCredentials for NoCredentials {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nobody gave any")))
        }
    }

    #[tokio::test]
    async fn a_call_without_credentials_was_not_sent() {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url("http://127.0.0.1:1")
            .credentials_provider(NoCredentials)
            .build();
        let failed = Client::from_conf(config).list_tables().send().await;
        let Err(error) = failed else { panic!("sent") };
        let Failure::NotSent(why) = Failure::of(&error) else {
            panic!("{error:?}")
        };
        assert!(why.contains("credential"), "{why}");
    }

    #[rstest]
    #[case::named(
        "User: x is not authorized to perform: kms:Decrypt on resource: y",
        "AccessDeniedException",
        "kms:Decrypt"
    )]
    #[case::named_at_the_end(
        "is not authorized to perform: kms:Decrypt.",
        "AccessDeniedException",
        "kms:Decrypt"
    )]
    #[case::not_named("Access denied", "AccessDeniedException", "kms:Encrypt")]
    #[case::other_reason("", "ExpiredTokenException", "kms:Encrypt (ExpiredTokenException)")]
    fn names_the_missing_action(#[case] message: &str, #[case] code: &str, #[case] named: &str) {
        assert_eq!(missing_action("kms:Encrypt", code, message), named);
    }
}
