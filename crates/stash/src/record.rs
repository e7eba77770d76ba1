//! One version as an item, in the forms of credstash and CredSmash.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::{Item, Value};

use crate::{Error, SecretName, Version};

/// One stored version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The secret.
    pub name: SecretName,
    /// Which of its versions.
    pub version: Version,
    /// What is inside.
    pub sealed: Sealed,
}

/// What is inside a version: ciphertext, safe to store and log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The wrapped data key.
    pub key: Vec<u8>,
    /// The ciphertext.
    pub contents: Vec<u8>,
    /// What proves that it is whole, and the form of the item.
    pub proof: Proof,
    /// A remark for people, never empty.
    pub comment: Option<String>,
    /// The names of the pairs of the encryption context, in rows that are bound to their place; a hint,
    /// which programs that do not know it pass over.
    pub context_names: BTreeSet<String>,
}

/// The three forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// credstash, and CredSmash's `aes-ctr-legacy`: base64 and hexadecimal text.
    Legacy {
        /// Of the ciphertext.
        hmac: Vec<u8>,
        /// The name of its hash; absent means SHA256.
        digest: Option<String>,
        /// Whether the hexadecimal text is stored as bytes (credstash) or as text (CredSmash).
        hex_bytes: bool,
    },
    /// CredSmash's `aes-ctr`: bytes.
    Ctr {
        /// The first counter block; absent means the legacy one.
        nonce: Option<Vec<u8>>,
        /// Of the ciphertext.
        hmac: Vec<u8>,
        /// The name of its hash; absent means SHA256.
        digest: Option<String>,
    },
    /// CredSmash's `aes-gcm`: bytes.
    Gcm {
        /// The initial vector.
        iv: Vec<u8>,
        /// The tag.
        tag: Vec<u8>,
    },
}

impl Record {
    /// The item that both programs read.
    ///
    /// Source: spec/credsmash.md section 1.3.
    pub fn item(&self) -> Item {
        let Self {
            name,
            version,
            sealed:
                Sealed {
                    key,
                    contents,
                    proof,
                    comment,
                    context_names,
                },
        } = self;
        let text = |bytes: &Vec<u8>| Value::s(STANDARD.encode(bytes));
        let bytes = |bytes: &Vec<u8>| Value::B(bytes.clone());
        let pairs = match proof {
            Proof::Legacy {
                hmac,
                digest,
                hex_bytes,
            } => vec![
                ("key", Some(text(key))),
                ("contents", Some(text(contents))),
                (
                    "hmac",
                    Some(match (hex_bytes, hex::encode(hmac)) {
                        (true, text) => Value::B(text.into_bytes()),
                        (false, text) => Value::S(text),
                    }),
                ),
                ("digest", digest.as_ref().map(Value::s)),
            ],
            Proof::Ctr {
                nonce,
                hmac,
                digest,
            } => vec![
                ("algorithm", Some(Value::s(CTR))),
                ("key", Some(bytes(key))),
                ("contents", Some(bytes(contents))),
                ("nonce", nonce.as_ref().map(bytes)),
                ("hmac", Some(bytes(hmac))),
                ("digest", digest.as_ref().map(Value::s)),
            ],
            Proof::Gcm { iv, tag } => vec![
                ("algorithm", Some(Value::s(GCM))),
                ("key", Some(bytes(key))),
                ("contents", Some(bytes(contents))),
                ("iv", Some(bytes(iv))),
                ("tag", Some(bytes(tag))),
            ],
        };
        [
            ("name", Some(Value::s(name.as_str()))),
            ("version", Some(Value::s(version.as_str()))),
        ]
        .into_iter()
        .chain(pairs)
        .chain([(
            "comment",
            comment
                .as_ref()
                .filter(|comment| !comment.is_empty())
                .map(Value::s),
        )])
        .chain([(
            CONTEXT,
            (!context_names.is_empty()).then(|| Value::Ss(context_names.clone())),
        )])
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }

    /// Reads the item of any of the programs; attributes it does not know do not matter.
    ///
    /// Errors: `Damaged`, naming the first attribute that is absent or of the wrong shape.
    pub fn of(item: &Item) -> Result<Self, Error> {
        let text = |attribute: &str| item.get(attribute).and_then(Value::as_s);
        let damaged = |attribute| Error::Damaged {
            name: text("name").unwrap_or_default().to_owned(),
            version: text("version").unwrap_or_default().to_owned(),
            attribute,
        };
        let bytes = |attribute| match item.get(attribute) {
            Some(Value::B(bytes)) => Ok(bytes.clone()),
            _ => Err(damaged(attribute)),
        };
        let base64 = |attribute| {
            text(attribute)
                .and_then(|text| STANDARD.decode(text).ok())
                .ok_or_else(|| damaged(attribute))
        };
        let name = text("name")
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| damaged("name"))?;
        let version = Version::stored(text("version").ok_or_else(|| damaged("version"))?);
        let digest = || match item.get("digest") {
            None => Ok(None),
            Some(Value::S(digest)) => Ok(Some(digest.clone())),
            Some(_) => Err(damaged("digest")),
        };
        let (key, contents, proof) = match item.get("algorithm").map(|value| value.as_s().ok_or(()))
        {
            Some(Ok(CTR)) => {
                let nonce = item
                    .contains_key("nonce")
                    .then(|| bytes("nonce"))
                    .transpose()?;
                (
                    bytes("key")?,
                    bytes("contents")?,
                    Proof::Ctr {
                        nonce,
                        hmac: bytes("hmac")?,
                        digest: digest()?,
                    },
                )
            }
            Some(Ok(GCM)) => (
                bytes("key")?,
                bytes("contents")?,
                Proof::Gcm {
                    iv: bytes("iv")?,
                    tag: bytes("tag")?,
                },
            ),
            None | Some(Ok("" | LEGACY)) => {
                let (hmac, hex_bytes) = match item.get("hmac") {
                    Some(Value::S(text)) => (hex::decode(text), false),
                    Some(Value::B(text)) => (hex::decode(text), true),
                    _ => return Err(damaged("hmac")),
                };
                let hmac = hmac.or(Err(damaged("hmac")))?;
                (
                    base64("key")?,
                    base64("contents")?,
                    Proof::Legacy {
                        hmac,
                        digest: digest()?,
                        hex_bytes,
                    },
                )
            }
            Some(Ok(other)) => {
                return Err(Error::UnknownAlgorithm {
                    name,
                    version,
                    algorithm: other.to_owned(),
                });
            }
            Some(Err(())) => return Err(damaged("algorithm")),
        };
        let comment = text("comment")
            .filter(|comment| !comment.is_empty())
            .map(str::to_owned);
        let context_names = context_names(item);
        Ok(Self {
            name,
            version,
            sealed: Sealed {
                key,
                contents,
                proof,
                comment,
                context_names,
            },
        })
    }
}

/// See [`Sealed::context_names`].
pub(crate) fn context_names(item: &Item) -> BTreeSet<String> {
    match item.get(CONTEXT) {
        Some(Value::Ss(names)) => names.clone(),
        _ => BTreeSet::new(),
    }
}

/// The attribute of [`Sealed::context_names`].
const CONTEXT: &str = "context";
const CTR: &str = "aes-ctr";
const GCM: &str = "aes-gcm";
const LEGACY: &str = "aes-ctr-legacy";
