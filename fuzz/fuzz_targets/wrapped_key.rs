//! Wrapped keys of keyring files: no bytes panic, none unwrap but those that were wrapped.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::envelope::{MAX_ID, MAX_KEY, master_id, unwrap, wrap};
use seal::{DataKey, EncryptionContext, WrappedKey};

fuzz_target!(|bytes: &[u8]| {
    let master = DataKey::new(Box::new([7; 32]));
    let nothing = EncryptionContext::default();

    // As bytes from the store, bare and behind the right magic.
    for wrapped in [bytes.to_vec(), [b"KWDK\x01", bytes].concat()] {
        let wrapped = WrappedKey(wrapped);
        let id = master_id(&wrapped);
        assert!(
            unwrap(&master, &wrapped, &nothing).is_err(),
            "a forged key unwrapped"
        );
        if let Ok(id) = id {
            // What reads as a header is the header that we write.
            let key = DataKey::new(Box::new([1]));
            let ours = wrap(&master, &id, [0; 12], &key, &nothing).expect("a good id");
            assert_eq!(ours.0[..6 + id.len()], wrapped.0[..6 + id.len()]);
        }
    }

    // And the law of every key: the first bytes choose an id, a nonce and a context.
    let Some((&[size, ref nonce @ ..], rest)) = bytes.split_first_chunk::<13>() else {
        return;
    };
    let (id, key) = rest.split_at(usize::from(size).min(rest.len()));
    let Ok(id) = str::from_utf8(id) else { return };
    let context = EncryptionContext::new([("id", id)]);
    let wrapped = wrap(&master, id, *nonce, &DataKey::new(Box::from(key)), &context);
    let fits = (1..=MAX_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && (1..=MAX_KEY).contains(&key.len());
    assert_eq!(wrapped.is_ok(), fits);
    if let Ok(wrapped) = wrapped {
        assert_eq!(master_id(&wrapped).as_deref(), Ok(id));
        assert!(unwrap(&master, &wrapped, &context).is_ok_and(|opened| opened.expose() == key));
        assert!(
            unwrap(&master, &wrapped, &nothing).is_err(),
            "the context did not matter"
        );
    }
});
