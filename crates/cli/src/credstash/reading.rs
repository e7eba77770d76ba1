//! `get` and `getall`: values to standard output.

use std::collections::BTreeSet;

use documents::dotenv::{Line, lines};
use documents::pattern::Pattern;
use documents::{Dialect, NotText, write_many};
use futures_util::StreamExt as _;
use futures_util::stream;
use keep::{EncryptionContext, Plaintext};
use stash::{Record, SecretName, Secrets, Version};

use crate::credstash::arguments::{Format, Get, GetAll};
use crate::credstash::pairs::context;
use crate::credstash::run::{Run, fault, name};
use crate::faces::{Done, Fault};
use crate::output;
use crate::progress::Progress;
use crate::python_text::repr;
use crate::stash_words::not_found;

pub(crate) fn get(run: &Run, get: &Get) -> Done {
    let context = context(&get.context)?;
    if get.credential.contains('*') {
        return matching(run, get, &context);
    }
    let name = name(&get.credential)?;
    let secrets = run.secrets()?;
    let value = run.wait(async {
        let record = record(&secrets, &name, &get.version).await?;
        let opened = secrets.open(&record, &context).await;
        opened.map_err(|error| fault(&error))
    })?;
    output::bytes(value.expose())?;
    if !get.noline {
        output::text("\n")?;
    }
    Ok(())
}

/// All whose names fit, or none when one of them cannot be read.
fn matching(run: &Run, get: &Get, context: &EncryptionContext) -> Done {
    let pattern = Pattern::wildcard(&get.credential);
    let secrets = run.secrets()?;
    let wanted = |name: &SecretName| pattern.matches(name.as_str());
    let read = read_all(run, &secrets, &wanted, &get.version, context)?;
    read.fail_if_short(false)?;
    let document = document(get.format, &read.values, NotText::Refuse)?;
    Ok(output::bytes(document.expose())?)
}

pub(crate) fn get_all(run: &Run, get: &GetAll) -> Done {
    let context = context(&get.context)?;
    let secrets = run.secrets()?;
    let mut read = read_all(run, &secrets, &|_| true, &get.version, &context)?;
    if get.skip_errors {
        read.set_aside_what_is_no_text();
    }
    if !read.failed.is_empty() && !get.skip_errors {
        return read.fail_if_short(true);
    }
    let document = document(get.format, &read.values, NotText::Refuse)?;
    output::bytes(document.expose())?;
    output::text("\n")?;
    read.fail_if_short(false)
}

/// What could be read of many, and what could not.
struct Read {
    values: Vec<(SecretName, Plaintext)>,
    failed: Vec<(SecretName, Fault)>,
}

impl Read {
    /// A short set never ends well: each that is missing is told, with its reason.
    fn fail_if_short(&self, offer: bool) -> Done {
        if self.failed.is_empty() {
            return Ok(());
        }
        let told: Vec<_> = self
            .failed
            .iter()
            .map(|(name, fault)| format!("{name}: {fault}"))
            .collect();
        let total = self.values.len() + self.failed.len();
        let summary = format!("{} of {total} could not be read", self.failed.len());
        let fault = Fault::new(told.join("\n"));
        Err(match offer {
            true => fault.hint(format!("{summary}; --skip-errors prints the others")),
            false => fault.hint(summary),
        })
    }

    fn set_aside_what_is_no_text(&mut self) {
        let values = std::mem::take(&mut self.values);
        for (name, value) in values {
            match std::str::from_utf8(value.expose()) {
                Ok(_) => self.values.push((name, value)),
                Err(_) => self
                    .failed
                    .push((name, Fault::new("its value is not UTF-8 text"))),
            }
        }
    }
}

fn read_all(
    run: &Run,
    secrets: &Secrets,
    wanted: &(dyn Fn(&SecretName) -> bool + Sync),
    version: &str,
    context: &EncryptionContext,
) -> Done<Read> {
    let found = run.wait(async {
        if version.is_empty() {
            let newest = secrets.newest_of_all(wanted).await;
            let newest = newest.map_err(|error| fault(&error))?;
            return Ok(newest
                .into_iter()
                .map(|(name, record)| (name, record.map_err(|error| fault(&error))))
                .collect());
        }
        let listed = secrets.list().await.map_err(|error| fault(&error))?;
        let names: BTreeSet<_> = listed
            .into_iter()
            .map(|one| one.name)
            .filter(|name| wanted(name))
            .collect();
        let found: Vec<_> = stream::iter(names)
            .map(|name| async {
                let record = record(secrets, &name, version).await;
                (name, record)
            })
            .buffered(run.concurrency())
            .collect()
            .await;
        Done::Ok(found)
    })?;
    let mut read = Read {
        values: vec![],
        failed: vec![],
    };
    let mut records = vec![];
    for (name, record) in found {
        match record {
            Ok(record) => records.push(record),
            Err(fault) => read.failed.push((name, fault)),
        }
    }
    let progress = Progress::of(u64::try_from(records.len()).ok());
    let told = |done: usize| progress.tell(done as u64, "secrets");
    for (record, value) in run.wait(secrets.open_all(records, context, &told)) {
        match value {
            Ok(value) => read.values.push((record.name, value)),
            Err(error) => read.failed.push((record.name, fault(&error))),
        }
    }
    Ok(read)
}

/// The newest version, or the one that was typed: as credstash stores it, else as it stands there.
async fn record(secrets: &Secrets, name: &SecretName, typed: &str) -> Done<Record> {
    if typed.is_empty() {
        let newest = secrets.newest(name).await.map_err(|error| fault(&error))?;
        return newest.ok_or_else(|| not_found(name.as_str(), None));
    }
    let padded = Version::padded(typed);
    for version in [padded.clone(), Version::stored(typed)] {
        let found = secrets.version(name, &version).await;
        if let Some(record) = found.map_err(|error| fault(&error))? {
            return Ok(record);
        }
        if padded.as_str() == typed {
            break;
        }
    }
    Err(not_found(name.as_str(), Some(&repr(padded.as_str()))))
}

/// Names and values in this form. All end their lines themselves but JSON.
fn document(
    format: Format,
    values: &[(SecretName, Plaintext)],
    not_text: NotText,
) -> Done<Plaintext> {
    let (format, dialect) = match format {
        Format::Json => (documents::Format::Json, Dialect::Credstash),
        Format::Yaml => (documents::Format::Yaml, Dialect::Credstash),
        Format::Csv => (documents::Format::Csv, Dialect::Credstash),
        Format::DotenvUnquoted => (documents::Format::Dotenv, Dialect::Credstash),
        Format::Env => (documents::Format::Dotenv, Dialect::Keepward),
        Format::Export => (documents::Format::Export, Dialect::Keepward),
        Format::Dotenv => return dotenv(values),
    };
    let entries = values.iter().map(|(name, value)| (name.as_str(), value));
    write_many(format, dialect, not_text, entries)
        .map(|written| written.document)
        .map_err(|error| Fault::new(error.to_string()))
}

/// credstash's names, which are in upper case and otherwise as they are, with values quoted so that the
/// readers of such files get them back.
fn dotenv(values: &[(SecretName, Plaintext)]) -> Done<Plaintext> {
    let mut variables = Vec::new();
    for (name, value) in values {
        let text = std::str::from_utf8(value.expose())
            .ok()
            .filter(|text| !text.contains('\0'))
            .ok_or_else(|| {
                Fault::new(format!(
                    "dotenv holds UTF-8 text without NUL only, which the value of {name} is not"
                ))
            })?;
        variables.push((name.as_str().to_uppercase(), text));
    }
    let variables = variables.iter().map(|(name, text)| (name.as_str(), *text));
    Ok(lines(Line::Dotenv, variables))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use stash::{Form, Sealing};

    use super::*;
    use crate::credstash::arguments::Globals;
    use crate::stash_reach::StashReach;

    /// A run on a local table that holds these names, versions and values.
    fn run_on(items: &[(&str, &str, &str)]) -> (tempfile::TempDir, Run, Secrets) {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::begin(Globals {
            reach: StashReach::within(folder.path().join("data")),
            table: Some("t".to_owned()),
            ..Globals::default()
        })
        .unwrap();
        let table = run.ports().unwrap().table;
        run.wait(table.create(&Secrets::schema(&run.table())))
            .unwrap();
        let secrets = run.secrets().unwrap();
        let sealing = Sealing {
            master: "alias/credstash".to_owned(),
            context: EncryptionContext::default(),
            form: Form::CREDSTASH,
            comment: None,
        };
        for (name, version, value) in items {
            let name = name.parse().unwrap();
            let value = Plaintext::new(Box::from(value.as_bytes()));
            run.wait(secrets.put(&name, &Version::stored(version), &value, &sealing))
                .unwrap();
        }
        (folder, run, secrets)
    }

    #[test]
    fn a_version_is_found_as_it_is_stored_today_or_as_it_was_once() {
        let (_folder, run, secrets) = run_on(&[
            ("x", "0000000000000000001", "one"),
            ("x", "2", "two"),
            ("x", "00000000000000rel-1", "release"),
            ("x", "20260101000000000000001", "long"),
        ]);
        let name = "x".parse().unwrap();
        let opened = |typed: &str| {
            let found = run.wait(record(&secrets, &name, typed))?;
            let value = run.wait(secrets.open(&found, &EncryptionContext::default()));
            Done::Ok(String::from_utf8(value.unwrap().expose().to_vec()).unwrap())
        };
        for (typed, value) in [
            ("1", "one"),
            ("2", "two"),
            ("rel-1", "release"),
            ("20260101000000000000001", "long"),
            // The newest is the greatest text.
            ("", "long"),
        ] {
            assert_eq!(opened(typed), Ok(value.to_owned()), "{typed}");
        }
        assert_eq!(
            opened("3").unwrap_err().to_string(),
            "Item {'name': 'x', 'version': '0000000000000000003'} couldn't be found."
        );
    }

    #[test]
    fn all_of_one_version_are_read_and_those_without_it_are_told() {
        let (_folder, run, secrets) = run_on(&[
            ("a", "0000000000000000001", "1"),
            ("a", "0000000000000000002", "1b"),
            ("b", "0000000000000000001", "2"),
        ]);
        let context = EncryptionContext::default();
        let read = |version| read_all(&run, &secrets, &|_| true, version, &context).unwrap();
        let both = read("1");
        assert_eq!((both.values.len(), both.failed.len()), (2, 0));
        let short = read("2");
        assert_eq!((short.values.len(), short.failed.len()), (1, 1));
        let told = short.fail_if_short(false).unwrap_err().to_string();
        assert!(told.starts_with("b: Item {'name': 'b'"), "{told}");
        assert_eq!(read("").values.len(), 2);
    }

    fn values() -> Vec<(SecretName, Plaintext)> {
        [("a", "1"), ("b.c", "it's $5")]
            .map(|(name, value)| {
                let value = Plaintext::new(Box::from(value.as_bytes()));
                (name.parse().unwrap(), value)
            })
            .into()
    }

    #[rstest]
    #[case::json(Format::Json, "{\n    \"a\": \"1\",\n    \"b.c\": \"it's $5\"\n}")]
    #[case::yaml(Format::Yaml, "a: '1'\nb.c: it's $5\n")]
    #[case::csv(Format::Csv, "a,1\nb.c,it's $5\n")]
    #[case::dotenv(Format::Dotenv, "A='1'\nB.C='it\\'s $5'\n")]
    #[case::as_credstash(Format::DotenvUnquoted, "A='1'\nB.C='it's $5'\n")]
    #[case::env(Format::Env, "A='1'\nB_C='it\\'s $5'\n")]
    #[case::export(Format::Export, "export A='1'\nexport B_C='it'\\''s $5'\n")]
    fn many_are_printed_in_the_form_that_was_asked_for(
        #[case] format: Format,
        #[case] printed: &str,
    ) {
        let document = document(format, &values(), NotText::Refuse).unwrap();
        assert_eq!(std::str::from_utf8(document.expose()).unwrap(), printed);
    }

    #[test]
    fn a_short_set_fails_and_tells_each_that_is_missing() {
        let read = Read {
            values: values(),
            failed: vec![("c".parse().unwrap(), Fault::new("no"))],
        };
        let told = read.fail_if_short(true).unwrap_err().to_string();
        assert_eq!(
            told,
            "c: no\n  1 of 3 could not be read; --skip-errors prints the others"
        );
    }
}
