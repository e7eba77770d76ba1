//! Every stored item of the vectors, as credstash, CredSmash and other tools wrote it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::simulator::{Faults, MemoryTable, World};
use keep::{
    Action, Condition, DataKey, EncryptionContext, Item, KeyError, KeyService, MasterKey,
    Plaintext, TableName, Unwrapped, Value, WrappedKey,
};
use stash::{Error, Ports, Record, Secrets};

fn vectors() -> Vec<serde_json::Value> {
    let file = include_str!("../../../../vectors/credsmash/items.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

/// An item in DynamoDB's JSON.
fn item_of(json: &serde_json::Value) -> Item {
    let value_of = |typed: &serde_json::Value| {
        let (kind, value) = typed.as_object().unwrap().iter().next().unwrap();
        let text = value.as_str().unwrap().to_owned();
        match kind.as_str() {
            "S" => Value::S(text),
            "N" => Value::N(text),
            "B" => Value::B(STANDARD.decode(text).unwrap()),
            other => panic!("no vector has a {other}"),
        }
    };
    let attributes = json.as_object().unwrap().iter();
    attributes
        .map(|(name, typed)| (name.clone(), value_of(typed)))
        .collect()
}

/// Opens one wrapped key, under one context, as KMS did when the item was recorded.
struct Recorded {
    wrapped: Vec<u8>,
    context: EncryptionContext,
    key: Vec<u8>,
}

#[async_trait::async_trait]
impl KeyService for Recorded {
    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        match wrapped.0 == self.wrapped && *context == self.context {
            true => Ok(Unwrapped {
                key: DataKey::new(self.key.as_slice().into()),
                master: MasterKey("recorded".to_owned()),
            }),
            false => Err(KeyError::DoesNotOpen),
        }
    }

    async fn generate(
        &self,
        _: &str,
        _: usize,
        _: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        Err(KeyError::Denied("kms:GenerateDataKey".into()))
    }

    async fn wrap(
        &self,
        _: &str,
        _: &DataKey,
        _: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        Err(KeyError::Denied("kms:Encrypt".into()))
    }

    async fn random(&self, _: usize) -> Result<DataKey, KeyError> {
        Err(KeyError::Denied("kms:GenerateRandom".into()))
    }

    async fn describe(&self, _: &str) -> Result<MasterKey, KeyError> {
        Err(KeyError::Denied("kms:DescribeKey".into()))
    }
}

/// The value of an item, read from a table as a program reads it.
async fn read(vector: &serde_json::Value, context: &EncryptionContext) -> Result<Plaintext, Error> {
    let item = item_of(&vector["item"]);
    let bytes = |of: &serde_json::Value| STANDARD.decode(of.as_str().unwrap_or_default()).unwrap();
    let wrapped = match (&item["key"], vector["id"].as_str()) {
        // KMS did not take this one.
        (_, Some("bad-key")) => vec![],
        (Value::B(key), _) => key.clone(),
        (key, _) => STANDARD.decode(key.as_s().unwrap()).unwrap(),
    };
    let recorded = &vector["encryption_context"];
    let recorded = recorded.as_object().into_iter().flatten();
    let keys = Recorded {
        wrapped,
        context: EncryptionContext::new(
            recorded.map(|(name, value)| (name.clone(), value.as_str().unwrap())),
        ),
        key: bytes(&vector["data_key_b64"]),
    };
    let world = World::new(1, Faults::none());
    let ports = Ports {
        table: Arc::new(MemoryTable::default()),
        keys: Arc::new(keys),
        clock: world.clock(),
        random: world.random(),
    };
    let table = TableName::new("t");
    ports.table.create(&Secrets::schema(&table)).await.unwrap();
    let put = Action::Put {
        table: table.clone(),
        item: item.clone(),
        condition: Condition::always(),
    };
    ports.table.transact(&[put]).await.unwrap();
    let name = item["name"].as_s().unwrap().parse().unwrap();
    let secrets = Secrets::new(ports, table);
    let record = secrets.newest(&name).await?.unwrap();
    // What we would write means the same.
    assert_eq!(Record::of(&record.item()).unwrap(), record);
    secrets.open(&record, context).await
}

#[tokio::test]
async fn opens_every_item_of_the_vectors_or_says_what_is_wrong_with_it() {
    let vectors = vectors();
    let (mut opened, mut refused) = (0, BTreeMap::new());
    for vector in &vectors {
        let id = vector["id"].as_str().unwrap();
        let pairs = vector["encryption_context"]
            .as_object()
            .into_iter()
            .flatten();
        let context = EncryptionContext::new(
            pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap())),
        );
        let must_fail = vector.get("must_fail").is_some_and(|why| !why.is_null());
        match read(vector, &context).await {
            Ok(value) => {
                assert!(!must_fail, "{id} opened");
                let plaintext = STANDARD
                    .decode(vector["plaintext_b64"].as_str().unwrap())
                    .unwrap();
                // Also the garbage of a changed first counter block, which no HMAC covers.
                assert!(value.expose() == plaintext, "{id}");
                opened += 1;
            }
            Err(error) => {
                assert!(must_fail, "{id}: {error}");
                refused.insert(id, error.to_string());
            }
        }
        let other = EncryptionContext::new([("no", "such")]);
        if !must_fail {
            assert!(
                matches!(
                    read(vector, &other).await,
                    Err(Error::Key {
                        source: KeyError::DoesNotOpen,
                        ..
                    })
                ),
                "{id} opened under another context"
            );
        }
    }
    let version = "version 0000000000000000001 of";
    let expected = [
        (
            "bad-algo",
            format!("{version} v.bad-algo is sealed with aes-xts, which no program here knows"),
        ),
        (
            "bad-contents",
            format!("{version} v.bad-contents is not what was written: its HMAC differs"),
        ),
        (
            "bad-ctr-contents",
            format!("{version} v.bad-ctr-contents is not what was written: its HMAC differs"),
        ),
        (
            "bad-ctr-hmac",
            format!("{version} v.bad-ctr-hmac is not what was written: its HMAC differs"),
        ),
        (
            "bad-digest-name",
            format!(
                "{version} v.bad-digest-name is proven with CRC32, which no program here knows"
            ),
        ),
        (
            "bad-digest-swapped",
            format!("{version} v.bad-digest-swapped is not what was written: its HMAC differs"),
        ),
        (
            "bad-gcm-contents",
            format!("{version} v.bad-gcm-contents is not what was written: its tag differs"),
        ),
        (
            "bad-gcm-iv",
            format!("{version} v.bad-gcm-iv is not what was written: its tag differs"),
        ),
        (
            "bad-gcm-tag",
            format!("{version} v.bad-gcm-tag is not what was written: its tag differs"),
        ),
        (
            "bad-hmac",
            format!("{version} v.bad-hmac is not what was written: its HMAC differs"),
        ),
        (
            "bad-hmac-nothex",
            "hmac of version 0000000000000000001 of v.bad-hmac-nothex is damaged in the store"
                .to_owned(),
        ),
        (
            "bad-hmac-short",
            format!("{version} v.bad-hmac-short is not what was written: its HMAC differs"),
        ),
        (
            "bad-key",
            "the wrapped key does not open under this encryption context".to_owned(),
        ),
        (
            "bad-no-contents",
            "contents of version 0000000000000000001 of v.bad-no-contents is damaged in the store"
                .to_owned(),
        ),
    ];
    assert_eq!(refused, BTreeMap::from(expected));
    println!("{opened} items opened, {} refused", refused.len());
    assert_eq!((vectors.len(), opened + refused.len()), (84, 84));
}

#[test]
fn writes_what_credstash_and_credsmash_write() {
    let vectors = vectors();
    let mut exact = BTreeMap::new();
    for vector in &vectors {
        let writer = vector["writer"].as_str().unwrap();
        if ["credsmash 3.0.2", "credstash 1.17.1"].contains(&writer) {
            let item = item_of(&vector["item"]);
            assert_eq!(Record::of(&item).unwrap().item(), item, "{}", vector["id"]);
            *exact.entry(writer).or_insert(0) += 1;
        }
    }
    println!("attribute for attribute: {exact:?}");
    assert_eq!(
        exact,
        BTreeMap::from([("credsmash 3.0.2", 33), ("credstash 1.17.1", 16)])
    );
}
