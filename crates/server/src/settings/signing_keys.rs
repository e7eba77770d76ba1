//! Private keys with their certificates, as `CUSTOM_CERTIFICATE_AUTHORITIES` and
//! `JWT_CERTIFICATE_AUTHORITIES` hold them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::reader::Reader;
use super::secret_text::SecretText;

/// Keys of one environment.
pub type Environments = BTreeMap<String, Vec<SigningKey>>;

/// A private key and the certificate that goes with it. Neither has been looked into.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Its name.
    pub kid: String,
    /// The private key: PEM, encrypted when there is a passphrase.
    pub key: SecretText,
    /// Opens the private key.
    pub passphrase: Option<SecretText>,
    /// Its certificate: PEM.
    pub certificate: String,
    /// The certificate at the root of the chain: PEM.
    pub root_certificate: Option<String>,
}

/// A key as the JSON has it.
#[derive(Deserialize)]
struct Entry {
    kid: String,
    key: String,
    crt: String,
    rootcrt: Option<String>,
    passphrase: Option<String>,
}

/// Keys by environment: from `SECRETS_BOOTSTRAP` alone while the flag `encrypted` holds, else from
/// wherever the setting is.
pub(super) fn read_signing_keys(reader: &Reader<'_>, name: &str, encrypted: &str) -> Environments {
    let text = if reader.flag(encrypted, true) {
        let sealed = reader.bootstrapped(name);
        if sealed.is_none() && reader.text(name).is_some() {
            reader.complain(
                name,
                format!(
                    "has private keys and is taken from SECRETS_BOOTSTRAP; move it there, or set {encrypted} to false"
                ),
            );
        }
        sealed
    } else {
        reader.text(name)
    };
    let Some(text) = text else {
        return Environments::new();
    };
    let json = STANDARD.decode(text.split_whitespace().collect::<String>());
    let read = json
        .ok()
        .and_then(|json| serde_json::from_slice::<BTreeMap<String, Vec<Entry>>>(&json).ok());
    let Some(environments) = read else {
        reader.complain(
            name,
            "takes base64 of JSON of the form {\"environment\": [{\"key\": \"PEM\", \"crt\": \"PEM\", \"passphrase\": \"text\", \"kid\": \"name\"}]}",
        );
        return Environments::new();
    };
    let keys = |entries: Vec<Entry>| entries.into_iter().map(SigningKey::from).collect();
    environments
        .into_iter()
        .map(|(environment, entries)| (environment, keys(entries)))
        .collect()
}

impl From<Entry> for SigningKey {
    fn from(entry: Entry) -> Self {
        Self {
            kid: entry.kid,
            key: SecretText::new(entry.key),
            passphrase: entry.passphrase.map(SecretText::new),
            certificate: entry.crt,
            root_certificate: entry.rootcrt,
        }
    }
}
