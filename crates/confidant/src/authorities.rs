//! The certificate authorities of the settings, and whose the names in certificates are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{CertificateName, CertificateNames};
use moka::future::Cache;
use pki::{Certificate, Issuer, KeyPem, Subject};
use regex::Regex;

use crate::{Error, IssuedCertificate, PrivateCa};

/// Every authority, by its name in requests.
#[derive(Default)]
pub struct Authorities(pub(crate) BTreeMap<String, Authority>);

impl Authorities {
    /// Adds an authority.
    #[must_use]
    pub fn with(mut self, name: &str, authority: Authority) -> Self {
        self.0.insert(name.to_owned(), authority);
        self
    }
}

/// One authority.
pub struct Authority {
    /// The longest life of a certificate, and the default. Units: days.
    pub max_days: u32,
    /// Whose a name is; without it no name is anybody's.
    pub pattern: Option<NamePattern>,
    /// Who signs.
    pub signer: Signer,
}

/// Who signs the certificates of an authority.
pub enum Signer {
    /// AWS Private CA.
    Private(PrivateSigner),
    /// Each certificate vouches for itself: for tests and development.
    Itself(MadeKeys),
    /// A key of the settings. It signs requests only.
    Custom(Box<CustomSigner>),
}

/// An authority of AWS Private CA.
pub struct PrivateSigner {
    /// Where it is.
    pub service: Arc<dyn PrivateCa>,
    /// Its ARN.
    pub arn: String,
    /// Its signature, in AWS's words.
    pub signing_algorithm: String,
    /// How keys are made for who sends no request.
    pub keys: MadeKeys,
    /// Certificates kept for equal asks, with their keys; `None` keeps none.
    pub cache: Option<CertificateCache>,
}

/// An authority whose key the settings hold.
pub struct CustomSigner {
    /// The name of its key, by which answers call it.
    pub kid: String,
    /// The key.
    pub issuer: Issuer,
    /// The root above it.
    pub root: Option<Certificate>,
}

/// How keys are made for who sends no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeKeys {
    /// One of [`pki::RSA_SIZES`].
    pub bits: u64,
    /// The subject, beside its common name.
    pub subject: Subject,
}

/// A certificate with its private key.
pub struct CertificateWithKey {
    /// The certificate.
    pub issued: IssuedCertificate,
    /// Its private key.
    pub key: KeyPem,
}

/// Certificates with their keys, kept for a day at most; wiped when they go. Equal asks at the same time are one.
#[derive(Clone)]
pub struct CertificateCache(Cache<String, Arc<CertificateWithKey>>);

impl CertificateCache {
    /// Room for `size` certificates.
    pub fn new(size: u64) -> Self {
        let day = Duration::from_secs(24 * 60 * 60);
        Self(
            Cache::builder()
                .max_capacity(size)
                .time_to_live(day)
                .build(),
        )
    }

    pub(crate) async fn kept(&self, name: &str) -> Option<Arc<CertificateWithKey>> {
        self.0.get(name).await
    }

    /// Makes it, once for all who ask meanwhile.
    pub(crate) async fn get(
        &self,
        name: String,
        make: impl Future<Output = Result<CertificateWithKey, Error>>,
    ) -> Result<Arc<CertificateWithKey>, Error> {
        let made = async { make.await.map(Arc::new) };
        self.0
            .try_get_with(name, made)
            .await
            .map_err(|error| (*error).clone())
    }
}

/// Whose a name is: a pattern with the group `service_name`.
#[derive(Clone, Debug)]
pub struct NamePattern {
    whole: Regex,
    start: Regex,
}

/// Why a pattern cannot be used. Does not hold the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// It is not one, or one that needs time without bound.
    #[error("is no regular expression without lookaround and backreferences")]
    Syntax,
    /// It does not say which part is the service.
    #[error("needs a group (?P<service_name>...)")]
    NoService,
}

impl NamePattern {
    /// Reads a pattern, in Python's words where these are Rust's too: no lookaround, no backreferences.
    pub fn read(pattern: &str) -> Result<Self, BadPattern> {
        // By itself first: `a)|(b` must not become a pattern by what is put round it.
        Regex::new(pattern).or(Err(BadPattern::Syntax))?;
        let anchored =
            |start, end| Regex::new(&format!("{start}{pattern}{end}")).or(Err(BadPattern::Syntax));
        let read = Self {
            whole: anchored(r"\A(?:", r")\z")?,
            start: anchored(r"\A(?:", ")")?,
        };
        match read
            .whole
            .capture_names()
            .flatten()
            .any(|name| name == SERVICE)
        {
            true => Ok(read),
            false => Err(BadPattern::NoService),
        }
    }

    fn name(&self, name: &str) -> CertificateName {
        let service = |pattern: &Regex| {
            let found = pattern.captures(name)?;
            let service = found.name(SERVICE)?.as_str();
            (!service.is_empty()).then(|| service.to_owned())
        };
        CertificateName {
            name: name.to_owned(),
            service: service(&self.whole),
            service_at_start: service(&self.start),
        }
    }
}

impl Authority {
    /// Whose the names of a certificate are.
    pub(crate) fn judged(&self, common: Option<&str>, alternative: &[String]) -> CertificateNames {
        let name = |name: &str| match &self.pattern {
            Some(pattern) => pattern.name(name),
            None => CertificateName {
                name: name.to_owned(),
                service: None,
                service_at_start: None,
            },
        };
        CertificateNames {
            common: common.map(name),
            alternative: alternative.iter().map(|text| name(text)).collect(),
        }
    }

    /// The life of a certificate. Errors: `BadField` for none at all.
    pub(crate) fn days(&self, asked: Option<i64>) -> Result<u32, Error> {
        match asked {
            None => Ok(self.max_days),
            Some(days) if days < 1 => Err(crate::BadField::ValidityNotDays.into()),
            Some(days) => {
                Ok(u32::try_from(days).map_or(self.max_days, |days| days.min(self.max_days)))
            }
        }
    }
}

const SERVICE: &str = "service_name";

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(pattern: &str, name: &str) -> (Option<String>, Option<String>) {
        let name = NamePattern::read(pattern).unwrap().name(name);
        (name.service, name.service_at_start)
    }

    #[rstest::rstest]
    #[case::whole("web.example.com", Some("web"), Some("web"))]
    #[case::more("web.example.com.evil.org", None, Some("web"))]
    #[case::newline("web.example.com\n", None, Some("web"))]
    #[case::before("x.web.example.com", None, None)]
    #[case::nothing("", None, None)]
    fn a_name_is_a_services_when_all_of_it_fits(
        #[case] name: &str,
        #[case] whole: Option<&str>,
        #[case] start: Option<&str>,
    ) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        assert_eq!(
            whose(r"(?P<service_name>[\w-]+)\.example\.com", name),
            (owned(whole), owned(start))
        );
    }

    #[test]
    fn an_alternative_does_not_escape_the_anchors_and_an_empty_service_is_none() {
        let pattern = r"(?P<service_name>a)\.x|b\.x";
        assert_eq!(whose(pattern, "a.x.evil"), (None, Some("a".to_owned())));
        assert_eq!(whose(pattern, "b.x"), (None, None));
        assert_eq!(whose(r"(?P<service_name>.*?)\.x", ".x"), (None, None));
    }

    #[rstest::rstest]
    #[case::open("(", BadPattern::Syntax)]
    #[case::closes_what_is_put_round_it("a)|(?P<service_name>b", BadPattern::Syntax)]
    #[case::lookahead("(?P<service_name>a)(?!b)", BadPattern::Syntax)]
    #[case::no_group("a", BadPattern::NoService)]
    #[case::other_group("(?P<name>a)", BadPattern::NoService)]
    fn refuses_a_pattern_that_cannot_judge(#[case] pattern: &str, #[case] expected: BadPattern) {
        assert_eq!(NamePattern::read(pattern).err(), Some(expected));
    }
}
