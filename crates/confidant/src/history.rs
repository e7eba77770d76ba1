//! Histories: the revisions of one thing, and the list of all revisions of one kind of thing.

use domain::Revision;
use keep::{Consistency, Item, Items, Key, Order, PageStart, TableName, item_bytes};

use crate::attributes::{is_possible_id, kind_of};
use crate::listing::{self, MOST, date_index_query};
use crate::write::history_key;
use crate::{Asked, Error};

/// A revision as a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedRevision {
    /// By its number.
    Number(Revision),
    /// The one before the current one: what old Python clients mean by `None`.
    Previous,
    /// By a text that is the number of no revision.
    NoSuch,
}

impl NamedRevision {
    /// Reads a path segment. Only the decimal number itself counts, as it stands in history ids:
    /// with anything else `<id>-<text>` could be the history of another thing.
    pub fn read(text: &str) -> Self {
        if text == "None" {
            return Self::Previous;
        }
        text.parse()
            .ok()
            .and_then(|number| Revision::new(number).ok())
            .filter(|revision| revision.to_string() == text)
            .map_or(Self::NoSuch, Self::Number)
    }
}

/// How much of a history list is asked for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSize {
    /// As much as `HISTORY_PAGE_LIMIT` says.
    Configured,
    /// So many; none for 0.
    AtMost(usize),
    /// Everything.
    All,
}

impl PageSize {
    /// The greatest number of things, if there is one.
    fn limit(self, configured: Option<usize>) -> Option<usize> {
        match self {
            Self::Configured => configured,
            Self::AtMost(limit) => Some(limit),
            Self::All => None,
        }
    }
}

/// All revisions of a kind (`archive-...`), newest first, from `start` on. What is larger than
/// [`MOST_BYTES`] ends there and says where it goes on, however much was asked for.
///
/// Errors: `BadPage` when the start is no key of this list.
pub(crate) async fn list(
    items: Items<'_>,
    table: &TableName,
    kind: &str,
    (size, configured): (PageSize, Option<usize>),
    start: Asked<PageStart>,
) -> Result<(Vec<Item>, Option<PageStart>), Error> {
    let mut query = date_index_query(table, kind, Order::Descending);
    query.start = listing::checked(start, kind)?;
    match size.limit(configured) {
        Some(0) => Ok((Vec::new(), None)),
        Some(limit) => {
            query.limit = Some(limit.min(MOST));
            listing::page(items, &query).await
        }
        None => {
            let mut all = Vec::new();
            let mut bytes = 0_usize;
            loop {
                let (found, next) = listing::page(items, &query).await?;
                bytes = found
                    .iter()
                    .map(item_bytes)
                    .fold(bytes, usize::saturating_add);
                all.extend(found);
                if next.is_none() || bytes >= MOST_BYTES {
                    return Ok((all, next));
                }
                query.start = next;
            }
        }
    }
}

/// The revisions of the thing `id`, ascending, and its current number. `kinds` are its kind, and
/// that of its old revisions, which are things without a history.
///
/// Errors: `NotFound` also for ids of things of other kinds.
pub(crate) async fn of(
    items: Items<'_>,
    table: &TableName,
    id: &str,
    kinds: [&str; 2],
) -> Result<(Vec<Item>, Revision), Error> {
    let item = if is_possible_id(id) {
        items.get(table, &Key::id(id), Consistency::Strong).await?
    } else {
        None
    };
    let item = item.ok_or(Error::NotFound)?;
    if !kinds.into_iter().any(|kind| kind_of(&item) == Some(kind)) {
        return Err(Error::NotFound);
    }
    let current = number_of(&item)
        .and_then(|number| Revision::new(number).ok())
        .ok_or_else(|| Error::damaged(id, "revision"))?;
    let [_, archive] = kinds;
    Ok((
        revisions(items, table, id, archive, current).await?,
        current,
    ))
}

/// The revisions of `id` from 1 to its current one, ascending.
///
/// Numbers without an item of `kind` are skipped: failed writes leave gaps, and the id may be that
/// of something that has no history.
/// Errors: `Damaged` when the current number is one that no history reaches.
async fn revisions(
    items: Items<'_>,
    table: &TableName,
    id: &str,
    kind: &str,
    current: Revision,
) -> Result<Vec<Item>, Error> {
    if current.number() > LONGEST {
        return Err(Error::damaged(id, "revision"));
    }
    let keys: Vec<Key> = (1..=current.number())
        .filter_map(|number| Revision::new(number).ok())
        .map(|revision| history_key(id, revision))
        .collect();
    let mut found = items.batch_get(table, &keys, Consistency::Strong).await?;
    found.retain(|item| kind_of(item) == Some(kind));
    found.sort_by_key(number_of);
    Ok(found)
}

/// The item in the history of `id` that a request names, whatever its kind.
///
/// The previous one is that of the greatest number below `current` which is of `kind`; nothing
/// tells what a failed write of an old server left behind from a revision that was current once.
pub(crate) async fn one(
    items: Items<'_>,
    table: &TableName,
    (id, kind): (&str, &str),
    named: NamedRevision,
    current: Option<Revision>,
) -> Result<Option<Item>, Error> {
    match (named, current) {
        (NamedRevision::Number(revision), _) => {
            let key = history_key(id, revision);
            Ok(items.get(table, &key, Consistency::Strong).await?)
        }
        (NamedRevision::Previous, Some(current)) => previous(items, table, id, kind, current).await,
        (NamedRevision::Previous, None) | (NamedRevision::NoSuch, _) => Ok(None),
    }
}

/// Looks down from the current number, in batches.
async fn previous(
    items: Items<'_>,
    table: &TableName,
    id: &str,
    kind: &str,
    current: Revision,
) -> Result<Option<Item>, Error> {
    if current.number() > LONGEST {
        return Err(Error::damaged(id, "revision"));
    }
    let mut above = current.number();
    while above > 1 {
        let lowest = above.saturating_sub(BATCH).max(1);
        let keys: Vec<Key> = (lowest..above)
            .filter_map(|number| Revision::new(number).ok())
            .map(|revision| history_key(id, revision))
            .collect();
        let mut found = items.batch_get(table, &keys, Consistency::Strong).await?;
        found.retain(|item| kind_of(item) == Some(kind));
        if let Some(newest) = found.into_iter().max_by_key(number_of) {
            return Ok(Some(newest));
        }
        above = lowest;
    }
    Ok(None)
}

fn number_of(item: &Item) -> Option<u64> {
    item.get("revision")?.as_u64()
}

/// The most revisions of one thing that are looked for.
const LONGEST: u64 = 100_000;
/// Numbers looked at in one step down.
const BATCH: u64 = 100;
/// Items of one answer, in bytes. Every proven caller may ask for the history of blind credentials.
const MOST_BYTES: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::first("1", Some(1))]
    #[case::later("207", Some(207))]
    #[case::zero("0", None)]
    #[case::leading_zero("01", None)]
    #[case::sign("+1", None)]
    #[case::blank(" 1", None)]
    #[case::negative("-1", None)]
    #[case::history_of_another("a-1", None)]
    #[case::too_large("18446744073709551616", None)]
    #[case::other_digits("\u{661}", None)]
    #[case::word("services", None)]
    #[case::empty("", None)]
    fn only_the_number_itself_names_a_revision(#[case] text: &str, #[case] expected: Option<u64>) {
        let expected = expected.map_or(NamedRevision::NoSuch, |number| {
            NamedRevision::Number(Revision::new(number).unwrap())
        });
        assert_eq!(NamedRevision::read(text), expected);
    }

    #[test]
    fn the_old_clients_none_is_the_previous_revision() {
        assert_eq!(NamedRevision::read("None"), NamedRevision::Previous);
        assert_eq!(NamedRevision::read("none"), NamedRevision::NoSuch);
    }
}
