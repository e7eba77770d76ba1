//! What an examination of a table tells; the cases of stored rows of the security plan, one by one.

use std::sync::Arc;

use keep::{
    DataKey, EncryptionContext, KeyError, KeyService, MasterKey, Unwrapped, Value, WrappedKey,
};
use rstest::rstest;
use seal::Hash;
use stash::{Binding, Examine, Examined, Form, Manifest, Sealing, examine};

use crate::ground::{Ground, sealing, v};
use crate::house::secret;

async fn examined(ground: &Ground) -> Vec<String> {
    told(&look(ground, Binding::AsMarked, true, None).await)
}

async fn look(
    ground: &Ground,
    binding: Binding,
    open: bool,
    manifest: Option<&Manifest>,
) -> Examined {
    let context = EncryptionContext::default();
    let asked = Examine {
        open: open.then_some(&context),
        manifest,
    };
    let before = ground.rows().await;
    let secrets = ground.calm().with_binding(binding);
    let examined = examine(&secrets, asked, &|_| ()).await.unwrap();
    assert_eq!(
        ground.rows().await,
        before,
        "an examination changes nothing"
    );
    examined
}

fn told(examined: &Examined) -> Vec<String> {
    let told = |finding: &stash::Finding| format!("{}: {finding}", finding.kind());
    examined.findings.iter().map(told).collect()
}

const ONE: &str = "0000000000000000001";
const TWO: &str = "0000000000000000002";

#[tokio::test]
async fn a_table_in_order_has_no_findings() {
    let ground = Ground::new().await;
    for number in 1..=12 {
        ground.put("db", &v(number), &number.to_string()).await;
    }
    ground.put("empty", ONE, "").await;
    let examined = look(&ground, Binding::AsMarked, true, None).await;
    assert_eq!((examined.rows, examined.secrets), (13, 2));
    assert_eq!(told(&examined), [""; 0]);
}

/// Case 1: to another name, and to a higher version.
#[tokio::test]
async fn a_copied_row_reads_as_it_did_and_is_told_and_strict_refuses_it() {
    let ground = Ground::new().await;
    ground.put("db", ONE, "old").await;
    ground.put("db", TWO, "new").await;
    ground.copy_row(("db", ONE), ("admin", ONE)).await;
    ground.copy_row(("db", ONE), ("db", &v(3))).await;
    assert_eq!(ground.read("db").await, "old");
    let copies = format!(
        "copied-key: admin version {ONE}, db version {ONE}, db version {}",
        v(3)
    );
    assert_eq!(examined(&ground).await, std::slice::from_ref(&copies));
    // In strict mode each is refused, and it is said that none is bound.
    let strict = told(&look(&ground, Binding::Required, true, None).await);
    assert_eq!(strict.len(), 5, "{strict:?}");
    assert!(strict.contains(&format!("not-bound: admin version {ONE}")));
    // Without opening anything the copies are seen too.
    assert_eq!(
        told(&look(&ground, Binding::AsMarked, false, None).await),
        [copies]
    );
}

/// Case 1, bound rows: exchanged with each other, and one put over another.
#[tokio::test]
async fn bound_rows_that_were_exchanged_are_told_with_whose_value_they_hold() {
    let ground = Ground::new().await;
    for (name, text) in [("db", "d"), ("web", "w"), ("mail", "m")] {
        let sealing = sealing(Form::CREDSTASH);
        ground
            .put_bound(name, ONE, text, &sealing, Binding::Bound)
            .await;
    }
    assert_eq!(
        told(&look(&ground, Binding::Required, true, None).await),
        [""; 0]
    );
    let db = ground.row("db", ONE).await;
    ground.copy_row(("web", ONE), ("db", ONE)).await;
    ground
        .set({
            let mut item = db;
            item.insert("name".to_owned(), Value::s("web"));
            item
        })
        .await;
    assert_eq!(
        examined(&ground).await,
        [
            format!("swapped: db version {ONE} holds the value of web version {ONE}"),
            format!("swapped: web version {ONE} holds the value of db version {ONE}"),
        ]
    );
    // One put over another, whose own is still there.
    ground.copy_row(("mail", ONE), ("web", ONE)).await;
    let told = examined(&ground).await;
    assert!(
        told.contains(&format!(
            "swapped: web version {ONE} holds the value of mail version {ONE}"
        )),
        "{told:?}"
    );
    assert!(
        told.contains(&format!(
            "copied-key: mail version {ONE}, web version {ONE}"
        )),
        "{told:?}"
    );
}

/// Case 1: a copy that got a wrapped key of its own since.
#[tokio::test]
async fn a_copied_row_is_told_after_its_key_was_rewrapped() {
    let ground = Ground::new().await;
    ground.put("db", ONE, "d").await;
    ground.put("web", ONE, "w").await;
    ground.copy_row(("db", ONE), ("admin", ONE)).await;
    let new = ground.keys.rotate().unwrap();
    let asked = stash::Rewrap {
        master: &new.0,
        context: &EncryptionContext::default(),
        wanted: &|_| true,
        write: true,
    };
    let done = stash::rewrap(&ground.calm(), asked, &|_| ()).await.unwrap();
    assert_eq!(done.changed.len(), 3);
    let key = |row: keep::Item| row["key"].clone();
    assert_ne!(
        key(ground.row("db", ONE).await),
        key(ground.row("admin", ONE).await)
    );
    assert_eq!(
        examined(&ground).await,
        [format!("copied-key: admin version {ONE}, db version {ONE}")]
    );
}

/// Case 2: put back as a version that is newer than all.
#[tokio::test]
async fn an_older_value_under_a_new_version_is_told_from_the_manifest() {
    let ground = Ground::new().await;
    ground.put("db", ONE, "old").await;
    ground.put("db", TWO, "new").await;
    let before = look(&ground, Binding::AsMarked, false, None).await.manifest;
    ground.copy_row(("db", ONE), ("db", &v(3))).await;
    let first = stash::Version::of(1);
    ground.calm().delete(&secret("db"), &first).await.unwrap();
    assert_eq!(ground.read("db").await, "old");
    // The table alone knows nothing of it.
    assert_eq!(examined(&ground).await, [""; 0]);
    assert_eq!(
        told(&look(&ground, Binding::AsMarked, false, Some(&before)).await),
        [format!(
            "replaced: db version {} holds what version {ONE} held",
            v(3)
        )]
    );
}

/// Case 2.
#[tokio::test]
async fn an_older_version_put_over_a_newer_is_told_from_the_manifest() {
    let ground = Ground::new().await;
    ground.put("db", ONE, "old").await;
    ground.put("db", TWO, "new").await;
    ground.put("web", ONE, "w").await;
    ground.put("web", TWO, "x").await;
    ground.put("mail", ONE, "m").await;
    let before = look(&ground, Binding::AsMarked, false, None).await.manifest;
    assert_eq!(
        told(&look(&ground, Binding::AsMarked, false, Some(&before)).await),
        [""; 0]
    );
    // Over it, deleted, and gone.
    ground.copy_row(("db", ONE), ("db", TWO)).await;
    ground
        .calm()
        .delete(&secret("db"), &stash::Version::of(1))
        .await
        .unwrap();
    ground
        .calm()
        .delete(&secret("web"), &stash::Version::of(2))
        .await
        .unwrap();
    ground
        .calm()
        .delete(&secret("mail"), &stash::Version::of(1))
        .await
        .unwrap();
    // The table alone knows nothing of it.
    assert_eq!(
        told(&look(&ground, Binding::AsMarked, true, None).await),
        [""; 0]
    );
    let found = look(&ground, Binding::AsMarked, false, Some(&before)).await;
    assert_eq!(
        told(&found),
        [
            format!("went-back: web was at version {TWO}, its newest is {ONE} now"),
            format!("replaced: db version {TWO} holds what version {ONE} held"),
            format!("gone: mail was at version {ONE}"),
        ]
    );
    // Printed and read again it tells the same.
    let printed = serde_json::to_vec(&before).unwrap();
    let read = Manifest::parse(&printed).unwrap();
    assert_eq!(
        look(&ground, Binding::AsMarked, false, Some(&read)).await,
        found
    );
}

/// Case 3: proofs that are shorter than they must be, absent, or written in another way.
#[rstest]
#[case::tag_of_4(Form::Gcm { key_length: 32, iv_length: 12 }, "tag", Some(Value::B(vec![1; 4])), "damaged: db version 0000000000000000001: attribute tag")]
#[case::tag_of_8(Form::Gcm { key_length: 32, iv_length: 12 }, "tag", Some(Value::B(vec![1; 8])), "damaged: db version 0000000000000000001: attribute tag")]
#[case::tag_of_12(Form::Gcm { key_length: 32, iv_length: 12 }, "tag", Some(Value::B(vec![1; 12])), "damaged: db version 0000000000000000001: attribute tag")]
#[case::tag_of_15(Form::Gcm { key_length: 32, iv_length: 12 }, "tag", Some(Value::B(vec![1; 15])), "damaged: db version 0000000000000000001: attribute tag")]
#[case::tag_of_17(Form::Gcm { key_length: 32, iv_length: 12 }, "tag", Some(Value::B(vec![1; 17])), "damaged: db version 0000000000000000001: attribute tag")]
#[case::another_tag(Form::Gcm { key_length: 32, iv_length: 12 }, "tag", Some(Value::B(vec![1; 16])), "does-not-open: db version 0000000000000000001: version 0000000000000000001 of db is not what was written: its tag differs")]
#[case::empty_iv(Form::Gcm { key_length: 32, iv_length: 12 }, "iv", Some(Value::B(vec![])), "damaged: db version 0000000000000000001: attribute iv")]
#[case::no_hmac(
    Form::CREDSMASH,
    "hmac",
    None,
    "damaged: db version 0000000000000000001: attribute hmac"
)]
#[case::short_hmac(Form::CREDSMASH, "hmac", Some(Value::B(vec![1; 16])), "damaged: db version 0000000000000000001: attribute hmac")]
#[case::no_hmac_legacy(
    Form::CREDSTASH,
    "hmac",
    None,
    "damaged: db version 0000000000000000001: attribute hmac"
)]
#[case::short_hmac_legacy(
    Form::CREDSTASH,
    "hmac",
    Some(Value::s("abcd")),
    "damaged: db version 0000000000000000001: attribute hmac"
)]
#[case::another_hmac(Form::CREDSTASH, "hmac", Some(Value::s("ab".repeat(32))), "does-not-open: db version 0000000000000000001: version 0000000000000000001 of db is not what was written: its HMAC differs")]
#[case::spaces_round_the_hmac(Form::CREDSTASH, "hmac", Some(Value::s(format!(" {}", "ab".repeat(32)))), "damaged: db version 0000000000000000001: attribute hmac")]
#[case::contents_not_base64(
    Form::CREDSTASH,
    "contents",
    Some(Value::s("***")),
    "damaged: db version 0000000000000000001: attribute contents"
)]
#[case::key_of_another_type(
    Form::CREDSTASH,
    "key",
    Some(Value::n(1)),
    "damaged: db version 0000000000000000001: attribute key"
)]
#[case::unknown_algorithm(
    Form::CREDSMASH,
    "algorithm",
    Some(Value::s("rot13")),
    "damaged: db version 0000000000000000001: attribute algorithm"
)]
#[case::unknown_digest(
    Form::CREDSTASH,
    "digest",
    Some(Value::s("CRC32")),
    "unknown-digest: db version 0000000000000000001: CRC32"
)]
#[case::empty_digest(
    Form::CREDSTASH,
    "digest",
    Some(Value::s("")),
    "unknown-digest: db version 0000000000000000001: "
)]
#[tokio::test]
async fn what_proves_less_than_it_must_is_told(
    #[case] form: Form,
    #[case] attribute: &str,
    #[case] changed: Option<Value>,
    #[case] finding: &str,
) {
    let ground = Ground::new().await;
    ground.put_as("db", ONE, "value", &sealing(form)).await;
    ground.change(("db", ONE), attribute, changed).await;
    let told = examined(&ground).await;
    assert!(told.contains(&finding.to_owned()), "{told:?}");
}

/// Case 3: what the old programs read is no finding.
#[tokio::test]
async fn an_hmac_in_upper_case_or_as_text_is_in_order() {
    let ground = Ground::new().await;
    ground.put("db", ONE, "value").await;
    let Value::B(hex) = ground.row("db", ONE).await["hmac"].clone() else {
        panic!("credstash stores bytes");
    };
    let text = String::from_utf8(hex).unwrap();
    for value in [
        Value::s(text.clone()),
        Value::s(text.to_uppercase()),
        Value::B(text.to_uppercase().into_bytes()),
    ] {
        ground.change(("db", ONE), "hmac", Some(value)).await;
        assert_eq!(examined(&ground).await, [""; 0]);
    }
    let gcm = |iv_length| {
        sealing(Form::Gcm {
            key_length: 32,
            iv_length,
        })
    };
    let ground = Ground::new().await;
    ground.put_as("eight", ONE, "v", &gcm(8)).await;
    ground.put_as("sixteen", ONE, "v", &gcm(16)).await;
    assert_eq!(examined(&ground).await, [""; 0]);
}

/// Case 4.
#[rstest]
#[case::md5(Hash::Md5, "MD5")]
#[case::sha1(Hash::Sha1, "SHA")]
#[tokio::test]
async fn a_weak_digest_is_told_and_read(#[case] hash: Hash, #[case] name: &str) {
    let ground = Ground::new().await;
    let form = Form::Legacy {
        hash,
        hex_bytes: true,
    };
    ground.put_as("db", ONE, "value", &sealing(form)).await;
    assert_eq!(
        examined(&ground).await,
        [format!("weak-digest: db version {ONE}: {name}")]
    );
    assert_eq!(ground.read("db").await, "value");
}

/// Case 5.
#[tokio::test]
async fn a_wrapped_key_of_another_row_or_another_context_is_told() {
    let ground = Ground::new().await;
    ground.put("db", ONE, "d").await;
    ground.put("web", ONE, "w").await;
    let sealing = Sealing {
        context: EncryptionContext::new([("env", "prod")]),
        ..sealing(Form::CREDSTASH)
    };
    ground.put_as("other", ONE, "o", &sealing).await;
    let key = ground.row("web", ONE).await["key"].clone();
    ground.change(("db", ONE), "key", Some(key)).await;
    assert_eq!(
        examined(&ground).await,
        [
            format!("copied-key: db version {ONE}, web version {ONE}"),
            format!(
                "does-not-open: db version {ONE}: version {ONE} of db is not what was written: its HMAC differs"
            ),
            format!(
                "does-not-open: other version {ONE}: the wrapped key does not open under this encryption context"
            ),
        ]
    );
}

/// Case 5: a key that is disabled, and one that the caller has no right to, beside rows that open.
#[rstest]
#[case::disabled(KeyError::Unusable("DisabledException: k is disabled.".into()), "master key unusable: DisabledException: k is disabled.")]
#[case::denied(KeyError::Denied("kms:Decrypt".into()), "missing permission kms:Decrypt")]
#[tokio::test]
async fn rows_whose_key_cannot_be_used_are_told_and_the_others_are_examined(
    #[case] refusal: KeyError,
    #[case] why: &str,
) {
    let ground = Ground::new().await;
    ground.put("db", ONE, "one").await;
    ground.put("db", TWO, "two").await;
    ground.put("web", ONE, "w").await;
    let mut wrapped = Vec::new();
    for version in [ONE, TWO] {
        let row = ground.row("db", version).await;
        wrapped.push(stash::Record::of(&row).unwrap().sealed.key);
    }
    let ports = stash::Ports {
        table: Arc::clone(&ground.table),
        keys: Arc::new(Refusing {
            inner: Arc::clone(&ground.keys) as _,
            wrapped,
            refusal,
        }),
        clock: ground.world.clock(),
        random: ground.world.random(),
    };
    let secrets = stash::Secrets::new(ports, ground.name.clone());
    let context = EncryptionContext::default();
    let asked = Examine {
        open: Some(&context),
        manifest: None,
    };
    let examined = examine(&secrets, asked, &|_| ()).await.unwrap();
    assert_eq!(
        told(&examined),
        [
            format!("does-not-open: db version {ONE}: {why}"),
            format!("does-not-open: db version {TWO}: {why}"),
        ]
    );
}

/// Refuses to open some keys.
struct Refusing {
    inner: Arc<dyn KeyService>,
    wrapped: Vec<Vec<u8>>,
    refusal: KeyError,
}

#[async_trait::async_trait]
impl KeyService for Refusing {
    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Unwrapped, KeyError> {
        match self.wrapped.contains(&wrapped.0) {
            true => Err(self.refusal.clone()),
            false => self.inner.unwrap(wrapped, context).await,
        }
    }

    async fn generate(
        &self,
        master: &str,
        bytes: usize,
        context: &EncryptionContext,
    ) -> Result<(DataKey, WrappedKey), KeyError> {
        self.inner.generate(master, bytes, context).await
    }

    async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        self.inner.wrap(master, key, context).await
    }

    async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.inner.random(bytes).await
    }

    async fn describe(&self, master: &str) -> Result<MasterKey, KeyError> {
        self.inner.describe(master).await
    }
}

/// Case 6: a large row, an empty value and one that is no text.
#[tokio::test]
async fn a_row_near_the_limit_is_told_and_odd_values_are_in_order() {
    let ground = Ground::new().await;
    let secrets = ground.calm();
    let bytes = keep::Plaintext::new(Box::from([0xFF, 0x00, 0xFE].as_slice()));
    let sealing = sealing(Form::CREDSTASH);
    secrets
        .put(&secret("bytes"), &stash::Version::of(1), &bytes, &sealing)
        .await
        .unwrap();
    ground.put("empty", ONE, "").await;
    ground.put("large", ONE, &"x".repeat(300_000)).await;
    let told = examined(&ground).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(&format!("large: large version {ONE}: 400")),
        "{told:?}"
    );
}

/// Case 7.
#[tokio::test]
async fn unpadded_and_odd_versions_are_told_and_which_is_read() {
    let ground = Ground::new().await;
    for version in ["9", "10", ONE, &v(10), "rel"] {
        ground.put("db", version, version).await;
    }
    for version in ["9", "10"] {
        ground.put("web", version, version).await;
    }
    assert_eq!(ground.read("web").await, "9");
    assert_eq!(
        examined(&ground).await,
        [
            "wrong-newest: web: 9 is read, 10 was written after it".to_owned(),
            format!("two-texts: db version {}, 10", v(10)),
            "unpadded: db version 10, 9".to_owned(),
            "unpadded: web version 10, 9".to_owned(),
            "not-numbers: db version rel".to_owned(),
        ]
    );
}

#[tokio::test]
async fn forms_that_credstash_does_not_read_are_told_beside_its_own() {
    let ground = Ground::new().await;
    ground.put("a", ONE, "a").await;
    ground
        .put_as("b", ONE, "b", &sealing(Form::CREDSMASH))
        .await;
    let gcm = Form::Gcm {
        key_length: 32,
        iv_length: 12,
    };
    ground.put_as("c", ONE, "c", &sealing(gcm)).await;
    assert_eq!(
        examined(&ground).await,
        ["mixed-forms: 1 rows are aes-ctr and 1 aes-gcm, beside 1 that both programs read"]
    );
}

#[tokio::test]
async fn every_kind_has_its_word() {
    let kinds: std::collections::BTreeSet<_> = stash::Finding::KINDS.iter().collect();
    assert_eq!(kinds.len(), stash::Finding::KINDS.len());
    let finding = stash::Finding::Gone {
        name: "n".to_owned(),
        was: "1".to_owned(),
    };
    let json = serde_json::to_value(&finding).unwrap();
    assert_eq!(json["finding"], finding.kind());
}
