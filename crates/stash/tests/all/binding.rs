//! Values that open in their own place only.

use keep::{EncryptionContext, KeyError};
use rstest::rstest;
use stash::{BOUND_NAME, BOUND_VERSION, Binding, Error, Form, Place, Record, Version, bound};

use crate::ground::{Ground, sealing, v};
use crate::house::{secret, value};

fn context() -> EncryptionContext {
    EncryptionContext::new([("env", "prod")])
}

fn sealed_so(form: Form) -> stash::Sealing {
    stash::Sealing {
        context: context(),
        ..sealing(form)
    }
}

async fn open(ground: &Ground, name: &str, binding: Binding) -> Result<String, Error> {
    let secrets = ground.calm().with_binding(binding);
    let record = secrets.newest(&secret(name)).await?.unwrap();
    let opened = secrets.open(&record, &context()).await?;
    Ok(String::from_utf8(opened.expose().to_vec()).unwrap())
}

fn does_not_open(result: &Result<String, Error>) -> bool {
    matches!(
        result,
        Err(Error::Key {
            source: KeyError::DoesNotOpen,
            ..
        })
    )
}

#[rstest]
#[case::legacy(Form::CREDSTASH)]
#[case::ctr(Form::CREDSMASH)]
#[case::gcm(Form::Gcm { key_length: 32, iv_length: 12 })]
#[tokio::test]
async fn a_bound_value_opens_in_its_place_and_in_no_other(#[case] form: Form) {
    let ground = Ground::new().await;
    let binding = Binding::Bound;
    ground
        .put_bound("db", &v(1), "old", &sealed_so(form), binding)
        .await;
    ground
        .put_bound("db", &v(2), "new", &sealed_so(form), binding)
        .await;
    // No flag is needed for reading: the row says that it is bound.
    for binding in [Binding::AsMarked, Binding::Bound, Binding::Required] {
        assert_eq!(open(&ground, "db", binding).await.unwrap(), "new");
    }
    // To another name, and to a higher version of its own.
    ground.copy_row(("db", &v(1)), ("other", &v(1))).await;
    ground.copy_row(("db", &v(1)), ("db", &v(3))).await;
    for name in ["other", "db"] {
        for binding in [Binding::AsMarked, Binding::Bound, Binding::Required] {
            let opened = open(&ground, name, binding).await;
            assert!(does_not_open(&opened), "{name} {binding:?}: {opened:?}");
        }
    }
    // The mark taken off makes it no better.
    ground.change(("db", &v(3)), "context", None).await;
    for binding in [Binding::AsMarked, Binding::Bound, Binding::Required] {
        assert!(does_not_open(&open(&ground, "db", binding).await));
    }
}

#[tokio::test]
async fn strict_refuses_what_is_not_bound_even_when_it_says_so() {
    let ground = Ground::new().await;
    let plain = sealed_so(Form::CREDSTASH);
    ground.put_as("db", &v(1), "plain", &plain).await;
    assert_eq!(
        open(&ground, "db", Binding::AsMarked).await.unwrap(),
        "plain"
    );
    assert_eq!(open(&ground, "db", Binding::Bound).await.unwrap(), "plain");
    assert!(does_not_open(&open(&ground, "db", Binding::Required).await));
    let names = [BOUND_NAME, BOUND_VERSION].map(str::to_owned);
    let mark = keep::Value::Ss(names.into());
    ground.change(("db", &v(1)), "context", Some(mark)).await;
    assert!(does_not_open(&open(&ground, "db", Binding::Required).await));
}

#[tokio::test]
async fn an_old_program_reads_a_bound_value_under_the_two_pairs() {
    let ground = Ground::new().await;
    let secrets = ground.calm().with_binding(Binding::Bound);
    let sealing = sealed_so(Form::CREDSTASH);
    let stored = secrets
        .put_next(&secret("db"), &value("v"), &sealing, true)
        .await
        .unwrap();
    let place = Place {
        name: secret("db"),
        version: stored.version,
    };
    let mut item = ground.row("db", &v(1)).await;
    // It passes over the attribute, and gives all pairs itself.
    item.remove("context");
    let record = Record::of(&item).unwrap();
    let pairs = EncryptionContext::new([
        ("env", "prod"),
        ("keepward:name", "db"),
        ("keepward:version", "0000000000000000001"),
    ]);
    assert_eq!(bound(&context(), &place), pairs);
    let opened = ground.calm().open(&record, &pairs).await.unwrap();
    assert_eq!(opened.expose(), b"v");
}

#[tokio::test]
async fn each_of_several_versions_put_in_turn_is_bound_to_its_own() {
    let ground = Ground::new().await;
    let secrets = ground.calm().with_binding(Binding::Required);
    let sealing = sealed_so(Form::CREDSTASH);
    for number in 1..=3 {
        let value = value(&number.to_string());
        let stored = secrets
            .put_next(&secret("db"), &value, &sealing, true)
            .await
            .unwrap();
        assert_eq!(stored.version, Version::of(number));
        let again = secrets
            .put_next(&secret("db"), &value, &sealing, true)
            .await
            .unwrap();
        assert!(!again.changed);
    }
    assert_eq!(open(&ground, "db", Binding::Required).await.unwrap(), "3");
}
