//! An examination of a whole table: reads each row once, and writes nothing.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use keep::{EncryptionContext, Item, MAX_ITEM_BYTES, TableName, WrappedKey, item_bytes};
use seal::Hash;
use seal::digest::sha256;

use crate::binding::{Binding, bound};
use crate::numbering::{Numbering, meant_order};
use crate::patience::patiently;
use crate::table_pages::TablePages;
use crate::{Error, Finding, Manifest, Place, Proof, Record, Secrets, Version};

/// What to look at beside the rows themselves.
#[derive(Clone, Copy, Default)]
pub struct Examine<'e> {
    /// Open each row under this context; one or two calls of the key service for each.
    pub open: Option<&'e EncryptionContext>,
    /// The state to compare with.
    pub manifest: Option<&'e Manifest>,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// How many rows there are.
    pub rows: usize,
    /// How many secrets.
    pub secrets: usize,
    /// What is wrong, sorted.
    pub findings: Vec<Finding>,
    /// The state of the table, for the next time.
    pub manifest: Manifest,
}

/// Examines a table; `told` hears how many rows were looked at.
///
/// Errors: the table or the key service cannot be reached, or refuses the caller. What is wrong with
/// a single row is a finding.
pub async fn examine(
    secrets: &Secrets,
    asked: Examine<'_>,
    told: &(dyn Fn(usize) + Sync),
) -> Result<Examined, Error> {
    let mut seen = Seen::new(secrets.table());
    let mut pages = TablePages::of(secrets);
    while let Some(items) = pages.next().await? {
        let records: Vec<Record> = items.iter().filter_map(|item| seen.add(item)).collect();
        if let Some(context) = asked.open {
            let tried = stream::iter(records)
                .map(async |record| {
                    let opened = try_open(secrets, context, &record).await;
                    (record, opened)
                })
                .buffer_unordered(secrets.concurrency());
            let tried: Vec<_> = tried.collect().await;
            for (record, opened) in tried {
                seen.opened(record, opened?);
            }
        }
        told(seen.rows);
    }
    if let Some(context) = asked.open {
        seen.find_swapped(secrets, context).await?;
    }
    Ok(seen.finish(asked.manifest))
}

/// How a row opened.
enum Opened {
    AsWanted,
    /// Not bound, where only bound rows are wanted.
    Unbound,
    Not(Error),
}

/// Errors: those that have nothing to do with the row.
async fn try_open(
    secrets: &Secrets,
    context: &EncryptionContext,
    record: &Record,
) -> Result<Opened, Error> {
    let refused = match secrets.open(record, context).await {
        Ok(_) => return Ok(Opened::AsWanted),
        Err(error) if error.is_of_the_row() => error,
        Err(error) => return Err(error),
    };
    if secrets.binding == Binding::Required {
        let lenient = secrets.clone().with_binding(Binding::AsMarked);
        if lenient.open(record, context).await.is_ok() {
            return Ok(Opened::Unbound);
        }
    }
    Ok(Opened::Not(refused))
}

/// What was seen of the rows so far: a few dozen bytes of each.
struct Seen {
    rows: usize,
    /// By the digest of the wrapped key: values do not lie in memory.
    keys: BTreeMap<[u8; 32], Vec<Place>>,
    versions: BTreeMap<String, Vec<Version>>,
    forms: [usize; 3],
    /// Wrapped keys of rows that did not open.
    closed: Vec<(Place, WrappedKey)>,
    manifest: Manifest,
    findings: Vec<Finding>,
}

impl Seen {
    fn new(table: &TableName) -> Self {
        Self {
            rows: 0,
            keys: BTreeMap::new(),
            versions: BTreeMap::new(),
            forms: [0; 3],
            closed: Vec::new(),
            manifest: Manifest::new(table.as_str()),
            findings: Vec::new(),
        }
    }

    /// Looks at a row; gives it back when it is whole.
    fn add(&mut self, item: &Item) -> Option<Record> {
        self.rows += 1;
        let record = match Record::of(item).and_then(Record::well_formed) {
            Ok(record) => record,
            Err(error) => {
                self.damaged(error);
                return None;
            }
        };
        let place = record.place();
        let bytes = item_bytes(item);
        if bytes > LARGE {
            let place = place.clone();
            self.findings.push(Finding::Large { place, bytes });
        }
        self.digest(&place, &record.sealed.proof);
        self.keys
            .entry(sha256(&record.sealed.key))
            .or_default()
            .push(place);
        self.version(record.name.as_str(), record.version.clone());
        self.manifest.add(&record);
        Some(record)
    }

    fn version(&mut self, name: &str, version: Version) {
        self.versions
            .entry(name.to_owned())
            .or_default()
            .push(version);
    }

    fn damaged(&mut self, error: Error) {
        let (name, version, attribute) = match error {
            Error::Damaged {
                name,
                version,
                attribute,
            } => (name, version, attribute),
            Error::UnknownAlgorithm { name, version, .. } => {
                (name.to_string(), version.to_string(), "algorithm")
            }
            // Reading a row fails in no other way.
            _ => return,
        };
        self.version(&name, Version::stored(&version));
        self.findings.push(Finding::Damaged {
            name,
            version,
            attribute,
        });
    }

    fn digest(&mut self, place: &Place, proof: &Proof) {
        let [legacy, ctr, gcm] = &mut self.forms;
        let digest = match proof {
            Proof::Legacy { digest, .. } => {
                *legacy += 1;
                digest
            }
            Proof::Ctr { digest, .. } => {
                *ctr += 1;
                digest
            }
            Proof::Gcm { .. } => {
                *gcm += 1;
                return;
            }
        };
        let (place, digest) = (place.clone(), digest.as_deref().unwrap_or("SHA256"));
        let (known, digest) = (digest.parse(), digest.to_owned());
        match known.map(Hash::is_weak) {
            Ok(false) => {}
            Ok(true) => self.findings.push(Finding::WeakDigest { place, digest }),
            Err(_unknown) => self.findings.push(Finding::UnknownDigest { place, digest }),
        }
    }

    fn opened(&mut self, record: Record, opened: Opened) {
        let place = record.place();
        match opened {
            Opened::AsWanted => {}
            Opened::Unbound => self.findings.push(Finding::NotBound { place }),
            Opened::Not(error) => {
                self.closed
                    .push((place.clone(), WrappedKey(record.sealed.key)));
                self.findings.push(Finding::DoesNotOpen {
                    place,
                    why: error.to_string(),
                });
            }
        }
    }

    /// Rows that did not open, tried under the bindings of others: of those that did not open
    /// either first, since rows are exchanged in pairs.
    ///
    /// Takes so many calls at most; a table whose context is wrong as a whole has no swapped rows.
    async fn find_swapped(
        &mut self,
        secrets: &Secrets,
        context: &EncryptionContext,
    ) -> Result<(), Error> {
        let mut calls = 0;
        let closed = std::mem::take(&mut self.closed);
        for (place, key) in &closed {
            let siblings = self.versions.get(place.name.as_str()).into_iter().flatten();
            let siblings = siblings.map(|version| Place {
                name: place.name.clone(),
                version: version.clone(),
            });
            let others = closed.iter().map(|(other, _)| other.clone());
            // Copied, and the original still lies where it belongs.
            let copied = self
                .keys
                .get(&sha256(&key.0))
                .into_iter()
                .flatten()
                .cloned();
            let candidates: Vec<Place> = copied.chain(others).chain(siblings).collect();
            for candidate in candidates.iter().filter(|candidate| *candidate != place) {
                if calls == SWAP_CALLS {
                    return Ok(());
                }
                calls += 1;
                let other = bound(context, candidate);
                let ports = &secrets.ports;
                let tried = patiently(&*ports.clock, &*ports.random, || async {
                    let unwrapped = ports.keys.unwrap(key, &other).await;
                    unwrapped.map_err(Error::key("Decrypt"))
                })
                .await;
                match tried {
                    Ok(_) => {
                        self.findings.retain(|finding| {
                            !matches!(finding, Finding::DoesNotOpen { place: closed, .. } if closed == place)
                        });
                        self.findings.push(Finding::Swapped {
                            place: place.clone(),
                            holds: candidate.clone(),
                        });
                        break;
                    }
                    // Also a key that is disabled, or that the caller has no right to.
                    Err(error) if error.is_of_the_row() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, before: Option<&Manifest>) -> Examined {
        // A copy that was rewrapped has a wrapped key of its own, and the ciphertext still.
        let mut copies = self.manifest.twins();
        for mut places in self.keys.into_values().filter(|places| places.len() > 1) {
            places.sort();
            let told = |known: &Vec<Place>| places.iter().all(|place| known.contains(place));
            if !copies.iter().any(told) {
                copies.push(places);
            }
        }
        let copies = copies.into_iter();
        self.findings
            .extend(copies.map(|places| Finding::CopiedKey { places }));
        let secrets = self.versions.len();
        for (name, versions) in self.versions {
            number(&name, versions, &mut self.findings);
        }
        let [legacy, aes_ctr, aes_gcm] = self.forms;
        if legacy > 0 && aes_ctr + aes_gcm > 0 {
            self.findings.push(Finding::MixedForms {
                legacy,
                aes_ctr,
                aes_gcm,
            });
        }
        if let Some(before) = before {
            self.findings.extend(before.compare(&self.manifest));
        }
        self.findings.sort();
        Examined {
            rows: self.rows,
            secrets,
            findings: self.findings,
            manifest: self.manifest,
        }
    }
}

/// What the texts of one secret's versions show.
fn number(name: &str, mut versions: Vec<Version>, findings: &mut Vec<Finding>) {
    let mut texts = Vec::new();
    let mut unpadded = Vec::new();
    let mut numbers: BTreeMap<i128, Vec<String>> = BTreeMap::new();
    versions.sort();
    for version in &versions {
        let text = version.as_str().to_owned();
        let numbering = Numbering::of(version);
        match numbering {
            Numbering::Padded(_) => {}
            Numbering::Unpadded(_) => unpadded.push(text.clone()),
            Numbering::Text => texts.push(text.clone()),
        }
        if let Some(number) = numbering.number() {
            numbers.entry(number).or_default().push(text);
        }
    }
    let name = || name.to_owned();
    if !unpadded.is_empty() {
        let meant = versions
            .iter()
            .filter(|version| Numbering::of(version).number().is_some())
            .max_by(|one, other| meant_order(one, other));
        match (versions.last(), meant) {
            (Some(newest), Some(meant)) if newest != meant && texts.is_empty() => {
                findings.push(Finding::WrongNewest {
                    name: name(),
                    newest: newest.to_string(),
                    meant: meant.to_string(),
                });
            }
            _ => {}
        }
        findings.push(Finding::Unpadded {
            name: name(),
            versions: unpadded,
        });
    }
    if !texts.is_empty() {
        findings.push(Finding::NotNumbers {
            name: name(),
            versions: texts,
        });
    }
    for versions in numbers.into_values().filter(|texts| texts.len() > 1) {
        findings.push(Finding::TwoTexts {
            name: name(),
            versions,
        });
    }
}

impl Record {
    /// Where it lies.
    pub fn place(&self) -> Place {
        Place {
            name: self.name.clone(),
            version: self.version.clone(),
        }
    }

    /// The record when what proves it has the length that it must have.
    ///
    /// Errors: `Damaged`: a shorter tag or MAC proves less, and nothing accepts it.
    fn well_formed(self) -> Result<Self, Error> {
        let wrong = match &self.sealed.proof {
            Proof::Gcm { tag, .. } if tag.len() != 16 => Some("tag"),
            Proof::Gcm { iv, .. } if !(8..=128).contains(&iv.len()) => Some("iv"),
            Proof::Ctr {
                nonce: Some(nonce), ..
            } if nonce.len() != 16 => Some("nonce"),
            Proof::Legacy { hmac, digest, .. } | Proof::Ctr { hmac, digest, .. } => {
                let hash: Result<Hash, _> = digest.as_deref().unwrap_or("SHA256").parse();
                let short = hash.is_ok_and(|hash| hash.hmac(&[], &[]).len() != hmac.len());
                short.then_some("hmac")
            }
            Proof::Gcm { .. } => None,
        };
        match wrong {
            None => Ok(self),
            Some(attribute) => Err(Error::Damaged {
                name: self.name.to_string(),
                version: self.version.to_string(),
                attribute,
            }),
        }
    }
}

/// Rows above this many bytes are told: 95 % of what a row can hold.
const LARGE: usize = MAX_ITEM_BYTES / 20 * 19;
/// The most calls of the key service in search of swapped rows.
const SWAP_CALLS: usize = 1_000;
