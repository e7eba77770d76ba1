//! The secrets of a server itself, sealed as `SECRETS_BOOTSTRAP` holds them, byte-compatible with Confidant 7.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::{Clock, KeyError, KeyService, Random};
use seal::fernet::FernetKey;
use seal::{EncryptionContext, Plaintext, WrappedKey};
use serde::Deserialize;

use crate::Error;

/// A document of secrets, sealed: safe to keep among settings.
///
/// Shape: JSON `{"data_key": "...", "secrets": "..."}`: the wrapped data key in base64, and a Fernet token. The data
/// key is wrapped as those of credentials are, but under the context `{"type": "bootstrap"}`.
/// Source: Confidant 7.0.0, `generate_secrets_bootstrap`; vectors `confidant/secrets_bootstrap.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecrets {
    data_key: WrappedKey,
    secrets: String,
}

impl SealedSecrets {
    /// Reads the text of the setting.
    ///
    /// Errors: `Damaged`, naming the field; `TooLarge` beyond [`MAX_SEALED_SECRETS`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_SEALED_SECRETS {
            return Err(Error::TooLarge(text.len()));
        }
        let wire: Wire = serde_json::from_str(text)
            .map_err(|_quotes_what_it_read| damaged("JSON with data_key and secrets"))?;
        let data_key = STANDARD
            .decode(&wire.data_key)
            .map_err(|_| damaged("data_key"))?;
        Ok(Self {
            data_key: WrappedKey(data_key),
            secrets: wire.secrets,
        })
    }

    /// The text of the setting, in the order and with the blanks of the original.
    pub fn print(&self) -> String {
        format!(
            r#"{{"data_key": "{}", "secrets": {}}}"#,
            STANDARD.encode(&self.data_key.0),
            serde_json::Value::from(self.secrets.as_str()),
        )
    }

    /// Seals a document under a new data key, which is wrapped under `master`.
    ///
    /// Errors: `Key`; `TooLarge`.
    pub async fn seal(
        keys: &dyn KeyService,
        master: &str,
        (clock, random): (&dyn Clock, &dyn Random),
        document: &Plaintext,
    ) -> Result<Self, Error> {
        let raw = keys.random(KEY_BYTES).await.map_err(Error::Key)?;
        let text = FernetKey::text_of(&raw);
        let key = FernetKey::parse(&text)
            .map_err(|_| Error::Key(KeyError::Unavailable(SHORT.to_owned())))?;
        let seconds = u64::try_from(clock.now().seconds()).unwrap_or(0);
        let secrets = key
            .seal(document, seconds, random.bytes())
            .map_err(|_| Error::TooLarge(document.expose().len()))?;
        let data_key = keys.wrap(master, &text, &context()).await;
        Ok(Self {
            data_key: data_key.map_err(Error::Key)?,
            secrets,
        })
    }

    /// Opens the document.
    ///
    /// Errors: `Key`; `Damaged` when the data key or the token does not open.
    pub async fn open(&self, keys: &dyn KeyService) -> Result<Plaintext, Error> {
        let unwrapped = keys.unwrap(&self.data_key, &context()).await;
        let unwrapped = unwrapped.map_err(|error| match error {
            KeyError::DoesNotOpen => damaged("data_key"),
            error => Error::Key(error),
        })?;
        FernetKey::parse(&unwrapped.key)
            .map_err(|_| damaged("data_key"))?
            .open(&self.secrets)
            .map_err(|_| damaged("secrets"))
    }
}

/// The JSON of the setting; other fields mean nothing.
#[derive(Deserialize)]
struct Wire {
    data_key: String,
    secrets: String,
}

fn context() -> EncryptionContext {
    EncryptionContext::new([("type", "bootstrap")])
}

fn damaged(what: &'static str) -> Error {
    Error::damaged("SECRETS_BOOTSTRAP", what)
}

/// The longest text of the setting, bytes.
pub const MAX_SEALED_SECRETS: usize = 1 << 20;
const KEY_BYTES: usize = 32;
const SHORT: &str = "fewer random bytes than asked for";
