//! What the kernel keeps in memory: one call for many readers, and never another's value.

use std::sync::Arc;
use std::time::Duration;

use domain::{PrincipalKind, Verb};
use futures_util::future::join_all;
use keep::simulator::MemoryKeys;
use keep::{AuditMode, EncryptionContext, KeyError, Limits, Plaintext, WrappedKey};

use crate::house::{House, ask};

fn context(id: &str) -> EncryptionContext {
    EncryptionContext::new([("id", id)])
}

async fn wrapped(house: &House, id: &str) -> WrappedKey {
    let permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Create))
        .unwrap();
    let key = permit.random(32).await.unwrap();
    permit
        .wrap(MemoryKeys::ALIAS, &key, &context(id))
        .await
        .unwrap()
}

/// So many readers of one key at once, each with its own permit.
async fn readers(
    house: &Arc<House>,
    count: usize,
    wrapped: &WrappedKey,
) -> Vec<Result<(), KeyError>> {
    let tasks = (0..count).map(|_| {
        let (house, wrapped) = (Arc::clone(house), wrapped.clone());
        tokio::spawn(async move {
            let permit = house
                .keep
                .permit(ask(PrincipalKind::User, Verb::Read))
                .unwrap();
            permit.unwrap(&wrapped, &context("c1")).await.map(drop)
        })
    });
    join_all(tasks)
        .await
        .into_iter()
        .map(|task| task.unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_first_reads_of_one_key_make_one_call() {
    let house = Arc::new(House::new(AuditMode::Required).await);
    let wrapped = wrapped(&house, "c1").await;
    let answers = readers(&house, 1_000, &wrapped).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(house.keys.unwrap_calls(), 1);
    readers(&house, 10, &wrapped).await;
    assert_eq!(house.keys.unwrap_calls(), 1);
    // Each of them was decided and recorded all the same.
    assert_eq!(
        house
            .audit
            .lines()
            .iter()
            .filter(|line| line.contains("credential.read"))
            .count(),
        1_010
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reads_of_a_key_that_fails_are_told_and_the_failure_is_not_kept() {
    let house = Arc::new(House::new(AuditMode::Required).await);
    let wrapped = wrapped(&house, "c1").await;
    house.keys.fail(true);
    let answers = readers(&house, 1_000, &wrapped).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(KeyError::Unavailable(_))))
    );
    house.keys.fail(false);
    let before = house.keys.unwrap_calls();
    assert!(
        readers(&house, 1_000, &wrapped)
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(house.keys.unwrap_calls(), before + 1);
}

#[tokio::test]
async fn a_kept_key_proves_its_context_like_a_call_does() {
    let house = House::new(AuditMode::Required).await;
    let wrapped = wrapped(&house, "c1").await;
    let permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Read))
        .unwrap();
    permit
        .unwrap(&wrapped, &context("c1"))
        .await
        .map(drop)
        .unwrap();
    let refused = permit.unwrap(&wrapped, &context("c2")).await.map(drop);
    assert_eq!(refused, Err(KeyError::DoesNotOpen));
}

#[tokio::test]
async fn a_remembered_key_saves_its_first_reader_the_call() {
    let house = House::new(AuditMode::Required).await;
    let permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Create))
        .unwrap();
    let key = permit.random(32).await.unwrap();
    let bytes = key.expose().to_vec();
    let wrapped = permit
        .wrap(MemoryKeys::ALIAS, &key, &context("c1"))
        .await
        .unwrap();
    permit
        .remember(&wrapped, &context("c1"), key, "memory:test")
        .await;
    let opened = permit
        .unwrap(&wrapped, &context("c1"))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(opened.key.expose() == bytes.as_slice());
    assert_eq!(house.keys.unwrap_calls(), 0);
}

#[tokio::test]
async fn keys_and_values_are_dropped_after_their_life() {
    let short = Duration::from_millis(1);
    let limits = Limits {
        data_key_life: short,
        opened_life: short,
        ..Limits::default()
    };
    let house = House::with(
        AuditMode::Required,
        limits,
        keep::simulator::MemoryAudit::new("server"),
    )
    .await;
    let wrapped = wrapped(&house, "c1").await;
    let permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Read))
        .unwrap();
    permit
        .unwrap(&wrapped, &context("c1"))
        .await
        .map(drop)
        .unwrap();
    // The caches' own time is real time; it passes while other keys are opened.
    for _ in 0..1_000_000 {
        permit
            .unwrap(&wrapped, &context("c1"))
            .await
            .map(drop)
            .unwrap();
        if house.keys.unwrap_calls() > 1 {
            house.keep.sweep().await;
            return;
        }
    }
    panic!("kept for ever");
}

/// Opens by handing out this text; counts nothing, so that the caller can.
async fn opened(
    house: &House,
    ciphertext: &[u8],
    wrapped: &[u8],
    id: &str,
    text: &str,
) -> Result<String, KeyError> {
    let permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Read))
        .unwrap();
    let value = async { Ok::<_, KeyError>(Plaintext::new(text.as_bytes().into())) };
    let value = permit
        .opened(
            ciphertext,
            &WrappedKey(wrapped.to_vec()),
            &context(id),
            value,
        )
        .await?;
    Ok(String::from_utf8(value.expose().to_vec()).unwrap())
}

#[tokio::test]
async fn an_opened_value_is_found_by_ciphertext_key_and_context_together() {
    let house = House::new(AuditMode::Required).await;
    assert!(house.keep.keeps_opened_values());
    assert_eq!(
        opened(&house, b"cipher", b"key", "c1", "first")
            .await
            .unwrap(),
        "first"
    );
    assert_eq!(
        opened(&house, b"cipher", b"key", "c1", "not asked")
            .await
            .unwrap(),
        "first"
    );
    // An old writer used the id and the revision again: other ciphertext or key, another value.
    assert_eq!(
        opened(&house, b"cipher2", b"key", "c1", "second")
            .await
            .unwrap(),
        "second"
    );
    assert_eq!(
        opened(&house, b"cipher", b"key2", "c1", "third")
            .await
            .unwrap(),
        "third"
    );
    assert_eq!(
        opened(&house, b"cipher", b"key", "c2", "fourth")
            .await
            .unwrap(),
        "fourth"
    );
    // The parts do not run into each other.
    assert_eq!(
        opened(&house, b"cipherk", b"ey", "c1", "fifth")
            .await
            .unwrap(),
        "fifth"
    );
}

#[tokio::test]
async fn a_value_that_does_not_open_is_not_kept() {
    let house = House::new(AuditMode::Required).await;
    let permit = house
        .keep
        .permit(ask(PrincipalKind::User, Verb::Read))
        .unwrap();
    let fails = async { Err::<Plaintext, _>(KeyError::DoesNotOpen) };
    let answer = permit
        .opened(
            b"cipher",
            &WrappedKey(b"key".to_vec()),
            &context("c1"),
            fails,
        )
        .await;
    assert!(matches!(answer, Err(KeyError::DoesNotOpen)));
    assert_eq!(
        opened(&house, b"cipher", b"key", "c1", "now")
            .await
            .unwrap(),
        "now"
    );
}

#[tokio::test]
async fn opened_values_can_be_switched_off() {
    let limits = Limits {
        opened_life: Duration::ZERO,
        ..Limits::default()
    };
    let house = House::with(
        AuditMode::Required,
        limits,
        keep::simulator::MemoryAudit::new("server"),
    )
    .await;
    assert!(!house.keep.keeps_opened_values());
    assert_eq!(
        opened(&house, b"cipher", b"key", "c1", "first")
            .await
            .unwrap(),
        "first"
    );
    assert_eq!(
        opened(&house, b"cipher", b"key", "c1", "second")
            .await
            .unwrap(),
        "second"
    );
}
