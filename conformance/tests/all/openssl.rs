//! The program `openssl`, in a folder of its own: it makes keys for the server, and judges what the server made.

use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// A folder in which `openssl` runs.
pub struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Runs a line of arguments; blanks separate.
    pub fn try_run(&self, line: &str) -> Output {
        Command::new("openssl")
            .args(line.split(' '))
            .current_dir(self.0.path())
            .output()
            .unwrap_or_else(|error| panic!("openssl is needed, run `cargo xtask test`: {error}"))
    }

    /// Runs it, and gives what it prints.
    pub fn run(&self, line: &str) -> String {
        let output = self.try_run(line);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {line}: {told}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).expect("a file")
    }

    /// That a certificate is trusted by way of a chain, for a host, and not for another.
    pub fn trusts(&self, root: &str, chain: &str, certificate: &str, host: &str) {
        self.write("root.pem", root);
        self.write("chain.pem", chain);
        self.write("leaf.pem", certificate);
        let verify = |host: &str| {
            format!("verify -verify_hostname {host} -CAfile root.pem -untrusted chain.pem leaf.pem")
        };
        assert_eq!(self.run(&verify(host)).trim(), "leaf.pem: OK");
        let other = self.try_run(&verify("other.example.org"));
        assert!(!other.status.success());
    }
}

/// A setting `JWT_CERTIFICATE_AUTHORITIES` with one key, that is not locked.
pub fn token_keys(environment: &str, kid: &str) -> String {
    let openssl = OpenSsl::new();
    openssl.run("genrsa -out key 2048");
    let key = json!({ "kid": kid, "key": openssl.read("key"), "crt": "", "passphrase": null });
    STANDARD.encode(json!({ environment: [key] }).to_string())
}
