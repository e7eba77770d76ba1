//! Reading many secrets: whole or not at all, a bounded number of calls at once.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use keep::{Consistency, DataKey, EncryptionContext, Item, Plaintext, Scan, Value};

use crate::pace::Pace;
use crate::patience::pause;
use crate::{Error, Ports, Record, SecretName, Secrets, Version};

/// One version in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The secret.
    pub name: SecretName,
    /// The version.
    pub version: Version,
    /// A remark for people.
    pub comment: Option<String>,
}

impl Listed {
    /// What an item tells without being opened.
    ///
    /// Errors: `Damaged` when it has no name, which no table lets happen.
    pub fn of(item: &Item) -> Result<Self, Error> {
        let text = |attribute: &str| item.get(attribute).and_then(Value::as_s);
        let version = text("version").unwrap_or_default();
        let name = text("name").unwrap_or_default();
        Ok(Self {
            name: name.parse().map_err(|_| Error::Damaged {
                name: name.to_owned(),
                version: version.to_owned(),
                attribute: "name",
            })?,
            version: Version::stored(version),
            comment: text("comment").map(str::to_owned),
        })
    }
}

impl Secrets {
    /// All versions of all secrets, in order of name and version text. May lack the latest writes.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        let attributes = ["name", "version", "comment"].map(str::to_owned).to_vec();
        let mut listed = Vec::new();
        self.scan(attributes, Consistency::Eventual, &mut |item| {
            listed.push(Listed::of(&item)?);
            Ok(())
        })
        .await?;
        listed.sort();
        Ok(listed)
    }

    /// The newest version of every secret that is `wanted`, in order of names: one scan of the table,
    /// which sees every write acknowledged before it began, unless [`Secrets::with_scans`] says otherwise.
    /// A damaged item stands in its place.
    pub async fn newest_of_all(
        &self,
        wanted: &(dyn Fn(&SecretName) -> bool + Sync),
    ) -> Result<Vec<(SecretName, Result<Record, Error>)>, Error> {
        let mut newest: BTreeMap<SecretName, (Version, Item)> = BTreeMap::new();
        self.scan(vec![], self.scans, &mut |item| {
            let Listed { name, version, .. } = Listed::of(&item)?;
            let newer = newest.get(&name).is_none_or(|(seen, _)| version > *seen);
            if newer && wanted(&name) {
                newest.insert(name, (version, item));
            }
            Ok(())
        })
        .await?;
        let records = newest.into_iter();
        Ok(records
            .map(|(name, (_, item))| (name, Record::of(&item)))
            .collect())
    }

    /// Opens them all, in their order, each with one call of the key service that is answered; `told`
    /// hears after each how many are done.
    ///
    /// A service that refuses everything for 15 seconds is asked once more for each of the rest, without a pause: how
    /// long its outage lasts must not be multiplied by how many secrets there are.
    pub async fn open_all(
        &self,
        records: Vec<Record>,
        context: &EncryptionContext,
        told: &(dyn Fn(usize) + Sync),
    ) -> Vec<(Record, Result<Plaintext, Error>)> {
        self.open_all_as(records, context, Record::open, told).await
    }

    /// [`Secrets::open_all`] with another way to open a row with its data key.
    pub async fn open_all_as(
        &self,
        records: Vec<Record>,
        context: &EncryptionContext,
        open: fn(&Record, &DataKey) -> Result<Plaintext, Error>,
        told: &(dyn Fn(usize) + Sync),
    ) -> Vec<(Record, Result<Plaintext, Error>)> {
        let Ports { clock, random, .. } = &self.ports;
        let mut waiting: VecDeque<(usize, u32)> = (0..records.len()).map(|at| (at, 0)).collect();
        let mut opened: Vec<Option<Result<Plaintext, Error>>> =
            records.iter().map(|_| None).collect();
        let mut pace = Pace::new(self.concurrency);
        let mut running = FuturesUnordered::new();
        let mut done = 0;
        let mut answered = clock.monotonic();
        loop {
            let patient = clock.monotonic().saturating_sub(answered) < PATIENCE;
            while running.len() < pace.width() {
                let Some((at, tries)) = waiting.pop_front() else {
                    break;
                };
                let Some(record) = records.get(at) else {
                    break;
                };
                running.push(async move {
                    if tries > 0 && patient {
                        pause(&**clock, &**random, tries).await;
                    }
                    let key = self.unwrap_once(record, context).await;
                    (at, tries + 1, key.and_then(|key| open(record, &key.key)))
                });
            }
            let Some((at, tries, result)) = running.next().await else {
                break;
            };
            match result {
                Err(error) if patient && tries < error.most_tries() => {
                    pace.refused();
                    waiting.push_back((at, tries));
                }
                result => {
                    if !matches!(&result, Err(error) if error.most_tries() > 1) {
                        answered = clock.monotonic();
                    }
                    pace.answered();
                    done += 1;
                    told(done);
                    if let Some(place) = opened.get_mut(at) {
                        *place = Some(result);
                    }
                }
            }
        }
        drop(running);
        // Each place was filled: a record waits or runs until it is done.
        records
            .into_iter()
            .zip(opened.into_iter().flatten())
            .collect()
    }

    /// Every item of the table, page by page.
    pub async fn scan(
        &self,
        attributes: Vec<String>,
        consistency: Consistency,
        each: &mut (dyn FnMut(Item) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        let mut scan = Scan {
            table: self.table.clone(),
            attributes,
            limit: None,
            start: None,
            consistency,
        };
        loop {
            let page = self.read("Scan", || self.ports.table.scan(&scan)).await?;
            for item in page.items {
                each(item)?;
            }
            match page.next {
                Some(next) => scan.start = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// How long a service may refuse everything.
const PATIENCE: Duration = Duration::from_secs(15);
