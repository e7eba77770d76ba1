//! A current item and its history, side by side, where they do not say the same.

use domain::Timestamp;
use keep::{Consistency, Item, Items, Key, TableName, Value};

use super::{Kind, forms};
use crate::Error;
use crate::attributes::{Stored, is_possible_id, kind_of};

/// What a current item and its newest copy tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The `data_type` of the current item.
    pub kind: String,
    /// The current item.
    pub current: Side,
    /// The newest copy in the history, at or above the current revision; `None` when there is none.
    pub history: Option<Side>,
    /// The attributes that differ; their values are not shown.
    pub differing: Vec<String>,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its revision.
    pub revision: u64,
    /// Who wrote it.
    pub modified_by: String,
    /// When.
    pub modified_date: Timestamp,
}

/// Compares the current item of this id with its history; `None` when nothing is wrong.
///
/// Errors: `NotFound` when there is no such current item; `Damaged`, `Table`.
pub async fn clash(items: Items<'_>, table: &TableName, id: &str) -> Result<Option<Clash>, Error> {
    if !is_possible_id(id) {
        return Err(Error::NotFound);
    }
    let get = |id: String| async move {
        let key = Key::id(id);
        items.get(table, &key, Consistency::Strong).await
    };
    let current = get(id.to_owned()).await?.ok_or(Error::NotFound)?;
    let kind_word = kind_of(&current).unwrap_or_default();
    let kind = Kind::of(kind_word).ok_or(Error::NotFound)?;
    let side = side(&current)?;
    let mut newest: Option<Item> = None;
    // As old servers look for a free number: upwards until there is none.
    let mut number = side.revision;
    while let Some(copy) = get(format!("{id}-{number}")).await? {
        newest = Some(copy);
        number = number.saturating_add(1);
    }
    let differing = match &newest {
        None => Vec::new(),
        Some(copy) => forms::differing(kind, &current, copy),
    };
    let history = newest.as_ref().map(self::side).transpose()?;
    let same = history
        .as_ref()
        .is_some_and(|copy| copy.revision == side.revision)
        && differing.is_empty();
    Ok((!same).then(|| Clash {
        kind: kind_word.to_owned(),
        current: side,
        history,
        differing,
    }))
}

fn side(item: &Item) -> Result<Side, Error> {
    let stored = Stored::new(item)?;
    Ok(Side {
        revision: stored.revision()?.number(),
        modified_by: item
            .get("modified_by")
            .and_then(Value::as_s)
            .unwrap_or_default()
            .to_owned(),
        modified_date: stored.date("modified_date")?,
    })
}
