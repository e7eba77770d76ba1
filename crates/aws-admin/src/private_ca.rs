//! AWS Private CA (ACM PCA) as the port [`PrivateCa`].

use std::collections::BTreeMap;
use std::error::Error;

use aws::{Connection, Endpoint, Failure, Refusal, missing_action};
use aws_sdk_acmpca::Client;
use aws_sdk_acmpca::config::Builder;
use aws_sdk_acmpca::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_acmpca::types::{SigningAlgorithm, Validity, ValidityPeriodType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::Blob;
use confidant::{AboutAuthority, AuthorityError, IssueOrder, IssuedCertificate, PrivateCa};
use keep::About;

/// Private CAs of AWS, by their ARNs.
pub struct AwsPrivateCa(Client);

impl AwsPrivateCa {
    /// The authorities that `connection` reaches, called as `endpoint` says.
    pub fn new(connection: &Connection, endpoint: &Endpoint) -> Self {
        let mut config = Builder::from(connection.shared())
            .timeout_config(endpoint.timeouts())
            // Ordering twice is ordering once: the token tells.
            .retry_config(endpoint.retries());
        if let Some(url) = &endpoint.url {
            config = config.endpoint_url(url);
        }
        Self(Client::from_conf(config.build()))
    }
}

#[async_trait::async_trait]
impl PrivateCa for AwsPrivateCa {
    /// The template is AWS's default, `EndEntityCertificate/V1`, as old servers left it.
    async fn order(&self, order: &IssueOrder<'_>) -> Result<String, AuthorityError> {
        let validity = Validity::builder()
            .value(order.days.into())
            .r#type(ValidityPeriodType::Days)
            .build()
            .map_err(|error| AuthorityError::Refused(error.to_string()))?;
        let ordered = self
            .0
            .issue_certificate()
            .certificate_authority_arn(order.authority)
            .csr(Blob::new(order.request))
            .signing_algorithm(SigningAlgorithm::from(order.signing_algorithm))
            .validity(validity)
            .idempotency_token(order.token)
            .send()
            .await
            .map_err(|error| authority_error("acm-pca:IssueCertificate", &error))?;
        ordered
            .certificate_arn
            .ok_or_else(|| incomplete("IssueCertificate"))
    }

    async fn issued(
        &self,
        authority: &str,
        name: &str,
    ) -> Result<Option<IssuedCertificate>, AuthorityError> {
        let got = self
            .0
            .get_certificate()
            .certificate_authority_arn(authority)
            .certificate_arn(name)
            .send()
            .await;
        let got = match got {
            Ok(got) => got,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_request_in_progress_exception()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(authority_error("acm-pca:GetCertificate", &error)),
        };
        Ok(Some(IssuedCertificate {
            certificate: got
                .certificate
                .ok_or_else(|| incomplete("GetCertificate"))?,
            chain: got.certificate_chain.unwrap_or_default(),
        }))
    }

    async fn about(&self, authority: &str) -> Result<AboutAuthority, AuthorityError> {
        let own = self
            .0
            .get_certificate_authority_certificate()
            .certificate_authority_arn(authority)
            .send()
            .await
            .map_err(|error| {
                authority_error("acm-pca:GetCertificateAuthorityCertificate", &error)
            })?;
        let mut tags = BTreeMap::new();
        let mut pages = self
            .0
            .list_tags()
            .certificate_authority_arn(authority)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| authority_error("acm-pca:ListTags", &error))?;
            for tag in page.tags.unwrap_or_default() {
                tags.insert(tag.key, tag.value.unwrap_or_default());
            }
        }
        let missing = || incomplete("GetCertificateAuthorityCertificate");
        Ok(AboutAuthority {
            certificate: IssuedCertificate {
                certificate: own.certificate.ok_or_else(missing)?,
                // A root has none.
                chain: own.certificate_chain.unwrap_or_default(),
            },
            tags,
        })
    }
}

fn incomplete(call: &str) -> AuthorityError {
    AuthorityError::Unavailable(format!("AWS answered {call} without what was asked for"))
}

/// `action` is the call's name for IAM.
fn authority_error<E>(action: &str, error: &SdkError<E, HttpResponse>) -> AuthorityError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (status, code, message) = match Failure::of(error) {
        Failure::NotSent(why) | Failure::NoAnswer(why) => {
            return AuthorityError::Unavailable(why);
        }
        Failure::Answered {
            status,
            code,
            message,
        } => (status, code, message),
    };
    match (Refusal::of(status, &code), code.as_str()) {
        (_, "MalformedCSRException" | "InvalidArgsException" | "RequestFailedException") => {
            AuthorityError::Refused(format!("{code}: {message}"))
        }
        (_, "LimitExceededException") | (Refusal::Throttled, _) => AuthorityError::Throttled,
        (Refusal::Denied, _) => {
            let missing = missing_action(action, &code, &message);
            AuthorityError::Denied(About::from(missing).told(&code, &message))
        }
        (Refusal::Fault, _) => AuthorityError::Unavailable(format!("status {status} {code}")),
        (Refusal::Request, _) => AuthorityError::Unusable(format!("{code}: {message}")),
    }
}
