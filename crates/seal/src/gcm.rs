//! CredSmash's AES-GCM: keys of 16, 24 or 32 bytes, initial vectors of any length, nothing associated.
//!
//! Initial vectors of 12 bytes go through the one crypto library. It takes no other length, so those
//! are put together here from AES, its 32-bit counter mode and GHASH as NIST SP 800-38D says, and are
//! tested with Wycheproof's vectors and a second implementation.
//! Source: spec/credsmash.md section 2.3; vectors `credsmash/items.json`.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipher, BlockEncrypt, BlockEncryptMut, KeyInit, KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ctr::Ctr32BE;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use crate::{DataKey, Plaintext, SealError, digest};

/// A sealed value: safe to store and log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// As long as the value.
    pub ciphertext: Vec<u8>,
    /// 16 bytes.
    pub tag: Vec<u8>,
}

/// Seals `value`. `iv` must never come twice under one key: seal one value under each data key.
///
/// Errors: `Key` for other lengths of the key, `Malformed` for an empty or overlong `iv`.
pub fn seal(key: &DataKey, iv: &[u8], value: &Plaintext) -> Result<Sealed, SealError> {
    checked(key, iv)?;
    let mut ciphertext = value.expose().to_vec();
    let tag = match <[u8; USUAL_IV]>::try_from(iv) {
        Ok(iv) => usual(key)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(iv),
                Aad::empty(),
                &mut ciphertext,
            )?
            .as_ref()
            .to_vec(),
        Err(_) => {
            let mut odd = Odd::new(key, iv, &[])?;
            odd.apply(&mut ciphertext)?;
            odd.tag(&ciphertext).to_vec()
        }
    };
    Ok(Sealed { ciphertext, tag })
}

/// Opens what [`seal`] made, after its whole tag was found right in constant time.
///
/// Errors: `Forged` when the tag is another or not 16 bytes; `Key` and `Malformed` as [`seal`].
pub fn open(
    key: &DataKey,
    iv: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
) -> Result<Plaintext, SealError> {
    open_with(key, iv, &[], ciphertext, tag)
}

/// [`open`] with associated data, which CredSmash has none of and the published vectors have.
pub(crate) fn open_with(
    key: &DataKey,
    iv: &[u8],
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
) -> Result<Plaintext, SealError> {
    checked(key, iv)?;
    let forged = SealError::Forged("ciphertext");
    if tag.len() != TAG {
        return Err(forged);
    }
    let mut value: Box<[u8]>;
    match <[u8; USUAL_IV]>::try_from(iv) {
        Ok(iv) => {
            value = vec![0; ciphertext.len()].into();
            let opened = usual(key)?.open_separate_gather(
                Nonce::assume_unique_for_key(iv),
                Aad::from(associated),
                ciphertext,
                tag,
                &mut value,
            );
            opened.or(Err(forged))?;
        }
        Err(_) => {
            let mut odd = Odd::new(key, iv, associated)?;
            if !digest::equal(&odd.tag(ciphertext), tag) {
                return Err(forged);
            }
            value = ciphertext.into();
            odd.apply(&mut value)?;
        }
    }
    Ok(Plaintext::new(value))
}

fn checked(key: &DataKey, iv: &[u8]) -> Result<(), SealError> {
    if ![16, 24, 32].contains(&key.expose().len()) {
        return Err(SealError::Key("data key of 16, 24 or 32 bytes"));
    }
    match iv.len() {
        0 => Err(SealError::Malformed("an initial vector")),
        1..=MAX_IV => Ok(()),
        _ => Err(SealError::TooLong {
            what: "initial vector",
            limit: MAX_IV,
        }),
    }
}

fn usual(key: &DataKey) -> Result<LessSafeKey, SealError> {
    let key = key.expose();
    let algorithm = match key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        _ => &AES_256_GCM,
    };
    Ok(LessSafeKey::new(UnboundKey::new(algorithm, key)?))
}

/// GCM under an initial vector that is not 12 bytes.
struct Odd {
    ghash: GHash,
    /// Counts from the block after the one that masks the tag.
    stream: Box<dyn StreamCipher>,
    mask: [u8; TAG],
    associated_bits: u64,
}

impl Odd {
    fn new(key: &DataKey, iv: &[u8], associated: &[u8]) -> Result<Self, SealError> {
        match key.expose().len() {
            16 => Self::of::<Aes128>(key, iv, associated),
            24 => Self::of::<Aes192>(key, iv, associated),
            _ => Self::of::<Aes256>(key, iv, associated),
        }
    }

    fn of<A>(key: &DataKey, iv: &[u8], associated: &[u8]) -> Result<Self, SealError>
    where
        A: BlockCipher<BlockSize = U16> + BlockEncrypt + BlockEncryptMut + KeyInit + 'static,
        Ctr32BE<A>: KeyIvInit,
    {
        let cipher = A::new_from_slice(key.expose()).or(Err(SealError::Library))?;
        let mut hash_key = [0; TAG];
        cipher.encrypt_block((&mut hash_key).into());
        let ghash = GHash::new((&hash_key).into());
        hash_key.zeroize();

        let mut first = ghash.clone();
        first.update_padded(iv);
        first.update(&[lengths(0, bits(iv)).into()]);
        let first = first.finalize();
        let mut stream = <Ctr32BE<A> as KeyIvInit>::new_from_slices(key.expose(), &first)
            .or(Err(SealError::Library))?;
        let mut mask = [0; TAG];
        stream.apply_keystream(&mut mask);

        let mut ghash = ghash;
        ghash.update_padded(associated);
        Ok(Self {
            ghash,
            stream: Box::new(stream),
            mask,
            associated_bits: bits(associated),
        })
    }

    fn apply(&mut self, in_out: &mut [u8]) -> Result<(), SealError> {
        let applied = self.stream.try_apply_keystream(in_out);
        applied.or(Err(SealError::Library))
    }

    fn tag(&self, ciphertext: &[u8]) -> [u8; TAG] {
        let mut ghash = self.ghash.clone();
        ghash.update_padded(ciphertext);
        ghash.update(&[lengths(self.associated_bits, bits(ciphertext)).into()]);
        let mut tag: [u8; TAG] = ghash.finalize().into();
        for (byte, mask) in tag.iter_mut().zip(self.mask) {
            *byte ^= mask;
        }
        tag
    }
}

/// The last block of a GHASH: two lengths in bits.
fn lengths(first: u64, second: u64) -> [u8; TAG] {
    (u128::from(first) << 64 | u128::from(second)).to_be_bytes()
}

fn bits(bytes: &[u8]) -> u64 {
    (bytes.len() as u64).saturating_mul(8)
}

const USUAL_IV: usize = 12;
const TAG: usize = 16;
/// Beyond what the Python tools take (8 to 128 bytes), and far below what the standard allows.
const MAX_IV: usize = 1024;
