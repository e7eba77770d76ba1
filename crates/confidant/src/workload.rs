//! Random clients on one table, and what must be true of it afterwards. For tests under faults.
//!
//! [`play`] lets clients of one or more servers create, update, rename, revert, map and read at
//! once, blind credentials too; [`Played::check`] then reads every stored byte. It runs on any
//! table: the caller brings the servers, and the faults.

mod check;
mod under_faults;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{LoginMethod, Principal, PrincipalKind, RequestId, Revision};
use futures_util::future::join_all;
use keep::TableError;
use serde_json::json;

pub use under_faults::under_faults;

use crate::{
    Asked, BlindFields, BlindRecord, Caller, Confidant, CredentialFields, CredentialRecord, Error,
    NamedRevision, Pairs, ServiceFields, ServiceRecord, Want,
};

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Clients at once.
    pub clients: usize,
    /// Operations of each.
    pub steps: usize,
}

/// What was done and answered.
#[derive(Debug, Default)]
pub struct Played {
    seed: u64,
    /// Every value that was sent for a credential, answered or not, and its name if the write gave one.
    sent: BTreeSet<String>,
    credentials: BTreeMap<String, Vec<Written>>,
    services: BTreeMap<String, Vec<(Revision, BTreeSet<String>)>>,
    blind_credentials: BTreeMap<String, Vec<BlindRecord>>,
    /// Operations that were answered well.
    pub acknowledged: usize,
    /// Writes whose outcome nobody knows.
    pub in_doubt: usize,
    /// Operations that failed as they may: names taken, faults, too busy.
    pub failed: usize,
    wrong: Vec<String>,
}

#[derive(Debug)]
struct Written {
    revision: Revision,
    name: String,
    value: String,
}

/// One client at work.
pub type Client<'w> = Pin<Box<dyn Future<Output = ()> + 'w>>;

/// Plays clients against servers that share one table; client `n` asks server `n` modulo their
/// number. `run` runs them all, in whatever order: [`at_once`], or a simulator.
///
/// The same seed draws the same operations.
pub async fn play(
    servers: &[Confidant],
    seed: u64,
    size: Size,
    run: impl AsyncFnOnce(Vec<Client<'_>>),
) -> Played {
    let played = Mutex::new(Played {
        seed,
        ..Played::default()
    });
    let clients = servers
        .iter()
        .cycle()
        .take(size.clients)
        .enumerate()
        .map(|(number, server)| {
            let draw = Draw(
                seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .wrapping_add(number as u64),
            );
            let player = Player {
                server,
                number,
                draw,
                played: &played,
            };
            Box::pin(player.run(size.steps)) as Client<'_>
        });
    run(clients.collect()).await;
    played.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Runs all clients at once.
pub async fn at_once(clients: Vec<Client<'_>>) {
    join_all(clients).await;
}

struct Player<'w> {
    server: &'w Confidant,
    number: usize,
    draw: Draw,
    played: &'w Mutex<Played>,
}

impl Player<'_> {
    async fn run(mut self, steps: usize) {
        for step in 0..steps {
            let done = match self.draw.below(18) {
                0..=2 => self.create(step).await,
                3..=5 => self.update(step).await,
                6 => self.rename().await,
                7 | 8 => self.map().await,
                9 | 10 => self.fetch().await,
                11 => self.create_blind(step).await,
                12 => self.update_blind(step).await,
                13 => self.revert_blind().await,
                14 | 15 => self.revert().await,
                16 => self.revert_service().await,
                _ => self.read().await,
            };
            let mut played = self.played();
            match done {
                Ok(()) => played.acknowledged += 1,
                Err(Error::Table(TableError::Ambiguous(_))) => played.in_doubt += 1,
                Err(error) if may_happen(&error) => played.failed += 1,
                Err(error) => played
                    .wrong
                    .push(format!("client {} step {step}: {error}", self.number)),
            }
        }
    }

    async fn create(&mut self, step: usize) -> Result<(), Error> {
        let name = self.name();
        let value = self.value(step);
        let fields = CredentialFields {
            name: Ok(Some(name)),
            pairs: self.pairs(&value),
            ..nothing()
        };
        let created = self
            .server
            .create_credential(&self.caller(), fields)
            .await?
            .record;
        self.written(created, value);
        Ok(())
    }

    async fn update(&mut self, step: usize) -> Result<(), Error> {
        let Some(id) = self.some_credential() else {
            return Ok(());
        };
        let value = self.value(step);
        let fields = CredentialFields {
            pairs: self.pairs(&value),
            ..nothing()
        };
        let updated = self
            .server
            .update_credential(&self.caller(), &id, fields)
            .await?
            .record;
        self.written(updated, value);
        Ok(())
    }

    async fn rename(&mut self) -> Result<(), Error> {
        let Some(id) = self.some_credential() else {
            return Ok(());
        };
        let fields = CredentialFields {
            name: Ok(Some(self.name())),
            ..nothing()
        };
        let renamed = self
            .server
            .update_credential(&self.caller(), &id, fields)
            .await?;
        // Without pairs in the answer the write is checked by its neighbours alone.
        if let Some(pairs) = &renamed.pairs {
            let value = value_of(pairs);
            self.written(renamed.record, value);
        }
        Ok(())
    }

    async fn map(&mut self) -> Result<(), Error> {
        let id = format!("svc-{}", self.draw.below(3));
        let wanted: Vec<String> = (0..3).filter_map(|_| self.some_credential()).collect();
        let fields = ServiceFields {
            credentials: Ok(Some(wanted)),
            blind_credentials: Ok(None),
            enabled: Ok(None),
            account: Ok(None),
        };
        let record = self
            .server
            .map_service(&self.caller(), &id, fields)
            .await?
            .record;
        self.mapped(record);
        Ok(())
    }

    async fn revert(&mut self) -> Result<(), Error> {
        let Some(id) = self.some_credential() else {
            return Ok(());
        };
        let chosen = self.draw.below(1 << 16);
        let written = {
            let played = self.played();
            let history = played.credentials.get(&id).map_or(&[][..], Vec::as_slice);
            some_of(history, chosen).map(|old| (old.revision, old.value.clone()))
        };
        let Some((revision, value)) = written else {
            return Ok(());
        };
        let reverted = self
            .server
            .revert_credential(&self.caller(), &id, NamedRevision::Number(revision))
            .await?
            .record;
        self.written(reverted, value);
        Ok(())
    }

    async fn revert_service(&mut self) -> Result<(), Error> {
        let id = format!("svc-{}", self.draw.below(3));
        let chosen = self.draw.below(1 << 16);
        let revision = {
            let played = self.played();
            let history = played.services.get(&id).map_or(&[][..], Vec::as_slice);
            some_of(history, chosen).map(|(revision, _)| *revision)
        };
        let Some(revision) = revision else {
            return Ok(());
        };
        let record = self
            .server
            .revert_service(&self.caller(), &id, NamedRevision::Number(revision))
            .await?
            .record;
        self.mapped(record);
        Ok(())
    }

    async fn create_blind(&mut self, step: usize) -> Result<(), Error> {
        let fields = BlindFields {
            name: Ok(Some(self.name())),
            ..self.blind_fields(step)
        };
        let created = self
            .server
            .create_blind_credential(&self.caller(), fields)
            .await?;
        self.written_blind(created);
        Ok(())
    }

    async fn update_blind(&mut self, step: usize) -> Result<(), Error> {
        let Some(id) = self.some_blind_credential() else {
            return Ok(());
        };
        let fields = self.blind_fields(step);
        let updated = self
            .server
            .update_blind_credential(&self.caller(), &id, fields)
            .await?;
        self.written_blind(updated);
        Ok(())
    }

    async fn revert_blind(&mut self) -> Result<(), Error> {
        let Some(id) = self.some_blind_credential() else {
            return Ok(());
        };
        let reverted = self
            .server
            .revert_blind_credential(&self.caller(), &id, NamedRevision::Previous)
            .await?;
        self.written_blind(reverted);
        Ok(())
    }

    async fn fetch(&mut self) -> Result<(), Error> {
        let id = format!("svc-{}", self.draw.below(3));
        let view = self
            .server
            .read_service(&self.caller(), &id, Want::Values)
            .await?;
        for credential in &view.service.credentials {
            self.look(credential.pairs.as_ref());
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Error> {
        let Some(id) = self.some_credential() else {
            return Ok(());
        };
        let read = self
            .server
            .read_credential(&self.caller(), &id, Want::Values)
            .await?;
        self.look(read.credential.pairs.as_ref());
        Ok(())
    }

    fn look(&self, pairs: Option<&Pairs>) {
        let mut played = self.played();
        if pairs.is_none_or(|pairs| !played.sent.contains(&value_of(pairs))) {
            played.wrong.push(format!(
                "client {} read a value that nobody sent",
                self.number
            ));
        }
    }

    fn written(&self, record: CredentialRecord, value: String) {
        let CredentialRecord {
            id, revision, name, ..
        } = record;
        self.played()
            .credentials
            .entry(id)
            .or_default()
            .push(Written {
                revision,
                name,
                value,
            });
    }

    fn mapped(&self, record: ServiceRecord) {
        self.played()
            .services
            .entry(record.id)
            .or_default()
            .push((record.revision, record.credentials));
    }

    fn written_blind(&self, record: BlindRecord) {
        self.played()
            .blind_credentials
            .entry(record.id.clone())
            .or_default()
            .push(record);
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn some_credential(&mut self) -> Option<String> {
        let chosen = self.draw.below(1 << 16);
        some_key(&self.played().credentials, chosen)
    }

    fn some_blind_credential(&mut self) -> Option<String> {
        let chosen = self.draw.below(1 << 16);
        some_key(&self.played().blind_credentials, chosen)
    }

    /// What a client of its own sealed: nothing that this server could tell from noise.
    fn blind_fields(&mut self, step: usize) -> BlindFields {
        let sealed = format!("{}-{step}-{}", self.number, self.draw.below(1 << 30));
        let by_region = || {
            Ok(Some(
                [("us-east-1".to_owned(), sealed.clone().into())]
                    .into_iter()
                    .collect(),
            ))
        };
        BlindFields {
            name: Ok(None),
            credential_pairs: by_region(),
            data_key: by_region(),
            cipher_type: Ok(Some("fernet".to_owned())),
            cipher_version: Ok(Some(2)),
            credential_keys: Ok(None),
            enabled: Ok(None),
            metadata: Ok(None),
            documentation: Ok(None),
            mentions_revision: false,
        }
    }

    /// Few names, so that clients meet.
    fn name(&mut self) -> String {
        format!("name-{}", self.draw.below(6))
    }

    /// A value that nothing else contains, noted before it is sent.
    fn value(&mut self, step: usize) -> String {
        let value = format!(
            "{CANARY}{}-{step}-{}",
            self.number,
            self.draw.below(1 << 30)
        );
        self.played().sent.insert(value.clone());
        value
    }

    fn pairs(&self, value: &str) -> Asked<Pairs> {
        match json!({ "key": value }) {
            serde_json::Value::Object(pairs) => Pairs::draft(pairs).map(Some),
            _ => Ok(None),
        }
    }

    fn caller(&self) -> Caller {
        caller(&format!("client-{}", self.number))
    }
}

/// Failures that an honest server may answer with under faults and races.
fn may_happen(error: &Error) -> bool {
    match error {
        Error::NotFound
        | Error::NoSuchRevision
        | Error::NoDifference(_)
        | Error::NameTaken { .. }
        | Error::TooBusy => true,
        Error::Key(error) => !matches!(error, keep::KeyError::DoesNotOpen),
        Error::Table(error) => {
            matches!(
                error,
                TableError::Conflict | TableError::Throttled | TableError::Unavailable(_)
            )
        }
        _ => false,
    }
}

fn nothing() -> CredentialFields {
    CredentialFields {
        name: Ok(None),
        pairs: Ok(None),
        enabled: Ok(None),
        metadata: Ok(None),
        documentation: Ok(None),
        tags: Ok(None),
        mentions_revision: false,
    }
}

fn some_key<T>(map: &BTreeMap<String, T>, chosen: usize) -> Option<String> {
    map.keys().nth(chosen.checked_rem(map.len())?).cloned()
}

fn some_of<T>(history: &[T], chosen: usize) -> Option<&T> {
    history.get(chosen.checked_rem(history.len())?)
}

fn caller(name: &str) -> Caller {
    let who = Principal {
        kind: PrincipalKind::User,
        name: name.to_owned(),
        login: LoginMethod::ClientKey,
        account: None,
    };
    Caller {
        who,
        request: RequestId::new([0; 16]),
    }
}

fn value_of(pairs: &Pairs) -> String {
    let read: Option<BTreeMap<String, String>> = serde_json::from_slice(pairs.expose_json()).ok();
    read.and_then(|mut pairs| pairs.remove("key"))
        .unwrap_or_default()
}

/// Splitmix64: the same draws from the same seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap_or(0)
    }
}

/// What no stored byte may show.
const CANARY: &str = "KEEPWARD-CANARY-";
