//! The file in which a client keeps its KMS token, as kmsauth's clients do, but for its owner only.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use domain::Timestamp;
use seal::EncryptionContext;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::BearerToken;
use crate::kms_payload::FORGIVEN;

/// A KMS token that is kept for its life.
///
/// Shape on disk: a JSON object with `token`, `not_after` (`YYYYMMDDTHHMMSSZ`), `auth_context` and,
/// when we wrote it, `auth_key`; further names are ignored.
/// Source: spec/confidant.md section 6.7; vectors `confidant/kmsauth.json`, `cache_file`.
#[derive(Debug)]
pub struct CachedToken {
    /// The token.
    pub token: BearerToken,
    /// Its end.
    pub not_after: Timestamp,
    /// What it was encrypted with.
    pub context: EncryptionContext,
    /// The key as it was named; kmsauth leaves it out, and so goes on with a token of another key.
    pub key: Option<String>,
}

/// Why a file is no use as a token cache.
#[derive(Debug, thiserror::Error)]
pub enum TokenCacheError {
    /// The file system said no.
    #[error("cannot {0} the token cache")]
    Io(&'static str, #[source] std::io::Error),
    /// There is a file and it holds something else, so that it is not replaced either.
    #[error("the file is not a token cache: {0}")]
    Malformed(&'static str),
}

#[derive(Serialize, Deserialize)]
struct OnDisk<'f> {
    #[serde(borrow)]
    token: Cow<'f, str>,
    not_after: String,
    auth_context: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_key: Option<String>,
}

impl CachedToken {
    /// Whether a client with this context and key may go on with it: until 3 minutes before its end.
    pub fn serves(&self, context: &EncryptionContext, key: &str, now: Timestamp) -> bool {
        now <= self.not_after.plus_seconds(-FORGIVEN)
            && self.context == *context
            && self.key.as_deref().is_none_or(|known| known == key)
    }

    /// Reads a token cache; `None` when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, TokenCacheError> {
        let io = |error| TokenCacheError::Io("read", error);
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let mut json = Zeroizing::new(Vec::with_capacity(MAX_FILE + 1));
        file.take(MAX_FILE as u64 + 1)
            .read_to_end(&mut json)
            .map_err(io)?;
        Self::parse(&json).map(Some)
    }

    /// Reads the text of a token cache.
    pub fn parse(json: &[u8]) -> Result<Self, TokenCacheError> {
        if json.len() > MAX_FILE {
            return Err(TokenCacheError::Malformed("it is longer than 16 KiB"));
        }
        let OnDisk {
            token,
            not_after,
            auth_context,
            auth_key,
        } = serde_json::from_slice(json).map_err(|_| {
            TokenCacheError::Malformed("no JSON object with token, not_after and auth_context")
        })?;
        Ok(Self {
            token: BearerToken::new(&token)
                .map_err(|_| TokenCacheError::Malformed("its token is empty or too long"))?,
            not_after: Timestamp::from_compact(&not_after)
                .ok_or(TokenCacheError::Malformed("its not_after is no date"))?,
            context: EncryptionContext::new(auth_context),
            key: auth_key,
        })
    }

    /// Writes it, in one step and for its owner only; kmsauth leaves the file open to all.
    ///
    /// Errors: also when there is a file that is no token cache. The folder is made when missing.
    pub fn write(&self, path: &Path) -> Result<(), TokenCacheError> {
        let io = |error| TokenCacheError::Io("write", error);
        Self::read(path)?;
        let on_disk = OnDisk {
            token: self.token.expose().into(),
            not_after: self.not_after.compact(),
            auth_context: self
                .context
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            auth_key: self.key.clone(),
        };
        let mut json = Zeroizing::new(Vec::with_capacity(MAX_FILE));
        serde_json::to_writer(&mut *json, &on_disk).map_err(|error| io(error.into()))?;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder).map_err(io)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let beside = path.with_file_name(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // What a process of the same number left when it was killed.
        let _none = std::fs::remove_file(&beside);
        let mut file = options.open(&beside).map_err(io)?;
        let written = file
            .write_all(&json)
            .and_then(|()| std::fs::rename(&beside, path));
        if written.is_err() {
            let _gone = std::fs::remove_file(&beside);
        }
        written.map_err(io)
    }
}

/// The greatest cache read. Units: bytes.
const MAX_FILE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn context() -> EncryptionContext {
        EncryptionContext::new([("from", "svc-a"), ("to", "keep"), ("user_type", "service")])
    }

    fn cached() -> CachedToken {
        CachedToken {
            token: BearerToken::new("AQID").unwrap(),
            not_after: Timestamp::from_compact("20260115T120700Z").unwrap(),
            context: context(),
            key: Some("alias/authnz".to_owned()),
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/confidant_token");
        assert!(CachedToken::read(&path).unwrap().is_none());
        // Open to all, as kmsauth leaves it.
        cached().write(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            cached().write(&path).unwrap();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let read = CachedToken::read(&path).unwrap().unwrap();
        assert_eq!(read.token.expose(), "AQID");
        assert_eq!(
            (read.not_after, &read.context, &read.key),
            (cached().not_after, &cached().context, &cached().key)
        );
        let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing left beside it");
    }

    #[rstest]
    #[case::empty("")]
    #[case::other_json(r#"{"key": "AQID"}"#)]
    #[case::no_date(r#"{"token": "AQID", "not_after": "tomorrow", "auth_context": {}}"#)]
    #[case::no_token(r#"{"token": "", "not_after": "20260115T120700Z", "auth_context": {}}"#)]
    #[case::too_long(&format!(r#"{{"token": "AQID", "not_after": "20260115T120700Z", "auth_context": {{}}, "x": "{}"}}"#, "x".repeat(MAX_FILE)))]
    fn a_file_that_is_none_is_neither_believed_nor_replaced(#[case] text: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        assert!(matches!(
            CachedToken::read(&path),
            Err(TokenCacheError::Malformed(_))
        ));
        assert!(cached().write(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[rstest]
    #[case::early("20260115T115700Z", true)]
    #[case::last_moment("20260115T120400Z", true)]
    #[case::a_second_later("20260115T120401Z", false)]
    fn serves_until_three_minutes_before_its_end(#[case] now: &str, #[case] serves: bool) {
        let now = Timestamp::from_compact(now).unwrap();
        assert_eq!(cached().serves(&context(), "alias/authnz", now), serves);
    }

    #[test]
    fn serves_its_own_context_and_key_only() {
        let now = Timestamp::from_compact("20260115T120000Z").unwrap();
        let other = EncryptionContext::new([("from", "svc-a"), ("to", "keep")]);
        assert!(!cached().serves(&other, "alias/authnz", now));
        assert!(!cached().serves(&context(), "alias/other", now));
        let of_kmsauth = CachedToken {
            key: None,
            ..cached()
        };
        assert!(of_kmsauth.serves(&context(), "alias/other", now));
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", cached()).contains("AQID"));
    }
}
