//! A new master key on every row: the wrapped data key is replaced, all else stays, so that every
//! reader goes on. A row is one or the other at any time, and a second run goes on where one ended.

use futures_util::{StreamExt as _, stream};
use keep::{
    Action, Condition, DataKey, EncryptionContext, Item, KeyError, MasterKey, Value, WrappedKey,
};
use seal::digest::equal;

use crate::binding::{bound, names};
use crate::patience::patiently;
use crate::row_write::RowWrite;
use crate::table_pages::TablePages;
use crate::{Error, Place, Record, SecretName, Secrets};

/// What is to be done. Where the operations bind, each row is bound to its name and version too.
#[derive(Clone, Copy)]
pub struct Rewrap<'r> {
    /// The new master key: alias, id or full name.
    pub master: &'r str,
    /// Under what the rows were sealed.
    pub context: &'r EncryptionContext,
    /// Which secrets.
    pub wanted: &'r (dyn Fn(&SecretName) -> bool + Sync),
    /// Do it; otherwise only say what would be done.
    pub write: bool,
}

/// What was done, or would be.
#[derive(Debug)]
pub struct Rewrapped {
    /// The full name of the new master key.
    pub master: MasterKey,
    /// The rows with a new wrapped key.
    pub changed: Vec<Place>,
    /// How many rows were so already.
    pub already: usize,
    /// Rows that stay as they are, and why.
    pub failed: Vec<(String, Error)>,
    /// Why it ended before the last row.
    pub stopped: Option<Error>,
}

/// Rewraps the rows; `told` hears how many were looked at.
///
/// Errors: nothing was changed, since the new master key cannot be used for wrapping and opening.
pub async fn rewrap(
    secrets: &Secrets,
    asked: Rewrap<'_>,
    told: &(dyn Fn(usize) + Sync),
) -> Result<Rewrapped, Error> {
    let master = try_master(secrets, asked).await?;
    let mut all = Rewrapped {
        master,
        changed: Vec::new(),
        already: 0,
        failed: Vec::new(),
        stopped: None,
    };
    let mut pages = TablePages::of(secrets);
    let mut seen = 0;
    loop {
        let items = match pages.next().await {
            Ok(Some(items)) => items,
            Ok(None) => break,
            Err(error) => {
                all.stopped = Some(error);
                break;
            }
        };
        seen += items.len();
        let master = &all.master;
        let rows = stream::iter(items)
            .map(async |item| {
                let place = Place::told(&item);
                let row = row(secrets, asked, master, item).await;
                (place, row)
            })
            .buffer_unordered(secrets.concurrency());
        let rows: Vec<_> = rows.collect().await;
        for (place, row) in rows {
            match row {
                Ok(Row::NotWanted) => {}
                Ok(Row::Already) => all.already += 1,
                Ok(Row::Changed(place)) => all.changed.push(place),
                Err(error) if error.is_of_the_row() => all.failed.push((place, error)),
                Err(error) => all.stopped = Some(error),
            }
        }
        told(seen);
        if all.stopped.is_some() {
            break;
        }
    }
    all.changed.sort();
    Ok(all)
}

/// Wraps and opens a key that nothing is sealed with: a row under a key that its owner may not open
/// with would be lost.
async fn try_master(secrets: &Secrets, asked: Rewrap<'_>) -> Result<MasterKey, Error> {
    let ports = &secrets.ports;
    let probe = DataKey::new(Box::from(ports.random.bytes::<32>()));
    let wrapped = wrap(secrets, asked.master, &probe, asked.context).await?;
    let opened = patiently(&*ports.clock, &*ports.random, || async {
        let unwrapped = ports.keys.unwrap(&wrapped, asked.context).await;
        unwrapped.map_err(Error::key("Decrypt"))
    })
    .await?;
    match equal(opened.key.expose(), probe.expose()) {
        true => Ok(opened.master),
        false => Err(Error::key("Decrypt")(KeyError::DoesNotOpen)),
    }
}

async fn wrap(
    secrets: &Secrets,
    master: &str,
    key: &DataKey,
    context: &EncryptionContext,
) -> Result<WrappedKey, Error> {
    let ports = &secrets.ports;
    patiently(&*ports.clock, &*ports.random, || async {
        let wrapped = ports.keys.wrap(master, key, context).await;
        wrapped.map_err(Error::key("Encrypt"))
    })
    .await
}

enum Row {
    NotWanted,
    Already,
    Changed(Place),
}

async fn row(
    secrets: &Secrets,
    asked: Rewrap<'_>,
    master: &MasterKey,
    mut item: Item,
) -> Result<Row, Error> {
    for _ in 0..TURNS {
        let record = Record::of(&item)?;
        if !(asked.wanted)(&record.name) {
            return Ok(Row::NotWanted);
        }
        let place = record.place();
        let (opened, context) = secrets.unwrapped_under(&record, asked.context).await?;
        let with_place = bound(asked.context, &place);
        // A row that is bound stays so.
        let bind = secrets.binding.writes() || context == with_place;
        let wanted = if bind { &with_place } else { &context };
        let marked = record.sealed.is_marked() == bind;
        if opened.master == *master && context == *wanted && marked {
            return Ok(Row::Already);
        }
        // What the key belongs to is proven before it is vouched for anew.
        record.open(&opened.key)?;
        if !asked.write {
            return Ok(Row::Changed(place));
        }
        let new = wrap(secrets, asked.master, &opened.key, wanted).await?;
        let action = replace(secrets, &item, &place, &new, bind.then_some(wanted));
        let as_wanted = |now: Option<&Item>| {
            now.and_then(|now| Record::of(now).ok())
                .is_some_and(|now| now.sealed.key == new.0)
        };
        match secrets.write_row(&place, &action, as_wanted).await? {
            RowWrite::Done => return Ok(Row::Changed(place)),
            // Deleted meanwhile: nothing is left to do.
            RowWrite::Moved(None) => return Ok(Row::Already),
            RowWrite::Moved(Some(now)) => item = now,
        }
    }
    Err(Error::TooBusy(Place::of(&item)?.name))
}

/// The write: of the one attribute where that is all, else of the whole row, and only over the row
/// as it was read.
fn replace(
    secrets: &Secrets,
    item: &Item,
    place: &Place,
    new: &WrappedKey,
    bind_to: Option<&EncryptionContext>,
) -> Action {
    let table = secrets.table.clone();
    let value = like(item.get(KEY), new);
    let Some(context) = bind_to else {
        return Action::Update {
            table,
            key: place.key(),
            attribute: KEY.to_owned(),
            value: Some(value),
            condition: Condition::unchanged(item, &[KEY]),
        };
    };
    let mut whole = item.clone();
    whole.insert(KEY.to_owned(), value);
    whole.insert("context".to_owned(), Value::Ss(names(context)));
    Action::Put {
        table,
        item: whole,
        condition: unchanged(item),
    }
}

/// Every attribute is as it was.
pub(crate) fn unchanged(item: &Item) -> Condition {
    let names: Vec<&str> = item.keys().map(String::as_str).collect();
    Condition::unchanged(item, &names)
}

/// The wrapped key in the form that the row has: text of base64, or bytes.
fn like(old: Option<&Value>, new: &WrappedKey) -> Value {
    use base64::Engine as _;
    match old {
        Some(Value::B(_)) => Value::B(new.0.clone()),
        _ => Value::s(base64::engine::general_purpose::STANDARD.encode(&new.0)),
    }
}

const KEY: &str = "key";
/// Each lost turn is one that another writer of this very row won.
const TURNS: usize = 8;
