//! The token of a client key: who speaks to which server from when to when, signed.

use std::fmt;
use std::str::FromStr;

use domain::Timestamp;
use seal::digest;
use seal::signature::{SIGNATURE, SigningKey, VerifyingKey};

use crate::LoginRefused;
use crate::validity::Validity;

/// Names a client key: the same public key always has the same name.
///
/// Shape: 16 bytes, printed as 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKeyId([u8; ID]);

/// The text is no client key's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a client key's id is 32 lower-case hex digits")]
pub struct BadClientKeyId;

impl ClientKeyId {
    /// The name of this public key.
    pub fn of(key: &VerifyingKey) -> Self {
        let digest = digest::sha256_parts(&[b"keepward client key", key.as_bytes()]);
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for ClientKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ClientKeyId {
    type Err = BadClientKeyId;

    fn from_str(text: &str) -> Result<Self, BadClientKeyId> {
        let mut bytes = [0; ID];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadClientKeyId)?;
        let id = Self(bytes);
        // Upper-case digits would be a second name of the same key.
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(BadClientKeyId)
        }
    }
}

/// A token's parts, none of them to be believed before [`UnverifiedToken::is_signed_by`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnverifiedToken<'t> {
    /// Which key claims to have made it.
    pub key: ClientKeyId,
    /// Who speaks.
    pub from: &'t str,
    /// To which server.
    pub to: &'t str,
    /// `user` or `service`.
    pub user_type: &'t str,
    pub(crate) validity: Validity,
    signed: &'t [u8],
    signature: &'t [u8],
}

/// Whether these bytes claim to be a client key's token; KMS ciphertexts never begin so.
pub fn is_client_key_token(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Makes a token.
///
/// Shape: the magic `KWCK`, version byte 1, 16 bytes key id; then `from`, `to` and `user_type` as
/// UTF-8, each after its length as 2 big-endian bytes; then `not_before` and `not_after`, seconds
/// since 1970 as 8 big-endian bytes; then 64 bytes Ed25519 signature over all bytes before it.
/// Nothing follows.
/// Errors: the name of a part that is longer than 512 bytes.
pub(crate) fn make(
    key: &SigningKey,
    from: &str,
    to: &str,
    user_type: &str,
    validity: Validity,
) -> Result<Vec<u8>, &'static str> {
    let mut token = MAGIC.to_vec();
    token.push(VERSION);
    token.extend_from_slice(&ClientKeyId::of(&key.verifying_key()).0);
    for (name, part) in [("from", from), ("to", to), ("user_type", user_type)] {
        let length = u16::try_from(part.len())
            .ok()
            .filter(|length| *length <= MAX_PART)
            .ok_or(name)?;
        token.extend_from_slice(&length.to_be_bytes());
        token.extend_from_slice(part.as_bytes());
    }
    for limit in [validity.not_before, validity.not_after] {
        let seconds = u64::try_from(limit.seconds()).map_err(|_| "time")?;
        token.extend_from_slice(&seconds.to_be_bytes());
    }
    let signature = key.sign(&token);
    token.extend_from_slice(&signature);
    Ok(token)
}

/// Splits a token into its parts and checks nothing else.
///
/// Errors: [`LoginRefused::MalformedToken`]. Every byte has its place, so no two tokens mean the
/// same but have different bytes.
pub fn danger_parse_token(token: &[u8]) -> Result<UnverifiedToken<'_>, LoginRefused> {
    let (signed, signature) = token
        .split_last_chunk::<SIGNATURE>()
        .ok_or(LoginRefused::MalformedToken("too short"))?;
    let mut rest = Rest(signed);
    if rest.take(MAGIC.len())? != MAGIC {
        return Err(LoginRefused::MalformedToken("no client key's token"));
    }
    if rest.array::<1>()? != [VERSION] {
        return Err(LoginRefused::MalformedToken("unknown version"));
    }
    let key = ClientKeyId(rest.array()?);
    let (from, to, user_type) = (rest.text()?, rest.text()?, rest.text()?);
    let validity = Validity {
        not_before: rest.time()?,
        not_after: rest.time()?,
    };
    if !rest.0.is_empty() {
        return Err(LoginRefused::MalformedToken("bytes left over"));
    }
    Ok(UnverifiedToken {
        key,
        from,
        to,
        user_type,
        validity,
        signed,
        signature,
    })
}

impl UnverifiedToken<'_> {
    /// From when to when it says that it holds, both inclusive.
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        (self.validity.not_before, self.validity.not_after)
    }

    /// Whether the owner of `key` made this token.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        key.verify(self.signed, self.signature)
    }
}

/// What is not read yet.
struct Rest<'t>(&'t [u8]);

impl<'t> Rest<'t> {
    fn take(&mut self, bytes: usize) -> Result<&'t [u8], LoginRefused> {
        let (taken, rest) = self
            .0
            .split_at_checked(bytes)
            .ok_or(LoginRefused::MalformedToken("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoginRefused> {
        self.take(N)?
            .try_into()
            .map_err(|_| LoginRefused::MalformedToken("cut short"))
    }

    fn text(&mut self) -> Result<&'t str, LoginRefused> {
        let length = u16::from_be_bytes(self.array()?);
        if length > MAX_PART {
            return Err(LoginRefused::MalformedToken("a part is too long"));
        }
        std::str::from_utf8(self.take(usize::from(length))?)
            .map_err(|_| LoginRefused::MalformedToken("a part is not UTF-8"))
    }

    fn time(&mut self) -> Result<Timestamp, LoginRefused> {
        match u64::from_be_bytes(self.array()?) {
            seconds @ 0..=END_OF_TIME => Ok(Timestamp::from_seconds(seconds.cast_signed())),
            _ => Err(LoginRefused::MalformedToken("a time after the year 9999")),
        }
    }
}

const ID: usize = 16;
const MAGIC: &[u8] = b"KWCK";
const VERSION: u8 = 1;
/// The longest `from`, `to` or `user_type`.
pub(crate) const MAX_PART: u16 = 512;
/// The last second of the year 9999.
const END_OF_TIME: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(Box::new([7; 32])).unwrap()
    }

    fn hour() -> Validity {
        Validity {
            not_before: Timestamp::from_seconds(1_000),
            not_after: Timestamp::from_seconds(4_600),
        }
    }

    fn token() -> Vec<u8> {
        make(&key(), "svc-a", "keepward", "service", hour()).unwrap()
    }

    #[test]
    fn the_layout_is_as_told() {
        let token = token();
        let (head, signature) = token.split_last_chunk::<64>().unwrap();
        let id = ClientKeyId::of(&key().verifying_key()).to_string();
        let expected = format!(
            "4b57434b01{id}0005{}0008{}0007{}00000000000003e800000000000011f8",
            hex::encode("svc-a"),
            hex::encode("keepward"),
            hex::encode("service"),
        );
        assert_eq!(hex::encode(head), expected);
        assert_eq!(*signature, key().sign(head));
    }

    #[test]
    fn ids_have_one_spelling() {
        let id = ClientKeyId::of(&key().verifying_key());
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            id.to_string().to_uppercase(),
            id.to_string()[1..].to_owned(),
            format!("{id}0"),
            "é".repeat(16),
        ] {
            assert_eq!(wrong.parse::<ClientKeyId>(), Err(BadClientKeyId), "{wrong}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_token_is_refused() {
        let token = token();
        assert!(
            danger_parse_token(&token)
                .unwrap()
                .is_signed_by(&key().verifying_key())
        );
        for bit in 0..token.len() * 8 {
            let mut flipped = token.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let believed = danger_parse_token(&flipped)
                .is_ok_and(|parsed| parsed.is_signed_by(&key().verifying_key()));
            assert!(!believed, "bit {bit}");
        }
        for length in 0..token.len() {
            let believed = danger_parse_token(&token[..length])
                .is_ok_and(|parsed| parsed.is_signed_by(&key().verifying_key()));
            assert!(!believed, "{length} bytes");
        }
        let longer = [&token[..], &[0]].concat();
        assert!(
            !danger_parse_token(&longer)
                .is_ok_and(|parsed| parsed.is_signed_by(&key().verifying_key()))
        );
    }

    #[test]
    fn refuses_to_make_what_it_would_not_read() {
        assert_eq!(
            make(&key(), &"n".repeat(513), "t", "user", hour()),
            Err("from")
        );
        assert_eq!(
            make(&key(), "n", &"t".repeat(70_000), "user", hour()),
            Err("to")
        );
        let before_1970 = Validity {
            not_before: Timestamp::from_seconds(-1),
            ..hour()
        };
        assert_eq!(make(&key(), "n", "t", "user", before_1970), Err("time"));
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_back(from in ".{0,20}", to in ".{0,20}", user_type in ".{0,20}", a in 0..=END_OF_TIME, b in 0..=END_OF_TIME) {
            let validity = Validity {
                not_before: Timestamp::from_seconds(a.cast_signed()),
                not_after: Timestamp::from_seconds(b.cast_signed()),
            };
            let token = make(&key(), &from, &to, &user_type, validity).unwrap();
            let parsed = danger_parse_token(&token).unwrap();
            prop_assert_eq!((parsed.from, parsed.to, parsed.user_type, parsed.validity), (&*from, &*to, &*user_type, validity));
            prop_assert_eq!(parsed.key, ClientKeyId::of(&key().verifying_key()));
            prop_assert!(parsed.is_signed_by(&key().verifying_key()));
        }

        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), magic: bool) {
            if magic {
                bytes.splice(0..0, *b"KWCK\x01");
            }
            if let Ok(parsed) = danger_parse_token(&bytes) {
                prop_assert!(!parsed.is_signed_by(&key().verifying_key()));
            }
        }
    }
}
