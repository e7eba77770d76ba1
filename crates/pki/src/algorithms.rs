//! The signature algorithms that are made and checked, by their names in certificates.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use der::asn1::{Any, ObjectIdentifier};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(crate) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(crate) const RSA_SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
pub(crate) const ECDSA_SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(crate) const ECDSA_SHA384: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The algorithm with no parameters, as ECDSA has it.
pub(crate) fn bare(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}

/// The algorithm with null for parameters, as RSA has it.
pub(crate) fn with_null(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: Some(Any::null()),
    }
}

/// Whether `signature` over `message` is of the owner of this public key. SHA-1 and RSA below 2048 bits never are.
pub(crate) fn verifies(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: ObjectIdentifier,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let curve = || {
        let parameters = key.algorithm.parameters.as_ref()?;
        parameters.decode_as::<ObjectIdentifier>().ok()
    };
    let way: &'static dyn VerificationAlgorithm = match (key.algorithm.oid, algorithm) {
        (RSA, RSA_SHA256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (RSA, RSA_SHA384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (RSA, RSA_SHA512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (EC, ECDSA_SHA256) if curve() == Some(P256) => &signature::ECDSA_P256_SHA256_ASN1,
        (EC, ECDSA_SHA384) if curve() == Some(P256) => &signature::ECDSA_P256_SHA384_ASN1,
        (EC, ECDSA_SHA256) if curve() == Some(P384) => &signature::ECDSA_P384_SHA256_ASN1,
        (EC, ECDSA_SHA384) if curve() == Some(P384) => &signature::ECDSA_P384_SHA384_ASN1,
        (EC, ECDSA_SHA512) if curve() == Some(P521) => &signature::ECDSA_P521_SHA512_ASN1,
        (ED25519, ED25519) => &signature::ED25519,
        _ => return false,
    };
    let Some(bits) = key.subject_public_key.as_bytes() else {
        return false;
    };
    UnparsedPublicKey::new(way, bits)
        .verify(message, signature)
        .is_ok()
}
