//! Rows of credstash's tables and manifests of them: no bytes panic, what is read is written and read again.
#![no_main]

use keep::{Item, Value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use stash::{Manifest, Numbering, Place, Record};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes) {
        let printed = serde_json::to_vec(&manifest).unwrap_or_default();
        assert_eq!(Manifest::parse(&printed), Ok(manifest));
    }
    // DynamoDB's JSON, in which the vectors are; bytes as their text.
    let Ok(Json::Object(attributes)) = serde_json::from_slice(bytes) else {
        return;
    };
    let item: Option<Item> = attributes
        .into_iter()
        .map(|(name, typed)| Some((name, value(&typed)?)))
        .collect();
    let Some(item) = item else { return };
    if let Ok(record) = Record::of(&item) {
        let place = Place::of(&item);
        assert_eq!(place.ok(), Some(record.place()));
        let again = Record::of(&record.item());
        assert_eq!(again.ok().as_ref(), Some(&record));
        let _written = Numbering::of(&record.version);
        let key = keep::DataKey::new(Box::from([7; 64]));
        // Nobody made an HMAC or tag under this key.
        assert!(record.open_with_le_counter(&key).is_err());
    }
});

fn value(typed: &Json) -> Option<Value> {
    let (kind, held) = typed.as_object()?.iter().next()?;
    let text = || held.as_str().map(str::to_owned);
    Some(match kind.as_str() {
        "S" => Value::S(text()?),
        "N" => Value::N(text()?),
        "B" => Value::B(text()?.into_bytes()),
        "SS" => Value::Ss(
            held.as_array()?
                .iter()
                .map(|text| text.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}
