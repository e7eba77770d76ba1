//! JSON bodies of every operation: no bytes panic, pairs that are taken are kept as they are.
#![no_main]

use confidant::Pairs;
use door_confidant::fuzzing::fields;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let fields = fields(bytes);
    if let Ok(Some(pairs)) = &fields.create.pairs {
        assert!(!pairs.keys().is_empty());
        assert!(
            pairs
                .keys()
                .iter()
                .all(|key| !key.contains(char::is_whitespace))
        );
        // Taken once more, nothing changes: every key is lower-case, every number exact.
        let kept = serde_json::from_slice(pairs.expose_json()).expect("JSON");
        let again = Pairs::draft(kept);
        assert!(again.is_ok_and(|again| again.expose_json() == pairs.expose_json()));
        let updated = fields.update.pairs.as_ref();
        assert!(updated.is_ok_and(|updated| {
            updated
                .as_ref()
                .is_some_and(|updated| updated.expose_json() == pairs.expose_json())
        }));
    }
    // A create differs from an update by what counts as missing, and by `enabled`.
    assert_eq!(fields.create.name, fields.update.name);
    assert_eq!(fields.create.metadata, fields.update.metadata);
    assert_eq!(fields.blind_create.name, fields.blind_update.name);
    if let (Ok(Some(created)), Ok(updated)) = (
        &fields.blind_create.cipher_version,
        &fields.blind_update.cipher_version,
    ) {
        assert_eq!(Some(created), updated.as_ref());
    }
    if let Ok(Some(ids)) = &fields.service.credentials {
        assert!(ids.len() <= bytes.len());
    }
});
