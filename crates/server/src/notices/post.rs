//! One try to hand a notice to its receiver.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::Timestamp;
use ureq::tls::{RootCerts, TlsConfig};

use super::notice::Notice;
use crate::settings::{NoticeTarget, SecretText};

/// A receiver, ready to be told. What is logged of it is never its URL, which may hold a key.
#[derive(Clone)]
pub(super) struct Post {
    agent: ureq::Agent,
    url: SecretText,
    authorization: SecretText,
    signing_key: Option<Arc<hmac::Key>>,
}

/// Why a receiver does not have a notice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTaken {
    /// It will not have it any time: another answer than 2xx that no repetition changes.
    #[error("the receiver answers {0}")]
    Refused(u16),
    /// It may have it later: 5xx, 408, 425, 429.
    #[error("the receiver answers {0}")]
    Later(u16),
    /// No answer, or none in time.
    #[error("the receiver {0}")]
    Unreached(&'static str),
}

impl Post {
    pub(super) fn new(target: &NoticeTarget) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // To the URL that the operator named, and nowhere else.
            .max_redirects(0)
            .user_agent(concat!("keepward/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent();
        let (user, password) = (target.username.expose(), target.password.expose());
        let login = STANDARD.encode(format!("{user}:{password}"));
        Self {
            agent,
            url: SecretText::new(target.url.clone()),
            // Also with an empty user, as Confidant.
            authorization: SecretText::new(format!("Basic {login}")),
            signing_key: target
                .signing_key
                .as_ref()
                .map(|key| Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()))),
        }
    }

    /// Posts the notice, on a thread where waiting harms nobody.
    pub(super) async fn post(&self, notice: &Notice, now: Timestamp) -> Result<(), NotTaken> {
        let (post, notice) = (self.clone(), notice.clone());
        let posted = tokio::task::spawn_blocking(move || post.post_now(&notice, now)).await;
        posted.unwrap_or(Err(NotTaken::Unreached("was not asked")))
    }

    fn post_now(&self, notice: &Notice, now: Timestamp) -> Result<(), NotTaken> {
        let mut request = self
            .agent
            .post(self.url.expose())
            .header("Content-Type", "application/json")
            .header("Accept", "text/plain")
            .header("Authorization", self.authorization.expose())
            .header("Keepward-Notice", &notice.id);
        if let Some(key) = &self.signing_key {
            request = request.header("Keepward-Signature", signature(key, now, &notice.body));
        }
        let answer = request
            .send(notice.body.as_bytes())
            .map_err(|error| NotTaken::Unreached(why(&error)))?;
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            later @ (408 | 425 | 429 | 500..=599) => Err(NotTaken::Later(later)),
            refused => Err(NotTaken::Refused(refused)),
        }
    }
}

/// Proves who posts, and when.
///
/// Shape: `t=<seconds since 1970>,v1=<hex>`, the HMAC-SHA256 of the seconds, a full stop and the body.
fn signature(key: &hmac::Key, now: Timestamp, body: &str) -> String {
    let seconds = now.seconds();
    let tag = hmac::sign(key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(tag.as_ref()))
}

/// In our words: those of the library may quote the URL.
fn why(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::Timeout(_) => "does not answer in time",
        ureq::Error::HostNotFound => "has a name that is not found",
        ureq::Error::ConnectionFailed | ureq::Error::Io(_) => "cannot be reached",
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "cannot be trusted by TLS",
        _ => "does not speak HTTP as expected, or its URL is none",
    }
}

/// As in Confidant.
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    /// The tag is that of `openssl dgst -sha256 -hmac Jefe`.
    #[test]
    fn the_signature_is_an_hmac_of_time_and_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let told = signature(&key, Timestamp::from_seconds(1_700_000_000), "{}");
        assert_eq!(
            told,
            "t=1700000000,v1=d3793e2b4103edfbd98cc19591832f5fad701d413db9fcae0ae7dab8184ed207"
        );
    }

    #[test]
    fn a_library_that_quotes_the_url_is_not_quoted() {
        let error = ureq::Error::BadUri("http://u:kw-canary@x".to_owned());
        assert!(!why(&error).contains("canary"));
    }
}
