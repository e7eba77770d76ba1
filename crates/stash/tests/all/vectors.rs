//! Every stored item of the vectors, as credstash, CredSmash and other tools wrote it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keep::{Item, Value};
use stash::{Error, Proof, Record};

/// The items that are no records, and what is wrong with each; all others are, also those that
/// will not open.
const NO_RECORDS: [(&str, &str); 3] = [
    ("bad-algo", "algorithm"),
    ("bad-hmac-nothex", "hmac"),
    ("bad-no-contents", "contents"),
];

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

#[test]
fn reads_the_item_of_every_vector_or_names_what_is_damaged() {
    let vectors = vectors();
    let mut refused = BTreeMap::new();
    let mut read = 0;
    for vector in &vectors {
        let id = vector["id"].as_str().unwrap();
        let item = item_of(&vector["item"]);
        let text = |attribute: &str| item[attribute].as_s().unwrap();
        match Record::of(&item) {
            Ok(record) => {
                read += 1;
                assert_eq!(record.name.as_str(), text("name"), "{id}");
                assert_eq!(record.version.as_str(), text("version"), "{id}");
                let algorithm = item.get("algorithm").map_or("", |_| text("algorithm"));
                let as_marked = match record.sealed.proof {
                    Proof::Legacy { .. } => ["", "aes-ctr-legacy"].contains(&algorithm),
                    Proof::Ctr { .. } => algorithm == "aes-ctr",
                    Proof::Gcm { .. } => algorithm == "aes-gcm",
                };
                assert!(as_marked, "{id}: {algorithm}");
                // A ciphertext is as long as its plaintext in every form.
                if let Some(plaintext) = vector["plaintext_b64"].as_str() {
                    let plaintext = STANDARD.decode(plaintext).unwrap();
                    assert_eq!(record.sealed.contents.len(), plaintext.len(), "{id}");
                }
                // What we would write means the same.
                assert_eq!(Record::of(&record.item()).unwrap(), record, "{id}");
            }
            Err(Error::Damaged {
                name,
                version,
                attribute,
            }) => {
                assert_eq!((&*name, &*version), (text("name"), text("version")), "{id}");
                refused.insert(id, attribute);
            }
            Err(other) => panic!("{id}: {other}"),
        }
    }
    assert_eq!(refused, BTreeMap::from(NO_RECORDS));
    println!("{read} items read, {} refused", refused.len());
    assert_eq!((vectors.len(), read + refused.len()), (84, 84));
}

#[test]
fn writes_what_credstash_and_credsmash_write() {
    let vectors = vectors();
    let mut exact = BTreeMap::new();
    for vector in &vectors {
        let writer = vector["writer"].as_str().unwrap();
        let item = item_of(&vector["item"]);
        // CredSmash writes the legacy code as text, credstash as bytes; all of them read both.
        let by_credsmash = writer == "credsmash 3.0.2" && item.contains_key("algorithm");
        if by_credsmash || writer == "credstash 1.17.1" {
            assert_eq!(Record::of(&item).unwrap().item(), item, "{}", vector["id"]);
            *exact.entry(writer).or_insert(0) += 1;
        }
    }
    println!("attribute for attribute: {exact:?}");
    assert_eq!(exact.get("credsmash 3.0.2"), Some(&27));
    assert!(exact["credstash 1.17.1"] > 10, "{exact:?}");
}
