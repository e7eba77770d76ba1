//! Laws of [`KeyService`](crate::KeyService).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{DataKey, EncryptionContext, KeyError, KeyService, WrappedKey};

/// A key service, and names to call it with.
pub struct KeyGround {
    /// The service.
    pub service: Arc<dyn KeyService>,
    /// A master key that there is, by any name but its full one where there are several.
    pub master: String,
    /// The name of a master key that there is not.
    pub absent: String,
}

impl KeyGround {
    /// The ground as it is; every law is content with it.
    #[must_use]
    pub fn for_law(self, _law: &'static str) -> Self {
        self
    }
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::new(pairs.iter().copied())
}

fn of_credential() -> EncryptionContext {
    context(&[("id", "credential-1"), ("stage", "prod")])
}

async fn opens(
    ground: &KeyGround,
    wrapped: &WrappedKey,
    context: &EncryptionContext,
    key: &DataKey,
) {
    let opened = ground
        .service
        .unwrap(wrapped, context)
        .await
        .expect("the key opens");
    assert!(
        opened.key.expose() == key.expose(),
        "it opened to another key"
    );
    assert_eq!(
        opened.master,
        ground.service.describe(&ground.master).await.unwrap()
    );
}

/// Keys of the sizes that the formats use, also under no context at all.
pub async fn a_generated_key_opens_under_its_context(ground: KeyGround) {
    for bytes in [1, 16, 32, 44, 64, 256, 1024] {
        for context in [of_credential(), context(&[]), context(&[("ä", "🗝")])] {
            let (key, wrapped) = ground
                .service
                .generate(&ground.master, bytes, &context)
                .await
                .unwrap();
            assert_eq!(key.expose().len(), bytes);
            opens(&ground, &wrapped, &context, &key).await;
        }
    }
}

/// A key made elsewhere, text or bytes.
pub async fn a_wrapped_key_opens_under_its_context(ground: KeyGround) {
    let fernet = b"TluxwB3fV_GWuLkR1_BzGs1Zk90TYAuhNMZP_0q4WyM=".to_vec();
    for bytes in [
        vec![0],
        vec![255; 32],
        (0..64).collect(),
        fernet,
        vec![7; 4096],
    ] {
        let key = DataKey::new(bytes.into());
        let wrapped = ground
            .service
            .wrap(&ground.master, &key, &of_credential())
            .await
            .unwrap();
        assert!(
            !wrapped
                .0
                .windows(key.expose().len().max(8))
                .any(|window| window == key.expose())
        );
        opens(&ground, &wrapped, &of_credential(), &key).await;
    }
}

/// Fewer pairs, more, others, or the same ones shifted between name and value.
pub async fn a_wrapped_key_opens_under_no_other_context(ground: KeyGround) {
    let key = DataKey::new(Box::from([1; 32]));
    let wrapped = ground
        .service
        .wrap(&ground.master, &key, &of_credential())
        .await
        .unwrap();
    for (what, other) in [
        ("none", context(&[])),
        ("fewer", context(&[("id", "credential-1")])),
        (
            "more",
            context(&[("id", "credential-1"), ("stage", "prod"), ("x", "y")]),
        ),
        (
            "another value",
            context(&[("id", "credential-2"), ("stage", "prod")]),
        ),
        (
            "another name",
            context(&[("id", "credential-1"), ("stages", "prod")]),
        ),
        (
            "another case",
            context(&[("id", "Credential-1"), ("stage", "prod")]),
        ),
        (
            "a shifted letter",
            context(&[("idc", "redential-1"), ("stage", "prod")]),
        ),
        (
            "swapped values",
            context(&[("id", "prod"), ("stage", "credential-1")]),
        ),
    ] {
        let refused = ground.service.unwrap(&wrapped, &other).await.map(drop);
        assert_eq!(refused, Err(KeyError::DoesNotOpen), "{what}");
    }
    let without = ground
        .service
        .wrap(&ground.master, &key, &context(&[]))
        .await
        .unwrap();
    let refused = ground
        .service
        .unwrap(&without, &of_credential())
        .await
        .map(drop);
    assert_eq!(refused, Err(KeyError::DoesNotOpen), "made under none");
    // The order of pairs means nothing.
    opens(
        &ground,
        &wrapped,
        &context(&[("stage", "prod"), ("id", "credential-1")]),
        &key,
    )
    .await;
}

/// Nothing, noise, a cut, a longer one, and any bit turned. A turned bit can name another master key,
/// of which AWS says that access is denied.
pub async fn foreign_and_damaged_bytes_do_not_open(ground: KeyGround) {
    let (_, wrapped) = ground
        .service
        .generate(&ground.master, 32, &of_credential())
        .await
        .unwrap();
    let whole = wrapped.0;
    let mut cases = vec![
        Vec::new(),
        vec![0],
        b"noise".to_vec(),
        vec![0xA5; whole.len()],
        vec![1; 7000],
    ];
    cases.push(whole[..whole.len() - 1].to_vec());
    cases.push([&whole[..], &[0]].concat());
    for bit in (0..whole.len() * 8).step_by((whole.len() * 8 / 40).max(1)) {
        let mut turned = whole.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        cases.push(turned);
    }
    for bytes in cases {
        let told = format!(
            "{} bytes beginning {:?}",
            bytes.len(),
            &bytes[..bytes.len().min(8)]
        );
        let refused = ground
            .service
            .unwrap(&WrappedKey(bytes), &of_credential())
            .await
            .map(drop);
        assert!(
            matches!(refused, Err(KeyError::DoesNotOpen | KeyError::Denied(_))),
            "{told}: {refused:?}"
        );
    }
}

/// Whoever sees two wrapped keys cannot tell whether they hold the same key.
pub async fn two_wrappings_of_one_key_differ(ground: KeyGround) {
    let key = DataKey::new(Box::from([1; 32]));
    let mut seen = BTreeSet::new();
    for _ in 0..8 {
        let wrapped = ground
            .service
            .wrap(&ground.master, &key, &of_credential())
            .await
            .unwrap();
        assert!(seen.insert(wrapped.0), "the same bytes twice");
    }
}

/// From one byte to a thousand; keys and random bytes never come twice.
pub async fn random_bytes_are_as_many_as_asked_and_new_each_time(ground: KeyGround) {
    for bytes in [1, 16, 32, 44, 64, 1024] {
        assert_eq!(
            ground.service.random(bytes).await.unwrap().expose().len(),
            bytes
        );
    }
    let mut seen = BTreeSet::new();
    for _ in 0..8 {
        assert!(
            seen.insert(ground.service.random(32).await.unwrap().expose().to_vec()),
            "random bytes twice"
        );
        let (key, _) = ground
            .service
            .generate(&ground.master, 32, &of_credential())
            .await
            .unwrap();
        assert!(seen.insert(key.expose().to_vec()), "a data key twice");
    }
}

/// The full name stays the same, names itself, and wraps for the same key.
pub async fn a_master_key_has_one_full_name(ground: KeyGround) {
    let full = ground.service.describe(&ground.master).await.unwrap();
    assert!(!full.0.is_empty());
    assert_eq!(
        ground.service.describe(&ground.master).await,
        Ok(full.clone())
    );
    assert_eq!(ground.service.describe(&full.0).await, Ok(full.clone()));
    let key = DataKey::new(Box::from([1; 32]));
    let wrapped = ground
        .service
        .wrap(&full.0, &key, &of_credential())
        .await
        .unwrap();
    opens(&ground, &wrapped, &of_credential(), &key).await;
}

/// A name of nothing says so, in every operation that takes one.
pub async fn an_absent_master_key_is_named(ground: KeyGround) {
    let key = DataKey::new(Box::from([1; 32]));
    let (service, absent) = (&ground.service, &ground.absent);
    for refused in [
        service.describe(absent).await.map(drop),
        service.wrap(absent, &key, &of_credential()).await.map(drop),
        service
            .generate(absent, 32, &of_credential())
            .await
            .map(drop),
    ] {
        assert!(
            matches!(refused, Err(KeyError::NoSuchKey(_))),
            "{refused:?}"
        );
    }
}
