//! What must be true of the table after the clients are done.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Action, Resource, Revision, Target, Verb};
use keep::{Consistency, Item, Key, Permit, Scan, TableName, Value};

use super::{CANARY, Played, Written, caller, value_of};
use crate::attributes::kind_of;
use crate::write::history_key;
use crate::{BlindRecord, Confidant, CredentialRecord, Error, ServiceRecord};

impl Played {
    /// Reads the whole table and compares. Call it when the faults are over.
    ///
    /// Holds: no acknowledged write is lost, no revision number was given twice, every stored value
    /// is one that was sent, no sent value can be read in any stored byte, names are unique, each
    /// revision has exactly one audit event.
    /// Errors: everything that is not as it must be, with the seed.
    pub async fn check(&self, server: &Confidant) -> Result<(), String> {
        let mut wrong = self.wrong.clone();
        if let Err(error) = self.look(server, &mut wrong).await {
            wrong.push(format!("cannot read the table: {error}"));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("seed {}: {}", self.seed, wrong.join("; ")))
        }
    }

    async fn look(&self, server: &Confidant, wrong: &mut Vec<String>) -> Result<(), Error> {
        let permit = reading(server)?;
        let items = everything(server, &server.settings.table).await?;
        let own = match server.keep.own_table() {
            own if *own == server.settings.table => BTreeMap::new(),
            own => everything(server, own).await?,
        };
        for item in items
            .values()
            .chain(own.values())
            .filter(|item| item.values().any(shows_value))
        {
            wrong.push(format!("a value can be read in {:?}", item.get("id")));
        }
        self.look_at_credentials(server, &permit, &items, wrong)
            .await?;
        self.look_at_services(&items, wrong);
        self.look_at_blind_credentials(&items, wrong)?;

        let of_kind = |kind: &str| {
            items
                .values()
                .filter(|item| kind_of(item) == Some(kind))
                .count()
        };
        let revisions = of_kind("archive-credential")
            + of_kind(ServiceRecord::ARCHIVE)
            + of_kind(BlindRecord::ARCHIVE);
        // Without a line it only keeps the place of an event that must not come.
        let events = items
            .iter()
            .chain(own.iter())
            .filter(|(id, item)| id.starts_with("kw/event/") && item.contains_key("event"))
            .count();
        if revisions != events {
            wrong.push(format!("{revisions} revisions, {events} audit events"));
        }
        permit.read(None)?;
        Ok(())
    }

    async fn look_at_credentials(
        &self,
        server: &Confidant,
        permit: &Permit<'_>,
        items: &BTreeMap<String, Item>,
        wrong: &mut Vec<String>,
    ) -> Result<(), Error> {
        let mut names = BTreeMap::new();
        for item in items
            .values()
            .filter(|item| kind_of(item) == Some(CredentialRecord::KIND))
        {
            let current = CredentialRecord::read(item)?;
            if let Some(other) = names.insert(current.name.clone(), current.id.clone()) {
                wrong.push(format!("{other} and {} have one name", current.id));
            }
            for number in 1..=current.revision.number() {
                let Some(archived) = items.get(&format!("{}-{number}", current.id)) else {
                    wrong.push(format!("{} lacks revision {number}", current.id));
                    continue;
                };
                let mut record = CredentialRecord::read(archived)?;
                record.id.clone_from(&current.id);
                // Each copy is dated on its own, after the write.
                record.last_decrypted_date = current.last_decrypted_date;
                if number == current.revision.number() && record != current {
                    wrong.push(format!("{} is not its newest revision", current.id));
                }
                let value = value_of(&server.open(permit, &record).await?);
                if !self.sent.contains(&value) {
                    wrong.push(format!(
                        "{} revision {number} holds a value that nobody sent",
                        current.id
                    ));
                }
            }
        }
        for (id, history) in &self.credentials {
            let mut given = BTreeSet::new();
            for Written {
                revision,
                name,
                value,
            } in history
            {
                if !given.insert(*revision) {
                    wrong.push(format!("{id} revision {revision} was given twice"));
                }
                let Some(item) = items.get(&format!("{id}-{revision}")) else {
                    wrong.push(format!("{id} revision {revision} is lost"));
                    continue;
                };
                let mut record = CredentialRecord::read(item)?;
                record.id.clone_from(id);
                if record.name != *name || value_of(&server.open(permit, &record).await?) != *value
                {
                    wrong.push(format!(
                        "{id} revision {revision} is not what was acknowledged"
                    ));
                }
            }
            let current = items.get(id).map(CredentialRecord::read).transpose()?;
            if current
                .is_none_or(|current| given.last().is_some_and(|last| current.revision < *last))
            {
                wrong.push(format!("{id} went back behind an acknowledged revision"));
            }
        }
        Ok(())
    }

    fn look_at_services(&self, items: &BTreeMap<String, Item>, wrong: &mut Vec<String>) {
        for (id, history) in &self.services {
            let mut given = BTreeSet::new();
            for (revision, mapped) in history {
                if !given.insert(*revision) {
                    wrong.push(format!("{id} revision {revision} was given twice"));
                }
                let stored = items
                    .get(&format!("{id}-{revision}"))
                    .and_then(|item| ServiceRecord::read(item).ok());
                if stored.is_none_or(|stored| stored.credentials != *mapped) {
                    wrong.push(format!("{id} revision {revision} is lost or another"));
                }
            }
            let current = items
                .get(id)
                .and_then(|item| ServiceRecord::read(item).ok());
            if current
                .is_none_or(|current| given.last().is_some_and(|last| current.revision < *last))
            {
                wrong.push(format!("{id} went back behind an acknowledged revision"));
            }
        }
    }

    fn look_at_blind_credentials(
        &self,
        items: &BTreeMap<String, Item>,
        wrong: &mut Vec<String>,
    ) -> Result<(), Error> {
        let mut names = BTreeMap::new();
        for item in items
            .values()
            .filter(|item| kind_of(item) == Some(BlindRecord::KIND))
        {
            let current = BlindRecord::read(item)?;
            if let Some(other) = names.insert(current.name.clone(), current.id.clone()) {
                wrong.push(format!("{other} and {} have one name", current.id));
            }
            for number in 1..=current.revision.number() {
                let id = format!("{}-{number}", current.id);
                let Some(archived) = items.get(&id) else {
                    wrong.push(format!("{id} is missing"));
                    continue;
                };
                let is_newest = number == current.revision.number();
                let mut record = BlindRecord::read(archived)?;
                record.id.clone_from(&current.id);
                if is_newest && record != current {
                    wrong.push(format!("{} is not its newest revision", current.id));
                }
            }
        }
        for (id, history) in &self.blind_credentials {
            let mut given = BTreeSet::new();
            for written in history {
                let number = written.revision;
                if !given.insert(number) {
                    wrong.push(format!("{id} revision {number} was given twice"));
                }
                let stored = items
                    .get(&format!("{id}-{number}"))
                    .map(BlindRecord::read)
                    .transpose()?;
                let stored = stored.map(|stored| BlindRecord {
                    id: id.clone(),
                    ..stored
                });
                if stored.as_ref() != Some(written) {
                    wrong.push(format!("{id} revision {number} is lost or another"));
                }
            }
            let current = items.get(id).map(BlindRecord::read).transpose()?;
            if current
                .is_none_or(|current| given.last().is_some_and(|last| current.revision < *last))
            {
                wrong.push(format!("{id} went back behind an acknowledged revision"));
            }
        }
        Ok(())
    }
}

fn reading(server: &Confidant) -> Result<Permit<'_>, Error> {
    server.permit(
        &caller("judge"),
        Action::new(Resource::Credential, Verb::Read),
        Target::All,
    )
}

/// The whole table by id, each item read again consistently.
async fn everything(
    server: &Confidant,
    table: &TableName,
) -> Result<BTreeMap<String, Item>, Error> {
    let items = server.keep.items();
    let mut scan = Scan {
        table: table.clone(),
        attributes: Vec::new(),
        limit: None,
        start: None,
        consistency: Consistency::Eventual,
    };
    let mut ids = BTreeSet::new();
    loop {
        let page = items.scan(&scan).await?;
        ids.extend(
            page.items
                .iter()
                .filter_map(|item| item.get("id").and_then(Value::as_s).map(str::to_owned)),
        );
        match page.next {
            Some(next) => scan.start = Some(next),
            None => break,
        }
    }
    // A scan may be old; the current items say which revisions there must be.
    let mut whole = read_again(server, table, &ids).await?;
    let histories: BTreeSet<String> = whole
        .iter()
        .filter(|(_, item)| {
            matches!(
                kind_of(item),
                Some(CredentialRecord::KIND | ServiceRecord::KIND | BlindRecord::KIND)
            )
        })
        .flat_map(|(id, item)| {
            let newest = item.get("revision").and_then(Value::as_u64).unwrap_or(0);
            (1..=newest).filter_map(|number| {
                match history_key(id, Revision::new(number).ok()?).hash.1 {
                    Value::S(id) => Some(id),
                    _ => None,
                }
            })
        })
        .filter(|id| !ids.contains(id))
        .collect();
    whole.extend(read_again(server, table, &histories).await?);
    Ok(whole)
}

async fn read_again(
    server: &Confidant,
    table: &TableName,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, Item>, Error> {
    let keys: Vec<Key> = ids.iter().map(Key::id).collect();
    let items = server
        .keep
        .items()
        .batch_get(table, &keys, Consistency::Strong)
        .await?;
    let id_of = |item: &Item| item.get("id").and_then(Value::as_s).map(str::to_owned);
    Ok(items
        .into_iter()
        .filter_map(|item| Some((id_of(&item)?, item)))
        .collect())
}

fn shows_value(value: &Value) -> bool {
    let shows = |bytes: &[u8]| {
        bytes
            .windows(CANARY.len())
            .any(|part| part == CANARY.as_bytes())
    };
    match value {
        Value::S(text) | Value::N(text) => shows(text.as_bytes()),
        Value::B(bytes) => shows(bytes),
        Value::Ss(set) | Value::Ns(set) => set.iter().any(|text| shows(text.as_bytes())),
        Value::Bs(set) => set.iter().any(|bytes| shows(bytes)),
        Value::L(list) => list.iter().any(shows_value),
        Value::M(map) => map.values().any(shows_value),
        Value::Bool(_) | Value::Null => false,
    }
}
