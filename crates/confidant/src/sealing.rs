//! Sealing and opening a credential's pairs, byte-compatible with Confidant 7.0.

use std::sync::Arc;

use keep::{Clock, KeyError, KeyService, Permit, Random};
use seal::fernet::FernetKey;
use seal::{DataKey, EncryptionContext, Plaintext, SealError, WrappedKey, unencrypted};

use crate::attributes::{data_key_of, wrapped_of};
use crate::{Error, Pairs, Sealed};

/// How values are sealed at rest; the two forms are not interchangeable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// A Fernet token under a data key wrapped by the key service.
    #[default]
    Fernet,
    /// `USE_ENCRYPTION=false`: base64 that anybody can read, for trials only.
    DangerNone,
}

/// Seals pairs for the credential `id` under a new data key.
///
/// Shape: 32 random bytes of the key service, as base64url text, wrapped under `master` with the
/// context `{"id": id}`; the pairs' JSON in a Fernet token of that key.
pub(crate) async fn seal(
    permit: &Permit<'_>,
    (encryption, master): (Encryption, &str),
    (clock, random): (&dyn Clock, &dyn Random),
    id: &str,
    pairs: &Pairs,
) -> Result<Sealed, Error> {
    let raw: DataKey = permit.random(KEY_BYTES).await?;
    let text = FernetKey::text_of(&raw);
    let (credential_pairs, wrapped) = match encryption {
        Encryption::Fernet => {
            let key =
                FernetKey::parse(&text).map_err(|_| KeyError::Unavailable(SHORT.to_owned()))?;
            let seconds = u64::try_from(clock.now().seconds()).unwrap_or(0);
            let token = key
                .seal(pairs.plaintext(), seconds, random.bytes())
                .map_err(|error| too_large(error, pairs))?;
            let context = context(id);
            let wrapped = permit.wrap(master, &text, &context).await?;
            permit.remember(&wrapped, &context, text, master).await;
            (token, wrapped)
        }
        Encryption::DangerNone => {
            let readable = unencrypted::danger_write(pairs.plaintext())
                .map_err(|error| too_large(error, pairs))?;
            (readable, WrappedKey(text.expose().to_vec()))
        }
    };
    Ok(Sealed {
        credential_pairs,
        data_key: data_key_of(&wrapped),
        cipher_version: Some(CIPHER_VERSION),
    })
}

/// Opens the pairs of the credential `id` (without a revision, for old ones too).
///
/// Errors: `Damaged` when the cipher version is unknown or the bytes do not open.
pub(crate) async fn open(
    permit: &Permit<'_>,
    encryption: Encryption,
    id: &str,
    sealed: &Sealed,
) -> Result<Pairs, Error> {
    check_version(id, sealed)?;
    let wrapped = wrapped_of(&sealed.data_key);
    let context = context(id);
    let open = async {
        match encryption {
            Encryption::Fernet => {
                let unwrapped = permit.unwrap(&wrapped, &context).await;
                let unwrapped = unwrapped.map_err(|error| not_unwrapped(id, error))?;
                open_token(id, sealed, &unwrapped.key)
            }
            Encryption::DangerNone => read_unencrypted(id, sealed),
        }
    };
    let json = permit
        .opened(sealed.credential_pairs.as_bytes(), &wrapped, &context, open)
        .await?;
    Pairs::opened(id, json)
}

/// Like [`open`], for an operator who looks at a table under rights of their own: with no kernel,
/// no cache and no audit event of ours.
pub(crate) async fn open_directly(
    keys: &dyn KeyService,
    encryption: Encryption,
    id: &str,
    sealed: &Sealed,
) -> Result<Pairs, Error> {
    check_version(id, sealed)?;
    let json = match encryption {
        Encryption::Fernet => {
            let unwrapped = keys
                .unwrap(&wrapped_of(&sealed.data_key), &context(id))
                .await;
            let unwrapped = unwrapped.map_err(|error| not_unwrapped(id, error))?;
            open_token(id, sealed, &unwrapped.key)?
        }
        Encryption::DangerNone => read_unencrypted(id, sealed)?,
    };
    Pairs::opened(id, Arc::new(json))
}

fn check_version(id: &str, sealed: &Sealed) -> Result<(), Error> {
    match sealed.cipher_version {
        Some(CIPHER_VERSION) => Ok(()),
        _ => Err(Error::damaged(id, "cipher_version")),
    }
}

fn not_unwrapped(id: &str, error: KeyError) -> Error {
    match error {
        KeyError::DoesNotOpen => Error::damaged(id, "data_key"),
        error => Error::Key(error),
    }
}

fn open_token(id: &str, sealed: &Sealed, key: &DataKey) -> Result<Plaintext, Error> {
    let key = FernetKey::parse(key).map_err(|_| Error::damaged(id, "data_key"))?;
    key.open(&sealed.credential_pairs)
        .map_err(|_| Error::damaged(id, "credential_pairs"))
}

fn read_unencrypted(id: &str, sealed: &Sealed) -> Result<Plaintext, Error> {
    unencrypted::danger_read(&sealed.credential_pairs)
        .map_err(|_| Error::damaged(id, "credential_pairs"))
}

fn context(id: &str) -> EncryptionContext {
    EncryptionContext::new([("id", id)])
}

fn too_large(_: SealError, pairs: &Pairs) -> Error {
    Error::TooLarge(pairs.expose_json().len())
}

const KEY_BYTES: usize = 32;
/// The only one ever public.
pub(crate) const CIPHER_VERSION: u64 = 2;
const SHORT: &str = "fewer random bytes than asked for";
