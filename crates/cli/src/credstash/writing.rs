//! `put` and `putall`: new versions.

use documents::{Format, read_tree};
use keep::Plaintext;
use seal::Hash;
use stash::{Form, Sealing, SecretName, Secrets, Version};

use crate::credstash::arguments::{Put, PutAll, Sealing as Asked};
use crate::credstash::pairs::context;
use crate::credstash::run::{Run, name};
use crate::credstash::value::value;
use crate::faces::{Done, Face, Fault};
use crate::{content, output, stash_words};

pub(crate) fn put(run: &Run, put: &Put) -> Done {
    let sealing = put
        .sealing
        .sealing(&put.context, put.sealing.comment.as_deref())?;
    let value = if put.prompt {
        prompt(&put.credential)?
    } else {
        match &put.value {
            Some(typed) => value(typed)?,
            None => Plaintext::new(Box::default()),
        }
    };
    let name = name(&put.credential)?;
    let secrets = run.secrets()?;
    let version = put.sealing.version(&put.version);
    store(run, &secrets, &name, &value, version.as_ref(), &sealing)
}

/// Stores all that can be stored, tells what cannot, and fails at the end when there was any.
pub(crate) fn put_all(run: &Run, put: &PutAll) -> Done {
    // credstash takes a comment here and does not store it.
    let sealing = put.sealing.sealing(&put.context, None)?;
    let document = value(&put.credentials)?;
    let entries = read_tree(Format::Json, document.expose())
        .and_then(documents::Tree::into_entries)
        .map_err(|error| Fault::new(error.to_string()))?;
    drop(document);
    let secrets = run.secrets()?;
    let version = put.sealing.version(&put.version);
    let total = entries.len();
    let mut failed = 0;
    for (text, tree) in entries {
        let stored = tree
            .into_value(&text)
            .map_err(|error| Fault::new(error.to_string()))
            .and_then(|value| Ok((name(&text)?, value)))
            .and_then(|(name, value)| {
                store(run, &secrets, &name, &value, version.as_ref(), &sealing)
            });
        if let Err(fault) = stored {
            failed += 1;
            output::told(&format!("{text}: {fault}"));
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Fault::new(format!(
            "{failed} of {total} credentials were not stored"
        ))),
    }
}

/// Stores one, as this version or as the one after the latest, and says so.
fn store(
    run: &Run,
    secrets: &Secrets,
    name: &SecretName,
    value: &Plaintext,
    version: Option<&Version>,
    sealing: &Sealing,
) -> Done {
    let stored = run.wait(async {
        match version {
            Some(version) => secrets.put(name, version, value, sealing).await,
            None => {
                let stored = secrets.put_next(name, value, sealing, false).await;
                stored.map(drop)
            }
        }
    });
    stored.map_err(|error| stash_words::fault(Face::Credstash, &error, &sealing.master))?;
    Ok(output::text(&format!("{name} has been stored\n"))?)
}

impl Asked {
    /// How it is sealed: in the form that credstash 1.17.1 writes, under the digest that was asked for.
    fn sealing(&self, words: &[String], comment: Option<&str>) -> Done<Sealing> {
        let hash: Hash = self
            .digest
            .parse()
            .map_err(|error: seal::UnknownHash| Fault::usage(error.to_string()))?;
        let context = context(words)?;
        if hash.is_weak() {
            output::told(&format!(
                "credstash: warning: {hash} is a weak digest; SHA256 is the default"
            ));
        }
        Ok(Sealing {
            master: self.key.clone(),
            context,
            form: Form::Legacy {
                hash,
                hex_bytes: true,
            },
            comment: comment
                .filter(|comment| !comment.is_empty())
                .map(str::to_owned),
        })
    }

    /// The version to store as; `None`: the one after the latest.
    fn version(&self, typed: &str) -> Option<Version> {
        (!self.autoversion).then(|| Version::padded(typed))
    }
}

/// Asks for the value without showing it. Where there is no terminal, it is a line of standard input.
fn prompt(name: &str) -> Done<Plaintext> {
    let typed = if std::fs::File::open("/dev/tty").is_ok() {
        rpassword::prompt_password(format!("{name}: "))
            .map(|typed| Plaintext::new(typed.into_bytes().into_boxed_slice()))
    } else {
        content::line_of_standard_input()
    };
    typed.map_err(|error| Fault::new(format!("asking for the value: {}", content::reason(&error))))
}
