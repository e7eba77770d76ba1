//! Our own wrapped data key, for keyring files: AES-256-GCM bound to an encryption context.
//!
//! Magic `KWDK`, version byte 1, length of the master key's id (one byte), the id, nonce of 12
//! bytes, ciphertext, tag of 16 bytes. All before the nonce is the public header. Associated
//! data: the header, then the context's canonical form.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::{DataKey, EncryptionContext, SealError, WrappedKey};

/// Wraps `key` under a master key, so that it opens under the same context only.
///
/// `nonce` must never come twice under one master key: draw it at random, and wrap at most 2^32
/// keys under one master key. Shape: `master` is 32 bytes; `master_id` 1 to 128 visible ASCII
/// letters, public; `key` 1 to 4096 bytes.
/// Errors: `Key` and `Malformed` for other shapes of keys and id.
pub fn wrap(
    master: &DataKey,
    master_id: &str,
    nonce: [u8; NONCE],
    key: &DataKey,
    context: &EncryptionContext,
) -> Result<WrappedKey, SealError> {
    if !(1..=MAX_KEY).contains(&key.expose().len()) {
        return Err(SealError::Key("data key of 1 to 4096 bytes"));
    }
    let mut wrapped = header(master_id)?;
    let associated = associated(&wrapped, context);
    let mut sealed = Zeroizing::new(key.expose().to_vec());
    let tag = seal(master.expose(), nonce, &associated, &mut sealed)?;
    wrapped.extend_from_slice(&nonce);
    wrapped.extend_from_slice(&sealed);
    wrapped.extend_from_slice(&tag);
    Ok(WrappedKey(wrapped))
}

/// The id of the master key that `wrapped` asks for. Only [`unwrap`] shows that it is true.
///
/// Errors: `Malformed` or `TooLong` when it is no wrapped key of ours.
pub fn master_id(wrapped: &WrappedKey) -> Result<String, SealError> {
    Ok(parse(wrapped)?.master_id.to_owned())
}

/// Opens what [`wrap`] made with the same master key and context.
///
/// Errors: `Malformed` or `TooLong` when it is no wrapped key of ours; `Forged` under another
/// master key or context, or when any byte differs.
pub fn unwrap(
    master: &DataKey,
    wrapped: &WrappedKey,
    context: &EncryptionContext,
) -> Result<DataKey, SealError> {
    let parts = parse(wrapped)?;
    let associated = associated(parts.header, context);
    let opened = open(
        master.expose(),
        parts.nonce,
        &associated,
        parts.sealed,
        parts.tag,
    )?;
    Ok(DataKey::new(Box::from(opened.as_slice())))
}

/// AES-256-GCM in place; returns the tag.
pub(crate) fn seal(
    key: &[u8],
    nonce: [u8; NONCE],
    associated: &[u8],
    in_out: &mut [u8],
) -> Result<[u8; TAG], SealError> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = gcm(key)?.seal_in_place_separate_tag(nonce, Aad::from(associated), in_out)?;
    tag.as_ref().try_into().or(Err(SealError::Library))
}

/// The reverse of [`seal`]. Errors: `Forged` when the tag is another.
pub(crate) fn open(
    key: &[u8],
    nonce: [u8; NONCE],
    associated: &[u8],
    sealed: &[u8],
    tag: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut opened = Zeroizing::new(vec![0; sealed.len()]);
    gcm(key)?
        .open_separate_gather(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated),
            sealed,
            tag,
            &mut opened,
        )
        .or(Err(SealError::Forged("wrapped key")))?;
    Ok(opened)
}

fn gcm(key: &[u8]) -> Result<LessSafeKey, SealError> {
    let key =
        UnboundKey::new(&AES_256_GCM, key).or(Err(SealError::Key("master key of 32 bytes")))?;
    Ok(LessSafeKey::new(key))
}

/// The parts of a wrapped key, their lengths checked and nothing else.
struct Parts<'wrapped> {
    header: &'wrapped [u8],
    master_id: &'wrapped str,
    nonce: [u8; NONCE],
    sealed: &'wrapped [u8],
    tag: &'wrapped [u8; TAG],
}

fn parse(wrapped: &WrappedKey) -> Result<Parts<'_>, SealError> {
    let bytes = wrapped.0.as_slice();
    if bytes.len() > MAX_WRAPPED {
        return Err(SealError::TooLong {
            what: "wrapped key",
            limit: MAX_WRAPPED,
        });
    }
    let rest = bytes.strip_prefix(&MAGIC).ok_or(MALFORMED)?;
    let rest = rest.strip_prefix(&[VERSION]).ok_or(MALFORMED)?;
    let (&length, rest) = rest.split_first().ok_or(MALFORMED)?;
    let (id, rest) = rest.split_at_checked(length.into()).ok_or(MALFORMED)?;
    let master_id = str::from_utf8(id).or(Err(MALFORMED))?;
    checked_id(master_id)?;
    let header = bytes.get(..MAGIC.len() + 2 + id.len()).ok_or(MALFORMED)?;
    let (nonce, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
    let (sealed, tag) = rest.split_last_chunk().ok_or(MALFORMED)?;
    if !(1..=MAX_KEY).contains(&sealed.len()) {
        return Err(MALFORMED);
    }
    Ok(Parts {
        header,
        master_id,
        nonce: *nonce,
        sealed,
        tag,
    })
}

fn header(master_id: &str) -> Result<Vec<u8>, SealError> {
    let length = checked_id(master_id)?;
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&[VERSION, length]);
    header.extend_from_slice(master_id.as_bytes());
    Ok(header)
}

/// The length of an id that may stand in a header.
fn checked_id(id: &str) -> Result<u8, SealError> {
    let wrong = SealError::Malformed("a master key id of 1 to 128 visible ASCII letters");
    let fits = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return Err(wrong);
    }
    u8::try_from(id.len()).or(Err(wrong))
}

/// The header ends where it says, so no other header and context give the same bytes.
fn associated(header: &[u8], context: &EncryptionContext) -> Vec<u8> {
    let mut associated = header.to_vec();
    associated.extend_from_slice(&context.canonical());
    associated
}

/// The longest id of a master key, in bytes.
pub const MAX_ID: usize = 128;

/// The longest key that can be wrapped, in bytes: as much as AWS KMS encrypts.
pub const MAX_KEY: usize = 4096;

const MAGIC: [u8; 4] = *b"KWDK";
const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const MAX_WRAPPED: usize = MAGIC.len() + 2 + MAX_ID + NONCE + MAX_KEY + TAG;
const MALFORMED: SealError = SealError::Malformed("a wrapped key of ours");
