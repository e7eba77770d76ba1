//! Fernet tokens: Confidant's credential pairs at rest (cipher version 2).
//!
//! A token is the base64url text of: version byte 0x80, seconds as 8 big-endian bytes, IV of 16,
//! AES-128-CBC ciphertext with PKCS#7 padding, HMAC-SHA256 of all before it. Tokens at rest have
//! no lifetime, so none is checked here.

use aws_lc_rs::cipher::{
    self, AES_128, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use secrecy::{ExposeSecret, ExposeSecretMut as _, SecretBox};
use zeroize::Zeroizing;

use crate::python_base64::{self, Alphabet};
use crate::{DataKey, Plaintext, SealError, digest};

/// The two keys of a Fernet key: one signs, one encrypts. Wiped on drop.
pub struct FernetKey {
    signing: SecretBox<[u8; HALF]>,
    encryption: SecretBox<[u8; HALF]>,
}

impl FernetKey {
    /// Reads the text of a Fernet key, as the key service unwraps it.
    ///
    /// Shape: 44 ASCII bytes, the base64url text of 32: signing key, then encryption key.
    /// Errors: `Key` for any other shape.
    pub fn parse(text: &DataKey) -> Result<Self, SealError> {
        let wrong = SealError::Key("Fernet key of 44 base64url letters");
        if text.expose().len() != KEY_TEXT {
            return Err(wrong);
        }
        let raw = python_base64::decode(text.expose(), Alphabet::UrlSafe).ok_or(wrong)?;
        if raw.len() != 2 * HALF {
            return Err(wrong);
        }
        let (signing, rest) = raw.split_first_chunk().ok_or(wrong)?;
        let encryption = rest.first_chunk().ok_or(wrong)?;
        Ok(Self {
            signing: boxed(signing),
            encryption: boxed(encryption),
        })
    }

    /// The text of a raw key, which is what Confidant has its key service wrap.
    ///
    /// Shape: 32 raw bytes give 44 ASCII bytes; a key of another size gives a text that
    /// [`FernetKey::parse`] refuses.
    #[expect(
        clippy::expect_used,
        reason = "the buffer has the size of the encoded text"
    )]
    pub fn text_of(raw: &DataKey) -> DataKey {
        let bytes = raw.expose();
        let mut text = vec![0; bytes.len().div_ceil(3) * 4].into_boxed_slice();
        URL_SAFE
            .encode_slice(bytes, &mut text)
            .expect("the text fits");
        DataKey::new(text)
    }

    /// Seals `plaintext` into a token.
    ///
    /// `iv` must be unpredictable and used once. Units: `unix_seconds` is readable by anybody.
    /// Errors: `TooLong` when [`FernetKey::open`] would refuse the token.
    pub fn seal(
        &self,
        plaintext: &Plaintext,
        unix_seconds: u64,
        iv: [u8; IV],
    ) -> Result<String, SealError> {
        let sealed = (plaintext.expose().len() / BLOCK)
            .saturating_add(1)
            .saturating_mul(BLOCK);
        let size = sealed.saturating_add(HEAD + MAC);
        if size.div_ceil(3).saturating_mul(4) > MAX_TOKEN_TEXT {
            return Err(TOO_LONG);
        }
        let mut token = Vec::with_capacity(size);
        token.push(VERSION);
        token.extend_from_slice(&unix_seconds.to_be_bytes());
        token.extend_from_slice(&iv);
        token.extend_from_slice(&encrypt(
            self.encryption.expose_secret(),
            iv,
            plaintext.expose(),
        )?);
        let mac = mac(self.signing.expose_secret(), &token);
        token.extend_from_slice(mac.as_ref());
        Ok(URL_SAFE.encode(&token))
    }

    /// Opens a token, however old it is.
    ///
    /// The MAC is checked before anything is decrypted. The text may be as loose as Python's
    /// `cryptography` takes it (line breaks, the standard alphabet, text after the padding).
    /// Errors: `TooLong`; `Malformed` when it is no token, or a signed one with wrong padding;
    /// `Forged` when the MAC is not this key's.
    /// Source: cryptography 43.0.0; vectors `fernet/*.json`, `confidant/fernet.json`.
    pub fn open(&self, token: &str) -> Result<Plaintext, SealError> {
        if token.len() > MAX_TOKEN_TEXT {
            return Err(TOO_LONG);
        }
        let mut token =
            python_base64::decode(token.as_bytes(), Alphabet::UrlSafe).ok_or(MALFORMED)?;
        if token.first() != Some(&VERSION) {
            return Err(MALFORMED);
        }
        let (signed, theirs) = token.split_last_chunk_mut::<MAC>().ok_or(MALFORMED)?;
        let ours = mac(self.signing.expose_secret(), signed);
        if !digest::equal(ours.as_ref(), theirs) {
            return Err(SealError::Forged("Fernet token"));
        }
        let (head, sealed) = signed.split_first_chunk_mut::<HEAD>().ok_or(MALFORMED)?;
        let iv = *head.last_chunk::<IV>().ok_or(MALFORMED)?;
        let opened = decrypt(self.encryption.expose_secret(), iv, sealed)?;
        Ok(Plaintext::new(Box::from(opened)))
    }
}

/// AES-128-CBC with PKCS#7 padding, in a buffer that has room for the padding from the start.
pub(crate) fn encrypt(
    key: &[u8; HALF],
    iv: [u8; IV],
    plaintext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, key)?)?;
    let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + BLOCK));
    buffer.extend_from_slice(plaintext);
    key.less_safe_encrypt(&mut *buffer, cipher::EncryptionContext::Iv128(iv.into()))?;
    Ok(buffer)
}

/// The reverse of [`encrypt`], in place; the padding may only be judged after a MAC.
pub(crate) fn decrypt<'sealed>(
    key: &[u8; HALF],
    iv: [u8; IV],
    sealed: &'sealed mut [u8],
) -> Result<&'sealed [u8], SealError> {
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, key)?)?;
    if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
        return Err(MALFORMED);
    }
    let opened = key
        .decrypt(sealed, DecryptionContext::Iv128(iv.into()))
        .or(Err(MALFORMED))?;
    Ok(opened)
}

/// HMAC-SHA256.
pub(crate) fn mac(key: &[u8], bytes: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes)
}

fn boxed(half: &[u8; HALF]) -> SecretBox<[u8; HALF]> {
    let mut secret = SecretBox::<[u8; HALF]>::default();
    secret.expose_secret_mut().copy_from_slice(half);
    secret
}

/// The longest token text read or written, in bytes; a DynamoDB item holds 400 KB.
pub const MAX_TOKEN_TEXT: usize = 1 << 20;

const TOO_LONG: SealError = SealError::TooLong {
    what: "Fernet token",
    limit: MAX_TOKEN_TEXT,
};
const MALFORMED: SealError = SealError::Malformed("a Fernet token");

const VERSION: u8 = 0x80;
const BLOCK: usize = 16;
const IV: usize = 16;
/// Version, time and IV.
const HEAD: usize = 1 + 8 + IV;
const MAC: usize = 32;
/// One of the two keys.
const HALF: usize = 16;
const KEY_TEXT: usize = 44;
