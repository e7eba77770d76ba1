//! The newcomer's path: `keepward demo`, and each command that it prints, as printed.

use std::process::Command;

use conformance::{Program, run};
use serde_json::Value;

#[test]
fn each_command_that_the_demo_prints_does_what_it_says() {
    let mut server = Program::keepward()
        .start(&["demo", "--port", "0"])
        .expect("it starts");
    let mut printed = Vec::new();
    loop {
        let line = server.next_line();
        assert!(!line.is_empty(), "the demo ended early:\n{}", server.log());
        let last = line.contains("says what runs here");
        printed.push(line);
        if last {
            break;
        }
    }
    let commands: Vec<&str> = printed
        .iter()
        .map(|line| line.trim())
        .filter(|line| line.contains(" --key-file "))
        .collect();
    assert_eq!(commands.len(), 3, "{printed:?}");
    let execute = |line: &str| {
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).env_clear();
        run(command)
    };

    let own = execute(commands[0]);
    let service: Value = serde_json::from_slice(&own.stdout).expect("JSON");
    assert_eq!(service["id"], "web");
    let credentials = service["credentials"].as_array().expect("credentials");
    assert_eq!(credentials.len(), 2);
    assert!(
        credentials
            .iter()
            .any(|credential| credential["credential_pairs"]["db_user"] == "orders"),
        "{service}"
    );

    let other = execute(commands[1]);
    let told = String::from_utf8_lossy(&other.stderr);
    assert_eq!(other.status.code(), Some(4), "{told}");
    assert!(
        told.contains("does not have access") && other.stdout.is_empty(),
        "{told}"
    );

    let list = execute(commands[2]);
    let told = String::from_utf8_lossy(&list.stdout);
    for name in ["orders database", "payments API", "message queue"] {
        assert!(list.status.success() && told.contains(name), "{told}");
    }

    let folder = printed
        .iter()
        .find_map(|line| line.strip_prefix("Sample data is in "))
        .expect("the folder");
    let folder = std::path::PathBuf::from(folder.split(',').next().expect("a path"));
    assert!(folder.exists());
    server.stop();
    assert!(
        !folder.exists(),
        "the demo left {} behind",
        folder.display()
    );
}
