//! OpenSSL on the other side: it makes what we read, and judges what we make.

use std::path::Path;
use std::process::{Command, Output};

/// A folder in which `openssl` runs.
pub(crate) struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Runs a line of arguments; blanks separate.
    pub(crate) fn try_run(&self, line: &str) -> Output {
        Command::new("openssl")
            .args(line.split(' '))
            .current_dir(self.0.path())
            .output()
            .unwrap_or_else(|error| panic!("openssl is needed, run `cargo xtask test`: {error}"))
    }

    /// Runs it, and gives what it prints.
    pub(crate) fn run(&self, line: &str) -> String {
        let output = self.try_run(line);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {line}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn path(&self, name: &str) -> impl AsRef<Path> + use<> {
        self.0.path().join(name)
    }

    /// A root, and an authority below it: `root.pem`, `ca.pem`, `ca.key`. The subjects hold what directories hold:
    /// domain components, and an organizational unit twice.
    pub(crate) fn make_authorities(&self, key: &str) {
        let root = "/DC=com/DC=example/OU=One/OU=Two/CN=Root";
        self.run(&format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 30 -subj {root} \
             -addext keyUsage=critical,keyCertSign"
        ));
        self.run(&format!("genpkey {key} -out ca.key"));
        let ca = "/DC=com/DC=example/OU=One/OU=Two/CN=Issuing";
        self.run(&format!("req -new -key ca.key -out ca.csr -subj {ca}"));
        self.write(
            "ca.ext",
            "basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign\n\
             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
        );
        self.run(
            "x509 -req -in ca.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 \
             -extfile ca.ext -out ca.pem",
        );
    }
}
