//! Unpadded versions get padded ones: each row is put under its padded version with all it has, and
//! then the old one is deleted. A second run goes on where one ended.
//!
//! Readers take the greatest text, so `9` hides `10`. While this works they see what they saw
//! before until the last old row of a secret goes, and then what was written last: the old rows go
//! in the order of their texts, so the one that is read is the last.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use keep::{Action, Condition, Consistency, Item, Value};
use serde::Serialize;

use crate::binding::BOUND_VERSION;
use crate::numbering::Numbering;
use crate::record::context_names;
use crate::rewrap::unchanged;
use crate::row_write::RowWrite;
use crate::table_pages::TablePages;
use crate::{Error, Place, SecretName, Secrets, Version};

/// What is to be done in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// Rows to move, those of a secret in the order of their texts.
    pub moves: Vec<Move>,
    /// Rows that stay, and why.
    pub left: Vec<(Place, Left)>,
}

/// One row and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Where it lies.
    pub from: Place,
    /// Its padded version.
    #[serde(serialize_with = "text")]
    pub to: Version,
}

fn text<S: serde::Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(version.as_str())
}

/// Why a row stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// Its version is no number.
    #[error("its version is no number")]
    NoNumber,
    /// The padded version is there and holds another value.
    #[error("its padded version is there and holds another value")]
    Taken,
    /// It opens under this version only.
    #[error("it is bound to its version")]
    Bound,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Migrated {
    /// The rows that were moved.
    pub moved: Vec<Move>,
    /// Rows that stay, and why.
    pub left: Vec<(Place, Left)>,
    /// Rows that may lie in both places now; a second run mends that.
    pub failed: Vec<(Place, Error)>,
}

/// Looks for what is to be done; changes nothing.
pub async fn plan_migration(
    secrets: &Secrets,
    wanted: &(dyn Fn(&SecretName) -> bool + Sync),
) -> Result<Migration, Error> {
    let mut rows: BTreeMap<Place, Item> = BTreeMap::new();
    let mut pages = TablePages::of(secrets);
    while let Some(items) = pages.next().await? {
        for mut item in items {
            let place = Place::of(&item)?;
            if wanted(&place.name) {
                // Only what decides: the value stays out of memory, but for what tells it apart.
                let contents = item.remove("contents").map(|contents| digest(&contents));
                item.extend(contents.map(|digest| ("contents".to_owned(), digest)));
                rows.insert(place, item);
            }
        }
    }
    let mut migration = Migration::default();
    let mut taken: BTreeMap<Place, &Item> = BTreeMap::new();
    for (place, item) in &rows {
        let number = match Numbering::of(&place.version) {
            Numbering::Padded(_) => continue,
            Numbering::Text => {
                migration.left.push((place.clone(), Left::NoNumber));
                continue;
            }
            Numbering::Unpadded(number) => number,
        };
        if context_names(item).contains(BOUND_VERSION) {
            migration.left.push((place.clone(), Left::Bound));
            continue;
        }
        let target = Place {
            name: place.name.clone(),
            version: Version::of(number),
        };
        let there = rows.get(&target).or_else(|| taken.get(&target).copied());
        if there.is_some_and(|there| !same_value(there, item)) {
            migration.left.push((place.clone(), Left::Taken));
            continue;
        }
        migration.moves.push(Move {
            from: place.clone(),
            to: target.version.clone(),
        });
        taken.insert(target, item);
    }
    Ok(migration)
}

/// Does what was planned, the rows of a secret one after the other; `told` hears how many are done.
pub async fn migrate(
    secrets: &Secrets,
    planned: Migration,
    told: &(dyn Fn(usize) + Sync),
) -> Migrated {
    let mut of_secrets: BTreeMap<SecretName, Vec<Move>> = BTreeMap::new();
    for one in planned.moves {
        of_secrets
            .entry(one.from.name.clone())
            .or_default()
            .push(one);
    }
    let mut done = stream::iter(of_secrets.into_values())
        .map(|moves| secret(secrets, moves))
        .buffer_unordered(secrets.concurrency());
    let mut all = Migrated {
        left: planned.left,
        ..Migrated::default()
    };
    while let Some(one) = done.next().await {
        all.moved.extend(one.moved);
        all.left.extend(one.left);
        all.failed.extend(one.failed);
        told(all.moved.len());
    }
    all.moved.sort_by(|one, other| one.from.cmp(&other.from));
    all
}

/// All rows of one secret: first all copies, which hide below the old rows, and then the old ones.
async fn secret(secrets: &Secrets, moves: Vec<Move>) -> Migrated {
    let mut done = Migrated::default();
    let mut copied = Vec::new();
    for one in moves {
        match copy(secrets, &one).await {
            Ok(Copy::Made(item)) => copied.push((one, item)),
            // Somebody deleted it, and what it became is there or was not wanted either.
            Ok(Copy::NothingThere) => {}
            Ok(Copy::Taken) => done.left.push((one.from, Left::Taken)),
            Err(error) => done.failed.push((one.from, error)),
        }
    }
    if !done.failed.is_empty() {
        // A row that is read must not go before what hides behind it is in its place.
        return done;
    }
    for (one, item) in copied {
        match delete(secrets, &one.from, item).await {
            Ok(true) => done.moved.push(one),
            Ok(false) => done.left.push((one.from, Left::Taken)),
            Err(error) => {
                done.failed.push((one.from, error));
                return done;
            }
        }
    }
    done
}

enum Copy {
    /// The old row, as it was copied.
    Made(Item),
    NothingThere,
    Taken,
}

async fn copy(secrets: &Secrets, one: &Move) -> Result<Copy, Error> {
    let Place { name, version } = &one.from;
    let old = secrets.item(name, version, Consistency::Strong).await?;
    let Some(old) = old else {
        return Ok(Copy::NothingThere);
    };
    let mut new = old.clone();
    new.insert("version".to_owned(), Value::s(one.to.as_str()));
    let target = Place {
        name: one.from.name.clone(),
        version: one.to.clone(),
    };
    let put = Action::Put {
        table: secrets.table().clone(),
        item: new,
        condition: Condition::new_item("name"),
    };
    let there = |now: Option<&Item>| now.is_some_and(|now| same_value(now, &old));
    let written = secrets.write_row(&target, &put, there).await?;
    Ok(match written {
        RowWrite::Done => Copy::Made(old),
        RowWrite::Moved(_) => Copy::Taken,
    })
}

/// Deletes the old row, when it holds what was copied; `false` when it does not any more.
async fn delete(secrets: &Secrets, place: &Place, mut copied: Item) -> Result<bool, Error> {
    for _ in 0..TURNS {
        let delete = Action::Delete {
            table: secrets.table().clone(),
            key: place.key(),
            condition: unchanged(&copied),
        };
        let gone = |now: Option<&Item>| now.is_none();
        match secrets.write_row(place, &delete, gone).await? {
            RowWrite::Done => return Ok(true),
            // Only its data key was wrapped anew: the copy has the same one.
            RowWrite::Moved(Some(now)) if same_value(&now, &copied) => copied = now,
            RowWrite::Moved(now) => return Ok(now.is_none()),
        }
    }
    Err(Error::TooBusy(place.name.clone()))
}

/// Whether two rows are one but for the version and the master key: the same ciphertext and MAC,
/// which no two data keys give.
fn same_value(one: &Item, other: &Item) -> bool {
    let rest = |item: &Item| -> Item {
        let mut rest = item.clone();
        rest.remove("version");
        rest.remove("key");
        rest
    };
    rest(one) == rest(other)
}

/// Stands for a value where only equality matters.
fn digest(contents: &Value) -> Value {
    let bytes = match contents {
        Value::S(text) => text.as_bytes(),
        Value::B(bytes) => bytes,
        other => return other.clone(),
    };
    Value::B(seal::digest::sha256(bytes).to_vec())
}

const TURNS: usize = 8;
