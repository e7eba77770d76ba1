//! Keepward as its users run it: `keepward serve`, client keys and tokens by its own command line, data by its API.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::{self, StandIn};
use crate::connection::{Answer, Connection, request};
use crate::load::Login;
use crate::process::Process;
use crate::workload::Service;

/// A Keepward with an embedded table in a folder of its own.
pub(crate) struct Embedded {
    program: PathBuf,
    folder: PathBuf,
    pub(crate) process: Process,
}

impl Embedded {
    /// Starts one on `folder`, which may be empty.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let process = Process::start("keepward", program, folder, HEALTH, |command, address| {
            command.arg("serve").env("KEEPWARD_DATA_DIR", data(folder));
            listen(command, address);
        })?;
        Ok(Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            process,
        })
    }

    /// Stores the services and their credentials through the API, as the operator.
    pub(crate) fn fill(&self, services: &[Service]) -> Result<()> {
        let operator = self
            .token(&data(&self.folder).join("operator.key"))?
            .basic();
        aws::each(services, |service| {
            let mut connection = Connection::to(self.process.address);
            let mut send = |method: &str, path: &str, body: Value| -> Result<Value> {
                let headers = [("Authorization", operator.as_str()), ("Content-Type", "application/json")];
                let mut answer = Answer::default();
                connection.send(&request(method, path, &headers, &body.to_string()), &mut answer)?;
                ensure!(answer.status == 200, "{method} {path}: status {}", answer.status);
                Ok(serde_json::from_slice(&answer.body)?)
            };
            let mut ids = Vec::new();
            for credential in &service.credentials {
                let pairs: HashMap<_, _> = credential.pairs.iter().cloned().collect();
                let body = json!({ "name": credential.name, "credential_pairs": pairs, "enabled": true,
                    "metadata": {}, "documentation": "made for a benchmark", "tags": [] });
                let made = send("POST", "/v1/credentials", body)?;
                ids.push(made.get("id").cloned().context("a credential without id")?);
            }
            let body = json!({ "credentials": ids, "blind_credentials": [], "enabled": true });
            send("PUT", &format!("/v1/services/{}", service.id), body)?;
            Ok(())
        })
        .map(|_| ())
    }

    /// A client key and a token for each service.
    pub(crate) fn logins(&self, services: &[Service]) -> Result<Vec<Login>> {
        let keys = self.folder.join("client-keys");
        std::fs::create_dir_all(&keys)?;
        aws::each(services, |service| {
            let key = keys.join(&service.id);
            let operator = data(&self.folder).join("operator.key");
            let mut issue = self.command(&["client-key", "issue", &service.id]);
            issue.arg("--out").arg(&key).arg("--key-file").arg(operator);
            run(issue)?;
            self.token(&key)
        })
    }

    fn token(&self, key_file: &Path) -> Result<Login> {
        #[derive(Deserialize)]
        struct Printed {
            username: String,
            token: String,
        }
        let mut token = self.command(&["token", "--json", "--minutes", "55"]);
        token.arg("--key-file").arg(key_file);
        let Printed { username, token } = serde_json::from_slice(&run(token)?)?;
        Ok(Login { username, token })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("KEEPWARD_URL", format!("http://{}", self.process.address));
        command.env("KEEPWARD_DATA_DIR", data(&self.folder));
        command
    }
}

/// Starts a Keepward with the settings of the Confidant that it succeeds.
pub(crate) fn start_on_aws(program: &Path, folder: &Path, stand_in: &StandIn) -> Result<Process> {
    Process::start("keepward", program, folder, HEALTH, |command, address| {
        command
            .arg("serve")
            .env("KEEPWARD_DATA_DIR", data(folder))
            .envs(aws_settings(stand_in));
        listen(command, address);
    })
}

/// Confidant's settings for the stand-in, which Keepward accepts as they are.
pub(crate) fn aws_settings(stand_in: &StandIn) -> Vec<(&'static str, String)> {
    let url = stand_in.url();
    let fixed = [
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("DYNAMODB_TABLE", aws::TABLE),
        ("KMS_MASTER_KEY", aws::MASTER_KEY),
        ("AUTH_KEY", aws::AUTH_KEY),
        ("USER_AUTH_KEY", aws::USER_AUTH_KEY),
        ("KMS_AUTH_USER_TYPES", "user,service"),
        ("AUTH_CONTEXT", aws::AUTH_CONTEXT),
        ("SSLIFY", "false"),
    ];
    let mut settings: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
    settings
        .extend(["AWS_ENDPOINT_URL", "DYNAMODB_URL", "KMS_URL"].map(|name| (name, url.clone())));
    settings
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn listen(command: &mut Command, address: std::net::SocketAddr) {
    command
        .env("HOST", address.ip().to_string())
        .env("PORT", address.port().to_string());
}

fn run(mut command: Command) -> Result<Vec<u8>> {
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// Answers 200 as soon as the server can serve.
pub(crate) const HEALTH: &str = "/healthcheck";
