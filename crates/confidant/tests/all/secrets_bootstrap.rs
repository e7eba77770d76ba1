//! The sealed secrets of a server: Confidant's own, ours, and damaged ones.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use confidant::{Error, MAX_SEALED_SECRETS, SealedSecrets};
use keep::simulator::{MemoryKeys, SimRandom};
use keep::{KeyError, KeyService, MasterKey, Unwrapped};
use proptest::prelude::*;
use rstest::rstest;
use seal::{DataKey, EncryptionContext, Plaintext, WrappedKey};

use crate::house::StandingClock;

fn vector() -> serde_json::Value {
    let file = include_str!("../../../../vectors/confidant/secrets_bootstrap.json");
    serde_json::from_str(file).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// A key service that knows the recorded data key, and what it was asked.
struct Recorded {
    wrapped: Vec<u8>,
    key: String,
    asked: Mutex<Vec<EncryptionContext>>,
}

#[async_trait::async_trait]
impl KeyService for Recorded {
    async fn generate(
        &self,
        _: &str,
        _: usize,
        _: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        panic!("Confidant's policies do not allow it")
    }

    async fn wrap(
        &self,
        _: &str,
        _: &DataKey,
        _: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        panic!("nothing is sealed")
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        assert_eq!(wrapped.0, self.wrapped);
        self.asked.lock().unwrap().push(context.clone());
        Ok(Unwrapped {
            key: DataKey::new(self.key.as_bytes().into()),
            master: MasterKey("recorded".to_owned()),
        })
    }

    async fn random(&self, _: usize) -> Result<DataKey, KeyError> {
        panic!("nothing is sealed")
    }

    async fn describe(&self, _: &str) -> Result<MasterKey, KeyError> {
        panic!("nobody needs to know")
    }
}

#[test]
fn what_confidant_sealed_opens_and_is_printed_as_it_was() {
    let vector = vector();
    let (data_key, secrets) = (&vector["value"]["data_key"], &vector["value"]["secrets"]);
    let text = format!(r#"{{"data_key": {data_key}, "secrets": {secrets}}}"#);
    let sealed = SealedSecrets::parse(&text).unwrap();
    assert_eq!(sealed.print(), text);
    let keys = Recorded {
        wrapped: STANDARD.decode(data_key.as_str().unwrap()).unwrap(),
        key: vector["kms_plaintext_ascii"].as_str().unwrap().to_owned(),
        asked: Mutex::default(),
    };
    let opened = runtime().block_on(sealed.open(&keys)).unwrap();
    assert_eq!(opened.expose(), vector["yaml"].as_str().unwrap().as_bytes());
    let asked = keys.asked.into_inner().unwrap();
    assert_eq!(asked, [EncryptionContext::new([("type", "bootstrap")])]);
}

fn sealed(keys: &MemoryKeys, document: &[u8]) -> Result<SealedSecrets, Error> {
    let document = Plaintext::new(document.into());
    let sources = (&StandingClock::new() as _, &SimRandom::new(7) as _);
    let sealing = SealedSecrets::seal(keys, MemoryKeys::ALIAS, sources, &document);
    runtime().block_on(sealing)
}

fn memory_keys() -> MemoryKeys {
    MemoryKeys::new(Arc::new(SimRandom::new(1)))
}

proptest! {
    #[test]
    fn what_is_sealed_opens_after_printing_and_parsing(document: Vec<u8>) {
        let keys = memory_keys();
        let text = sealed(&keys, &document).unwrap().print();
        let read = SealedSecrets::parse(&text).unwrap();
        let opened = runtime().block_on(read.open(&keys)).unwrap();
        prop_assert_eq!(opened.expose(), &document);
    }

    #[test]
    fn no_text_panics_and_what_parses_prints_what_parses_alike(text: String) {
        if let Ok(sealed) = SealedSecrets::parse(&text) {
            prop_assert_eq!(SealedSecrets::parse(&sealed.print()).unwrap(), sealed);
        }
    }
}

#[test]
fn every_changed_byte_is_found_by_field() {
    let keys = memory_keys();
    let text = sealed(&keys, b"SESSION_SECRET: s").unwrap().print();
    for field in ["data_key", "secrets"] {
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let value = json[field].as_str().unwrap().to_owned();
        let other = if value.as_bytes()[40] == b'A' {
            "B"
        } else {
            "A"
        };
        json[field] = format!("{}{other}{}", &value[..40], &value[41..]).into();
        let changed = SealedSecrets::parse(&json.to_string()).unwrap();
        let refused = runtime().block_on(changed.open(&keys));
        let Err(Error::Damaged { what, .. }) = refused else {
            panic!("{field} may be changed")
        };
        assert_eq!(what, field);
    }
}

#[rstest]
#[case::no_json("SESSION_SECRET: kw-canary-7f3a", "JSON with data_key and secrets")]
#[case::a_field_missing(r#"{"data_key": "a3ctY2FuYXJ5"}"#, "JSON with data_key and secrets")]
#[case::no_base64(r#"{"data_key": "kw-canary-7f3a", "secrets": ""}"#, "data_key")]
fn what_is_no_sealed_text_is_refused_and_not_shown(#[case] text: &str, #[case] expected: &str) {
    let error = SealedSecrets::parse(text).unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
    let Error::Damaged { what, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(what, expected);
}

#[test]
fn more_than_a_setting_may_hold_is_refused() {
    let text = " ".repeat(MAX_SEALED_SECRETS + 1);
    assert!(matches!(
        SealedSecrets::parse(&text),
        Err(Error::TooLarge(_))
    ));
}

#[test]
fn a_key_service_out_of_reach_is_told_as_such() {
    let keys = memory_keys();
    let made = sealed(&keys, b"").unwrap();
    keys.fail(true);
    assert!(matches!(
        runtime().block_on(made.open(&keys)),
        Err(Error::Key(KeyError::Unavailable(_)))
    ));
    assert!(matches!(
        sealed(&keys, b""),
        Err(Error::Key(KeyError::Unavailable(_)))
    ));
}
