//! Starting and stopping as an operator sees it.

use conformance::{Program, run};

use crate::world;

#[test]
fn a_stop_is_orderly_and_counts_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = world::embedded(Program::keepward(), &data)
        .serve()
        .expect("it starts");
    let said = server.stop();
    assert!(said.contains("panics=0"), "{said}");
    // Its segment is sealed, and the chain is right.
    let verified =
        run(world::embedded(Program::keepward(), &data).command(&["admin", "audit-verify"]));
    let told = String::from_utf8_lossy(&verified.stdout);
    assert!(
        verified.status.success()
            && told.contains("1 records in the chain; 1 files here are intact"),
        "{told}"
    );
}

#[test]
fn a_second_server_on_the_same_folder_is_told_who_holds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let _first = world::embedded(Program::keepward(), &data)
        .serve()
        .expect("it starts");
    let Err(told) = world::embedded(Program::keepward(), &data).serve() else {
        panic!("two servers on one folder")
    };
    assert!(
        told.contains("in use by another process") && told.contains("pid "),
        "{told}"
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_the_settings_that_change_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let folder = tempfile::tempdir().expect("a folder");
    let program = world::embedded(Program::keepward(), &folder.path().join("data"))
        .set("PORT", port.to_string());
    let Err(told) = program.start(&["serve"]) else {
        panic!("two servers on one port")
    };
    assert!(
        told.contains(&format!("127.0.0.1:{port}")) && told.contains("PORT=0"),
        "{told}"
    );
}

#[test]
fn a_missing_keyring_is_not_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    world::embedded(Program::keepward(), &data)
        .serve()
        .expect("it starts")
        .stop();
    std::fs::remove_file(data.join("keyring.json")).expect("the keyring goes");
    let Err(told) = world::embedded(Program::keepward(), &data).serve() else {
        panic!("a new keyring")
    };
    assert!(
        told.contains("keyring.json is missing") && told.contains("backup"),
        "{told}"
    );
    assert!(!data.join("keyring.json").exists());
}

#[test]
fn a_setting_that_does_not_exist_is_told() {
    let Err(told) = Program::keepward()
        .set("KEEPWARD_OPENED_VALUE_SECOND", "0")
        .serve()
    else {
        panic!("a misspelt setting")
    };
    assert!(
        told.contains("KEEPWARD_OPENED_VALUE_SECOND") && told.contains("config list"),
        "{told}"
    );
}

#[test]
fn an_audit_check_makes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let checked =
        run(world::embedded(Program::keepward(), &data).command(&["admin", "audit-verify"]));
    assert_eq!(
        checked.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    assert!(!data.exists());
}

#[test]
fn a_keyring_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    world::embedded(Program::keepward(), &data)
        .serve()
        .expect("it starts")
        .stop();
    let keyring = data.join("keyring.json");
    std::fs::set_permissions(&keyring, std::fs::Permissions::from_mode(0o640))
        .expect("the mode is set");
    let Err(told) = world::embedded(Program::keepward(), &data).serve() else {
        panic!("an open keyring")
    };
    assert!(told.contains("chmod 600"), "{told}");
}
