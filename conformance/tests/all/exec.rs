//! `keepward exec` and `keepward completions`.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::command_line::{Shell, json, ok, refused, text};
use crate::world;

/// A shell with a service `web` that maps these pairs, and the key with which it logs in.
fn web(pairs: &Value) -> (Shell, String) {
    let shell = Shell::open();
    let made = json(&shell.feed(
        &["credential", "create", "c", "--pairs-file", "-", "--json"],
        &pairs.to_string(),
    ));
    let id = world::text(&made, "id");
    ok(&shell.run(&["service", "set", "web", "--credential", &id]));
    let key = shell.path("web.key");
    ok(&shell.run(&["client-key", "issue", "web", "--out", &key]));
    (shell, key)
}

fn exec(shell: &Shell, options: &[&str], command: &[&str]) -> Output {
    shell.run(&[&["exec"], options, &["--"], command].concat())
}

#[test]
fn a_command_gets_the_secrets_by_their_exact_names_and_only_in_its_environment() {
    let (shell, key) = web(&json!({ "db_password": "s3cret\n'x'", "bad-key": "v", "a=b": "w" }));
    let print = "printf '%s|%s|' \"$db_password\" \"$0\"; tr '\\0' ' ' < /proc/$$/cmdline; env";
    let output = exec(
        &shell,
        &["--key-file", &key],
        &["/bin/sh", "-c", print, "zero"],
    );
    let told = ok(&output);
    let (values, rest) = told.split_once("|zero|").expect("both words");
    assert_eq!(values, "s3cret\n'x'");
    let (arguments, environment) = rest.split_once("zero ").expect("the last argument");
    assert!(!arguments.contains("s3cret"), "{arguments}");
    assert!(
        environment.contains("KEEPWARD_URL="),
        "what was set stays: {environment}"
    );
    let told = text(&output.stderr);
    assert!(
        told.contains("\"a=b\" of \"c\" cannot be in an environment")
            && !told.contains("bad-key")
            && !told.contains("s3cret"),
        "{told}"
    );
    // What no shell takes as a name reaches a program all the same.
    let print = "import os; print(os.environ['bad-key'])";
    let python = testkit::python().display().to_string();
    let output = exec(&shell, &["--service", "web"], &[&python, "-c", print]);
    assert_eq!(ok(&output), "v\n");
}

#[test]
fn a_pristine_command_gets_the_secrets_and_a_path() {
    let (shell, key) = web(&json!({ "b": "2", "a": "1" }));
    let options = [
        "--pristine",
        "--key-file",
        &key,
        "--prefix",
        "app_",
        "--upper",
    ];
    assert_eq!(
        ok(&exec(&shell, &options, &["env"])),
        "APP_A=1\nAPP_B=2\nPATH=/usr/local/bin:/usr/bin:/bin\n"
    );
}

#[test]
fn strict_ends_before_the_command_runs() {
    let (shell, _) = web(&json!({ "home": "x", "bad-key": "y" }));
    let program = shell.program.clone().set("HOME", "/nowhere");
    let run = |options: &[&str]| {
        let command = ["/bin/sh", "-c", "echo ran $HOME"];
        let arguments = [&["exec", "--service", "web"], options, &["--"], &command].concat();
        conformance::run(program.command(&arguments))
    };
    assert_eq!(ok(&run(&["--upper"])), "ran x\n");
    let strict = run(&["--upper", "--strict"]);
    refused(&strict, 6, "\"HOME\" of \"c\" would replace");
    refused(&strict, 6, "\"BAD-KEY\" of \"c\" is not a name");
    assert!(strict.stdout.is_empty());
    let strict = run(&["--upper", "--strict", "--pristine"]);
    assert!(
        !text(&strict.stderr).contains("HOME"),
        "nothing of it is there"
    );
}

#[rstest]
#[case::done(0)]
#[case::its_own(5)]
#[case::great(200)]
fn the_exit_status_is_the_commands_own(#[case] code: i32) {
    let (shell, key) = web(&json!({ "a": "1" }));
    let command = ["/bin/sh", "-c", &format!("exit {code}")];
    let output = exec(&shell, &["--key-file", &key], &command);
    assert_eq!(output.status.code(), Some(code));
}

#[test]
fn a_signal_reaches_the_command_itself() {
    let (shell, key) = web(&json!({ "a": "1" }));
    let wait =
        "trap 'echo caught; exit 7' TERM; echo ready; while :; do read -r line || exit 9; done";
    let mut child = shell
        .program
        .command(&["exec", "--key-file", &key, "--", "/bin/sh", "-c", wait])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(
        child.stdout.take().expect("stdout is piped"),
    ));
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it is there");
    assert_eq!(child.wait().expect("it ends").code(), Some(7));
    assert_eq!(lines.next().expect("a line").expect("text"), "caught");

    let output = exec(
        &shell,
        &["--key-file", &key],
        &["/bin/sh", "-c", "kill -9 $$"],
    );
    assert_eq!(output.status.signal(), Some(9));
}

#[test]
fn a_command_that_cannot_run_has_the_codes_of_env() {
    let (shell, key) = web(&json!({ "a": "1" }));
    let options = ["--key-file", key.as_str()];
    refused(
        &exec(&shell, &options, &["/no/such/program"]),
        127,
        "/no/such/program",
    );
    refused(&exec(&shell, &options, &["/"]), 126, "running /: ");
    refused(
        &exec(&shell, &["--pristine", "--key-file", &key], &["nosuch"]),
        127,
        "/usr/bin",
    );
    refused(&shell.run(&["exec", "--key-file", &key]), 2, "COMMAND");
    refused(&exec(&shell, &["--service", "nosuch"], &["true"]), 3, "");
}

#[rstest]
#[case::bash("bash")]
#[case::zsh("zsh")]
#[case::fish("fish")]
#[case::elvish("elvish")]
#[case::powershell("powershell")]
fn completions_know_every_command(#[case] shell: &str) {
    let program = conformance::Program::keepward();
    let script = ok(&conformance::run(program.command(&["completions", shell])));
    for word in ["serve", "credential", "exec", "pristine"] {
        assert!(script.contains(word), "{shell} does not know {word}");
    }
}

#[test]
fn bash_completes_commands_options_and_their_values() {
    let program = conformance::Program::keepward();
    let script = ok(&conformance::run(program.command(&["completions", "bash"])));
    // A file, as shells read it: it is longer than one argument may be.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("completions");
    std::fs::write(&file, script).expect("the script");
    let completed = |words: &[&str]| {
        let ask = "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                   _keepward keepward \"${!#}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; echo \"${COMPREPLY[*]}\"";
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", ask]).arg(&file).args(words);
        ok(&conformance::run(bash)).trim().to_owned()
    };
    assert_eq!(completed(&["keepward", "ex"]), "exec");
    assert_eq!(completed(&["keepward", "exec", "--pri"]), "--pristine");
    let format = ["keepward", "service", "get", "--format", "e"];
    assert_eq!(completed(&format), "env export env_export");
}
