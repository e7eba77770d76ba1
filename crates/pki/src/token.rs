//! JSON web tokens, signed with RS256, and the public keys that check them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::Decode as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::private_key::RsaPublic;
use crate::{PkiError, PrivateKey};

/// An RSA key that signs tokens.
#[derive(Debug)]
pub struct TokenKey {
    key: PrivateKey,
    public: RsaParts,
}

/// An RSA public key as a JSON web key holds it.
///
/// Shape: base64url without padding, of the numbers without leading zeros. Source: RFC 7518 section 6.3.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaParts {
    /// The modulus, `n`.
    pub modulus: String,
    /// The exponent, `e`.
    pub exponent: String,
}

impl TokenKey {
    /// A key that signs tokens.
    ///
    /// Errors: `NotRsa`.
    pub fn new(key: PrivateKey) -> Result<Self, PkiError> {
        let numbers = RsaPublic::from_der(key.rsa_public()?).or(Err(PkiError::NotRsa))?;
        Ok(Self {
            public: RsaParts {
                modulus: URL_SAFE_NO_PAD.encode(numbers.modulus.as_bytes()),
                exponent: URL_SAFE_NO_PAD.encode(numbers.exponent.as_bytes()),
            },
            key,
        })
    }

    /// The public half.
    pub fn parts(&self) -> &RsaParts {
        &self.public
    }
}

/// A signed token: whoever shows it is believed. Wiped on drop.
pub struct Token(SecretString);

impl Token {
    /// Takes the text of a token that was made before. It is not checked.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Signs these claims; header and claims are JSON, and the header must name RS256.
    ///
    /// Source: RFC 7515 section 7.1. Errors: `Failed`.
    pub fn sign(key: &TokenKey, header: &str, claims: &str) -> Result<Self, PkiError> {
        // As large as it will be from the start: a text that grows leaves copies.
        let size = 2 * (header.len() + claims.len()) + MAX_SIGNATURE_TEXT;
        let mut token = String::with_capacity(size);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = key.key.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Self(token.into()))
    }

    /// The claims as they stand in the token, without a look at its signature; `None` when it is no token.
    pub fn unchecked_claims(&self) -> Option<Vec<u8>> {
        let mut parts = self.expose().split('.');
        let claims = parts.nth(1)?;
        URL_SAFE_NO_PAD.decode(claims).ok()
    }

    /// The only way to the text: grep `expose` to audit every reader.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Units: letters; of a key of 8192 bits.
const MAX_SIGNATURE_TEXT: usize = 1_370;
