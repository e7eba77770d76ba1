//! Private keys that are locked with a passphrase: PKCS #8, and the older way of OpenSSL.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode as _, Sequence};
use md5::{Digest as _, Md5};
use secrecy::{ExposeSecret as _, SecretString};
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::PkiError;
use crate::pem::Block;

/// Opens a locked private key. Wiped on drop.
pub struct Passphrase(SecretString);

impl Passphrase {
    /// Takes the text.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// Opens a block of label `ENCRYPTED PRIVATE KEY`: the bytes of a PKCS #8 key.
///
/// Source: RFC 8018 sections 5.2 and 6.2; PBKDF2 with AES-CBC, which OpenSSL has written since 1.1.
/// Errors: `OldLock` for other ways, `WrongPassphrase`, `Damaged`.
pub(crate) fn open_pkcs8(
    der: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    let damaged = PkiError::Damaged("private key");
    let locked = Locked::from_der(der).or(Err(damaged))?;
    if locked.algorithm.oid != PBES2 {
        return Err(PkiError::OldLock);
    }
    let ways: Pbes2 = parameters(&locked.algorithm)?
        .decode_as()
        .or(Err(damaged))?;
    if ways.derivation.oid != PBKDF2 {
        return Err(PkiError::OldLock);
    }
    let derivation: Pbkdf2 = parameters(&ways.derivation)?.decode_as().or(Err(damaged))?;
    let hash = match derivation.hash.map(|hash| hash.oid) {
        None | Some(HMAC_SHA1) => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(HMAC_SHA256) => pbkdf2::PBKDF2_HMAC_SHA256,
        Some(HMAC_SHA384) => pbkdf2::PBKDF2_HMAC_SHA384,
        Some(HMAC_SHA512) => pbkdf2::PBKDF2_HMAC_SHA512,
        Some(_) => return Err(PkiError::OldLock),
    };
    let rounds = NonZeroU32::new(derivation.rounds)
        .filter(|rounds| rounds.get() <= MAX_ROUNDS)
        .ok_or(damaged)?;
    let (cipher, key_bytes) = match ways.cipher.oid {
        AES_128_CBC => (&AES_128, 16),
        AES_192_CBC => (&AES_192, 24),
        AES_256_CBC => (&AES_256, 32),
        _ => return Err(PkiError::OldLock),
    };
    let iv: OctetString = parameters(&ways.cipher)?.decode_as().or(Err(damaged))?;
    let mut key = Zeroizing::new(vec![0; key_bytes]);
    pbkdf2::derive(
        hash,
        rounds,
        derivation.salt.as_bytes(),
        passphrase.bytes(),
        &mut key,
    );
    decrypt(cipher, &key, iv.as_bytes(), locked.data.as_bytes())
}

/// Opens a block with the headers `Proc-Type` and `DEK-Info`: the bytes of the key that its label names.
///
/// Source: OpenSSL's `EVP_BytesToKey` with MD5, one round, the first 8 bytes of the IV as salt.
/// Errors: `OldLock` for ciphers other than AES, `WrongPassphrase`, `Damaged`.
pub(crate) fn open_block(
    block: &Block,
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    let damaged = PkiError::Damaged("private key");
    let header = |name| {
        let found = block.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).ok_or(damaged)
    };
    let (cipher, iv) = header("DEK-Info")?.split_once(',').ok_or(damaged)?;
    let (cipher, key_bytes) = match cipher {
        "AES-128-CBC" => (&AES_128, 16),
        "AES-192-CBC" => (&AES_192, 24),
        "AES-256-CBC" => (&AES_256, 32),
        _ => return Err(PkiError::OldLock),
    };
    let iv: Option<Vec<u8>> = (0..iv.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(iv.get(place..place + 2)?, 16).ok())
        .collect();
    let iv = iv.ok_or(damaged)?;
    let salt = iv.get(..8).ok_or(damaged)?;
    let mut key = Zeroizing::new(Vec::with_capacity(48));
    let mut last = Zeroizing::new([0_u8; 16]);
    while key.len() < key_bytes {
        let mut hash = Md5::new();
        if !key.is_empty() {
            hash.update(*last);
        }
        hash.update(passphrase.bytes());
        hash.update(salt);
        last.copy_from_slice(&hash.finalize());
        key.extend_from_slice(&*last);
    }
    key.truncate(key_bytes);
    decrypt(cipher, &key, &iv, &block.der)
}

fn decrypt(
    cipher: &'static Algorithm,
    key: &[u8],
    iv: &[u8],
    locked: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    let iv: [u8; 16] = iv.try_into().or(Err(PkiError::Damaged("private key")))?;
    let key = UnboundCipherKey::new(cipher, key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .or(Err(PkiError::Failed))?;
    let mut bytes = Zeroizing::new(locked.to_vec());
    let length = key
        .decrypt(&mut bytes, DecryptionContext::Iv128(FixedLength::from(iv)))
        .or(Err(PkiError::WrongPassphrase))?
        .len();
    bytes.truncate(length);
    Ok(bytes)
}

fn parameters(algorithm: &AlgorithmIdentifierOwned) -> Result<&Any, PkiError> {
    let parameters = algorithm.parameters.as_ref();
    parameters.ok_or(PkiError::Damaged("private key"))
}

#[derive(Sequence)]
struct Locked {
    algorithm: AlgorithmIdentifierOwned,
    data: OctetString,
}

#[derive(Sequence)]
struct Pbes2 {
    derivation: AlgorithmIdentifierOwned,
    cipher: AlgorithmIdentifierOwned,
}

#[derive(Sequence)]
struct Pbkdf2 {
    salt: OctetString,
    rounds: u32,
    length: Option<u16>,
    hash: Option<AlgorithmIdentifierOwned>,
}

const MAX_ROUNDS: u32 = 10_000_000;
const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
