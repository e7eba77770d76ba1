//! The hashes that credstash and CredSmash name, and HMAC under them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac as aws;
use hmac::Hmac;
use md4::Md4;
use md5::Md5;
use ripemd::Ripemd160;
use whirlpool::Whirlpool;

/// A hash by the name that stored items carry.
///
/// Source: spec/credsmash.md section 2.2. MD2 was offered by one release of credstash and is not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hash {
    /// `SHA`: SHA-1.
    Sha1,
    /// `SHA224`.
    Sha224,
    /// `SHA256`, also where an item names none.
    #[default]
    Sha256,
    /// `SHA384`.
    Sha384,
    /// `SHA512`.
    Sha512,
    /// `MD5`.
    Md5,
    /// `MD4`: read only, as the next two.
    Md4,
    /// `RIPEMD`: RIPEMD-160.
    Ripemd,
    /// `WHIRLPOOL`.
    Whirlpool,
}

/// A name that is none of [`Hash`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no hash named {0}")]
pub struct UnknownHash(pub String);

impl Hash {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Md5,
        Self::Md4,
        Self::Ripemd,
        Self::Whirlpool,
    ];

    /// Its name in stored items.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA",
            Self::Sha224 => "SHA224",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
            Self::Md5 => "MD5",
            Self::Md4 => "MD4",
            Self::Ripemd => "RIPEMD",
            Self::Whirlpool => "WHIRLPOOL",
        }
    }

    /// Whether nothing new should be written under it.
    pub fn is_weak(self) -> bool {
        !matches!(
            self,
            Self::Sha224 | Self::Sha256 | Self::Sha384 | Self::Sha512
        )
    }

    /// HMAC of `message`. Compare it with [`crate::digest::equal`].
    pub fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let of_aws = |algorithm| {
            aws::sign(&aws::Key::new(algorithm, key), message)
                .as_ref()
                .to_vec()
        };
        match self {
            Self::Sha1 => of_aws(aws::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha224 => of_aws(aws::HMAC_SHA224),
            Self::Sha256 => of_aws(aws::HMAC_SHA256),
            Self::Sha384 => of_aws(aws::HMAC_SHA384),
            Self::Sha512 => of_aws(aws::HMAC_SHA512),
            Self::Md5 => of_old::<Hmac<Md5>>(key, message),
            Self::Md4 => of_old::<Hmac<Md4>>(key, message),
            Self::Ripemd => of_old::<Hmac<Ripemd160>>(key, message),
            Self::Whirlpool => of_old::<Hmac<Whirlpool>>(key, message),
        }
    }
}

/// HMAC takes keys of every length, so the empty answer, which equals no stored one, never comes.
fn of_old<M: hmac::Mac + hmac::digest::KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    <M as hmac::Mac>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

impl FromStr for Hash {
    type Err = UnknownHash;

    fn from_str(text: &str) -> Result<Self, UnknownHash> {
        Self::ALL
            .into_iter()
            .find(|hash| hash.name() == text)
            .ok_or_else(|| UnknownHash(text.to_owned()))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for hash in Hash::ALL {
            assert_eq!(hash.name().parse(), Ok(hash));
        }
        for other in ["", "sha256", "SHA1", "SHA-256", "CRC32", "MD2"] {
            assert_eq!(other.parse::<Hash>(), Err(UnknownHash(other.to_owned())));
        }
    }

    // RFC 2202 case 2, RFC 4231 case 2; the others by Python's hmac over OpenSSL's legacy provider.
    #[rstest]
    #[case(Hash::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")]
    #[case(
        Hash::Sha224,
        "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"
    )]
    #[case(
        Hash::Sha256,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )]
    #[case(Hash::Md5, "750c783e6ab0b503eaa86e310a5db738")]
    fn gives_the_macs_of_the_standards(#[case] hash: Hash, #[case] mac: &str) {
        let ours = hash.hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex::encode(ours), mac);
    }
}
