//! Certificate requests (PKCS #10): read from clients, and made for them.

use std::fmt;

use der::asn1::{Any, BitString, ObjectIdentifier, SetOfVec};
use der::{Decode as _, Encode as _};
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::{Extension, Extensions};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::names::{ALTERNATIVE_NAMES, alternative_names, common_name, extension};
use crate::{AlternativeName, PkiError, PrivateKey, Subject, algorithms, pem};

/// A certificate request whose names can be judged.
///
/// What its names do not say (other extensions that it asks for) is not taken over into any certificate of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// All of it, as it was signed.
    der: Vec<u8>,
    /// The part that is signed.
    signed: Vec<u8>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    pub(crate) subject: Name,
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    /// The extension as it was sent.
    pub(crate) alternative: Option<Extension>,
    common_name: Option<String>,
    names: Vec<AlternativeName>,
}

/// The longest text that is read. Units: bytes. One with an RSA key of 8192 bits and a hundred names has about 10,000.
pub const MAX_REQUEST: usize = 32 * 1024;
/// The most alternative names.
pub const MAX_NAMES: usize = 100;

impl Request {
    /// Reads the PEM text of one request. Its signature is not looked at: [`Request::check_signature`].
    ///
    /// Errors: `TooLarge`; `NotPem`, `Damaged`; `Names` for names that cannot be judged, among them two common names,
    /// or the alternative names twice.
    pub fn read(text: &str) -> Result<Self, PkiError> {
        if text.len() > MAX_REQUEST {
            return Err(PkiError::TooLarge);
        }
        if pem::count(text) > 1 {
            return Err(PkiError::NotPem(WHAT));
        }
        let block = pem::first(text, WHAT, |label| {
            matches!(label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST")
        })?;
        Self::of_der(block.der.to_vec())
    }

    /// Makes a request of this key for a subject and hosts.
    ///
    /// Errors: `BadName`.
    pub fn make(key: &PrivateKey, subject: &Subject, hosts: &[String]) -> Result<Self, PkiError> {
        let mut attributes = SetOfVec::new();
        if !hosts.is_empty() {
            let asked = Extensions::from([alternative_names(hosts)?]);
            let asked = asked
                .to_der()
                .and_then(|bytes| Any::from_der(&bytes))
                .or(Err(PkiError::Failed))?;
            let attribute = Attribute {
                oid: EXTENSION_REQUEST,
                values: SetOfVec::try_from(vec![asked]).or(Err(PkiError::Failed))?,
            };
            attributes = SetOfVec::try_from(vec![attribute]).or(Err(PkiError::Failed))?;
        }
        let info = CertReqInfo {
            version: Version::V1,
            subject: subject.name()?,
            public_key: key.public().clone(),
            attributes,
        };
        let signed = info.to_der().or(Err(PkiError::Failed))?;
        let made = CertReq {
            info,
            algorithm: key.algorithm(),
            signature: BitString::from_bytes(&key.sign(&signed)?).or(Err(PkiError::Failed))?,
        };
        Self::of_der(made.to_der().or(Err(PkiError::Failed))?)
    }

    /// The request as text: what was signed, without whatever stood around it.
    pub fn pem(&self) -> String {
        pem::write("CERTIFICATE REQUEST", &self.der)
    }

    /// The common name of its subject, where it has one.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Its alternative names.
    pub fn alternative_names(&self) -> &[AlternativeName] {
        &self.names
    }

    /// That the request is of the owner of its key.
    ///
    /// Errors: `BadSignature`.
    pub fn check_signature(&self) -> Result<(), PkiError> {
        let signature = self.signature.as_bytes().unwrap_or_default();
        match algorithms::verifies(
            &self.public_key,
            self.algorithm.oid,
            &self.signed,
            signature,
        ) {
            true => Ok(()),
            false => Err(PkiError::BadSignature),
        }
    }

    fn of_der(der: Vec<u8>) -> Result<Self, PkiError> {
        // The signed part stays as it came: written anew it might not be the same bytes.
        let parts = Vec::<Any>::from_der(&der).or(Err(DAMAGED))?;
        let [info, algorithm, signature] = parts.as_slice() else {
            return Err(DAMAGED);
        };
        let signed = info.to_der().or(Err(DAMAGED))?;
        let info = CertReqInfo::from_der(&signed).or(Err(DAMAGED))?;
        let alternative = asked_alternative(&info)?;
        let names = match &alternative {
            None => Vec::new(),
            Some(extension) => {
                let names = Vec::<GeneralName>::from_der(extension.extn_value.as_bytes())
                    .or(Err(PkiError::Names("the alternative names")))?;
                if !(1..=MAX_NAMES).contains(&names.len()) {
                    return Err(PkiError::Names("the number of alternative names"));
                }
                names
                    .iter()
                    .map(AlternativeName::of)
                    .collect::<Result<_, _>>()?
            }
        };
        Ok(Self {
            algorithm: algorithm.decode_as().or(Err(DAMAGED))?,
            signature: signature.decode_as().or(Err(DAMAGED))?,
            common_name: common_name(&info.subject)?,
            subject: info.subject,
            public_key: info.public_key,
            alternative,
            names,
            signed,
            der,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("common_name", &self.common_name)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// The alternative names that a request asks for, once.
fn asked_alternative(info: &CertReqInfo) -> Result<Option<Extension>, PkiError> {
    let mut found = None;
    for attribute in info.attributes.iter() {
        if attribute.oid != EXTENSION_REQUEST {
            continue;
        }
        for value in attribute.values.iter() {
            let bytes = value.to_der().or(Err(DAMAGED))?;
            let asked = Extensions::from_der(&bytes).or(Err(DAMAGED))?;
            for asked in asked {
                if asked.extn_id != ALTERNATIVE_NAMES {
                    continue;
                }
                let value = asked.extn_value.into_bytes().into_vec();
                // Never critical: the subject is there too.
                if found
                    .replace(extension(ALTERNATIVE_NAMES, false, value)?)
                    .is_some()
                {
                    return Err(PkiError::Names("alternative names twice"));
                }
            }
        }
    }
    Ok(found)
}

const WHAT: &str = "certificate request";
const DAMAGED: PkiError = PkiError::Damaged(WHAT);
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
