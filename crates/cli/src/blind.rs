//! Blind credentials are sealed and opened here, on the client's side: a server never sees a value.
//!
//! Shape, for each region: a Fernet key whose text is wrapped under a key of that region and the
//! region's encryption context (`data_key`, base64), and a token of the JSON of all pairs.
//! Source: confidant-client 2.7.1; spec/confidant.md section 5.

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::{EncryptionContext, KeyError, KeyService, WrappedKey};
use seal::fernet::FernetKey;
use serde_json::{Map, Value};

use crate::environment;
use crate::exit::{Failure, Kind, Outcome};

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
fn context_of(context: &Value) -> Option<EncryptionContext> {
    let pairs = context.as_object()?;
    let pairs: Option<Vec<_>> = pairs
        .iter()
        .map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    Some(EncryptionContext::new(pairs?))
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
    Err(Failure::new(
        Kind::Usage,
        "blind credentials are sealed and opened with AWS KMS, and this program was built without AWS",
    )
    .hint("--no-blind leaves those of a service out"))
}
