//! Ed25519 signatures, for client keys and audit segments.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::{DataKey, SealError, digest};

/// The private half: whoever has it signs in its owner's name. Wiped on drop.
pub struct SigningKey {
    seed: DataKey,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of a seed, which must be 32 random bytes.
    ///
    /// Errors: `Key` for a seed of another size.
    pub fn from_seed(seed: Box<[u8]>) -> Result<Self, SealError> {
        // A data key first, so that a refused seed is wiped too.
        let seed = DataKey::new(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose())
            .or(Err(SealError::Key("signing key seed of 32 bytes")))?;
        Ok(Self { seed, pair })
    }

    /// The seed, to be stored or handed to the key's owner; read it by [`DataKey::expose`].
    pub fn seed(&self) -> &DataKey {
        &self.seed
    }

    /// Signs `message`; the same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE] {
        let mut signature = [0; SIGNATURE];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut bytes = [0; KEY];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey(bytes)
    }
}

/// The public half, safe to store and show.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifyingKey([u8; KEY]);

impl VerifyingKey {
    /// Reads a public key.
    ///
    /// Shape: 32 bytes, RFC 8032 section 5.1.5.
    /// Errors: `Key` for another size, and for the few keys of small order, under which anybody
    /// can make signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        let wrong = SealError::Key("Ed25519 public key of 32 bytes");
        let key = Self(bytes.try_into().or(Err(wrong))?);
        if key.is_weak() { Err(wrong) } else { Ok(key) }
    }

    /// The key's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// Whether `signature` is this key's, over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .is_ok()
    }

    /// Whether the point has an order below 9; the sign bit does not change that.
    fn is_weak(&self) -> bool {
        let [head @ .., last] = self.0;
        SMALL_ORDER.iter().any(|[weak_head @ .., weak_last]| {
            digest::equal(&head, weak_head) && last & 0x7f == *weak_last
        })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", hex::encode(self.0))
    }
}

/// Bytes of a signature.
pub const SIGNATURE: usize = 64;

/// Bytes of a public key, and of a seed.
pub const KEY: usize = 32;

/// Every canonical encoding of a point of order 1, 2, 4 or 8, without its sign bit; the library
/// itself refuses the others. The tests forge a signature under each.
const SMALL_ORDER: [[u8; KEY]; 5] = [
    [0; KEY],
    ends(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    ends(0xec, 0xff, 0x7f),
];

const fn ends(first: u8, middle: u8, last: u8) -> [u8; KEY] {
    let mut bytes = [middle; KEY];
    let [start, .., end] = &mut bytes;
    *start = first;
    *end = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The canonical encodings of the eight points of small order.
    fn points_of_small_order() -> Vec<[u8; KEY]> {
        let mut points = Vec::new();
        for point in &SMALL_ORDER {
            points.push(*point);
            // The points with x = 0 (orders 1 and 2) have no second sign.
            if *point != ends(1, 0, 0) && *point != ends(0xec, 0xff, 0x7f) {
                let mut other = *point;
                other[KEY - 1] |= 0x80;
                points.push(other);
            }
        }
        assert_eq!(points.len(), 8);
        points
    }

    /// With S = 0, a signature holds when R = -hA; a small order leaves eight points to try.
    fn takes_a_forged_signature(key: VerifyingKey) -> bool {
        (0u8..64).any(|message| {
            points_of_small_order().iter().any(|point| {
                let mut signature = [0; SIGNATURE];
                signature[..KEY].copy_from_slice(point);
                key.verify(&[message], &signature)
            })
        })
    }

    #[test]
    fn keys_of_small_order_in_a_form_not_canonical_hold_no_signature() {
        for weak in [ends(0xed, 0xff, 0x7f), ends(0xee, 0xff, 0x7f)] {
            assert!(!takes_a_forged_signature(VerifyingKey(weak)));
        }
    }

    #[test]
    fn each_key_of_small_order_takes_a_forged_signature_and_is_refused() {
        for weak in SMALL_ORDER {
            let key = VerifyingKey(weak);
            let forged = takes_a_forged_signature(key);
            assert!(forged, "{key:?} is not weak");
            for sign in [0, 0x80] {
                let mut bytes = weak;
                bytes[KEY - 1] |= sign;
                assert!(VerifyingKey::parse(&bytes).is_err(), "{key:?}");
            }
        }
    }
}
