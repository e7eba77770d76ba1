//! The secrets of `SECRETS_BOOTSTRAP`, opened before the other settings are read.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use confidant::SealedSecrets;
use documents::{Format, Tree, read_tree};
use keep::KeyError;
use seal::Plaintext;
use server::settings::{Bootstrap, BootstrapSecrets, Sealed, SecretText};

use crate::exit::{Failure, Kind, Outcome};
use crate::serve::runtime;
use crate::{environment, output, ports};

/// Opens the secrets; there are none when the setting is not given.
pub(crate) fn open(
    var: &dyn Fn(&str) -> Option<String>,
    file: Option<&str>,
) -> Outcome<BootstrapSecrets> {
    // What is wrong here is told with all other wrong settings.
    let Ok(bootstrap) = Bootstrap::read(var, file) else {
        return Ok(BootstrapSecrets::default());
    };
    let text = match &bootstrap.sealed {
        None => return Ok(BootstrapSecrets::default()),
        Some(Sealed::Text(text)) => text.clone(),
        Some(Sealed::File(path)) => match read_file(Path::new(path))? {
            Some(text) => text,
            None => {
                // As in Confidant: the server may need none of them.
                output::warning(&format!("SECRETS_BOOTSTRAP: there is no file {path}"));
                return Ok(BootstrapSecrets::default());
            }
        },
    };
    let sealed = SealedSecrets::parse(&text).map_err(not_opened)?;
    let data_dir = data_dir(var);
    let document = runtime()?.block_on(async {
        let keys = ports::key_service(&bootstrap.backend, &data_dir).await?;
        sealed.open(&*keys).await.map_err(not_opened)
    })?;
    Ok(BootstrapSecrets::new(secrets(&document)?))
}

/// The folder of the keyring, where the keys are not KMS's.
pub(crate) fn data_dir(var: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    var("KEEPWARD_DATA_DIR")
        .filter(|path| !path.is_empty())
        .map_or_else(environment::data_dir, PathBuf::from)
}

/// Names and secrets of a YAML document.
///
/// Errors: it is no mapping, or what is no text stands where a secret must.
pub(crate) fn secrets(document: &Plaintext) -> Outcome<Vec<(String, SecretText)>> {
    let wrong = |error: documents::Error| {
        Failure::new(
            Kind::Usage,
            format!("the secrets of SECRETS_BOOTSTRAP: {error}"),
        )
        .hint("they are YAML: one line `NAME: \"text\"` for each setting")
    };
    let entries = match read_tree(Format::Yaml, document.expose()).map_err(wrong)? {
        Tree::Null => Vec::new(),
        tree => tree.into_entries().map_err(wrong)?,
    };
    let mut secrets = Vec::new();
    for (name, value) in entries {
        // Under other names there may be anything; it means nothing.
        if !BootstrapSecrets::may_hold(&name) {
            continue;
        }
        if let Tree::Null = value {
            continue;
        }
        let value = value.into_value(&name).map_err(wrong)?;
        let text = std::str::from_utf8(value.expose()).map_err(|_| {
            Failure::new(
                Kind::Usage,
                format!("SECRETS_BOOTSTRAP: {name} is not UTF-8"),
            )
        })?;
        secrets.push((name, SecretText::new(text.to_owned())));
    }
    Ok(secrets)
}

/// `None` where there is no such file.
fn read_file(path: &Path) -> Outcome<Option<String>> {
    let failure = |error| crate::exit::file("reading SECRETS_BOOTSTRAP from", path, &error);
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failure)?,
    };
    let mut text = String::new();
    file.take(confidant::MAX_SEALED_SECRETS as u64 + 1)
        .read_to_string(&mut text)
        .map_err(failure)?;
    Ok(Some(text))
}

/// Why secrets were not sealed or opened, for a person.
pub(crate) fn not_opened(error: confidant::Error) -> Failure {
    let kind = match &error {
        confidant::Error::Key(KeyError::Throttled | KeyError::Unavailable(_)) => Kind::Unavailable,
        confidant::Error::Key(KeyError::Denied(_)) => Kind::Denied,
        _ => Kind::Usage,
    };
    let hint = match kind {
        Kind::Usage => {
            "its value is what `keepward admin secrets-bootstrap encrypt` prints, under KMS_MASTER_KEY and its region"
        }
        _ => {
            "the server's role needs kms:Decrypt on KMS_MASTER_KEY, and kms:Encrypt and kms:GenerateRandom to seal"
        }
    };
    let what = match error {
        confidant::Error::Damaged { what, .. } => format!("its {what} does not open"),
        error => error.to_string(),
    };
    Failure::new(kind, format!("SECRETS_BOOTSTRAP: {what}")).hint(hint)
}
