//! The secrets of a server: sealed and opened by the real Confidant 7.0.0 and by Keepward, each the other's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use conformance::{Program, run};
use documents::{Format, read_many};
use rstest::rstest;
use testkit::Moto;

use crate::world;

/// What Confidant's and our commands are called on Confidant's command line.
const ENCRYPT: &str = "generate_secrets_bootstrap";
const DECRYPT: &str = "decrypt_secrets_bootstrap";

const SECRET: &str = "kw-canary: 'ünï' \"☃\" # no comment";
const SECRETS: &str = "
SESSION_SECRET: \"kw-canary: 'ünï' \\\"\\u2603\\\" # no comment\"
GOOGLE_OAUTH_CLIENT_ID: gid
WEBHOOK_PASSWORD: |-
  two
  lines
NOT_REGISTERED: zzz
";

/// `confidant-admin` of the real one, or `keepward admin`.
struct Admin {
    program: Program,
    arguments: &'static [&'static str],
}

impl Admin {
    fn keepward(moto: &Moto, folder: &Path) -> Self {
        Self {
            program: world::on_moto(Program::keepward(), moto, "t", folder),
            arguments: &["admin"],
        }
    }

    fn confidant(moto: &Moto, folder: &Path) -> Self {
        let real = Program::confidant(testkit::confidant());
        Self {
            program: world::on_moto(real, moto, "t", folder),
            arguments: &[
                "-Wignore",
                "-c",
                "from confidant.scripts.manage import main; main()",
            ],
        }
    }

    fn run(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
        let program = self.program.clone().set_all(settings);
        run(program.command(&[self.arguments, arguments].concat()))
    }

    /// Seals a YAML file: the value of the setting.
    fn seal(&self, yaml: &Path, sealed: &Path) -> String {
        let (yaml, to) = (yaml.display().to_string(), sealed.display().to_string());
        succeeded(&self.run(&[], &[ENCRYPT, "--in", &yaml, "--out", &to]));
        fs::read_to_string(sealed).expect("it wrote the file")
    }

    /// The secrets that hold with this setting, by name.
    fn opened(&self, bootstrap: &str) -> BTreeMap<String, String> {
        let told = self.run(&[("SECRETS_BOOTSTRAP", bootstrap)], &[DECRYPT]);
        succeeded(&told);
        // Confidant prints null for one that is not given.
        let yaml = String::from_utf8(told.stdout).expect("text");
        let given: String = yaml
            .lines()
            .filter(|line| !line.ends_with(": null"))
            .map(|line| format!("{line}\n"))
            .collect();
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("text");
        read_many(Format::Yaml, given.as_bytes())
            .expect("YAML of texts")
            .into_iter()
            .map(|(name, value)| (name, text(value.expose())))
            .collect()
    }
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn each_of_the_two_opens_what_the_other_sealed_from_a_text_and_from_a_file() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = folder.path().join("secrets.yaml");
    fs::write(&yaml, SECRETS).expect("a file");
    let (ours, theirs) = (
        Admin::keepward(&moto, folder.path()),
        Admin::confidant(&moto, folder.path()),
    );
    for (name, sealer) in [("ours", &ours), ("theirs", &theirs)] {
        let file = folder.path().join(name);
        let text = sealer.seal(&yaml, &file);
        assert!(!text.contains("canary"));
        for bootstrap in [text.trim(), &format!("file://{}", file.display())] {
            for opener in [&ours, &theirs] {
                let opened = opener.opened(bootstrap);
                assert_eq!(opened["SESSION_SECRET"], SECRET, "sealed by {name}");
                assert_eq!(opened["GOOGLE_OAUTH_CLIENT_ID"], "gid");
                assert_eq!(opened["WEBHOOK_PASSWORD"], "two\nlines");
                assert!(!opened.contains_key("NOT_REGISTERED"));
            }
        }
    }
}

#[test]
fn a_server_takes_its_secrets_from_there_before_the_environment_and_says_so() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = folder.path().join("secrets.yaml");
    fs::write(&yaml, SECRETS).expect("a file");
    let admin = Admin::keepward(&moto, folder.path());
    let text = admin.seal(&yaml, &folder.path().join("sealed"));
    let program = admin.program.set_all(&[
        ("SECRETS_BOOTSTRAP", text.trim()),
        ("USER_AUTH_MODULE", "header"),
        ("HEADER_AUTH_USERNAME_HEADER", "X-User"),
        ("HEADER_AUTH_EMAIL_HEADER", "X-Email"),
        ("WEBHOOK_PASSWORD", "another"),
    ]);
    let checked = run(program.command(&["config", "check"]));
    succeeded(&checked);
    let told = String::from_utf8(checked.stdout).expect("text");
    for line in [
        "SESSION_SECRET (SECRETS_BOOTSTRAP)",
        "WEBHOOK_PASSWORD (SECRETS_BOOTSTRAP",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
    assert!(!told.contains("canary"));
    let server = program.serve().expect("it starts");
    let said = server.stop();
    assert!(
        said.contains("panics=0") && !said.contains("canary"),
        "{said}"
    );
}

#[test]
fn the_new_commands_take_standard_input_and_give_files_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let admin = Admin::keepward(&moto, folder.path());
    let mut command = admin
        .program
        .command(&["admin", "secrets-bootstrap", "encrypt"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut input, SECRETS.as_bytes()).expect("it reads");
    drop(input);
    let sealed = child.wait_with_output().expect("it ends");
    succeeded(&sealed);
    let warned = String::from_utf8_lossy(&sealed.stderr).into_owned();
    assert!(warned.contains("NOT_REGISTERED is no setting"), "{warned}");
    let text = String::from_utf8(sealed.stdout).expect("text");

    let out = folder.path().join("opened.yaml");
    fs::write(&out, "what was there").expect("a file");
    let to = out.display().to_string();
    let settings = [("SECRETS_BOOTSTRAP", text.trim())];
    succeeded(&admin.run(&settings, &["secrets-bootstrap", "decrypt", "--out", &to]));
    let opened = fs::read(&out).expect("a file");
    assert_eq!(read_many(Format::Yaml, &opened).expect("YAML").len(), 3);
    let mode = fs::metadata(&out).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[rstest]
#[case::no_json("kw-canary-7f3a", 2, "JSON with data_key and secrets")]
#[case::a_foreign_data_key(r#"{"data_key": "a3ctY2FuYXJ5", "secrets": "x"}"#, 2, "data_key")]
fn a_server_does_not_start_without_secrets_that_it_cannot_open(
    #[case] bootstrap: &str,
    #[case] code: i32,
    #[case] named: &str,
) {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let admin = Admin::keepward(&moto, folder.path());
    let program = admin.program.set("SECRETS_BOOTSTRAP", bootstrap);
    let refused = run(program.command(&["config", "check"]));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(code), "{told}");
    assert!(
        told.contains("SECRETS_BOOTSTRAP") && told.contains(named),
        "{told}"
    );
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn a_missing_permission_is_named_and_a_missing_file_is_told_as_by_confidant() {
    let moto = Moto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = folder.path().join("secrets.yaml");
    fs::write(&yaml, SECRETS).expect("a file");
    let admin = Admin::keepward(&moto, folder.path());
    let text = admin.seal(&yaml, &folder.path().join("sealed"));
    let settings = [("SECRETS_BOOTSTRAP", text.trim())];

    moto.allow_only("AKIDTEST", &["kms:GenerateRandom", "kms:Encrypt"]);
    let refused = admin.run(&settings, &[DECRYPT]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(4), "{told}");
    assert!(told.contains("kms:Decrypt"), "{told}");
    moto.allow_only("AKIDTEST", &["kms:GenerateRandom"]);
    let path = yaml.display().to_string();
    let refused = admin.run(&[], &[ENCRYPT, "--in", &path]);
    assert_eq!(refused.status.code(), Some(4));

    let missing = [("SECRETS_BOOTSTRAP", "file:///nowhere/secrets.json")];
    let told = admin.run(&missing, &[DECRYPT]);
    succeeded(&told);
    let warned = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(warned.contains("no file /nowhere/secrets.json"), "{warned}");
}
