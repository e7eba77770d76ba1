//! How a value becomes the sealed part of a version, and comes out of it.

use std::collections::BTreeSet;

use keep::{DataKey, EncryptionContext, Plaintext, Random, WrappedKey};
use seal::{Hash, SealError, ctr_hmac, gcm};

use crate::{Error, Proof, Record, Sealed};

/// The form in which a version is written. All of them are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// credstash's, which CredSmash calls `aes-ctr-legacy`; both programs read it.
    Legacy {
        /// Of the HMAC.
        hash: Hash,
        /// Stores the HMAC's hexadecimal text as bytes, as credstash does; else as text, as CredSmash.
        hex_bytes: bool,
    },
    /// CredSmash's `aes-ctr`, its default. credstash does not read it.
    Ctr {
        /// Of the data key, in bytes: 32, 48 or 64.
        key_length: usize,
        /// Of the HMAC.
        hash: Hash,
    },
    /// CredSmash's `aes-gcm`. credstash does not read it.
    Gcm {
        /// Of the data key, in bytes: 16, 24 or 32.
        key_length: usize,
        /// Of the initial vector, in bytes: 8 to 128.
        iv_length: usize,
    },
}

impl Form {
    /// What credstash 1.17.1 writes.
    pub const CREDSTASH: Self = Self::Legacy {
        hash: Hash::Sha256,
        hex_bytes: true,
    };

    /// What CredSmash 3.0.2 writes when its settings say nothing.
    pub const CREDSMASH: Self = Self::Ctr {
        key_length: 64,
        hash: Hash::Sha256,
    };

    /// The length of its data keys in bytes.
    pub fn key_length(self) -> usize {
        match self {
            Self::Legacy { .. } => 64,
            Self::Ctr { key_length, .. } | Self::Gcm { key_length, .. } => key_length,
        }
    }
}

/// Under what a value is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// The master key as the key service knows it.
    pub master: String,
    /// Bound to the data key; stored nowhere.
    pub context: EncryptionContext,
    /// The form of the item.
    pub form: Form,
    /// A remark for people.
    pub comment: Option<String>,
}

impl Sealed {
    /// Seals `value` under a data key that seals nothing else.
    ///
    /// Errors: `Key` when the key is not of the form's length or no cipher takes it.
    pub fn seal(
        form: Form,
        (key, wrapped): (&DataKey, WrappedKey),
        value: &Plaintext,
        comment: Option<String>,
        random: &dyn Random,
    ) -> Result<Self, SealError> {
        let digest = |hash: Hash| Some(hash.name().to_owned());
        let (contents, proof) = match form {
            Form::Legacy { hash, hex_bytes } => {
                let sealed = ctr_hmac::seal(key, ctr_hmac::LEGACY_START, hash, value)?;
                let proof = Proof::Legacy {
                    hmac: sealed.hmac,
                    digest: digest(hash),
                    hex_bytes,
                };
                (sealed.ciphertext, proof)
            }
            Form::Ctr { hash, .. } => {
                let nonce: [u8; 16] = random.bytes();
                let sealed = ctr_hmac::seal(key, nonce, hash, value)?;
                let proof = Proof::Ctr {
                    nonce: Some(nonce.to_vec()),
                    hmac: sealed.hmac,
                    digest: digest(hash),
                };
                (sealed.ciphertext, proof)
            }
            Form::Gcm { iv_length, .. } => {
                let mut iv = vec![0; iv_length];
                random.fill(&mut iv);
                let sealed = gcm::seal(key, &iv, value)?;
                let tag = sealed.tag;
                (sealed.ciphertext, Proof::Gcm { iv, tag })
            }
        };
        Ok(Self {
            key: wrapped.0,
            contents,
            proof,
            comment: comment.filter(|comment| !comment.is_empty()),
            context_names: BTreeSet::new(),
        })
    }
}

impl Record {
    /// Opens the value under its data key, after its HMAC or tag was found right.
    ///
    /// Errors: `Forged`, `UnknownDigest`, `WrongKey`, `Damaged` for a first counter block of another length.
    pub fn open(&self, key: &DataKey) -> Result<Plaintext, Error> {
        let Sealed {
            contents, proof, ..
        } = &self.sealed;
        let opened = match proof {
            Proof::Legacy { hmac, digest, .. } => {
                let hash = self.hash(digest.as_deref())?;
                ctr_hmac::open(key, ctr_hmac::LEGACY_START, hash, contents, hmac)
            }
            Proof::Ctr {
                nonce,
                hmac,
                digest,
            } => {
                let hash = self.hash(digest.as_deref())?;
                let start = match nonce {
                    None => ctr_hmac::LEGACY_START,
                    Some(nonce) => nonce[..].try_into().or(Err(self.damaged("nonce")))?,
                };
                ctr_hmac::open(key, start, hash, contents, hmac)
            }
            Proof::Gcm { iv, tag } => gcm::open(key, iv, contents, tag),
        };
        opened.map_err(|error| match (error, proof) {
            (SealError::Key(takes), _) => Error::WrongKey {
                name: self.name.clone(),
                version: self.version.clone(),
                takes,
            },
            (SealError::Malformed(_) | SealError::TooLong { .. }, _) => self.damaged("iv"),
            (_, Proof::Gcm { .. }) => self.forged("tag"),
            (_, Proof::Legacy { .. } | Proof::Ctr { .. }) => self.forged("HMAC"),
        })
    }

    fn hash(&self, digest: Option<&str>) -> Result<Hash, Error> {
        let Some(digest) = digest else {
            return Ok(Hash::default());
        };
        digest.parse().map_err(|_unknown| Error::UnknownDigest {
            name: self.name.clone(),
            version: self.version.clone(),
            digest: digest.to_owned(),
        })
    }

    fn forged(&self, proof: &'static str) -> Error {
        Error::Forged {
            name: self.name.clone(),
            version: self.version.clone(),
            proof,
        }
    }

    fn damaged(&self, attribute: &'static str) -> Error {
        Error::Damaged {
            name: self.name.to_string(),
            version: self.version.to_string(),
            attribute,
        }
    }
}
