//! Writing versions: each once, under a condition, whatever comes between.

use keep::{
    Action, Clause, Condition, Consistency, Item, Order, Plaintext, Query, TableError, Value,
};

use crate::binding;
use crate::patience::{patiently, pause};
use crate::{Error, Place, Ports, Record, Sealed, Sealing, SecretName, Secrets, Version};

/// What a write left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The version that has the value now.
    pub version: Version,
    /// `false`: it had the value already and nothing was written.
    pub changed: bool,
}

impl Secrets {
    /// Writes this version.
    ///
    /// Errors: `Taken` when it is there already.
    pub async fn put(
        &self,
        name: &SecretName,
        version: &Version,
        value: &Plaintext,
        sealing: &Sealing,
    ) -> Result<(), Error> {
        let record = Record {
            name: name.clone(),
            version: version.clone(),
            sealed: self.sealed(name, version, value, sealing).await?,
        };
        match self.write(&record).await? {
            true => Ok(()),
            false => Err(Error::Taken {
                name: name.clone(),
                version: version.clone(),
            }),
        }
    }

    /// Writes the version after the newest; when somebody else wrote that one first, the one after
    /// theirs. With `compare`, writes nothing when the newest has this value.
    ///
    /// Errors: `NoNextVersion` when the newest one cannot be counted on from; with `compare`, also why
    /// the newest could not be opened.
    pub async fn put_next(
        &self,
        name: &SecretName,
        value: &Plaintext,
        sealing: &Sealing,
        compare: bool,
    ) -> Result<Stored, Error> {
        let mut sealed: Option<Sealed> = None;
        for _ in 0..TURNS {
            let newest = self.newest_item(name).await?;
            let version = match &newest {
                None => Version::first(),
                Some(item) => {
                    if compare {
                        let record = Record::of(item)?;
                        let stored = self.open(&record, &sealing.context).await?;
                        if seal::digest::equal(stored.expose(), value.expose()) {
                            return Ok(Stored {
                                version: record.version,
                                changed: false,
                            });
                        }
                    }
                    next_of(name, item)?
                }
            };
            let record = Record {
                name: name.clone(),
                sealed: match sealed.take() {
                    Some(sealed) => sealed,
                    None => self.sealed(name, &version, value, sealing).await?,
                },
                version,
            };
            if self.write(&record).await? {
                return Ok(Stored {
                    version: record.version,
                    changed: true,
                });
            }
            // Somebody wrote this version first. Nothing was stored under the data key, so it serves again,
            // unless it is bound to that version.
            sealed = (!self.binding.writes()).then_some(record.sealed);
        }
        Err(Error::TooBusy(name.clone()))
    }

    /// A value under a data key of its own: one call of the key service.
    pub async fn sealed(
        &self,
        name: &SecretName,
        version: &Version,
        value: &Plaintext,
        sealing: &Sealing,
    ) -> Result<Sealed, Error> {
        let Sealing {
            master,
            context,
            form,
            comment,
        } = sealing;
        let Ports {
            keys,
            clock,
            random,
            ..
        } = &self.ports;
        let place = Place {
            name: name.clone(),
            version: version.clone(),
        };
        let bound = self
            .binding
            .writes()
            .then(|| binding::bound(context, &place));
        let context = bound.as_ref().unwrap_or(context);
        let (key, wrapped) = patiently(&**clock, &**random, || async {
            let made = keys.generate(master, form.key_length(), context).await;
            made.map_err(Error::key("GenerateDataKey"))
        })
        .await?;
        let sealed = Sealed::seal(*form, (&key, wrapped), value, comment.clone(), &**random);
        let mut sealed = sealed.map_err(|error| Error::WrongKey {
            name: place.name,
            version: place.version,
            takes: match error {
                seal::SealError::Key(takes) => takes,
                _ => "initial vector of at least one byte",
            },
        })?;
        sealed.context_names = bound.as_ref().map(binding::names).unwrap_or_default();
        Ok(sealed)
    }

    /// Writes a version that is not there. `false` when another one is.
    ///
    /// A write whose answer was lost is tried again as it was, and when its version is there by then it is
    /// looked at whose it is: so a write of ours is neither taken for somebody else's nor done twice. Only
    /// then is an item read, so that whoever may put and not get goes on.
    pub async fn write(&self, record: &Record) -> Result<bool, Error> {
        let item = record.item();
        let put = [Action::Put {
            table: self.table.clone(),
            item: item.clone(),
            // True of a pair of name and version that is new: the old programs' own condition.
            condition: Condition(vec![Clause::Absent("name".to_owned())]),
        }];
        let Ports { clock, random, .. } = &self.ports;
        let mut in_doubt = false;
        let mut tries = 1;
        loop {
            let failed = match self.ports.table.transact(&put).await {
                Ok(()) => return Ok(true),
                Err(TableError::ConditionFailed(_)) if !in_doubt => return Ok(false),
                Err(TableError::ConditionFailed(_)) => return self.holds(record, &item).await,
                Err(failed) => failed,
            };
            in_doubt |= matches!(failed, TableError::Ambiguous(_));
            let error = Error::table("PutItem")(failed);
            let most = match in_doubt {
                true => DOUBTFUL_TRIES.max(error.most_tries()),
                false => error.most_tries(),
            };
            if tries >= most {
                return match in_doubt {
                    // The last try is certain, an earlier one is not.
                    true => Err(doubtful(error)),
                    false => Err(error),
                };
            }
            pause(&**clock, &**random, tries).await;
            tries += 1;
        }
    }

    /// Whether what is stored is this very item.
    async fn holds(&self, record: &Record, item: &Item) -> Result<bool, Error> {
        let Record { name, version, .. } = record;
        let stored = match self.item(name, version, Consistency::Strong).await {
            // The published policy of writers has Query, and not GetItem.
            Err(Error::Table {
                source: TableError::Denied(_),
                ..
            }) => self.queried(record).await,
            stored => stored,
        };
        match stored {
            Ok(stored) => Ok(stored.as_ref() == Some(item)),
            // Without the right to look, or the means, it stays in doubt.
            Err(error) => Err(doubtful(error)),
        }
    }

    /// The item of this very version, looked for with a query.
    async fn queried(&self, record: &Record) -> Result<Option<Item>, Error> {
        let version = Value::s(record.version.as_str());
        let query = Query {
            from: Some(("version".to_owned(), version.clone())),
            order: Order::Ascending,
            ..self.newest_query(&record.name)
        };
        let page = self
            .read("Query", || self.ports.table.query(&query))
            .await?;
        let mut items = page.items.into_iter();
        Ok(items.find(|item| item.get("version") == Some(&version)))
    }

    /// Only its version is needed, so that a damaged newest one does not keep a whole one from being written.
    async fn newest_item(&self, name: &SecretName) -> Result<Option<Item>, Error> {
        let query = self.newest_query(name);
        let page = self
            .read("Query", || self.ports.table.query(&query))
            .await?;
        Ok(page.items.into_iter().next())
    }
}

fn next_of(name: &SecretName, newest: &Item) -> Result<Version, Error> {
    let text = newest.get("version").and_then(Value::as_s);
    let newest = Version::stored(text.unwrap_or_default());
    newest.following().ok_or_else(|| Error::NoNextVersion {
        name: name.clone(),
        newest,
    })
}

/// An earlier try may have happened, or may happen yet.
fn doubtful(error: Error) -> Error {
    let why = match error {
        Error::Table {
            source: TableError::Ambiguous(why),
            ..
        } => why,
        error => error.to_string(),
    };
    Error::Table {
        operation: "PutItem",
        source: TableError::Ambiguous(why),
    }
}

/// Tries to find out whether an earlier one was done.
const DOUBTFUL_TRIES: u32 = 4;
/// Every lost turn is one that another writer won.
const TURNS: usize = 100;
