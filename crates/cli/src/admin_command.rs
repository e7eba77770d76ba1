//! `keepward admin`: for who runs the server; works on its files, not through its API.

use std::path::Path;
use std::sync::Arc;

use keep::Random;
use local::{DataDir, Keyring, SystemRandom, signing_key, verify};
use serde_json::json;
use server::Config;
use server::settings::Backend;

use crate::arguments::{AdminCommand, SecretsBootstrapCommand};
use crate::exit::{Failure, Kind, Outcome};
use crate::ports::{self, local};
use crate::serve::runtime;
use crate::{log, output, reference, secrets_bootstrap_command, settings};

pub(crate) fn run(file: Option<&Path>, command: AdminCommand) -> Outcome {
    let settings = || {
        let config = settings::read(file)?;
        log::start("warn", false)?;
        Ok(config)
    };
    match command {
        AdminCommand::Reference => reference::run(),
        AdminCommand::AuditVerify { json } => runtime()?.block_on(audit_verify(&settings()?, json)),
        AdminCommand::RotateKeyring => rotate_keyring(&settings()?),
        AdminCommand::SecretsBootstrap(SecretsBootstrapCommand::Encrypt(encrypt))
        | AdminCommand::GenerateSecretsBootstrap(encrypt) => {
            secrets_bootstrap_command::encrypt(file, &encrypt)
        }
        AdminCommand::SecretsBootstrap(SecretsBootstrapCommand::Decrypt(decrypt))
        | AdminCommand::DecryptSecretsBootstrap(decrypt) => {
            secrets_bootstrap_command::decrypt(file, &decrypt)
        }
    }
}

async fn audit_verify(config: &Config, as_json: bool) -> Outcome {
    let (table, own, _data) = ports::open_table(config).await?;
    if !config.audit_dir.join("signing.key").exists() {
        let what = format!("{} holds no audit log", config.audit_dir.display());
        return Err(Failure::new(Kind::NotFound, what).hint("AUDIT_DIR names the folder"));
    }
    let own_key = signing_key(&config.audit_dir, &SystemRandom)
        .map_err(local)?
        .verifying_key();
    let directories = [config.audit_dir.clone()];
    let report = verify(&*table, &own, &directories, &[own_key])
        .await
        .map_err(|error| Failure::new(Kind::Unavailable, error.to_string()))?;
    let findings: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    if as_json {
        output::json(&json!({
            "ok": report.is_clean(),
            "records": report.records,
            "intact": report.intact,
            "elsewhere": report.elsewhere,
            "unsealed": report.unsealed,
            "findings": findings,
        }))?;
    } else {
        output::text(&format!(
            "{} records in the chain; {} files here are intact, {} are on other servers, {} are not sealed yet\n",
            report.records,
            report.intact,
            report.elsewhere,
            report.unsealed.len(),
        ))?;
        for finding in &findings {
            output::text(&format!("wrong: {finding}\n"))?;
        }
    }
    if report.is_clean() {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Denied,
        format!(
            "the audit log is not as it was written: {} findings",
            findings.len()
        ),
    ))
}

fn rotate_keyring(config: &Config) -> Outcome {
    if config.backend != Backend::Embedded {
        return Err(Failure::new(
            Kind::Usage,
            "the keyring belongs to the embedded table; DYNAMODB_TABLE is set",
        )
        .hint("rotate a KMS key in KMS"));
    }
    if !ports::has_table(&config.data_dir) {
        return Err(ports::no_table(config));
    }
    let data = DataDir::open(&config.data_dir).map_err(local)?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let name = Keyring::open_or_create(&data.keyring(), random)
        .and_then(|ring| ring.rotate())
        .map_err(local)?;
    output::text(&format!(
        "{name} seals from now on; the older keys stay and open what they sealed\n"
    ))
}
