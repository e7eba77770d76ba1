//! A client key's private half, in a file that only its owner can read; and the tokens made of it.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::PrincipalKind;
use keep::{Clock, Random};
use seal::signature::{KEY, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::client_key_token::make;
use crate::validity::Validity;
use crate::{BearerToken, ClientKeyId};

/// A client key as its owner keeps it.
///
/// Shape on disk: a JSON object with `version` (1), `id`, `kind` (`user` or `service`), `name`,
/// `private_key` (base64 of the 32-byte Ed25519 seed), and where known `to` and `url`; mode 0600.
pub struct ClientKeyFile {
    /// User or service.
    pub kind: PrincipalKind,
    /// Who it speaks for.
    pub name: String,
    /// The server's name in tokens (`AUTH_CONTEXT` there), when it is not the default one.
    pub to: Option<String>,
    /// Where the server is.
    pub url: Option<String>,
    key: SigningKey,
}

/// Why a client key's file could not be read or written, or its token not made.
#[derive(Debug, thiserror::Error)]
pub enum ClientKeyFileError {
    /// The file system said no.
    #[error("cannot {0} the file")]
    Io(&'static str, #[source] std::io::Error),
    /// Others than the owner can read or write it.
    #[error("the file's mode is {0:03o}, others can read it; make it 600")]
    TooOpen(u32),
    /// Not a client key's file; says what is wrong, never what it holds.
    #[error("not a client key's file: {0}")]
    Malformed(&'static str),
    /// A part does not fit into a token; names it.
    #[error("the key's {0} does not fit into a token")]
    DoesNotFit(&'static str),
}

#[derive(Serialize, Deserialize)]
struct OnDisk<'f> {
    version: u32,
    id: String,
    kind: String,
    name: String,
    #[serde(borrow)]
    private_key: &'f str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl ClientKeyFile {
    /// A new key for this principal, not yet registered anywhere.
    pub fn generate(
        random: &dyn Random,
        kind: PrincipalKind,
        name: &str,
    ) -> Result<Self, ClientKeyFileError> {
        let mut seed: Box<[u8]> = Box::new([0; KEY]);
        random.fill(&mut seed);
        let key = SigningKey::from_seed(seed)
            .map_err(|_| ClientKeyFileError::Malformed("private_key"))?;
        Ok(Self {
            kind,
            name: name.to_owned(),
            to: None,
            url: None,
            key,
        })
    }

    /// The id under which a server knows it.
    pub fn id(&self) -> ClientKeyId {
        ClientKeyId::of(&self.public_key())
    }

    /// The half that is registered.
    pub fn public_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// Reads a key's file.
    ///
    /// Errors: also when others can read it, on Unix.
    pub fn read(path: &Path) -> Result<Self, ClientKeyFileError> {
        let io = |error| ClientKeyFileError::Io("read", error);
        let mut file = std::fs::File::open(path).map_err(io)?;
        owner_only(&file.metadata().map_err(io)?)?;
        let mut json = Zeroizing::new(vec![0; MAX_FILE]);
        let mut filled = 0;
        loop {
            let room = json.get_mut(filled..).unwrap_or_default();
            if room.is_empty() {
                return Err(ClientKeyFileError::Malformed("too large"));
            }
            match file.read(room).map_err(io)? {
                0 => break,
                read => filled += read,
            }
        }
        Self::parse(json.get(..filled).unwrap_or_default())
    }

    fn parse(json: &[u8]) -> Result<Self, ClientKeyFileError> {
        let OnDisk {
            version,
            id,
            kind,
            name,
            private_key,
            to,
            url,
        } = serde_json::from_slice(json)
            .map_err(|_| ClientKeyFileError::Malformed("no JSON of the right shape"))?;
        if version != FILE_VERSION {
            return Err(ClientKeyFileError::Malformed("unknown version"));
        }
        let kind = match kind.as_str() {
            "user" => PrincipalKind::User,
            "service" => PrincipalKind::Service,
            _ => return Err(ClientKeyFileError::Malformed("kind")),
        };
        let mut seed: Box<[u8]> = Box::new([0; KEY]);
        let wrong_key = ClientKeyFileError::Malformed("private_key");
        // One byte more than wanted, because the decoder asks for room in threes.
        let mut decoded = Zeroizing::new([0; KEY + 1]);
        match STANDARD.decode_slice(private_key, &mut *decoded) {
            Ok(KEY) => seed.copy_from_slice(decoded.first_chunk::<KEY>().unwrap_or(&[0; KEY])),
            _ => return Err(wrong_key),
        }
        let key = SigningKey::from_seed(seed).map_err(|_| wrong_key)?;
        let file = Self {
            kind,
            name,
            to,
            url,
            key,
        };
        if file.id().to_string() != id {
            return Err(ClientKeyFileError::Malformed(
                "id and private_key are of two keys",
            ));
        }
        Ok(file)
    }

    /// Writes the key to a new file that only its owner can read, and waits until it is on disk.
    ///
    /// Errors: also when there is such a file; it is never replaced.
    pub fn create(&self, path: &Path) -> Result<(), ClientKeyFileError> {
        let io = |error| ClientKeyFileError::Io("write", error);
        let private_key = Zeroizing::new(STANDARD.encode(self.key.seed().expose()));
        let on_disk = OnDisk {
            version: FILE_VERSION,
            id: self.id().to_string(),
            kind: self.kind.word().to_owned(),
            name: self.name.clone(),
            private_key: &private_key,
            to: self.to.clone(),
            url: self.url.clone(),
        };
        // Of full size at once, so that no growing leaves a copy behind.
        let mut json = Zeroizing::new(Vec::with_capacity(MAX_FILE));
        serde_json::to_writer_pretty(&mut *json, &on_disk).map_err(|error| io(error.into()))?;
        json.push(b'\n');
        if json.len() >= MAX_FILE {
            return Err(ClientKeyFileError::DoesNotFit("name or url"));
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        file.write_all(&json)
            .and_then(|()| file.sync_all())
            .map_err(io)
    }

    /// Makes a username and a token that hold from 3 minutes ago until `lifetime` after that.
    ///
    /// The three minutes are kmsauth's: they forgive a client's clock that is ahead.
    pub fn mint(
        &self,
        clock: &dyn Clock,
        lifetime: Duration,
    ) -> Result<(String, BearerToken), ClientKeyFileError> {
        let not_before = clock.now().plus_seconds(-BEFORE);
        let seconds = i64::try_from(lifetime.as_secs())
            .map_err(|_| ClientKeyFileError::DoesNotFit("lifetime"))?;
        let validity = Validity {
            not_before,
            not_after: not_before.plus_seconds(seconds),
        };
        let kind = self.kind.word();
        let to = self.to.as_deref().unwrap_or(DEFAULT_TO);
        let token = make(&self.key, &self.name, to, kind, validity)
            .map_err(ClientKeyFileError::DoesNotFit)?;
        let token = BearerToken::new(&URL_SAFE_NO_PAD.encode(token))
            .map_err(|_| ClientKeyFileError::DoesNotFit("name"))?;
        Ok((format!("2/{kind}/{}", self.name), token))
    }
}

#[cfg(unix)]
fn owner_only(metadata: &std::fs::Metadata) -> Result<(), ClientKeyFileError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(ClientKeyFileError::TooOpen(mode))
    }
}

#[cfg(not(unix))]
fn owner_only(_metadata: &std::fs::Metadata) -> Result<(), ClientKeyFileError> {
    Ok(())
}

/// The server's name in tokens when neither side sets another one.
pub const DEFAULT_TO: &str = "keepward";
const FILE_VERSION: u32 = 1;
const MAX_FILE: usize = 16 * 1024;
/// Seconds.
const BEFORE: i64 = 180;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SEED: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    const ID: &str = "573dfccd1b00ae9fdf8b57f2377e9454";

    fn json(id: &str, key: &str) -> String {
        format!(
            r#"{{"version": 1, "id": "{id}", "kind": "service", "name": "svc-a", "private_key": "{key}"}}"#
        )
    }

    #[test]
    fn reads_the_shape_told() {
        let file = ClientKeyFile::parse(json(ID, SEED).as_bytes()).unwrap();
        assert_eq!(
            (file.kind, file.name.as_str(), file.to, file.url),
            (PrincipalKind::Service, "svc-a", None, None)
        );
    }

    #[rstest]
    #[case::other_id(&json(&ID.replace(&ID[..1], "f"), SEED), "id and private_key are of two keys")]
    #[case::short_key(&json(ID, "BwcH"), "private_key")]
    #[case::long_key(&json(ID, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"), "private_key")]
    #[case::no_base64(&json(ID, "!"), "private_key")]
    #[case::kind(&json(ID, SEED).replace("service", "other"), "kind")]
    #[case::version(&json(ID, SEED).replace('1', "2"), "unknown version")]
    #[case::nothing("", "no JSON of the right shape")]
    #[case::lacks_name(&json(ID, SEED).replace("name", "eman"), "no JSON of the right shape")]
    fn refuses(#[case] json: &str, #[case] expected: &str) {
        let told = ClientKeyFile::parse(json.as_bytes())
            .err()
            .map(|error| error.to_string());
        assert_eq!(told, Some(format!("not a client key's file: {expected}")));
    }
}
