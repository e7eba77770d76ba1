//! `keepward admin secrets-bootstrap`: seals the secrets of a server, and shows them.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use confidant::{MAX_SEALED_SECRETS, SealedSecrets};
use documents::{Dialect, Format, NotText, read_tree, write_many};
use local::{SystemClock, SystemRandom};
use seal::Plaintext;
use server::settings::{Bootstrap, BootstrapSecrets, secrets_in_effect};
use zeroize::Zeroizing;

use crate::arguments::{DecryptSecrets, EncryptSecrets};
use crate::exit::{Failure, Kind, Outcome};
use crate::secrets_bootstrap::{data_dir, not_opened, open, secrets};
use crate::serve::runtime;
use crate::settings::{read_file, wrong_settings};
use crate::{environment, output, ports};

pub(crate) fn encrypt(file: Option<&Path>, asked: &EncryptSecrets) -> Outcome {
    let text = file.map(read_file).transpose()?;
    let bootstrap = Bootstrap::read(&environment::var, text.as_deref()).map_err(wrong_settings)?;
    let master = bootstrap.master_key.ok_or_else(|| {
        Failure::new(
            Kind::Usage,
            "KMS_MASTER_KEY: is needed: the secrets are sealed under it",
        )
    })?;
    let document = read(&asked.input)?;
    for name in unknown(&document)? {
        output::warning(&format!(
            "{name} is no setting that SECRETS_BOOTSTRAP may hold"
        ));
    }
    let sealed = runtime()?.block_on(async {
        let keys = ports::key_service(&bootstrap.backend, &data_dir(&environment::var)).await?;
        let sources = (&SystemClock::new() as _, &SystemRandom as _);
        SealedSecrets::seal(&*keys, &master, sources, &document)
            .await
            .map_err(not_opened)
    })?;
    write(&asked.out, format!("{}\n", sealed.print()).as_bytes())
}

pub(crate) fn decrypt(file: Option<&Path>, asked: &DecryptSecrets) -> Outcome {
    let text = file.map(read_file).transpose()?;
    Bootstrap::read(&environment::var, text.as_deref()).map_err(wrong_settings)?;
    let secrets = open(&environment::var, text.as_deref())?;
    let effect = secrets_in_effect(&secrets, &environment::var, text.as_deref());
    let given: Vec<_> = effect
        .map_err(wrong_settings)?
        .into_iter()
        .map(|(name, secret)| (name, Plaintext::new(secret.expose().as_bytes().into())))
        .collect();
    let entries = given.iter().map(|(name, secret)| (*name, secret));
    let written = write_many(Format::Yaml, Dialect::Keepward, NotText::Refuse, entries)
        .map_err(|error| Failure::new(Kind::Usage, error.to_string()))?;
    write(&asked.out, written.document.expose())
}

/// Names in a document of secrets that no setting has.
///
/// Errors: the document is not what a server can read.
fn unknown(document: &Plaintext) -> Outcome<Vec<String>> {
    secrets(document)?;
    let entries = read_tree(Format::Yaml, document.expose()).and_then(|tree| tree.into_entries());
    Ok(entries
        .unwrap_or_default()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !BootstrapSecrets::may_hold(name))
        .collect())
}

fn read(path: &Path) -> Outcome<Plaintext> {
    let failure = |error| crate::exit::file("reading", path, &error);
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SEALED_SECRETS + 1));
    let source: &mut dyn Read = if path == Path::new("-") {
        &mut std::io::stdin().lock()
    } else {
        &mut fs::File::open(path).map_err(failure)?
    };
    source
        .take(MAX_SEALED_SECRETS as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failure)?;
    if bytes.len() > MAX_SEALED_SECRETS / 2 {
        return Err(Failure::new(
            Kind::Usage,
            format!("{} is larger than 512 KiB", path.display()),
        ));
    }
    Ok(Plaintext::new(bytes.as_slice().into()))
}

/// Writes for its owner alone; what was there is replaced whole.
fn write(path: &Path, bytes: &[u8]) -> Outcome {
    if path == Path::new("-") {
        return output::bytes(bytes);
    }
    let failure = |error| crate::exit::file("writing", path, &error);
    // A pipe or a terminal is written to.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::write(path, bytes).map_err(failure);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.new"));
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside);
    let mut file = opened.map_err(|error| crate::exit::file("writing", &beside, &error))?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _the_first_error_tells = fs::remove_file(&beside);
    }
    written.map_err(failure)
}
