//! What a keyring promises, file and keys.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::SystemRandom;

fn keyring(place: &tempfile::TempDir) -> Keyring {
    Keyring::open_or_create(&place.path().join("keyring.json"), Arc::new(SystemRandom)).unwrap()
}

fn context(name: &str) -> EncryptionContext {
    EncryptionContext::new([("name", name)])
}

#[tokio::test]
async fn a_wrapped_key_opens_under_its_own_context_only() {
    let keys = keyring(&tempfile::tempdir().unwrap());
    let (key, wrapped) = keys
        .generate("alias/keepward", 64, &context("a"))
        .await
        .unwrap();
    assert_eq!(key.expose().len(), 64);
    let opened = keys.unwrap(&wrapped, &context("a")).await.unwrap();
    assert!(opened.key.expose() == key.expose());
    assert_eq!(
        opened.master,
        keys.describe("alias/keepward").await.unwrap()
    );
    for other in [context("b"), EncryptionContext::default()] {
        assert_eq!(
            keys.unwrap(&wrapped, &other).await.err(),
            Some(KeyError::DoesNotOpen)
        );
    }
}

#[tokio::test]
async fn a_wrapped_key_with_any_bit_flipped_does_not_open() {
    let keys = keyring(&tempfile::tempdir().unwrap());
    let (_, wrapped) = keys
        .generate("alias/keepward", 32, &context("a"))
        .await
        .unwrap();
    for position in 0..wrapped.0.len() {
        for bit in 0..8 {
            let mut damaged = wrapped.clone();
            damaged.0[position] ^= 1 << bit;
            let opened = keys.unwrap(&damaged, &context("a")).await;
            assert_eq!(
                opened.err(),
                Some(KeyError::DoesNotOpen),
                "byte {position} bit {bit}"
            );
        }
    }
}

#[tokio::test]
async fn after_a_rotation_the_new_key_wraps_and_the_old_ones_still_open() {
    let place = tempfile::tempdir().unwrap();
    let keys = keyring(&place);
    let first = keys.describe("alias/keepward").await.unwrap();
    let (key, wrapped) = keys
        .generate("alias/keepward", 32, &context("a"))
        .await
        .unwrap();
    let second = keys.rotate().unwrap();
    assert_ne!(first, second);
    let reopened = keyring(&place);
    for keys in [&keys, &reopened] {
        let opened = keys.unwrap(&wrapped, &context("a")).await.unwrap();
        assert!(opened.key.expose() == key.expose());
        assert_eq!(opened.master, first);
        assert_eq!(keys.describe("anything else").await.unwrap(), second);
        let under_new = keys
            .wrap("alias/keepward", &key, &context("a"))
            .await
            .unwrap();
        assert_eq!(
            keys.unwrap(&under_new, &context("a")).await.unwrap().master,
            second
        );
        // An old key can still be asked for by its full name.
        let under_old = keys.wrap(&first.0, &key, &context("a")).await.unwrap();
        assert_eq!(
            keys.unwrap(&under_old, &context("a")).await.unwrap().master,
            first
        );
    }
}

#[tokio::test]
async fn a_full_name_that_is_not_in_the_ring_is_no_alias() {
    let keys = keyring(&tempfile::tempdir().unwrap());
    let unknown = KeyError::NoSuchKey("keyring:0011".into());
    assert_eq!(keys.describe("keyring:0011").await, Err(unknown.clone()));
    assert_eq!(
        keys.generate("keyring:0011", 32, &context("a")).await.err(),
        Some(unknown)
    );
}

#[tokio::test]
async fn a_key_of_another_ring_does_not_open() {
    let ours = keyring(&tempfile::tempdir().unwrap());
    let theirs = keyring(&tempfile::tempdir().unwrap());
    let (_, wrapped) = theirs
        .generate("alias/keepward", 32, &context("a"))
        .await
        .unwrap();
    assert_eq!(
        ours.unwrap(&wrapped, &context("a")).await.err(),
        Some(KeyError::DoesNotOpen)
    );
}

#[rstest::rstest]
#[case::group_reads(0o640)]
#[case::world_reads(0o604)]
#[case::group_writes(0o620)]
#[case::all(0o777)]
fn refuses_a_wider_mode_and_says_what_to_run(#[case] mode: u32) {
    let place = tempfile::tempdir().unwrap();
    drop(keyring(&place));
    let path = place.path().join("keyring.json");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let told = Keyring::open_or_create(&path, Arc::new(SystemRandom))
        .unwrap_err()
        .to_string();
    assert!(
        told.contains(&format!("chmod 600 '{}'", path.display())),
        "{told}"
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    Keyring::open_or_create(&path, Arc::new(SystemRandom)).unwrap();
}

#[test]
fn refuses_a_link_and_leaves_its_target_alone() {
    let place = tempfile::tempdir().unwrap();
    drop(keyring(&place));
    let link = place.path().join("link.json");
    symlink(place.path().join("keyring.json"), &link).unwrap();
    let refused = Keyring::open_or_create(&link, Arc::new(SystemRandom));
    assert!(
        matches!(refused, Err(LocalError::WrongKind { .. })),
        "{refused:?}"
    );
    let dangling = place.path().join("dangling.json");
    symlink(place.path().join("nowhere"), &dangling).unwrap();
    assert!(Keyring::open_or_create(&dangling, Arc::new(SystemRandom)).is_err());
    assert!(!place.path().join("nowhere").exists());
}

#[test]
fn refuses_a_file_of_another_user() {
    let place = tempfile::tempdir().unwrap();
    drop(keyring(&place));
    let ours = place.path().join("keyring.json");
    // Root can give a file away; anybody else finds one that is not theirs.
    let path = match std::os::unix::fs::chown(&ours, Some(12_345), None) {
        Ok(()) => ours.as_path(),
        Err(_) => Path::new("/etc/passwd"),
    };
    let refused = Keyring::open_or_create(path, Arc::new(SystemRandom));
    assert!(
        matches!(refused, Err(LocalError::ForeignOwner { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_crash_before_the_rename_leaves_the_old_ring_and_a_later_rotation_works() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keyring.json");
    let keys = keyring(&place);
    let (_, wrapped) = keys
        .generate("alias/keepward", 32, &context("a"))
        .await
        .unwrap();
    let before = fs::read(&path).unwrap();
    // What `rotate` does up to the crash, and then a torn file as a worse crash leaves it.
    private_file::write_beside(
        &path,
        &keys
            .ring()
            .with_new_primary(&SystemRandom)
            .print(&path)
            .unwrap(),
    )
    .unwrap();
    for leftover in [None, Some("{\"keepward_key")] {
        if let Some(torn) = leftover {
            fs::write(place.path().join(".keyring.json.new"), torn).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), before);
        keyring(&place)
            .unwrap(&wrapped, &context("a"))
            .await
            .unwrap();
    }
    let reopened = keyring(&place);
    reopened.rotate().unwrap();
    assert!(!place.path().join(".keyring.json.new").exists());
    keyring(&place)
        .unwrap(&wrapped, &context("a"))
        .await
        .unwrap();
}

#[rstest::rstest]
#[case::empty("")]
#[case::torn("{\"keepward_keyring\": 1, \"primary\": \"a\"")]
#[case::newer("{\"keepward_keyring\": 2, \"primary\": \"a\", \"keys\": []}")]
#[case::no_primary("{\"keepward_keyring\": 1, \"primary\": \"a\", \"keys\": []}")]
#[case::short_key(
    "{\"keepward_keyring\": 1, \"primary\": \"a\", \"keys\": [{\"id\": \"a\", \"key\": \"c2VjcmV0LW1hcms=\"}]}"
)]
fn a_damaged_file_is_refused_without_quoting_it(#[case] text: &str) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keyring.json");
    private_file::replace(&path, text.as_bytes()).unwrap();
    let refused = Keyring::open_or_create(&path, Arc::new(SystemRandom)).unwrap_err();
    assert!(matches!(refused, LocalError::Damaged { .. }), "{refused:?}");
    assert!(
        !format!("{refused} {refused:?}").contains("c2Vj"),
        "{refused}"
    );
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        text,
        "a damaged ring is never replaced"
    );
}

#[test]
fn debug_shows_no_key() {
    let place = tempfile::tempdir().unwrap();
    let keys = keyring(&place);
    let shown = format!("{keys:?}");
    let stored = fs::read_to_string(place.path().join("keyring.json")).unwrap();
    let key = stored
        .split('"')
        .find(|part| part.len() == 44)
        .expect("the key's base64 text");
    assert!(!shown.contains(key) && !shown.contains("keys"), "{shown}");
}
