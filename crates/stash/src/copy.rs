//! Copies from one table into another, sealed anew under the other's keys: versions and comments are
//! kept, nothing is written over, and a second run goes on where one ended.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use keep::{Consistency, EncryptionContext, Item, Plaintext};
use seal::digest::equal;

use crate::table_pages::TablePages;
use crate::{Error, Place, Record, Sealing, SecretName, Secrets, Version};

/// What is to be copied.
#[derive(Clone, Copy)]
pub struct Copy<'c> {
    /// Under what the rows were sealed.
    pub context: &'c EncryptionContext,
    /// Where to.
    pub to: &'c Secrets,
    /// Under what the copies are sealed; each has its own comment.
    pub sealing: &'c Sealing,
    /// Only the newest version of each, instead of all.
    pub newest: bool,
    /// The rows are of a writer that counts blocks wrongly, see [`Record::open_with_le_counter`]; the
    /// copies are right.
    pub le_counter: bool,
    /// Which secrets.
    pub wanted: &'c (dyn Fn(&SecretName) -> bool + Sync),
    /// Do it; otherwise only say what would be done.
    pub write: bool,
}

/// What was done, or would be.
#[derive(Debug, Default)]
pub struct Copied {
    /// The rows that were copied.
    pub copied: Vec<Place>,
    /// How many rows were there with the same value already.
    pub same: usize,
    /// Rows that are there with another value, which stays.
    pub differing: Vec<Place>,
    /// Rows that could not be copied, and why.
    pub failed: Vec<(String, Error)>,
    /// Why it ended before the last row.
    pub stopped: Option<Error>,
}

/// Copies; `told` hears how many rows were looked at.
///
/// Errors: the table cannot be read, and nothing was copied.
pub async fn copy(
    from: &Secrets,
    asked: Copy<'_>,
    told: &(dyn Fn(usize) + Sync),
) -> Result<Copied, Error> {
    let newest = match asked.newest {
        true => Some(newest_versions(from).await?),
        false => None,
    };
    let mut all = Copied::default();
    let mut pages = TablePages::of(from);
    let mut seen = 0;
    while all.stopped.is_none() {
        let items = match pages.next().await {
            Ok(Some(items)) => items,
            Ok(None) => break,
            Err(error) if seen == 0 => return Err(error),
            Err(error) => {
                all.stopped = Some(error);
                break;
            }
        };
        seen += items.len();
        let rows = stream::iter(items)
            .map(async |item| {
                let place = Place::told(&item);
                (place, row(from, asked, newest.as_ref(), &item).await)
            })
            .buffer_unordered(from.concurrency());
        let rows: Vec<_> = rows.collect().await;
        for (place, row) in rows {
            match row {
                Ok(Row::NotWanted) => {}
                Ok(Row::Same) => all.same += 1,
                Ok(Row::Copied(place)) => all.copied.push(place),
                Ok(Row::Differs(place)) => all.differing.push(place),
                Err(error) if error.is_of_the_row() => all.failed.push((place, error)),
                Err(error) => all.stopped = Some(error),
            }
        }
        told(seen);
    }
    all.copied.sort();
    all.differing.sort();
    Ok(all)
}

async fn newest_versions(from: &Secrets) -> Result<BTreeMap<SecretName, Version>, Error> {
    // Sorted: of one name the last is the newest.
    let listed = from.list().await?.into_iter();
    Ok(listed.map(|one| (one.name, one.version)).collect())
}

enum Row {
    NotWanted,
    Same,
    Copied(Place),
    Differs(Place),
}

async fn row(
    from: &Secrets,
    asked: Copy<'_>,
    newest: Option<&BTreeMap<SecretName, Version>>,
    item: &Item,
) -> Result<Row, Error> {
    let place = Place::of(item)?;
    let newest = newest.is_none_or(|newest| newest.get(&place.name) == Some(&place.version));
    if !newest || !(asked.wanted)(&place.name) {
        return Ok(Row::NotWanted);
    }
    let record = Record::of(item)?;
    if let Some(there) = there(asked.to, &place).await? {
        return same(from, asked, &record, &there).await;
    }
    // A dry run opens it too: what does not open is not copied.
    let value = value(from, asked, &record).await?;
    if !asked.write {
        return Ok(Row::Copied(place));
    }
    let sealing = Sealing {
        comment: record.sealed.comment.clone(),
        ..asked.sealing.clone()
    };
    let Place { name, version } = &place;
    match asked.to.put(name, version, &value, &sealing).await {
        Ok(()) => Ok(Row::Copied(place)),
        // Another run of this, or somebody else.
        Err(Error::Taken { name, version }) => match there(asked.to, &place).await? {
            Some(there) => same(from, asked, &record, &there).await,
            None => Err(Error::Taken { name, version }),
        },
        Err(error) => Err(error),
    }
}

async fn value(from: &Secrets, asked: Copy<'_>, record: &Record) -> Result<Plaintext, Error> {
    if !asked.le_counter {
        return from.open(record, asked.context).await;
    }
    let unwrapped = from.unwrapped(record, asked.context).await?;
    record.open_with_le_counter(&unwrapped.key)
}

async fn there(to: &Secrets, place: &Place) -> Result<Option<Record>, Error> {
    let Place { name, version } = place;
    let item = to.item(name, version, Consistency::Strong).await?;
    item.as_ref().map(Record::of).transpose()
}

async fn same(
    from: &Secrets,
    asked: Copy<'_>,
    record: &Record,
    there: &Record,
) -> Result<Row, Error> {
    let value = value(from, asked, record).await?;
    let other = asked.to.open(there, &asked.sealing.context).await?;
    Ok(match equal(value.expose(), other.expose()) {
        true => Row::Same,
        false => Row::Differs(record.place()),
    })
}
