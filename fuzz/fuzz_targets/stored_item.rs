//! Stored items of Confidant's table: no attributes panic, what is read is written and read again.
#![no_main]

use confidant::{BlindRecord, CredentialRecord, ServiceRecord};
use keep::{Item, Value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

fuzz_target!(|bytes: &[u8]| {
    // DynamoDB's JSON, in which the vectors are.
    let Ok(Json::Object(attributes)) = serde_json::from_slice(bytes) else {
        return;
    };
    let item: Option<Item> = attributes
        .into_iter()
        .map(|(name, typed)| Some((name, value(&typed)?)))
        .collect();
    let Some(item) = item else { return };

    if let Ok(record) = CredentialRecord::read(&item) {
        let again = CredentialRecord::read(&record.item());
        assert_eq!(again.ok(), Some(record));
    }
    if let Ok(record) = BlindRecord::read(&item)
        && plain(&record.credential_keys)
    {
        let again = BlindRecord::read(&record.item());
        assert_eq!(again.ok(), Some(record));
    }
    if let Ok(record) = ServiceRecord::read(&item)
        && plain(&record.credentials)
        && plain(&record.blind_credentials)
    {
        let again = ServiceRecord::read(&record.item());
        assert_eq!(again.ok(), Some(record));
    }
});

/// Whether no text looks quoted: Confidant before 2.0 quoted them, so these are not told apart.
fn plain<'t>(texts: impl IntoIterator<Item = &'t String>) -> bool {
    texts.into_iter().all(|text| !text.starts_with('"'))
}

fn value(typed: &Json) -> Option<Value> {
    let (kind, held) = typed.as_object()?.iter().next()?;
    let text = || held.as_str().map(str::to_owned);
    let texts = || {
        held.as_array()?
            .iter()
            .map(|text| text.as_str().map(str::to_owned))
            .collect::<Option<_>>()
    };
    Some(match kind.as_str() {
        "S" => Value::S(text()?),
        "N" => Value::N(text()?),
        "B" => Value::B(text()?.into_bytes()),
        "BOOL" => Value::Bool(held.as_bool()?),
        "NULL" => Value::Null,
        "SS" => Value::Ss(texts()?),
        "NS" => Value::Ns(texts()?),
        "L" => Value::L(held.as_array()?.iter().map(value).collect::<Option<_>>()?),
        _ => return None,
    })
}
