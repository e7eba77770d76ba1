//! The names in certificates and requests: what they hold, and what is refused to stand there.

use std::net::IpAddr;

use der::asn1::{Any, Ia5String, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Tag, Tagged as _};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::PkiError;

/// The subject of a certificate that we make.
///
/// Order of its parts: common name, country, state, locality, organization, as old servers write them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The common name. Shape: 1 to 64 letters.
    pub common_name: String,
    /// Two letters.
    pub country: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Locality.
    pub locality: Option<String>,
    /// Organization.
    pub organization: Option<String>,
}

impl Subject {
    /// That it can stand in a certificate.
    ///
    /// Errors: `BadName`.
    pub fn check(&self) -> Result<(), PkiError> {
        self.name().map(drop)
    }

    /// The subject as it stands in certificates.
    ///
    /// Errors: `BadName`.
    pub(crate) fn name(&self) -> Result<Name, PkiError> {
        let mut parts = vec![part(COMMON_NAME, Tag::Utf8String, &self.common_name)?];
        let others = [
            (COUNTRY, Tag::PrintableString, &self.country),
            (STATE, Tag::Utf8String, &self.state),
            (LOCALITY, Tag::Utf8String, &self.locality),
            (ORGANIZATION, Tag::Utf8String, &self.organization),
        ];
        for (oid, tag, text) in others {
            if let Some(text) = text {
                parts.push(part(oid, tag, text)?);
            }
        }
        let sequence = RdnSequence::from(parts);
        let bytes = sequence.to_der().or(Err(PkiError::BadName))?;
        Name::from_der(&bytes).or(Err(PkiError::BadName))
    }
}

/// A subject alternative name of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternativeName {
    /// A host.
    Dns(String),
    /// A mailbox.
    Email(String),
    /// A URI.
    Uri(String),
    /// An address.
    Ip(IpAddr),
    /// A kind that no rule can judge.
    Other,
}

impl AlternativeName {
    /// The name as text, for rules and people; `None` for a kind that no rule can judge.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => Some(text.clone()),
            Self::Ip(address) => Some(address.to_string()),
            Self::Other => None,
        }
    }

    pub(crate) fn of(name: &GeneralName) -> Result<Self, PkiError> {
        let text = |text: &Ia5String| {
            let text = text.as_str();
            is_graphic(text)
                .then(|| text.to_owned())
                .ok_or(PkiError::Names("an alternative name"))
        };
        Ok(match name {
            GeneralName::DnsName(name) => Self::Dns(text(name)?),
            GeneralName::Rfc822Name(name) => Self::Email(text(name)?),
            GeneralName::UniformResourceIdentifier(name) => Self::Uri(text(name)?),
            GeneralName::IpAddress(bytes) => {
                let bytes = bytes.as_bytes();
                let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
                let sixteen = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
                Self::Ip(
                    four.or_else(|_| sixteen())
                        .or(Err(PkiError::Names("an address")))?,
                )
            }
            _ => Self::Other,
        })
    }
}

/// The extension of these host names.
///
/// Errors: `BadName`.
pub(crate) fn alternative_names(hosts: &[String]) -> Result<Extension, PkiError> {
    let names = hosts
        .iter()
        .filter(|host| is_graphic(host))
        .map(|host| Ia5String::new(host).map(GeneralName::DnsName))
        .collect::<Result<Vec<_>, _>>()
        .or(Err(PkiError::BadName))?;
    if names.len() != hosts.len() {
        return Err(PkiError::BadName);
    }
    extension(
        ALTERNATIVE_NAMES,
        false,
        names.to_der().or(Err(PkiError::BadName))?,
    )
}

/// The one common name of a subject.
///
/// Errors: `Names` when there are several: which one counts would be anybody's guess.
pub(crate) fn common_name(subject: &Name) -> Result<Option<String>, PkiError> {
    let mut found = subject.iter().filter(|part| part.oid == COMMON_NAME);
    let Some(part) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(PkiError::Names("more than one common name"));
    }
    let wrong = PkiError::Names("the common name");
    let is_text = matches!(
        part.value.tag(),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String
    );
    let text = std::str::from_utf8(part.value.value()).or(Err(wrong))?;
    if is_text && is_plain(text, MAX_COMMON_NAME) {
        Ok(Some(text.to_owned()))
    } else {
        Err(wrong)
    }
}

pub(crate) fn extension(
    oid: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
) -> Result<Extension, PkiError> {
    Ok(Extension {
        extn_id: oid,
        critical,
        extn_value: OctetString::new(value).or(Err(PkiError::Failed))?,
    })
}

fn part(
    oid: ObjectIdentifier,
    tag: Tag,
    text: &str,
) -> Result<RelativeDistinguishedName, PkiError> {
    let country = oid == COUNTRY;
    let well = match country {
        true => text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()),
        false => is_plain(
            text,
            if oid == COMMON_NAME {
                MAX_COMMON_NAME
            } else {
                MAX_PART
            },
        ),
    };
    if !well {
        return Err(PkiError::BadName);
    }
    let value = Any::new(tag, text.as_bytes()).or(Err(PkiError::BadName))?;
    SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])
        .map(RelativeDistinguishedName::from)
        .or(Err(PkiError::BadName))
}

/// Of sensible length, without control characters.
fn is_plain(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// What a name of a host, a mailbox or a URI is made of.
fn is_graphic(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Upper bounds of X.520, and of a host's name.
const MAX_COMMON_NAME: usize = 64;
const MAX_PART: usize = 128;
const MAX_NAME: usize = 253;
pub(crate) const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const LOCALITY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.7");
const STATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.8");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
