//! Client keys: registered, used, revoked; and the file that holds the private half.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::{LoginMethod, Principal, PrincipalKind};
use futures_util::future::join_all;
use keep::Value;
use login::{
    ClientKey, ClientKeyError, ClientKeyFile, ClientKeyFileError, ClientKeyId, LoginRefused,
    NewClientKey, Refusal,
};
use proptest::prelude::*;
use rstest::rstest;

use crate::world::{TO, World, request};

const MINUTES_10: Duration = Duration::from_secs(600);

fn user(name: &str) -> Principal {
    Principal {
        kind: PrincipalKind::User,
        name: name.to_owned(),
        login: LoginMethod::ClientKey,
        account: None,
    }
}

fn new(file: &ClientKeyFile) -> NewClientKey {
    NewClientKey {
        public_key: file.public_key().as_bytes().to_vec(),
        kind: file.kind,
        name: file.name.clone(),
        account: None,
        days: 90,
    }
}

async fn register(world: &World, kind: PrincipalKind, name: &str) -> ClientKeyFile {
    let file = world.file(kind, name);
    world
        .client_keys
        .issue(&user("operator"), &request(), &new(&file))
        .await
        .expect("registered");
    file
}

fn mint(world: &World, file: &ClientKeyFile) -> (String, String) {
    let (username, token) = file
        .mint(&**world.keep.clock(), MINUTES_10)
        .expect("a token");
    (username, token.expose().to_owned())
}

#[tokio::test]
async fn a_registered_key_proves_its_principal() {
    let world = World::new();
    for (kind, name, expected) in [
        (PrincipalKind::Service, "svc-a", "2/service/svc-a"),
        (PrincipalKind::User, "bob", "2/user/bob"),
    ] {
        let (username, token) = mint(&world, &register(&world, kind, name).await);
        assert_eq!(username, expected);
        let proven = Principal {
            kind,
            name: name.to_owned(),
            login: LoginMethod::ClientKey,
            account: None,
        };
        let standard = STANDARD.encode(URL_SAFE_NO_PAD.decode(&token).expect("base64"));
        for token in [&token, &token, &standard] {
            assert_eq!(world.prove(&username, token).await, Ok(proven.clone()));
        }
    }
    assert_eq!(world.kms.count(), 0);
}

#[tokio::test]
async fn a_key_of_an_account_proves_the_account() {
    let world = World::new();
    let file = world.file(PrincipalKind::Service, "svc-a");
    let registered = NewClientKey {
        account: Some("sandbox".to_owned()),
        ..new(&file)
    };
    world
        .client_keys
        .issue(&user("operator"), &request(), &registered)
        .await
        .expect("registered");
    let (username, token) = mint(&world, &file);
    assert_eq!(
        world.prove(&username, &token).await.map(|who| who.account),
        Ok(Some("sandbox".to_owned()))
    );
}

#[rstest]
#[case::the_only_writer(false)]
#[case::one_of_many_writers(true)]
#[tokio::test]
async fn a_revoked_key_is_refused_by_the_next_request(#[case] shared: bool) {
    let world = World::new();
    world.table.shared.store(shared, Ordering::SeqCst);
    let file = register(&world, PrincipalKind::Service, "svc-a").await;
    let (username, token) = mint(&world, &file);
    for _ in 0..3 {
        assert!(world.prove(&username, &token).await.is_ok());
    }
    world
        .client_keys
        .revoke(&user("operator"), &request(), &file.id())
        .await
        .expect("revoked");
    assert_eq!(
        world.prove(&username, &token).await,
        Err(LoginRefused::UnknownClientKey(file.id().to_string()))
    );
    assert!(
        world
            .table
            .ids()
            .iter()
            .all(|id| id.starts_with("kw/event/")),
        "nothing but events stays behind"
    );
}

#[tokio::test]
async fn the_look_up_costs_a_read_only_when_something_was_written() {
    let world = World::new();
    let file = register(&world, PrincipalKind::Service, "svc-a").await;
    let (username, token) = mint(&world, &file);
    let reads_of = async |times: u32| {
        let before = world.table.reads.load(Ordering::SeqCst);
        for _ in 0..times {
            assert!(world.prove(&username, &token).await.is_ok());
        }
        world.table.reads.load(Ordering::SeqCst) - before
    };
    assert_eq!(reads_of(100).await, 1);
    assert_eq!(reads_of(100).await, 0);
    register(&world, PrincipalKind::Service, "svc-b").await;
    assert_eq!(reads_of(100).await, 1);
    world.table.shared.store(true, Ordering::SeqCst);
    assert_eq!(reads_of(100).await, 100);
}

#[tokio::test]
async fn a_token_counts_within_its_time_and_the_time_of_its_key() {
    let world = World::new();
    let file = world.file(PrincipalKind::Service, "svc-a");
    world
        .client_keys
        .issue(
            &user("operator"),
            &request(),
            &NewClientKey {
                days: 1,
                ..new(&file)
            },
        )
        .await
        .expect("registered");
    let (username, token) = mint(&world, &file);
    assert!(world.prove(&username, &token).await.is_ok());
    world.clock.pass(Duration::from_secs(420));
    assert!(world.prove(&username, &token).await.is_ok());
    world.clock.pass(Duration::from_secs(1));
    assert_eq!(
        world.prove(&username, &token).await,
        Err(LoginRefused::Expired {
            seconds: 1,
            grace: 0
        })
    );

    world.clock.pass(Duration::from_secs(86_400 - 421));
    let (_, token) = mint(&world, &file);
    assert!(world.prove(&username, &token).await.is_ok());
    world.clock.pass(Duration::from_secs(1));
    assert_eq!(
        world.prove(&username, &token).await,
        Err(LoginRefused::ClientKeyExpired(file.id().to_string()))
    );
}

#[tokio::test]
async fn the_limit_of_lifetimes_holds_for_client_keys_too() {
    let world = World::new();
    let file = register(&world, PrincipalKind::Service, "svc-a").await;
    for (seconds, passes) in [(3_600, true), (3_601, false), (86_400 + 600, false)] {
        let (username, token) = file
            .mint(&**world.keep.clock(), Duration::from_secs(seconds))
            .expect("a token");
        let got = world.prove(&username, token.expose()).await;
        assert_eq!(got.is_ok(), passes, "{seconds} s: {got:?}");
    }
}

#[tokio::test]
async fn a_token_is_of_one_name_one_type_and_one_server() {
    let world = World::new();
    let mut file = register(&world, PrincipalKind::Service, "svc-a").await;
    let (_, token) = mint(&world, &file);
    // Good first, so that what is remembered is tried as well.
    assert!(world.prove("2/service/svc-a", &token).await.is_ok());
    assert!(
        world.prove("svc-a", &token).await.is_ok(),
        "a bare name is a service"
    );
    for (username, expected) in [
        (
            "2/service/svc-b",
            mismatch("name", "svc-b", "token", "svc-a"),
        ),
        (
            "2/user/svc-a",
            mismatch("user_type", "user", "token", "service"),
        ),
        ("svc-b", mismatch("name", "svc-b", "token", "svc-a")),
        (
            "2/other/svc-a",
            mismatch("user_type", "other", "token", "service"),
        ),
    ] {
        assert_eq!(
            world.prove(username, &token).await,
            Err(expected),
            "{username}"
        );
    }
    file.to = Some("elsewhere".to_owned());
    let (username, token) = mint(&world, &file);
    assert_eq!(
        world.prove(&username, &token).await,
        Err(LoginRefused::WrongAudience {
            token: "\"elsewhere\"".to_owned(),
            here: format!("\"{TO}\""),
        })
    );
}

fn mismatch(field: &'static str, claimed: &str, proof: &'static str, proven: &str) -> LoginRefused {
    LoginRefused::NameMismatch {
        field,
        claimed: format!("\"{claimed}\""),
        proof,
        proven: format!("\"{proven}\""),
    }
}

#[tokio::test]
async fn a_key_speaks_for_nobody_but_its_registered_principal() {
    let world = World::new();
    let mut file = register(&world, PrincipalKind::Service, "svc-a").await;
    file.name = "svc-b".to_owned();
    let (username, token) = mint(&world, &file);
    assert_eq!(
        world.prove(&username, &token).await,
        Err(mismatch("name", "svc-b", "registered key", "svc-a"))
    );
    (file.name, file.kind) = ("svc-a".to_owned(), PrincipalKind::User);
    let (username, token) = mint(&world, &file);
    assert_eq!(
        world.prove(&username, &token).await,
        Err(mismatch("user_type", "user", "registered key", "service"))
    );
}

#[tokio::test]
async fn a_signature_of_another_registered_key_is_refused() {
    let world = World::new();
    let a = register(&world, PrincipalKind::Service, "svc-a").await;
    let mut b = register(&world, PrincipalKind::Service, "svc-b").await;
    b.name = "svc-a".to_owned();
    let (username, token) = mint(&world, &b);
    let mut token = URL_SAFE_NO_PAD.decode(token).expect("base64");
    token[5..21].copy_from_slice(&hex::decode(a.id().to_string()).expect("hex"));
    assert_eq!(
        world.prove(&username, &STANDARD.encode(&token)).await,
        Err(LoginRefused::BadSignature)
    );
}

#[tokio::test]
async fn a_damaged_or_exchanged_record_proves_nobody() {
    let world = World::new();
    let a = register(&world, PrincipalKind::Service, "svc-a").await;
    let b = register(&world, PrincipalKind::Service, "svc-b").await;
    let (username, token) = mint(&world, &a);
    assert!(world.prove(&username, &token).await.is_ok());
    let other = Value::B(b.public_key().as_bytes().to_vec());
    world
        .table
        .overwrite(&format!("kw/client-key/{}", a.id()), "public_key", other);
    assert_eq!(
        world.prove(&username, &token).await,
        Err(LoginRefused::ClientKeyDamaged(a.id().to_string()))
    );
}

#[tokio::test]
async fn a_table_out_of_reach_is_unavailable_and_not_a_refusal() {
    let world = World::new();
    let (username, token) = mint(
        &world,
        &register(&world, PrincipalKind::Service, "svc-a").await,
    );
    world.table.down.store(true, Ordering::SeqCst);
    for _ in 0..100 {
        let (_, token) = mint(&world, &world.file(PrincipalKind::Service, "svc-a"));
        let got = world.prove(&username, &token).await;
        assert_eq!(got.map_err(|why| why.refusal()), Err(Refusal::Unavailable));
    }
    world.table.down.store(false, Ordering::SeqCst);
    assert!(
        world.prove(&username, &token).await.is_ok(),
        "nothing was charged to the source"
    );
}

#[tokio::test]
async fn a_flood_of_unknown_keys_reads_the_table_a_bounded_number_of_times() {
    let world = World::new();
    let (username, token) = mint(
        &world,
        &register(&world, PrincipalKind::Service, "svc-a").await,
    );
    let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    assert!(world.prove_from(elsewhere, &username, &token).await.is_ok());
    let before = world.table.reads.load(Ordering::SeqCst);
    for _ in 0..1_000 {
        let (username, token) = mint(&world, &world.file(PrincipalKind::Service, "svc-a"));
        assert!(world.prove(&username, &token).await.is_err());
    }
    assert_eq!(world.table.reads.load(Ordering::SeqCst) - before, 50);
    assert!(
        world.prove(&username, &token).await.is_ok(),
        "a verified token is not held up by others of its source"
    );
}

#[tokio::test]
async fn keys_are_listed_by_kind_and_name_until_revoked() {
    let world = World::new();
    let mut files = Vec::new();
    for (kind, name) in [
        (PrincipalKind::Service, "b"),
        (PrincipalKind::User, "z"),
        (PrincipalKind::Service, "a"),
    ] {
        files.push(register(&world, kind, name).await);
    }
    let names = |keys: Vec<ClientKey>| keys.into_iter().map(|key| key.name).collect::<Vec<_>>();
    let listed = async || {
        world
            .client_keys
            .list(&user("operator"), &request())
            .await
            .map(names)
            .expect("a list")
    };
    assert_eq!(listed().await, ["z", "a", "b"]);
    world
        .client_keys
        .revoke(&user("operator"), &request(), &files[0].id())
        .await
        .expect("revoked");
    assert_eq!(listed().await, ["z", "a"]);
}

#[tokio::test]
async fn many_keys_registered_and_revoked_at_once_are_all_on_the_list_or_off_it() {
    let world = World::new();
    let (world, operator, request) = (&world, &user("operator"), &request());
    let files: Vec<_> = (0..24)
        .map(|n| world.file(PrincipalKind::Service, &format!("svc-{n:02}")))
        .collect();
    let registered = files
        .iter()
        .map(|file| async move { world.client_keys.issue(operator, request, &new(file)).await });
    assert!(join_all(registered).await.iter().all(Result::is_ok));
    assert_eq!(
        world
            .client_keys
            .list(operator, request)
            .await
            .expect("a list")
            .len(),
        24
    );
    let revoked = files[..20].iter().map(|file| async move {
        world
            .client_keys
            .revoke(operator, request, &file.id())
            .await
    });
    assert!(join_all(revoked).await.iter().all(Result::is_ok));
    assert_eq!(
        world
            .client_keys
            .list(operator, request)
            .await
            .expect("a list")
            .len(),
        4
    );
}

#[tokio::test]
async fn each_operation_is_exactly_one_audit_event_whatever_its_end() {
    let world = World::new();
    let file = world.file(PrincipalKind::Service, "svc-a");
    let (operator, bob) = (user("operator"), user("bob"));
    let unknown: ClientKeyId = "00".repeat(16).parse().expect("an id");
    let id = file.id();
    let bad = NewClientKey {
        days: 0,
        ..new(&file)
    };
    let keys = &world.client_keys;
    let request = &request();
    keys.issue(&bob, request, &new(&file))
        .await
        .expect_err("refused");
    keys.issue(&operator, request, &bad)
        .await
        .expect_err("bad input");
    keys.issue(&operator, request, &new(&file))
        .await
        .expect("registered");
    assert_eq!(
        keys.issue(&operator, request, &new(&file)).await,
        Err(ClientKeyError::AlreadyRegistered(id))
    );
    keys.list(&bob, request).await.expect_err("refused");
    keys.list(&operator, request).await.expect("a list");
    keys.revoke(&bob, request, &id).await.expect_err("refused");
    assert_eq!(
        keys.revoke(&operator, request, &unknown).await,
        Err(ClientKeyError::NotFound(unknown))
    );
    keys.revoke(&operator, request, &id).await.expect("revoked");
    world.table.down.store(true, Ordering::SeqCst);
    keys.list(&operator, request).await.expect_err("table down");
    keys.revoke(&operator, request, &id)
        .await
        .expect_err("table down");
    keys.issue(&operator, request, &new(&file))
        .await
        .expect_err("table down");

    let told: Vec<String> = world
        .lines()
        .iter()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
            let target = match text("target") {
                target if target == id.to_string() => "it".to_owned(),
                target if target == unknown.to_string() => "unknown".to_owned(),
                target => target,
            };
            format!(
                "{} {} {target} {} {}",
                text("who"),
                text("action"),
                text("outcome"),
                text("rule")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "bob client_key.create - refused no-rule",
            "operator client_key.create - failed bad-input",
            "operator client_key.create it allowed administrator-manages-client-keys",
            "operator client_key.create it failed already-registered",
            "bob client_key.list - refused no-rule",
            "operator client_key.list - allowed administrator-manages-client-keys",
            "bob client_key.delete it refused no-rule",
            "operator client_key.delete unknown failed not-found",
            "operator client_key.delete it allowed administrator-manages-client-keys",
            "operator client_key.list - failed table-unavailable",
            "operator client_key.delete it failed table-unavailable",
            "operator client_key.create - failed table-unavailable",
        ]
    );
}

#[rstest]
#[case::kind_other(|new: &mut NewClientKey| new.kind = PrincipalKind::Other, "kind")]
#[case::no_name(|new: &mut NewClientKey| new.name.clear(), "name")]
#[case::slash(|new: &mut NewClientKey| new.name = "a/b".to_owned(), "name")]
#[case::line_break(|new: &mut NewClientKey| new.name = "a\nb".to_owned(), "name")]
#[case::long_name(|new: &mut NewClientKey| new.name = "n".repeat(513), "name")]
#[case::empty_account(|new: &mut NewClientKey| new.account = Some(String::new()), "account")]
#[case::no_days(|new: &mut NewClientKey| new.days = 0, "days")]
#[case::many_days(|new: &mut NewClientKey| new.days = 3_651, "days")]
#[case::short_key(|new: &mut NewClientKey| new.public_key.truncate(31), "public_key")]
#[case::weak_key(|new: &mut NewClientKey| new.public_key = vec![0; 32], "public_key")]
#[tokio::test]
async fn a_wrong_field_is_named(#[case] spoil: fn(&mut NewClientKey), #[case] expected: &str) {
    let world = World::new();
    let mut new = new(&world.file(PrincipalKind::Service, "svc-a"));
    spoil(&mut new);
    match world
        .client_keys
        .issue(&user("operator"), &request(), &new)
        .await
    {
        Err(ClientKeyError::Invalid { field, .. }) => assert_eq!(field, expected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_operator_gets_in_once_and_for_all() {
    let world = World::new();
    let file = world.file(PrincipalKind::User, "operator");
    let (key, request) = (&file.public_key(), &request());
    for _ in 0..3 {
        assert_eq!(
            world
                .client_keys
                .ensure_operator(request, key, "operator")
                .await,
            Ok(file.id())
        );
    }
    assert_eq!(world.lines().len(), 1, "registered once");
    world.clock.pass(Duration::from_secs(100 * 365 * 86_400));
    let (username, token) = mint(&world, &file);
    let who = world.prove(&username, &token).await.expect("proven");
    assert!(world.client_keys.list(&who, request).await.is_ok());

    let other = world
        .client_keys
        .ensure_operator(request, key, "root")
        .await;
    assert_eq!(other, Err(ClientKeyError::AlreadyRegistered(file.id())));
    let stranger = world.file(PrincipalKind::User, "bob");
    let refused = world
        .client_keys
        .ensure_operator(request, &stranger.public_key(), "bob")
        .await;
    assert!(
        matches!(refused, Err(ClientKeyError::Refused(_))),
        "{refused:?}"
    );
}

#[test]
fn a_key_file_is_its_owners_alone_and_reads_back() {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.json");
    let mut file = world.file(PrincipalKind::Service, "svc-a");
    file.url = Some("http://127.0.0.1:1".to_owned());
    file.create(&path).expect("written");
    let read = ClientKeyFile::read(&path).expect("read");
    assert_eq!(
        (read.id(), read.kind, &*read.name),
        (file.id(), PrincipalKind::Service, "svc-a")
    );
    assert_eq!(
        (read.to.as_deref(), read.url.as_deref()),
        (Some(TO), Some("http://127.0.0.1:1"))
    );
    assert_eq!(mint(&world, &read), mint(&world, &file));
    assert!(
        matches!(file.create(&path), Err(ClientKeyFileError::Io("write", _))),
        "never replaced"
    );
}

#[cfg(unix)]
#[rstest]
#[case(0o640)]
#[case(0o604)]
#[case(0o620)]
fn a_key_file_that_others_can_read_is_refused(#[case] mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.json");
    World::new()
        .file(PrincipalKind::Service, "svc-a")
        .create(&path)
        .expect("written");
    assert_eq!(
        std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("changed");
    let told = ClientKeyFile::read(&path)
        .err()
        .map(|error| error.to_string());
    assert_eq!(
        told,
        Some(format!(
            "the file's mode is {mode:03o}, others can read it; make it 600"
        ))
    );
}

#[test]
fn a_file_that_is_too_large_or_absent_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.json");
    assert!(matches!(
        ClientKeyFile::read(&path),
        Err(ClientKeyFileError::Io("read", _))
    ));
    let mut file = World::new().file(PrincipalKind::Service, "svc-a");
    file.url = Some("u".repeat(20_000));
    assert!(matches!(
        file.create(&path),
        Err(ClientKeyFileError::DoesNotFit(_))
    ));
    assert!(!path.exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_flipped_bits_of_a_token_are_refused(
        flips in proptest::collection::btree_set(0_usize..136 * 8, 1..4),
        remembered: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new();
            let file = register(&world, PrincipalKind::Service, "svc-a").await;
            let (username, token) = mint(&world, &file);
            if remembered {
                assert!(world.prove(&username, &token).await.is_ok());
            }
            let mut token = URL_SAFE_NO_PAD.decode(token).expect("base64");
            assert_eq!(token.len(), 136);
            for bit in &flips {
                token[bit / 8] ^= 1 << (bit % 8);
            }
            let flipped = URL_SAFE_NO_PAD.encode(&token);
            assert!(world.prove(&username, &flipped).await.is_err(), "{flips:?}");
        });
    }
}
