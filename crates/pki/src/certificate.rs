//! Certificates: read, issued by an authority whose key we hold, and self-signed.

use std::fmt;
use std::time::Duration;

use der::asn1::{Any, BitString, GeneralizedTime, ObjectIdentifier, OctetString, Uint, UtcTime};
use der::{DateTime, Decode as _, Sequence};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use crate::names::{alternative_names, extension};
use crate::{PkiError, PrivateKey, Request, Subject, pem};

/// A certificate; public.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

/// How long a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// From when on. Units: seconds since 1970, UTC.
    pub from: i64,
    /// How long. Units: days.
    pub days: u32,
}

/// The number of a certificate, from 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial([u8; 16]);

impl Serial {
    /// The number of these random bytes: positive, and of always the same length.
    pub fn new(mut random: [u8; 16]) -> Self {
        let [first, ..] = &mut random;
        *first = *first & 0x7f | 0x40;
        Self(random)
    }
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    ///
    /// Errors: `NotPem`, `Damaged`.
    pub fn read(text: &str) -> Result<Self, PkiError> {
        let block = pem::first(text, WHAT, |label| label == LABEL)?;
        let certificate = Self(block.der.to_vec());
        certificate.parts()?;
        Ok(certificate)
    }

    /// The certificate as text.
    pub fn pem(&self) -> String {
        pem::write(LABEL, &self.0)
    }

    fn parts(&self) -> Result<x509_cert::Certificate, PkiError> {
        x509_cert::Certificate::from_der(&self.0).or(Err(PkiError::Damaged(WHAT)))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

/// An authority whose key we hold.
#[derive(Debug)]
pub struct Issuer {
    key: PrivateKey,
    name: Name,
    /// What its certificate calls its key.
    key_id: Option<OctetString>,
    certificate: Certificate,
}

impl Issuer {
    /// The authority of this certificate.
    ///
    /// Errors: `ForeignCertificate`, `NotAnAuthority`, `Damaged`.
    pub fn new(key: PrivateKey, certificate: Certificate) -> Result<Self, PkiError> {
        let parts = certificate.parts()?;
        let parts = parts.tbs_certificate();
        let of = |wanted: ObjectIdentifier| {
            let extensions = parts.extensions().map_or(&[][..], Vec::as_slice);
            extensions
                .iter()
                .find(|extension| extension.extn_id == wanted)
                .map(|extension| extension.extn_value.as_bytes())
        };
        if parts.subject_public_key_info() != key.public() {
            return Err(PkiError::ForeignCertificate);
        }
        let constraints =
            of(BASIC_CONSTRAINTS).and_then(|value| BasicConstraints::from_der(value).ok());
        if !constraints.is_some_and(|constraints| constraints.ca) {
            return Err(PkiError::NotAnAuthority);
        }
        let key_id = of(SUBJECT_KEY_ID).and_then(|value| OctetString::from_der(value).ok());
        Ok(Self {
            name: parts.subject().clone(),
            key_id,
            key,
            certificate,
        })
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Issues what a request asks for, as a certificate for TLS servers and clients.
    ///
    /// Shape: subject, key and alternative names of the request; no authority; SHA-256.
    /// Errors: `BadSignature`, `Names` for a request without alternative names, `BadTime`.
    pub fn issue(
        &self,
        request: &Request,
        period: Period,
        serial: Serial,
    ) -> Result<Certificate, PkiError> {
        request.check_signature()?;
        let names = request.alternative.clone();
        let (unused, bits) = KEY_USAGES;
        let usages = BitString::new(unused, bits).or(Err(PkiError::Failed))?;
        let mut extensions = vec![
            extension(BASIC_CONSTRAINTS, true, encoded(&Vec::<Any>::new())?)?,
            names.ok_or(PkiError::Names("there are no alternative names"))?,
            extension(KEY_USAGE, true, encoded(&usages)?)?,
            extension(
                EXTENDED_KEY_USAGE,
                false,
                encoded(&vec![SERVER_AUTH, CLIENT_AUTH])?,
            )?,
        ];
        if let Some(key_id) = &self.key_id {
            let of_authority = AuthorityKeyId {
                key_id: key_id.clone(),
            };
            extensions.push(extension(AUTHORITY_KEY_ID, false, encoded(&of_authority)?)?);
        }
        sign(
            &self.key,
            ToBeSigned {
                version: V3,
                serial: Uint::new(&serial.0).or(Err(PkiError::Failed))?,
                algorithm: self.key.algorithm(),
                issuer: self.name.clone(),
                validity: validity(period)?,
                subject: request.subject.clone(),
                public_key: request.public_key.clone(),
                extensions: Some(extensions),
            },
        )
    }
}

/// A certificate that vouches for itself, for tests and development.
///
/// Errors: `BadName`, `BadTime`.
pub fn self_signed(
    key: &PrivateKey,
    subject: &Subject,
    hosts: &[String],
    period: Period,
    serial: Serial,
) -> Result<Certificate, PkiError> {
    let name = subject.name()?;
    let extensions = match hosts {
        [] => None,
        hosts => Some(vec![alternative_names(hosts)?]),
    };
    sign(
        key,
        ToBeSigned {
            version: V3,
            serial: Uint::new(&serial.0).or(Err(PkiError::Failed))?,
            algorithm: key.algorithm(),
            issuer: name.clone(),
            validity: validity(period)?,
            subject: name,
            public_key: key.public().clone(),
            extensions,
        },
    )
}

fn sign(key: &PrivateKey, content: ToBeSigned) -> Result<Certificate, PkiError> {
    let signed = encoded(&content)?;
    let whole = Signed {
        content,
        algorithm: key.algorithm(),
        signature: BitString::from_bytes(&key.sign(&signed)?).or(Err(PkiError::Failed))?,
    };
    encoded(&whole).map(Certificate)
}

/// As RFC 5280 section 4.1.2.5 has times: two digits of the year until 2049.
fn validity(period: Period) -> Result<Validity, PkiError> {
    let time = |seconds: i64| {
        let since = u64::try_from(seconds).map(Duration::from_secs).ok()?;
        let date = DateTime::from_unix_duration(since).ok()?;
        Some(match UtcTime::from_date_time(date) {
            Ok(short) => Time::UtcTime(short),
            Err(_after_2049) => Time::GeneralTime(GeneralizedTime::from_date_time(date)),
        })
    };
    let until = period.from.checked_add(i64::from(period.days) * 86_400);
    match (time(period.from), until.and_then(time)) {
        (Some(from), Some(until)) => Ok(Validity::new(from, until)),
        _ => Err(PkiError::BadTime),
    }
}

fn encoded(value: &impl der::Encode) -> Result<Vec<u8>, PkiError> {
    value.to_der().or(Err(PkiError::Failed))
}

/// `Certificate`, RFC 5280 section 4.1.
#[derive(Sequence)]
struct Signed {
    content: ToBeSigned,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// `TBSCertificate`; `x509_cert`'s own can be read only.
#[derive(Sequence)]
struct ToBeSigned {
    #[asn1(context_specific = "0")]
    version: u8,
    serial: Uint,
    algorithm: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    public_key: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct AuthorityKeyId {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    key_id: OctetString,
}

const LABEL: &str = "CERTIFICATE";
const WHAT: &str = "certificate";
const V3: u8 = 2;
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
/// Bits 0 (digitalSignature) and 2 (keyEncipherment) of `KeyUsage`; five bits are not used.
const KEY_USAGES: (u8, [u8; 1]) = (5, [0b1010_0000]);
