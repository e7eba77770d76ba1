//! Blind credentials are sealed and opened here, on the client's side: a server never sees a value.
//!
//! Shape, for each region: a Fernet key whose text is wrapped under a key of that region and the
//! region's encryption context (`data_key`, base64), and a token of the JSON of all pairs.
//! Source: confidant-client 2.7.1; spec/confidant.md section 5.

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::{Clock, DataKey, EncryptionContext, KeyError, KeyService, Plaintext, WrappedKey};
use seal::fernet::FernetKey;
use serde_json::{Map, Value};

use crate::environment;
use crate::exit::{Failure, Kind, Outcome, internal};

/// Where and under what one copy of the pairs is sealed.
pub(crate) struct Region {
    pub(crate) name: String,
    /// The master key there.
    pub(crate) key: String,
    pub(crate) context: EncryptionContext,
}

/// One region's copy: ciphertext both, safe to send.
pub(crate) struct Sealed {
    pub(crate) data_key: String,
    pub(crate) token: String,
}

/// Opens each of these blind credentials into its `decrypted_credential_pairs`.
pub(crate) fn open_all(credentials: &mut [Value], region: Option<&str>) -> Outcome {
    let region = region_name(region)?;
    with_keys(&region, |keys| {
        let region = &region;
        async move {
            for credential in credentials {
                let pairs = open(&*keys, credential, region).await?;
                if let Some(credential) = credential.as_object_mut() {
                    credential.insert("decrypted_credential_pairs".to_owned(), pairs.into());
                }
            }
            Ok(())
        }
    })
}

/// The region whose copy is opened: as typed, else the environment's.
fn region_name(typed: Option<&str>) -> Outcome<String> {
    typed
        .map(str::to_owned)
        .or_else(|| environment::var("AWS_REGION"))
        .or_else(|| environment::var("AWS_DEFAULT_REGION"))
        .filter(|region| !region.is_empty())
        .ok_or_else(|| {
            Failure::new(
                Kind::Usage,
                "opening blind credentials takes a region whose copy to open",
            )
            .hint("--region or AWS_REGION names it; --no-blind leaves them out")
        })
}

/// Opens the copy of one region.
///
/// Errors: `NotFound` for a region without a copy; `Denied` when the key does not open it or KMS
/// refuses; `Conflict` when what is stored is not what its clients make.
async fn open(
    keys: &dyn KeyService,
    credential: &Value,
    region: &str,
) -> Outcome<Map<String, Value>> {
    let name = credential
        .get("name")
        .and_then(Value::as_str)
        .map(crate::client::printable)
        .unwrap_or_default();
    let damaged = |what: &str| {
        Failure::new(
            Kind::Conflict,
            format!("blind credential {name}: its {what} for {region} is not as clients make it"),
        )
    };
    let copy = |field: &str| credential.get(field).and_then(|copies| copies.get(region));
    let (Some(token), Some(wrapped)) = (copy("credential_pairs"), copy("data_key")) else {
        let there = credential
            .get("credential_pairs")
            .and_then(Value::as_object);
        let there: Vec<_> = there
            .into_iter()
            .flatten()
            .map(|(region, _)| region.as_str())
            .collect();
        return Err(Failure::new(
            Kind::NotFound,
            format!("blind credential {name} has no copy for {region}"),
        )
        .hint(format!("it has one for: {}", there.join(", "))));
    };
    let token = token.as_str().ok_or_else(|| damaged("ciphertext"))?;
    let wrapped = wrapped
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or_else(|| damaged("data key"))?;
    let context = credential
        .get("metadata")
        .and_then(|metadata| metadata.get("context")?.get(region))
        .ok_or_else(|| damaged("encryption context"))?;
    let context = context_of(context).ok_or_else(|| damaged("encryption context"))?;
    let key = keys
        .unwrap(&WrappedKey(wrapped), &context)
        .await
        .map_err(|error| refused(&format!("opening blind credential {name}"), &error))?
        .key;
    let pairs = FernetKey::parse(&key)
        .and_then(|key| key.open(token))
        .map_err(|_| damaged("ciphertext"))?;
    // Only that it fails: the parser's message can quote a value.
    serde_json::from_slice(pairs.expose()).map_err(|_| damaged("content"))
}

/// An encryption context from JSON; `None` when it is not an object of texts.
pub(crate) fn context_of(context: &Value) -> Option<EncryptionContext> {
    let pairs = context.as_object()?;
    let pairs: Option<Vec<_>> = pairs
        .iter()
        .map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    Some(EncryptionContext::new(pairs?))
}

/// Seals the pairs for one region, with a data key of its own.
pub(crate) fn seal(
    region: &Region,
    pairs: &Plaintext,
    clock: &dyn Clock,
    iv: [u8; 16],
) -> Outcome<Sealed> {
    let seconds = u64::try_from(clock.now().seconds()).unwrap_or_default();
    with_keys(&region.name, |keys| async move {
        seal_with(&*keys, region, pairs, seconds, iv).await
    })
}

async fn seal_with(
    keys: &dyn KeyService,
    region: &Region,
    pairs: &Plaintext,
    unix_seconds: u64,
    iv: [u8; 16],
) -> Outcome<Sealed> {
    let doing = format!("sealing for {} under {}", region.name, region.key);
    let failed = |error: KeyError| refused(&doing, &error);
    let text: DataKey = FernetKey::text_of(&keys.random(32).await.map_err(failed)?);
    let wrapped = keys
        .wrap(&region.key, &text, &region.context)
        .await
        .map_err(failed)?;
    let token = FernetKey::parse(&text)
        .and_then(|key| key.seal(pairs, unix_seconds, iv))
        .map_err(|error| internal(&doing, error))?;
    Ok(Sealed {
        data_key: STANDARD.encode(wrapped.0),
        token,
    })
}

fn refused(doing: &str, error: &KeyError) -> Failure {
    let kind = match error {
        KeyError::Unavailable(_) => Kind::Unavailable,
        _ => Kind::Denied,
    };
    Failure::new(
        kind,
        format!("{doing}: {}", crate::token::with_cause(error)),
    )
}

/// Runs `work` with the keys of one region.
#[cfg(feature = "aws")]
fn with_keys<T, W: Future<Output = Outcome<T>>>(
    region: &str,
    work: impl FnOnce(Box<dyn KeyService>) -> W,
) -> Outcome<T> {
    crate::aws_ports::block_on(async {
        work(Box::new(crate::aws_ports::client_kms(Some(region)).await)).await
    })?
}

/// There are no such keys without AWS.
#[cfg(not(feature = "aws"))]
fn with_keys<T, W: Future<Output = Outcome<T>>>(
    _region: &str,
    _work: impl FnOnce(Box<dyn KeyService>) -> W,
) -> Outcome<T> {
    Err(without_aws())
}

/// Says so before a value is asked for.
///
/// Errors: `Usage` in a program without AWS.
pub(crate) fn needs_aws() -> Outcome {
    if cfg!(feature = "aws") {
        Ok(())
    } else {
        Err(without_aws())
    }
}

fn without_aws() -> Failure {
    Failure::new(
        Kind::Usage,
        "blind credentials are sealed and opened with AWS KMS, and this program was built without AWS",
    )
    .hint("those of a service can be left sealed with --no-blind")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use local::{Keyring, SystemRandom};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn keyring(folder: &tempfile::TempDir) -> Keyring {
        Keyring::open_or_create(&folder.path().join("keyring"), Arc::new(SystemRandom))
            .expect("a keyring")
    }

    fn region() -> Region {
        Region {
            name: "r1".to_owned(),
            key: "alias/blind".to_owned(),
            context: EncryptionContext::new([("group", "web")]),
        }
    }

    /// A blind credential with one region, sealed under `keys`.
    fn sealed(keys: &Keyring) -> Value {
        let pairs = Plaintext::new(Box::from(br#"{"k": "v"}"#.as_slice()));
        let sealed = run(seal_with(keys, &region(), &pairs, 1, [7; 16])).expect("it seals");
        json!({
            "name": "b",
            "credential_pairs": { "r1": sealed.token },
            "data_key": { "r1": sealed.data_key },
            "metadata": { "context": { "r1": { "group": "web" } } },
        })
    }

    fn run<F: Future>(work: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(work)
    }

    #[test]
    fn what_is_sealed_is_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = keyring(&folder);
        let opened = run(open(&keys, &sealed(&keys), "r1")).expect("it opens");
        assert_eq!(Value::Object(opened), json!({ "k": "v" }));
    }

    #[rstest]
    #[case::no_copy("/credential_pairs", json!({ "r2": "x" }), Kind::NotFound, "it has one for: r2")]
    #[case::no_data_key("/data_key", json!({}), Kind::NotFound, "no copy for r1")]
    #[case::context_missing("/metadata", json!({}), Kind::Conflict, "encryption context")]
    #[case::context_not_texts("/metadata/context/r1/group", json!(1), Kind::Conflict, "encryption context")]
    #[case::another_context("/metadata/context/r1/group", json!("db"), Kind::Denied, "does not open")]
    #[case::data_key_not_base64("/data_key/r1", json!("?"), Kind::Conflict, "data key")]
    #[case::token_of_another_key("/credential_pairs/r1", json!("gAAA"), Kind::Conflict, "ciphertext")]
    fn says_why_it_does_not_open(
        #[case] place: &str,
        #[case] value: Value,
        #[case] kind: Kind,
        #[case] says: &str,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = keyring(&folder);
        let mut credential = sealed(&keys);
        *credential.pointer_mut(place).expect("it is there") = value;
        let failure = run(open(&keys, &credential, "r1")).expect_err("it is damaged");
        assert_eq!(failure.kind(), kind);
        assert!(failure.to_string().contains(says), "{failure}");
    }
}
