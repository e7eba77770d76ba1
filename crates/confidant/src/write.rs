//! The write protocol: one revision and its archive copy at once, beside servers that do neither.

use std::time::Duration;

use domain::{Revision, Target, Timestamp};
use keep::{
    CommitError, Condition, Consistency, Item, Items, Keep, Key, MAX_ITEM_BYTES, Permit, TableName,
    Value, item_bytes,
};

use crate::Error;
use crate::names::Claim;
use crate::protocol::{NextStep, next_step};

/// A requested change, which can be applied to any state that turns out to be there.
pub(crate) trait Change {
    /// What applying it made, for the answer.
    type Made;

    /// The next revision after `current`. Called again with the new state when that has moved.
    async fn apply(
        &mut self,
        permit: &Permit<'_>,
        current: Option<&Item>,
        revision: Revision,
    ) -> Result<Draft<Self::Made>, Error>;
}

/// One revision to be written.
pub(crate) struct Draft<M> {
    /// The current item.
    pub(crate) item: Item,
    /// The name it takes with it.
    pub(crate) claim: Option<Claim>,
    /// Names the target in the audit event, when the id is new.
    pub(crate) target: Option<Target>,
    /// For the answer.
    pub(crate) made: M,
}

/// Writes the next revision of the thing `id`.
///
/// Archive copy on a new number, current item on revision, date and data key as read, name guard
/// as read, and the audit event, all or nothing. Writers in this process take turns. When something moved, reads again consistently
/// and lets [`next_step`] decide; gives up after [`LIMIT`] with `TooBusy`.
pub(crate) async fn write<C: Change>(
    keep: &Keep,
    permit: &mut Permit<'_>,
    table: &TableName,
    id: &str,
    change: &mut C,
) -> Result<C::Made, Error> {
    let items = keep.items();
    let started = keep.clock().monotonic();
    let waited = || keep.clock().monotonic().saturating_sub(started);
    let _turn = keep.turn(table, id).await;
    if waited() >= LIMIT {
        return Err(Error::TooBusy);
    }
    let mut current = items.get(table, &Key::id(id), Consistency::Strong).await?;
    let mut revision = following(id, current.as_ref())?;
    let mut tries = 0_u32;
    loop {
        let Draft {
            item,
            claim,
            target,
            made,
        } = change.apply(permit, current.as_ref(), revision).await?;
        let archive = archive_copy(id, revision, &item);
        let size = item_bytes(&archive);
        if size > MAX_ITEM_BYTES {
            return Err(Error::TooLarge(size));
        }
        let mut tx = permit.begin();
        tx.put(table, archive, Condition::new_item("id"));
        tx.put(table, item, as_read(current.as_ref()));
        if let Some(Claim {
            guard,
            guard_unchanged,
            owner_unchanged,
        }) = claim
        {
            tx.put(keep.own_table(), guard, guard_unchanged);
            if let Some((owner, unchanged)) = owner_unchanged {
                tx.check(table, owner, unchanged);
            }
        }
        if let Some(target) = target {
            tx.target(target);
        }
        match tx.commit(Some(revision)).await {
            Ok(()) => return Ok(made),
            Err(CommitError::Moved(_)) => {}
            Err(CommitError::Table(error)) => return Err(error.into()),
        }

        tries = tries.saturating_add(1);
        if waited() >= LIMIT {
            return Err(Error::TooBusy);
        }
        pause(keep, tries).await;
        // The current item first: an archive item seen after an unmoved current one is in the way.
        let found = items.get(table, &Key::id(id), Consistency::Strong).await?;
        let taken = items
            .get(table, &history_key(id, revision), Consistency::Strong)
            .await?
            .is_some();
        revision = match next_step(
            stamp(current.as_ref()).as_ref(),
            stamp(found.as_ref()).as_ref(),
            taken,
        ) {
            NextStep::ApplyAnew if stamp(current.as_ref()) == stamp(found.as_ref()) => revision,
            NextStep::ApplyAnew => following(id, found.as_ref())?,
            NextStep::NextNumber => free_number(items, table, id, revision).await?,
        };
        current = found;
    }
}

/// The date of a revision that replaces one of the date `replaced`: now, but strictly later, since
/// old servers write local time as UTC and clocks jump.
pub(crate) fn date_after(replaced: Option<Timestamp>, now: Timestamp) -> Timestamp {
    match replaced {
        Some(replaced) if now <= replaced => {
            Timestamp::from_micros(replaced.micros().saturating_add(1))
        }
        _ => now,
    }
}

/// The key of one revision in the history.
pub(crate) fn history_key(id: &str, revision: Revision) -> Key {
    Key::id(format!("{id}-{revision}"))
}

fn archive_copy(id: &str, revision: Revision, item: &Item) -> Item {
    let mut copy = item.clone();
    copy.insert("id".to_owned(), Value::S(format!("{id}-{revision}")));
    if let Some(Value::S(kind)) = copy.get_mut("data_type") {
        kind.insert_str(0, "archive-");
    }
    copy
}

fn following(id: &str, current: Option<&Item>) -> Result<Revision, Error> {
    match current {
        None => Ok(Revision::FIRST),
        Some(item) => item
            .get("revision")
            .and_then(Value::as_u64)
            .and_then(|number| Revision::new(number).ok())
            .map(Revision::next)
            .ok_or_else(|| Error::damaged(id, "revision")),
    }
}

/// What a write compares to see whether the current item moved.
const AS_READ: [&str; 3] = ["revision", "modified_date", "data_key"];

/// Holds while the current item is the one that was read, absence included.
pub(crate) fn as_read(current: Option<&Item>) -> Condition {
    match current {
        Some(item) => Condition::unchanged(item, &AS_READ),
        None => Condition::new_item("id"),
    }
}

fn stamp(current: Option<&Item>) -> Option<[Option<&Value>; 3]> {
    current.map(|item| AS_READ.map(|name| item.get(name)))
}

/// The first number after `taken` without an archive item, looked for in growing batches.
async fn free_number(
    items: Items<'_>,
    table: &TableName,
    id: &str,
    taken: Revision,
) -> Result<Revision, Error> {
    let mut first = taken.next();
    let mut batch = 8_u64;
    loop {
        let numbers = first.number()..first.number().saturating_add(batch);
        let revisions: Vec<Revision> = numbers
            .filter_map(|number| Revision::new(number).ok())
            .collect();
        let keys: Vec<Key> = revisions
            .iter()
            .map(|revision| history_key(id, *revision))
            .collect();
        let found = items.batch_get(table, &keys, Consistency::Strong).await?;
        let free = revisions
            .iter()
            .zip(&keys)
            .find(|(_, key)| !found.iter().any(|item| key.is_of(item)));
        if let Some((revision, _)) = free {
            return Ok(*revision);
        }
        first = Revision::new(first.number().saturating_add(batch))
            .map_err(|_| Error::damaged(id, "revision"))?;
        batch = (batch * 2).min(100);
    }
}

async fn pause(keep: &Keep, tries: u32) {
    let bound = (10_u64 << tries.min(5)).min(250);
    let jitter = u64::from(u16::from_be_bytes(keep.random().bytes())) * bound / u64::from(u16::MAX);
    keep.clock().sleep(Duration::from_millis(jitter)).await;
}

/// How long a write waits for others and goes on meeting faster ones.
const LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_always_after_the_one_it_replaces() {
        let at = Timestamp::from_micros;
        assert_eq!(date_after(None, at(5)), at(5));
        assert_eq!(date_after(Some(at(4)), at(5)), at(5));
        assert_eq!(date_after(Some(at(5)), at(5)), at(6));
        assert_eq!(date_after(Some(at(900)), at(5)), at(901));
    }

    #[test]
    fn the_archive_copy_differs_in_id_and_kind_alone() {
        let item = Item::from([
            ("id".to_owned(), Value::s("c")),
            ("data_type".to_owned(), Value::s("credential")),
            ("name".to_owned(), Value::s("n")),
        ]);
        let copy = archive_copy("c", Revision::FIRST, &item);
        assert_eq!(copy.get("id"), Some(&Value::s("c-1")));
        assert_eq!(copy.get("data_type"), Some(&Value::s("archive-credential")));
        assert_eq!(copy.get("name"), item.get("name"));
    }
}
