//! Why a key, a request or a certificate cannot be used.

/// Why a key, a request or a certificate cannot be used. Never holds a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkiError {
    /// There is no PEM block of the kind that is asked for, or it is damaged.
    #[error("no PEM text of a {0}")]
    NotPem(&'static str),
    /// The bytes in the PEM block are not what its label says.
    #[error("the {0} is damaged")]
    Damaged(&'static str),
    /// The key is locked and there is no passphrase.
    #[error("the private key is locked and no passphrase is given")]
    PassphraseNeeded,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the private key")]
    WrongPassphrase,
    /// The key is locked in a way that is not supported.
    #[error(
        "the private key is locked in an old way; `openssl pkcs8 -topk8 -v2 aes256` writes it anew"
    )]
    OldLock,
    /// A kind or size of key that is not supported.
    #[error("a private key is RSA of 2048 to 8192 bits, or of the curve P-256 or P-384")]
    KeyKind,
    /// A token needs an RSA key.
    #[error("tokens are signed with RSA keys")]
    NotRsa,
    /// The certificate is not that of the private key.
    #[error("the certificate is not that of the private key")]
    ForeignCertificate,
    /// The certificate is not one of an authority.
    #[error("the certificate is not that of an authority")]
    NotAnAuthority,
    /// The request is longer than any honest one.
    #[error("the request is too large")]
    TooLarge,
    /// The request is not signed by its own key, or in an unknown way.
    #[error("the signature of the request is not valid")]
    BadSignature,
    /// The request names its owner in a way that cannot be judged.
    #[error("the names of the request cannot be read: {0}")]
    Names(&'static str),
    /// A name cannot stand in a certificate.
    #[error("a name cannot stand in a certificate")]
    BadName,
    /// A time beyond the year 9999.
    #[error("a time that no certificate can hold")]
    BadTime,
    /// The cryptographic library failed.
    #[error("signing failed")]
    Failed,
}
