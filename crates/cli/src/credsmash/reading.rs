//! `get`, `get-all`, `find-one` and `find-many`: values to a file or to standard output.
//!
//! Nothing is written unless all that was asked for could be read.

use std::collections::BTreeSet;

use documents::pattern::Pattern;
use documents::{Dialect, Format, write_many, write_one};
use keep::Plaintext;
use stash::{Record, SecretName, Secrets, Version};

use crate::credsmash::arguments::{Destination, FindMany, FindOne, Get, GetAll, NotText};
use crate::credsmash::files;
use crate::credsmash::log::Level;
use crate::credsmash::run::{Run, name};
use crate::faces::{Done, Fault};
use crate::progress::Progress;
use crate::stash_words::not_found;

pub(crate) fn get(run: &Run, get: &Get) -> Done {
    let format = get.destination.form(Format::Raw)?;
    let name = name(&get.secret_name)?;
    let secrets = run.secrets()?;
    let record = record(run, &secrets, &name, get.version)?;
    one(run, &secrets, &record, format, &get.destination)
}

pub(crate) fn find_one(run: &Run, find: &FindOne) -> Done {
    let format = find.destination.form(Format::Raw)?;
    let secrets = run.secrets()?;
    let pattern = Pattern::fnmatch(&find.pattern);
    let record = match find.version.filter(|version| *version != 0) {
        None => {
            let found = newest(run, &secrets, &|name| pattern.matches(name.as_str()))?;
            only(found, &find.pattern)?
                .1
                .map_err(|error| run.fault(&error))?
        }
        version => {
            let listed = run
                .wait(secrets.list())
                .map_err(|error| run.fault(&error))?;
            let names: BTreeSet<_> = listed
                .into_iter()
                .map(|one| one.name)
                .filter(|name| pattern.matches(name.as_str()))
                .collect();
            let name = only(names.into_iter().collect(), &find.pattern)?;
            record(run, &secrets, &name, version)?
        }
    };
    one(run, &secrets, &record, format, &find.destination)
}

pub(crate) fn get_all(run: &Run, get: &GetAll) -> Done {
    many(run, &|_| true, &get.destination)
}

pub(crate) fn find_many(run: &Run, find: &FindMany) -> Done {
    let pattern = Pattern::fnmatch(&find.pattern);
    many(
        run,
        &|name| pattern.matches(name.as_str()),
        &find.destination,
    )
}

/// The one that fits.
fn only<T>(mut found: Vec<T>, pattern: &str) -> Done<T> {
    let count = found.len();
    match (found.pop(), count) {
        (Some(one), 1) => Ok(one),
        (None, _) => Err(Fault::new(format!(
            "No matching secrets found for pattern={pattern}"
        ))),
        (Some(_), _) => Err(Fault::new(format!(
            "Too many results ({count}) for pattern={pattern}"
        ))),
    }
}

/// The newest version, or the one of this number; 0 is the newest.
///
/// An old item may carry its number as it was typed, so that is looked for as well.
fn record(run: &Run, secrets: &Secrets, name: &SecretName, version: Option<i128>) -> Done<Record> {
    let found = match version.filter(|version| *version != 0) {
        None => run.wait(secrets.newest(name)),
        Some(number) => run.wait(async {
            match secrets.version(name, &Version::of(number)).await? {
                Some(record) => Ok(Some(record)),
                None => {
                    let typed = Version::stored(&number.to_string());
                    secrets.version(name, &typed).await
                }
            }
        }),
    };
    let shown = version.map_or_else(|| "None".to_owned(), |number| number.to_string());
    found
        .map_err(|error| run.fault(&error))?
        .ok_or_else(|| not_found(name.as_str(), Some(&shown)))
}

fn newest(
    run: &Run,
    secrets: &Secrets,
    wanted: &(dyn Fn(&SecretName) -> bool + Sync),
) -> Done<Vec<(SecretName, Result<Record, stash::Error>)>> {
    run.wait(secrets.newest_of_all(wanted))
        .map_err(|error| run.fault(&error))
}

fn one(
    run: &Run,
    secrets: &Secrets,
    record: &Record,
    format: Format,
    destination: &Destination,
) -> Done {
    let context = run.context()?;
    let value = run
        .wait(secrets.open(record, &context))
        .map_err(|error| run.fault(&error))?;
    // A document without the one value that was asked for would be no answer.
    let not_text = match destination.not_text {
        NotText::Skip | NotText::Fail => documents::NotText::Refuse,
        NotText::Base64 => documents::NotText::Base64,
    };
    let name = record.name.as_str();
    let written = write_one(format, Dialect::CredSmash, not_text, name, &value)
        .map_err(|error| unwritable(&error))?;
    files::write(&destination.destination, &written.document)
}

fn many(
    run: &Run,
    wanted: &(dyn Fn(&SecretName) -> bool + Sync),
    destination: &Destination,
) -> Done {
    let format = destination.form(Format::Json)?;
    let secrets = run.secrets()?;
    let context = run.context()?;
    let mut failed = Vec::new();
    let mut records = Vec::new();
    for (name, record) in newest(run, &secrets, wanted)? {
        match record {
            Ok(record) => records.push(record),
            Err(error) => failed.push((name, error)),
        }
    }
    let total = records.len() + failed.len();
    let mut values: Vec<(SecretName, Plaintext)> = Vec::new();
    // What is damaged fails all, so no key is asked for.
    if failed.is_empty() {
        let progress = Progress::of(u64::try_from(total).ok());
        let told = |done: usize| progress.tell(done as u64, "secrets");
        for (record, value) in run.wait(secrets.open_all(records, &context, &told)) {
            match value {
                Ok(value) => values.push((record.name, value)),
                Err(error) => failed.push((record.name, error)),
            }
        }
    }
    if !failed.is_empty() {
        return Err(unread(run, &failed, total));
    }
    let entries = values.iter().map(|(name, value)| (name.as_str(), value));
    let not_text = match destination.not_text {
        NotText::Skip => documents::NotText::LeaveOut,
        NotText::Fail => documents::NotText::Refuse,
        NotText::Base64 => documents::NotText::Base64,
    };
    let written = write_many(format, Dialect::CredSmash, not_text, entries)
        .map_err(|error| unwritable(&error))?;
    if destination.not_text == NotText::Skip {
        for name in &written.not_text {
            run.log.line(
                Level::Warning,
                "credsmash.util",
                &format!("Could not decode {name} as utf-8"),
            );
        }
    }
    files::write(&destination.destination, &written.document)
}

/// Every secret that could not be read, with its reason.
fn unread(run: &Run, failed: &[(SecretName, stash::Error)], total: usize) -> Fault {
    let lines: Vec<_> = failed
        .iter()
        .map(|(name, error)| format!("{name}: {}", run.fault(error)))
        .collect();
    Fault::new(lines.join("\nError: ")).hint(format!(
        "{} of {total} secrets could not be read, so nothing was written",
        failed.len()
    ))
}

fn unwritable(error: &documents::Error) -> Fault {
    let fault = Fault::new(error.to_string());
    match error {
        documents::Error::ValuesNotUtf8 { .. } => {
            fault.hint("--not-text base64 writes them as base64; `get -f raw` writes any bytes")
        }
        _ => fault,
    }
}

impl Destination {
    /// The format to write, known before AWS is asked anything.
    fn form(&self, default: Format) -> Done<Format> {
        files::format(self.format.as_deref(), &self.destination, default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_match_is_taken_and_other_counts_are_told() {
        assert_eq!(only(vec![7], "a*"), Ok(7));
        assert_eq!(
            only(Vec::<u8>::new(), "zzz*"),
            Err(Fault::new("No matching secrets found for pattern=zzz*"))
        );
        assert_eq!(
            only(vec![1, 2, 3], "*"),
            Err(Fault::new("Too many results (3) for pattern=*"))
        );
    }
}
