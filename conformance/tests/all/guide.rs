//! A server under an environment that has every name of Confidant's configuration guide, in both of its forms.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use conformance::{Program, run};
use serde_json::{Value, json};
use testkit::Moto;

use crate::world;

/// One line for each name of the guide, as Docker's env-files are: a text after `=` stands for itself.
const GUIDE: &str = include_str!("../../confidant/guide.env");

/// The names that the guide has, each with its text.
fn guide(folder: &Path) -> Vec<(String, String)> {
    let there = folder.display().to_string();
    GUIDE
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, text)| (name.to_owned(), text.replace("@FOLDER@", &there)))
        .collect()
}

/// The program with nothing but the guide's environment, and what a client of AWS finds moto by.
fn under_the_guide(moto: &Moto, folder: &Path) -> Program {
    let found = world::aws_client(moto)
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text));
    let data = folder.join("data").display().to_string();
    guide(folder)
        .into_iter()
        .chain(found)
        .fold(Program::keepward(), |program, (name, text)| {
            program.set(&name, text)
        })
        .set("KEEPWARD_DATA_DIR", data)
}

/// Seals what the guide's `SECRETS_BOOTSTRAP` names.
fn seal(moto: &Moto, folder: &Path) {
    let secrets = folder.join("secrets.yaml");
    fs::write(&secrets, "SESSION_SECRET: kw-canary-7f3a\n").expect("a file");
    let (from, to) = (secrets, folder.join("secrets.json"));
    let sealed = run(under_the_guide(moto, folder).command(&[
        "admin",
        "generate_secrets_bootstrap",
        "--in",
        &from.display().to_string(),
        "--out",
        &to.display().to_string(),
    ]));
    succeeded(&sealed);
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_name_of_the_guide_is_understood_in_both_of_its_forms() {
    let moto = Moto::start();
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    seal(&moto, folder);
    let names: BTreeSet<String> = guide(folder).into_iter().map(|(name, _)| name).collect();
    let file = include_str!("../../../vectors/confidant/settings.json");
    let vectors: Value = serde_json::from_str(file).expect("JSON");
    let wanted: BTreeSet<String> = vectors["guide"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(names, wanted);

    let check = ["config", "check", "--json"];
    let env_file = run(under_the_guide(&moto, folder).command(&check));
    let exports: String = guide(folder)
        .iter()
        .map(|(name, text)| format!("export {name}='{text}'\n"))
        .collect();
    let script = folder.join("guide.sh");
    fs::write(&script, exports).expect("a file");
    let bash = run(in_bash(&moto, folder, &script, &check));
    for told in [&env_file, &bash] {
        succeeded(told);
    }
    assert_eq!(env_file.stdout, bash.stdout);

    let told: Value = serde_json::from_slice(&bash.stdout).expect("JSON");
    let given = told["given"].as_array().expect("a list");
    let known: BTreeSet<String> = given.iter().map(|one| world::text(one, "name")).collect();
    let missing: Vec<_> = names.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // These come with the logins at browsers; the others of no effect are of the old server's runtime.
    let without: Vec<&str> = told["without_effect"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| !name.starts_with("SAML_") && !name.starts_with("GOOGLE_"))
        .collect();
    for ignored in ["STATIC_FOLDER", "GEVENT_RESOLVER"] {
        assert!(without.contains(&ignored), "{without:?}");
    }
}

/// The program as a shell starts it that has read the guide's `export` lines.
fn in_bash(moto: &Moto, folder: &Path, script: &Path, arguments: &[&str]) -> Command {
    let program = world::aws_client(moto)
        .into_iter()
        .fold(Program::keepward(), |program, (name, text)| {
            program.set(name, text)
        })
        .set(
            "KEEPWARD_DATA_DIR",
            folder.join("data").display().to_string(),
        );
    let command = program.command(arguments);
    let mut bash = Command::new("bash");
    bash.args(["-c", ". \"$0\" && exec \"$@\""])
        .arg(script)
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    for (name, text) in command.get_envs() {
        bash.env(name, text.unwrap_or_default());
    }
    bash
}

#[test]
fn a_server_under_the_guides_environment_does_what_it_says() {
    let moto = Moto::start();
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    seal(&moto, folder);
    fs::write(folder.join("page.html"), "<p>ours</p>").expect("a file");
    let program = under_the_guide(&moto, folder);
    let server = program
        .start(&["serve", "--forwarded-allow-ips", "127.0.0.1"])
        .expect("it starts");

    // DYNAMODB_CREATE_TABLE, USER_AUTH_KEY and KMS_AUTH_USER_TYPES: old names of keys, blanks in lists.
    assert!(moto.tables().contains(&"confidant-guide".to_owned()));
    let user = world::kms_login(&program, "user", "ops");
    let credential = world::create(&server, &user, "one", &json!({ "key": "value" }));
    world::map(&server, &user, "web", &[&credential]);
    let service = world::kms_login(&program, "service", "web");
    let read = server.http.get("/v1/services/web", &service);
    assert_eq!(read.status, 200, "{}", read.body);
    let pairs = &read.body["credentials"][0]["credential_pairs"];
    assert_eq!(pairs, &json!({ "key": "value" }));

    // CLIENT_CONFIG, SCOPED_AUTH_KEYS, XSRF_COOKIE_NAME, KMS_AUTH_MANAGE_GRANTS.
    let told = server.http.get("/v1/client_config", &user).body;
    assert_eq!(told["defined"]["defined_by"], "the guide");
    assert_eq!(told["generated"]["aws_accounts"], json!(["sandbox"]));
    assert_eq!(told["generated"]["xsrf_cookie_name"], "XSRF-TOKEN-GUIDE");
    assert_eq!(told["generated"]["kms_auth_manage_grants"], false);

    // IGNORE_CONFLICTS is False, which is false.
    let second = world::create(&server, &user, "two", &json!({ "key": "other" }));
    let body =
        json!({ "credentials": [credential, second], "blind_credentials": [], "enabled": true });
    assert_eq!(
        server.http.put("/v1/services/web", &user, &body).status,
        400
    );
    let said = server.stop();
    assert!(
        said.contains("panics=0") && !said.contains("canary"),
        "{said}"
    );
}
