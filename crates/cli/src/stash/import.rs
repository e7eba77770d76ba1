//! `keepward stash import`: the values of a document, each as the next version where it is another
//! value. Says beforehand what it will do, afterwards what was done and what was not; a second run
//! does the rest, since what is equal is left alone.

use std::cell::Cell;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use documents::{Format, limits, read_many};
use futures_util::{StreamExt as _, stream};
use keep::Plaintext;
use seal::digest::equal;
use serde_json::json;
use stash::{Error, SecretName, Stored, Version};
use zeroize::Zeroizing;

use crate::client::printable;
use crate::exit::{self, Failure, Kind, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::stash::arguments::{Import, Repair};
use crate::stash::names::secret_name;
use crate::stash::put::short;
use crate::stash::session::Session;
use crate::stash::value_source::limited;

/// One entry, and what becomes of it.
struct Entry {
    name: SecretName,
    value: Plaintext,
    step: Step,
}

enum Step {
    /// There is no such secret: the first version.
    Create,
    /// The next version.
    Update(Version),
    /// The newest version holds this value.
    Same(Version),
    /// It cannot be told what the newest version holds, or no version can follow it.
    Cannot(Failure),
    /// It has this version now.
    Stored(Version),
    /// It has not.
    Failed(Failure),
    /// Another one failed in a way that would have met this one too.
    NotTried,
}

pub(super) async fn run(session: &Session, asked: &Import) -> Outcome {
    let mut entries = planned(session, asked, document(asked)?).await?;
    if let Some(failure) = first(&entries, |step| matches!(step, Step::Cannot(_))) {
        show(session, &entries, false)?;
        return Err(failure
            .about("nothing was stored")
            .hint_too("--no-compare stores values without reading what is there"));
    }
    if asked.dry_run {
        return show(session, &entries, false);
    }
    if !session.json {
        output::text(&format!("{}\n", summary(&entries)))?;
    }
    store(session, asked, &mut entries).await;
    show(session, &entries, true)?;
    let undone = entries
        .iter()
        .filter(|entry| matches!(entry.step, Step::Failed(_) | Step::NotTried))
        .count();
    match first(&entries, |step| matches!(step, Step::Failed(_))) {
        None => Ok(()),
        Some(failure) => Err(failure
            .about(&format!(
                "{undone} of {} values were not stored",
                entries.len()
            ))
            .hint_too("run this again to store the rest")),
    }
}

/// The entries of the document.
fn document(asked: &Import) -> Outcome<Vec<(SecretName, Plaintext)>> {
    let path = asked.file.as_path();
    let format = match asked.format {
        Some(form) => form.format(),
        None => Format::of_file(&path.to_string_lossy()).unwrap_or(Format::Json),
    };
    let bytes = if path.as_os_str() == "-" {
        limited(&mut std::io::stdin().lock(), path, limits::MAX_BYTES)?
    } else {
        let mut file =
            std::fs::File::open(path).map_err(|error| exit::file("reading", path, &error))?;
        limited(&mut file, path, limits::MAX_BYTES)?
    };
    let read = read_many(format, &bytes).map_err(|error| {
        let told = printable(&error.to_string());
        let failure = Failure::new(Kind::Usage, format!("{}: {told}", path.display()));
        match error {
            documents::Error::ValueNotText { .. } | documents::Error::NameNotText(_) => failure,
            _ => failure.hint("--format names the form: json, yaml, csv or dotenv"),
        }
    })?;
    read.into_iter()
        .map(|(name, value)| {
            let value = if asked.base64 {
                decoded(path, &name, &value)?
            } else {
                value
            };
            Ok((secret_name(&name)?, value))
        })
        .collect()
}

fn decoded(path: &Path, name: &str, value: &Plaintext) -> Outcome<Plaintext> {
    let mut bytes = Zeroizing::new(vec![0; value.expose().len()]);
    let length = STANDARD
        .decode_slice(value.expose().trim_ascii(), &mut bytes)
        .map_err(|_| {
            let name = printable(name);
            let path = path.display();
            Failure::new(
                Kind::Usage,
                format!("{path}: the value of {name} is not base64"),
            )
        })?;
    Ok(Plaintext::new(Box::from(
        bytes.get(..length).unwrap_or_default(),
    )))
}

/// What would become of each; stores nothing.
async fn planned(
    session: &Session,
    asked: &Import,
    entries: Vec<(SecretName, Plaintext)>,
) -> Outcome<Vec<Entry>> {
    let progress = Progress::of(Some(entries.len() as u64));
    let done = Cell::new(0);
    let planned: Vec<_> = stream::iter(entries)
        .map(async |(name, value)| {
            let step = step(session, asked, &name, &value).await;
            done.set(done.get() + 1);
            progress.tell(done.get(), "values compared");
            step.map(|step| Entry { name, value, step })
        })
        .buffered(session.secrets.concurrency())
        .collect()
        .await;
    planned.into_iter().collect()
}

/// Errors: those that concern every entry.
async fn step(
    session: &Session,
    asked: &Import,
    name: &SecretName,
    value: &Plaintext,
) -> Outcome<Step> {
    let newest = match session.secrets.newest(name).await {
        Ok(Some(newest)) => newest,
        Ok(None) => return Ok(Step::Create),
        Err(error) if error.is_of_the_row() => return Ok(Step::Cannot(session.failure(&error))),
        Err(error) => return Err(session.failure(&error)),
    };
    if !asked.no_compare {
        match session.open_value(&newest, Repair::default()).await {
            Ok(stored) if equal(stored.expose(), value.expose()) => {
                return Ok(Step::Same(newest.version));
            }
            Ok(_) => {}
            Err(failure) => return Ok(Step::Cannot(failure)),
        }
    }
    match newest.version.following() {
        Some(next) => Ok(Step::Update(next)),
        None => Ok(Step::Cannot(session.failure(&Error::NoNextVersion {
            name: name.clone(),
            newest: newest.version,
        }))),
    }
}

async fn store(session: &Session, asked: &Import, entries: &mut [Entry]) {
    let progress = Progress::of(Some(entries.len() as u64));
    let (done, stopped) = (Cell::new(0), Cell::new(false));
    let mut storing = stream::iter(entries)
        .map(async |entry| {
            let Entry { name, value, step } = entry;
            let next = match step {
                Step::Create => Version::first(),
                Step::Update(next) => next.clone(),
                _ => return,
            };
            *step = if stopped.get() {
                Step::NotTried
            } else {
                match put(session, asked, name, value, next).await {
                    Ok(version) => Step::Stored(version),
                    Err(error) => {
                        // What one secret is refused for is no reason to leave the others.
                        let of_one = error.is_of_the_row()
                            || matches!(error, Error::NoNextVersion { .. } | Error::Taken { .. });
                        stopped.set(stopped.get() || !of_one);
                        Step::Failed(session.failure(&error))
                    }
                }
            };
            done.set(done.get() + 1);
            progress.tell(done.get(), "values stored");
        })
        .buffer_unordered(session.secrets.concurrency());
    while storing.next().await.is_some() {}
}

async fn put(
    session: &Session,
    asked: &Import,
    name: &SecretName,
    value: &Plaintext,
    next: Version,
) -> Result<Version, Error> {
    let (secrets, sealing) = (&session.secrets, session.sealing(None));
    match secrets.put(name, &next, value, &sealing).await {
        Ok(()) => Ok(next),
        // Somebody wrote that version meanwhile: ours comes after it, when it is another value.
        Err(Error::Taken { .. }) => {
            let put = secrets.put_next(name, value, &sealing, !asked.no_compare);
            put.await.map(|Stored { version, .. }| version)
        }
        Err(error) => Err(error),
    }
}

fn first(entries: &[Entry], wanted: fn(&Step) -> bool) -> Option<Failure> {
    let entry = entries.iter().find(|entry| wanted(&entry.step))?;
    let (Step::Cannot(failure) | Step::Failed(failure)) = &entry.step else {
        return None;
    };
    let name = printable(entry.name.as_str());
    let what = match failure.what().contains(&name) {
        true => failure.what().to_owned(),
        false => format!("{name}: {}", failure.what()),
    };
    Some(Failure::new(failure.kind(), what).like(failure))
}

fn summary(entries: &[Entry]) -> String {
    let count = |wanted: fn(&Step) -> bool| {
        let wanted = entries.iter().filter(|entry| wanted(&entry.step));
        wanted.count()
    };
    format!(
        "{} new, {} to change, {} the same",
        count(|step| matches!(step, Step::Create)),
        count(|step| matches!(step, Step::Update(_))),
        count(|step| matches!(step, Step::Same(_))),
    )
}

fn show(session: &Session, entries: &[Entry], done: bool) -> Outcome {
    let told = entries.iter().map(|entry| (entry, words(&entry.step)));
    if session.json {
        let rows: Vec<_> = told
            .map(|(entry, (word, version, why))| {
                json!({
                    "name": entry.name.as_str(),
                    "outcome": word,
                    "version": version.map(Version::as_str),
                    "why": why,
                })
            })
            .collect();
        return output::json(&json!({ "done": done, "values": rows }));
    }
    let mut text = String::new();
    for (entry, (word, version, why)) in told {
        text.push_str(&format!("{word:<10} {}", printable(entry.name.as_str())));
        if let Some(version) = version {
            text.push_str(&format!(" version {}", short(version.as_str())));
        }
        if let Some(why) = why {
            text.push_str(&format!(": {why}"));
        }
        text.push('\n');
    }
    if !done {
        text.push_str(&format!("{}; nothing was stored\n", summary(entries)));
    }
    output::text(&text)
}

fn words(step: &Step) -> (&'static str, Option<&Version>, Option<&str>) {
    match step {
        Step::Create => ("new", None, None),
        Step::Update(next) => ("change", Some(next), None),
        Step::Same(version) => ("same", Some(version), None),
        Step::Cannot(failure) => ("cannot", None, Some(failure.what())),
        Step::Stored(version) => ("stored", Some(version), None),
        Step::Failed(failure) => ("failed", None, Some(failure.what())),
        Step::NotTried => ("not tried", None, None),
    }
}
