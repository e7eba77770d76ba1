//! credstash's and CredSmash's AES-CTR with HMAC over the ciphertext.
//!
//! The first half of the data key is the AES key (16, 24 or 32 bytes), the rest the HMAC key; an odd
//! byte goes to the HMAC key. The counter is the whole 16-byte block, big-endian. Only the ciphertext
//! is covered by the HMAC: neither name nor version, nor the first counter block.
//! Source: spec/credsmash.md section 2.2; vectors `credsmash/items.json`.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;

use crate::{DataKey, Hash, Plaintext, SealError, digest};

/// The first counter block of credstash, and of CredSmash's `aes-ctr-legacy`: one.
pub const LEGACY_START: [u8; BLOCK] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// A sealed value: safe to store and log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// As long as the value.
    pub ciphertext: Vec<u8>,
    /// HMAC of the ciphertext.
    pub hmac: Vec<u8>,
}

/// Seals `value`. Under one data key no counter block may come twice: seal one value under each key.
///
/// Errors: `Key` when half of the key is no AES key.
pub fn seal(
    key: &DataKey,
    start: [u8; BLOCK],
    hash: Hash,
    value: &Plaintext,
) -> Result<Sealed, SealError> {
    let (cipher_key, mac_key) = halves(key)?;
    let mut ciphertext = value.expose().to_vec();
    apply(cipher_key, start, &mut ciphertext)?;
    let hmac = hash.hmac(mac_key, &ciphertext);
    Ok(Sealed { ciphertext, hmac })
}

/// Opens what [`seal`] made, after its HMAC was found right in constant time.
///
/// Errors: `Forged` when the HMAC is another or not whole, `Key` when half of the key is no AES key.
pub fn open(
    key: &DataKey,
    start: [u8; BLOCK],
    hash: Hash,
    ciphertext: &[u8],
    hmac: &[u8],
) -> Result<Plaintext, SealError> {
    let (cipher_key, mac_key) = halves(key)?;
    if !digest::equal(&hash.hmac(mac_key, ciphertext), hmac) {
        return Err(SealError::Forged("ciphertext"));
    }
    let mut value: Box<[u8]> = ciphertext.into();
    apply(cipher_key, start, &mut value)?;
    Ok(Plaintext::new(value))
}

fn halves(key: &DataKey) -> Result<(&[u8], &[u8]), SealError> {
    let bytes = key.expose();
    let wrong = SealError::Key("data key whose half is 16, 24 or 32 bytes");
    let (cipher_key, mac_key) = bytes.split_at_checked(bytes.len() / 2).ok_or(wrong)?;
    match cipher_key.len() {
        16 | 24 | 32 => Ok((cipher_key, mac_key)),
        _ => Err(wrong),
    }
}

/// Encrypts or decrypts: it is the same.
fn apply(key: &[u8], start: [u8; BLOCK], in_out: &mut [u8]) -> Result<(), SealError> {
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        _ => &AES_256,
    };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key)?)?;
    key.less_safe_encrypt(in_out, EncryptionContext::Iv128(FixedLength::from(start)))?;
    Ok(())
}

const BLOCK: usize = 16;
