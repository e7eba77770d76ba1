//! Private keys, certificates and signed tokens: bytes in, bytes out.
//!
//! [`PrivateKey`] reads the PEM texts that operators have, locked ones too, and signs. [`Request`] reads the certificate
//! requests that clients send and makes our own; [`Issuer`] turns one into a certificate. [`Token::sign`] and
//! [`TokenKey::parts`] are what JSON web tokens need. aws-lc-rs does all cryptography; `x509-cert` and `der` say how
//! things are written. No I/O, no clock: times and serial numbers are given.

mod algorithms;
mod certificate;
mod error;
mod names;
mod passphrase;
mod pem;
mod private_key;
mod request;
mod token;

pub use certificate::{Certificate, Issuer, Period, Serial, self_signed};
pub use error::PkiError;
pub use names::{AlternativeName, Subject};
pub use passphrase::Passphrase;
pub use private_key::{KeyPem, PrivateKey, RSA_SIZES};
pub use request::{MAX_NAMES, MAX_REQUEST, Request};
pub use token::{RsaParts, Token, TokenKey};
