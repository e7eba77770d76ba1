//! The one thread that writes: transactions in groups, one sync for each group.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use keep::{Schema, TableError};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::catalogue::Catalogue;
use super::change::{Change, Failure, apply};
use super::file::{unavailable, uncommitted};
use super::readers::Readers;

/// The way to the writing thread. Dropping it finishes the transactions under way.
pub(super) struct Writer {
    /// `None` only while dropping.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        catalogue: Arc<Catalogue>,
        readers: Arc<Readers>,
        epoch: Arc<AtomicU64>,
    ) -> Result<Self, TableError> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let writing = Writing {
            connection,
            catalogue,
            readers,
            epoch,
            rows_at_checkpoint: 0,
        };
        let thread = std::thread::Builder::new()
            .name("table-writer".to_owned())
            .spawn(move || writing.run(waiting))
            .map_err(|error| {
                TableError::Unavailable(format!("no thread to write with: {error}"))
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) async fn transact(&self, changes: Vec<Change>) -> Result<(), TableError> {
        self.send(|reply| Job::Transact { changes, reply }).await
    }

    pub(super) async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.send(|reply| Job::Create {
            schema: schema.clone(),
            reply,
        })
        .await
    }

    async fn send(&self, job: impl FnOnce(Reply) -> Job) -> Result<(), TableError> {
        let stopped = || TableError::Unavailable("the writing thread has stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job(reply)).await.map_err(|_| stopped())?;
        // Taken, and no answer: the thread died over it.
        answer.await.unwrap_or_else(|_| {
            Err(TableError::Ambiguous(
                "the writing thread has stopped".to_owned(),
            ))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writing thread had panicked");
        }
    }
}

type Reply = oneshot::Sender<Result<(), TableError>>;

enum Job {
    Transact { changes: Vec<Change>, reply: Reply },
    Create { schema: Schema, reply: Reply },
}

/// What the thread holds.
struct Writing {
    connection: Connection,
    catalogue: Arc<Catalogue>,
    readers: Arc<Readers>,
    epoch: Arc<AtomicU64>,
    /// Rows ever changed when the log was last copied into the database.
    rows_at_checkpoint: u64,
}

impl Writing {
    /// Takes all that is waiting as one group, until nobody can send any more.
    fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut next = Some(first);
            while let Some(job) = next.take() {
                match job {
                    Job::Create { schema, reply } => {
                        let _gone = reply.send(self.create(&schema));
                    }
                    Job::Transact { changes, reply } => {
                        let mut group = vec![(changes, reply)];
                        while group.len() < GROUP {
                            match waiting.try_recv() {
                                Ok(Job::Transact { changes, reply }) => {
                                    group.push((changes, reply))
                                }
                                Ok(create) => {
                                    next = Some(create);
                                    break;
                                }
                                Err(_) => break,
                            }
                        }
                        self.transact(group);
                    }
                }
            }
            self.checkpoint_when_due();
        }
    }

    /// Each transaction sees those before it in the group. They commit together, and nobody is
    /// answered before.
    fn transact(&mut self, group: Vec<(Vec<Change>, Reply)>) {
        let mut answers = Vec::with_capacity(group.len());
        let committed = self.in_transaction(|connection, catalogue| {
            for (changes, _) in &group {
                answers.push(match apply(connection, catalogue, changes) {
                    // The database failed, not the transaction: all of the group fail with it.
                    Err(Failure::Database(error)) => return Err(error),
                    Err(Failure::Refused(error)) => Err(error),
                    Ok(()) => Ok(()),
                });
            }
            Ok(())
        });
        if let Err(error) = committed {
            answers.clear();
            answers.resize(group.len(), Err(error));
        }
        for ((_, reply), answer) in group.into_iter().zip(answers) {
            // Whoever no longer waits finds out by reading.
            let _gone = reply.send(answer);
        }
    }

    fn create(&mut self, schema: &Schema) -> Result<(), TableError> {
        self.in_transaction(|connection, _| Catalogue::create(connection, schema))?;
        self.catalogue.reload(&self.connection, &schema.name)
    }

    /// Commits what `work` does, or nothing. Moves the epoch as [`super::readers`] says.
    fn in_transaction(
        &mut self,
        work: impl FnOnce(&Connection, &Catalogue) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        self.execute("BEGIN IMMEDIATE").map_err(unavailable)?;
        let before = self.connection.total_changes();
        let mut done = work(&self.connection, &self.catalogue);
        if done.is_ok() {
            if self.connection.total_changes() == before {
                // Nothing written: no sync, and no cache needs to be emptied.
                done = self.execute("COMMIT").map_err(unavailable);
            } else {
                self.epoch.fetch_add(1, Ordering::SeqCst);
                done = self.execute("COMMIT").map_err(uncommitted);
                self.epoch.fetch_add(1, Ordering::SeqCst);
            }
        }
        // SQLite has rolled back by itself after some errors.
        if done.is_err()
            && !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
        done
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    /// Copies the log into the database now and then, so that it does not grow.
    fn checkpoint_when_due(&mut self) {
        let rows = self.connection.total_changes();
        if rows - self.rows_at_checkpoint < CHECKPOINT_ROWS {
            return;
        }
        self.rows_at_checkpoint = rows;
        // A snapshot that is kept open would keep the log from starting over.
        self.readers.release();
        let copied = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = copied {
            // Nothing is lost; the log grows until a later one succeeds.
            tracing::warn!(%error, "the log could not be copied into the database");
        }
    }
}

/// Jobs that may wait; more senders wait to be let in.
const QUEUE: usize = 256;
/// The most transactions that share a commit.
const GROUP: usize = 64;
/// Changed rows after which the log is copied into the database.
const CHECKPOINT_ROWS: u64 = 1_000;
