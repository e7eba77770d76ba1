//! `put` and `put-many`: a new version, where the value is new.

use documents::{Format, read_many, read_one};
use stash::{Error, Secrets, Version};

use crate::credsmash::arguments::{Put, PutMany};
use crate::credsmash::files;
use crate::credsmash::log::Level;
use crate::credsmash::run::{Run, name};
use crate::credsmash::version::Number;
use crate::faces::{Done, Fault};

pub(crate) fn put(run: &Run, put: &Put) -> Done {
    let format = files::format(put.format.as_deref(), &put.source, Format::Raw)?;
    let source = files::read(&put.source, "SOURCE")?;
    let value = read_one(format, &put.secret_name, source.expose())
        .map_err(|error| Fault::new(error.to_string()))?;
    let name = name(&put.secret_name)?;
    let sealing = run.sealing()?;
    let secrets = run.secrets()?;
    let Some(number) = put.version else {
        return store(
            run,
            &secrets,
            &name,
            (&value, &sealing),
            put.compare.wanted(),
        );
    };
    run.wait(secrets.put(&name, &Version::of(number), &value, &sealing))
        .map_err(|error| run.fault(&error))?;
    tell(run, &name, &Version::of(number), true);
    Ok(())
}

/// Stores each in the order of the file and stops at the first that fails. What was stored until then
/// stays, and the same command again leaves it alone, as long as it compares.
pub(crate) fn put_many(run: &Run, put: &PutMany) -> Done {
    let format = files::format(put.format.as_deref(), &put.source, Format::Json)?;
    let source = files::read(&put.source, "SOURCE")?;
    let values = read_many(format, source.expose())
        .map_err(|error| Fault::new(error.to_string()))?
        .into_iter()
        .map(|(text, value)| Ok((name(&text)?, value)))
        .collect::<Done<Vec<_>>>()?;
    drop(source);
    let sealing = run.sealing()?;
    let secrets = run.secrets()?;
    for (done, (name, value)) in values.iter().enumerate() {
        store(run, &secrets, name, (value, &sealing), put.compare.wanted())
            .map_err(|fault| stopped(fault, name, done, values.len(), put.compare.wanted()))?;
    }
    run.log.line(
        Level::Debug,
        "credsmash.cli",
        &format!("Stored {} secrets", values.len()),
    );
    Ok(())
}

fn stopped(fault: Fault, name: &stash::SecretName, done: usize, of: usize, compare: bool) -> Fault {
    let left = of - done;
    let fault = fault.hint(format!(
        "at {name}: {done} of {of} secrets are stored, {left} are not"
    ));
    if compare {
        fault
            .hint("the same command again goes on from there: what is stored already is left alone")
    } else {
        fault.hint("the same command again with --compare goes on from there; with --no-compare it stores all anew")
    }
}

fn store(
    run: &Run,
    secrets: &Secrets,
    name: &stash::SecretName,
    (value, sealing): (&keep::Plaintext, &stash::Sealing),
    compare: bool,
) -> Done {
    let stored = run
        .wait(secrets.put_next(name, value, sealing, compare))
        .map_err(|error| {
            let fault = run.fault(&error);
            match error {
                Error::Key { operation: "Decrypt", .. } | Error::Forged { .. } if compare => {
                    fault.hint("the latest value could not be compared; --no-compare stores without reading it")
                }
                _ => fault,
            }
        })?;
    tell(run, name, &stored.version, stored.changed);
    Ok(())
}

/// CredSmash says `Stored` whether it stored or not.
fn tell(run: &Run, name: &stash::SecretName, version: &Version, changed: bool) {
    if !changed {
        run.log.line(
            Level::Debug,
            "credsmash.api.put",
            &format!("secret \"{name}\" is unchanged"),
        );
    }
    let remark = match run.globals.verbose && !changed {
        true => " (unchanged)",
        false => "",
    };
    let number = Number::of(version.as_str());
    run.log.info(
        "credsmash.cli",
        &format!("Stored {name} @ version {number}{remark}"),
    );
}
