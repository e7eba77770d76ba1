//! Private keys: of an authority, of a signer of tokens, of a certificate that is being made.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use der::{Decode as _, Sequence};
use secrecy::{ExposeSecret as _, SecretString};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::algorithms::{EC, ECDSA_SHA256, ECDSA_SHA384, P256, P384, RSA, RSA_SHA256};
use crate::passphrase::{open_block, open_pkcs8};
use crate::{Passphrase, PkiError, algorithms, pem};

/// A private key that signs. aws-lc keeps it and wipes it on drop.
pub struct PrivateKey {
    pair: Pair,
    public: SubjectPublicKeyInfoOwned,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

/// The sizes of an RSA key that can be made. Units: bits.
pub const RSA_SIZES: [u64; 4] = [2048, 3072, 4096, 8192];

impl PrivateKey {
    /// Reads a PEM text: PKCS #8, PKCS #1 or SEC 1, locked or not.
    ///
    /// Errors: `NotPem`, `Damaged`, `KeyKind`; of locked ones `PassphraseNeeded`, `WrongPassphrase`, `OldLock`.
    pub fn read(text: &str, passphrase: Option<&Passphrase>) -> Result<Self, PkiError> {
        let block = pem::first(text, "private key", |label| label.ends_with("PRIVATE KEY"))?;
        let passphrase = || passphrase.ok_or(PkiError::PassphraseNeeded);
        let is_locked = block
            .headers
            .iter()
            .any(|(name, value)| name == "Proc-Type" && value.ends_with("ENCRYPTED"));
        match block.label.as_str() {
            "ENCRYPTED PRIVATE KEY" => {
                Self::of_pkcs8(&open_pkcs8(&block.der, passphrase()?)?).map_err(of_wrong_passphrase)
            }
            label @ ("RSA PRIVATE KEY" | "EC PRIVATE KEY") if is_locked => {
                Self::of_old(label, &open_block(&block, passphrase()?)?)
                    .map_err(of_wrong_passphrase)
            }
            label @ ("RSA PRIVATE KEY" | "EC PRIVATE KEY") => Self::of_old(label, &block.der),
            "PRIVATE KEY" => Self::of_pkcs8(&block.der),
            _ => Err(PkiError::KeyKind),
        }
    }

    /// Makes an RSA key of one of [`RSA_SIZES`], from aws-lc's own randomness: its library takes no other.
    ///
    /// Errors: `KeyKind` for another size.
    pub fn generate_rsa(bits: u64) -> Result<Self, PkiError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(PkiError::KeyKind),
        };
        Self::of_rsa(RsaKeyPair::generate(size).or(Err(PkiError::Failed))?)
    }

    /// The key as PKCS #1, which the old servers give out; unlocked.
    ///
    /// Errors: `NotRsa`.
    pub fn pem(&self) -> Result<KeyPem, PkiError> {
        let Pair::Rsa(pair) = &self.pair else {
            return Err(PkiError::NotRsa);
        };
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().or(Err(PkiError::Failed))?;
        let inside = Pkcs8::from_der(pkcs8.as_ref()).or(Err(PkiError::Failed))?;
        let bytes = Zeroizing::new(inside.key.into_bytes().into_vec());
        Ok(KeyPem(pem::write("RSA PRIVATE KEY", &bytes).into()))
    }

    /// Signs with SHA-256, or SHA-384 where the key is of P-384.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the nonce of ECDSA is the library's own affair, and never seen"
        )]
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .or(Err(PkiError::Failed))?;
                Ok(signature)
            }
            Pair::P256(pair) | Pair::P384(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .or(Err(PkiError::Failed)),
        }
    }

    /// What `sign` does, by its name in certificates.
    pub(crate) fn algorithm(&self) -> AlgorithmIdentifierOwned {
        match &self.pair {
            Pair::Rsa(_) => algorithms::with_null(RSA_SHA256),
            Pair::P256(_) => algorithms::bare(ECDSA_SHA256),
            Pair::P384(_) => algorithms::bare(ECDSA_SHA384),
        }
    }

    /// The public half.
    pub(crate) fn public(&self) -> &SubjectPublicKeyInfoOwned {
        &self.public
    }

    /// The public half of an RSA key: a SEQUENCE of modulus and exponent.
    pub(crate) fn rsa_public(&self) -> Result<&[u8], PkiError> {
        match &self.pair {
            Pair::Rsa(pair) => Ok(pair.public_key().as_ref()),
            _ => Err(PkiError::NotRsa),
        }
    }

    fn of_pkcs8(der: &[u8]) -> Result<Self, PkiError> {
        let inside = Pkcs8::from_der(der).or(Err(PkiError::Damaged("private key")))?;
        let curve = || {
            let parameters = inside.algorithm.parameters.as_ref();
            parameters.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok())
        };
        match inside.algorithm.oid {
            RSA => Self::of_rsa(RsaKeyPair::from_pkcs8(der).or(Err(PkiError::KeyKind))?),
            EC if curve() == Some(P256) => Self::of_p256(der),
            EC if curve() == Some(P384) => Self::of_p384(der),
            _ => Err(PkiError::KeyKind),
        }
    }

    fn of_old(label: &str, der: &[u8]) -> Result<Self, PkiError> {
        if label == "RSA PRIVATE KEY" {
            let pair = RsaKeyPair::from_der(der).or(Err(PkiError::KeyKind))?;
            return Self::of_rsa(pair);
        }
        Self::of_p256(der).or_else(|_| Self::of_p384(der))
    }

    fn of_rsa(pair: RsaKeyPair) -> Result<Self, PkiError> {
        let public = public(algorithms::with_null(RSA), pair.public_key().as_ref())?;
        Ok(Self {
            pair: Pair::Rsa(pair),
            public,
        })
    }

    fn of_p256(der: &[u8]) -> Result<Self, PkiError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .or(Err(PkiError::KeyKind))?;
        let public = public(on_curve(P256), pair.public_key().as_ref())?;
        Ok(Self {
            pair: Pair::P256(pair),
            public,
        })
    }

    fn of_p384(der: &[u8]) -> Result<Self, PkiError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_ASN1_SIGNING, der)
            .or(Err(PkiError::KeyKind))?;
        let public = public(on_curve(P384), pair.public_key().as_ref())?;
        Ok(Self {
            pair: Pair::P384(pair),
            public,
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// A private key as text, for its owner alone. Wiped on drop.
pub struct KeyPem(SecretString);

impl KeyPem {
    /// The only way to the text: grep `expose` to audit every reader.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A wrong passphrase passes the padding's check once in 256 times, and what comes out is no key.
fn of_wrong_passphrase(error: PkiError) -> PkiError {
    match error {
        PkiError::Damaged(_) => PkiError::WrongPassphrase,
        other => other,
    }
}

fn on_curve(curve: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: EC,
        parameters: Some(Any::from(curve)),
    }
}

fn public(
    algorithm: AlgorithmIdentifierOwned,
    bits: &[u8],
) -> Result<SubjectPublicKeyInfoOwned, PkiError> {
    Ok(SubjectPublicKeyInfoOwned {
        algorithm,
        subject_public_key: BitString::from_bytes(bits).or(Err(PkiError::Failed))?,
    })
}

/// The part of a PKCS #8 key that is needed.
struct Pkcs8 {
    algorithm: AlgorithmIdentifierOwned,
    key: OctetString,
}

impl Pkcs8 {
    fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        let parts = Vec::<Any>::from_der(der)?;
        let mut parts = parts.iter();
        let mut next = || parts.next().ok_or(der::ErrorKind::Failed);
        let _version = next()?;
        Ok(Self {
            algorithm: next()?.decode_as()?,
            key: next()?.decode_as()?,
        })
    }
}

/// `RSAPublicKey`, RFC 8017 appendix A.1.1.
#[derive(Sequence)]
pub(crate) struct RsaPublic {
    pub(crate) modulus: der::asn1::Uint,
    pub(crate) exponent: der::asn1::Uint,
}
