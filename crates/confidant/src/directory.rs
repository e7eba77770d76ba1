//! The directory: who has which name, and which services map what. Kept from the date index.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use keep::{Clock, Item, Items, Order, TableError, TableName, Value};

use crate::attributes::kind_of;
use crate::names::Named;
use crate::service_record::ServiceRecord;

/// Answers from memory; what it says is verified by a consistent read wherever it matters.
///
/// A request brings it up to date with one query from the last seen date minus 26 hours (old
/// servers label local time as UTC). Where this process is the only writer it is exact without
/// that, since every write is noted here. The whole is rebuilt hourly in the background, which
/// forgets what old servers archived away.
pub(crate) struct Directory {
    table: TableName,
    credentials: Side,
    blind_credentials: Side,
    services: Side,
}

/// One kind of thing, found by words: a credential's name, the ids that a service maps.
struct Side {
    kind: &'static str,
    words_of: fn(&Item) -> BTreeSet<String>,
    known: Mutex<Known>,
    /// One query at a time.
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    lines: HashMap<String, Line>,
    by_word: HashMap<String, BTreeSet<String>>,
    newest: Option<Timestamp>,
    built: Option<Duration>,
    /// Ids noted while a rebuild is under way, which may have missed them.
    noted: Option<HashSet<String>>,
}

#[derive(Clone)]
struct Line {
    date: Timestamp,
    words: BTreeSet<String>,
}

impl Directory {
    pub(crate) fn new(table: TableName) -> Self {
        let side = |kind, words_of| Side {
            kind,
            words_of,
            known: Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
        };
        Self {
            table,
            credentials: side(Named::Credential.kind(), name_of),
            blind_credentials: side(Named::BlindCredential.kind(), name_of),
            services: side(ServiceRecord::KIND, |item| {
                let mapped = ServiceRecord::read(item).map(|mut service| {
                    service.credentials.append(&mut service.blind_credentials);
                    service.credentials
                });
                mapped.unwrap_or_default()
            }),
        }
    }

    fn names(&self, of: Named) -> &Side {
        match of {
            Named::Credential => &self.credentials,
            Named::BlindCredential => &self.blind_credentials,
        }
    }

    fn sides(&self) -> [&Side; 3] {
        [&self.credentials, &self.blind_credentials, &self.services]
    }

    /// Ids of those last seen under this name.
    pub(crate) fn named(&self, of: Named, name: &str) -> BTreeSet<String> {
        self.names(of)
            .known()
            .by_word
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// Ids of the services last seen to map this credential, blind or not.
    pub(crate) fn mapping(&self, id: &str) -> BTreeSet<String> {
        self.services
            .known()
            .by_word
            .get(id)
            .cloned()
            .unwrap_or_default()
    }

    /// Notes an item that was just written here.
    pub(crate) fn note(&self, item: &Item) {
        for side in self.sides() {
            if kind_of(item) == Some(side.kind) {
                let mut known = side.known();
                if let (Some(noted), Some(id)) =
                    (&mut known.noted, item.get("id").and_then(Value::as_s))
                {
                    noted.insert(id.to_owned());
                }
                known.see(item, side.words_of);
            }
        }
    }

    /// Brings the names up to date.
    pub(crate) async fn refresh_names(
        &self,
        of: Named,
        items: Items<'_>,
        clock: &dyn Clock,
    ) -> Result<(), TableError> {
        self.names(of).refresh(items, clock, &self.table).await
    }

    /// Brings the mappings up to date.
    pub(crate) async fn refresh_mappings(
        &self,
        items: Items<'_>,
        clock: &dyn Clock,
    ) -> Result<(), TableError> {
        self.services.refresh(items, clock, &self.table).await
    }

    /// Brings all up to date, and rebuilds what was built over an hour ago. Where this process is
    /// the only writer, nothing is read before the first write needs it.
    pub(crate) async fn keep_up(
        &self,
        items: Items<'_>,
        clock: &dyn Clock,
    ) -> Result<(), TableError> {
        for side in self.sides() {
            let built = side.known().built;
            if built.is_none() && items.generation().is_some() {
                // Nobody else writes, so it costs nothing to wait for the first write that asks.
                continue;
            }
            if built.is_none_or(|built| clock.monotonic().saturating_sub(built) >= REBUILT) {
                let _alone = side.refreshing.lock().await;
                side.rebuild(items, clock, &self.table).await?;
            } else {
                side.refresh(items, clock, &self.table).await?;
            }
        }
        Ok(())
    }
}

impl Side {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn refresh(
        &self,
        items: Items<'_>,
        clock: &dyn Clock,
        table: &TableName,
    ) -> Result<(), TableError> {
        let _alone = self.refreshing.lock().await;
        let (built, newest) = {
            let known = self.known();
            (known.built.is_some(), known.newest)
        };
        if !built {
            return self.rebuild(items, clock, table).await;
        }
        if items.generation().is_some() {
            return Ok(());
        }
        self.query(
            items,
            table,
            newest.map(|newest| newest.plus_seconds(-MARGIN)),
            |item| {
                self.known().see(item, self.words_of);
            },
        )
        .await
    }

    async fn rebuild(
        &self,
        items: Items<'_>,
        clock: &dyn Clock,
        table: &TableName,
    ) -> Result<(), TableError> {
        self.known().noted = Some(HashSet::new());
        let mut fresh = Known {
            built: Some(clock.monotonic()),
            ..Known::default()
        };
        let read = self
            .query(items, table, None, |item| fresh.see(item, self.words_of))
            .await;
        let mut known = self.known();
        let noted = known.noted.take().unwrap_or_default();
        read?;
        for id in noted {
            if let Some(line) = known.lines.remove(&id) {
                fresh.put(&id, line);
            }
        }
        *known = fresh;
        Ok(())
    }

    async fn query(
        &self,
        items: Items<'_>,
        table: &TableName,
        from: Option<Timestamp>,
        mut seen: impl FnMut(&Item),
    ) -> Result<(), TableError> {
        let mut query = crate::date_index_query(table, self.kind, Order::Ascending);
        query.from = from.map(|from| ("modified_date".to_owned(), Value::S(from.stored())));
        loop {
            let page = items.query(&query).await?;
            page.items.iter().for_each(&mut seen);
            match page.next {
                Some(next) => query.start = Some(next),
                None => return Ok(()),
            }
        }
    }
}

impl Known {
    /// Takes in an item, unless a newer one of that id is known. Damaged ones have no line: whoever
    /// reads them by id is told.
    fn see(&mut self, item: &Item, words_of: fn(&Item) -> BTreeSet<String>) {
        let id = item.get("id").and_then(Value::as_s);
        let date = item
            .get("modified_date")
            .and_then(Value::as_s)
            .and_then(Timestamp::from_stored);
        if let (Some(id), Some(date)) = (id, date) {
            self.put(
                id,
                Line {
                    date,
                    words: words_of(item),
                },
            );
        }
    }

    fn put(&mut self, id: &str, line: Line) {
        if self
            .lines
            .get(id)
            .is_some_and(|known| known.date > line.date)
        {
            return;
        }
        self.newest = self.newest.max(Some(line.date));
        for word in &line.words {
            self.by_word
                .entry(word.clone())
                .or_default()
                .insert(id.to_owned());
        }
        if let Some(before) = self.lines.insert(id.to_owned(), line.clone()) {
            for word in before.words.difference(&line.words) {
                if let Some(ids) = self.by_word.get_mut(word) {
                    ids.remove(id);
                    if ids.is_empty() {
                        self.by_word.remove(word);
                    }
                }
            }
        }
    }
}

fn name_of(item: &Item) -> BTreeSet<String> {
    let name = item.get("name").and_then(Value::as_s);
    name.map(str::to_owned).into_iter().collect()
}

/// Units: seconds. Old servers are up to 14 hours ahead and 12 behind.
const MARGIN: i64 = 26 * 60 * 60;

const REBUILT: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(id: &str, name: &str, micros: i64) -> Item {
        Item::from([
            ("id".to_owned(), Value::s(id)),
            ("data_type".to_owned(), Value::s("credential")),
            ("name".to_owned(), Value::s(name)),
            (
                "modified_date".to_owned(),
                Value::S(Timestamp::from_micros(micros).stored()),
            ),
        ])
    }

    #[test]
    fn a_renamed_credential_leaves_its_old_name() {
        let directory = Directory::new(TableName::new("t"));
        directory.note(&credential("c1", "old", 1));
        directory.note(&credential("c1", "new", 2));
        assert!(directory.named(Named::Credential, "old").is_empty());
        assert_eq!(
            directory.named(Named::Credential, "new"),
            BTreeSet::from(["c1".to_owned()])
        );
    }

    #[test]
    fn an_older_item_seen_later_changes_nothing() {
        let directory = Directory::new(TableName::new("t"));
        directory.note(&credential("c1", "new", 2));
        directory.note(&credential("c1", "old", 1));
        assert_eq!(
            directory.named(Named::Credential, "new"),
            BTreeSet::from(["c1".to_owned()])
        );
        assert!(directory.named(Named::Credential, "old").is_empty());
    }

    #[test]
    fn two_credentials_of_one_name_are_both_known() {
        let directory = Directory::new(TableName::new("t"));
        directory.note(&credential("c1", "n", 1));
        directory.note(&credential("c2", "n", 1));
        assert_eq!(directory.named(Named::Credential, "n").len(), 2);
    }
}
