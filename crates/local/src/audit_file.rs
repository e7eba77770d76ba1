//! Lines of JSON in segment files as an [`AuditSink`].
//!
//! An audit directory (mode 0700) holds `numbering.json` (the server's id and numbers), one file
//! `<number>.jsonl` for each segment, `signing.key`, `sealed` and `lock`. A segment is named by the
//! number of its first line, or by one more than the segment before when a late line comes first.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::EventId;
use keep::{AuditSink, AuditUnavailable, Clock, Random};

use crate::numbering::Numbering;
use crate::{LocalError, private_file};

/// The audit log of one server, in one directory that no other process uses.
///
/// A line is written in one piece before `append` returns, and is on the disk 5 ms later. A
/// segment is closed at 10,000 lines, after 10 minutes, and when this is dropped.
pub struct AuditFile {
    shared: Arc<Shared>,
    syncing: Option<JoinHandle<()>>,
    /// What the start found torn.
    repaired_bytes: u64,
    _lock: File,
}

/// A segment that gets no more lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClosedSegment {
    /// Its number, in the file's name too.
    pub number: u64,
    /// The file.
    pub path: PathBuf,
}

struct Shared {
    directory: PathBuf,
    server: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Told when something is to be synced and when to stop.
    wake: Condvar,
}

struct State {
    numbering: Numbering,
    /// Numbers that waited at the start.
    missing: Vec<u64>,
    current: Option<Segment>,
    closed: Vec<ClosedSegment>,
    /// Whether lines were written since the last sync began.
    unsynced: bool,
    stopping: bool,
    /// A sync failed: lines may be lost at a power cut. The next append says so.
    sync_failure: Option<String>,
}

struct Segment {
    number: u64,
    path: PathBuf,
    file: Arc<File>,
    /// Bytes of whole lines.
    length: u64,
    lines: u64,
    began: Duration,
    /// A failed write may have left bytes after `length`.
    torn: bool,
}

impl AuditFile {
    /// Opens the audit directory, or makes it. A last line that a crash tore is cut off, which the
    /// log says.
    pub fn open(
        directory: &Path,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, LocalError> {
        private_file::directory(directory)?;
        let lock = private_file::lock(&directory.join("lock"))?;
        let numbering_path = directory.join(NUMBERING);
        let mut closed = segments(directory)?;
        let mut repaired_bytes = 0;
        let numbering = match Numbering::read(&numbering_path)? {
            None if closed.is_empty() => Numbering::new(hex::encode(random.bytes::<16>())),
            None => {
                return Err(LocalError::Damaged {
                    path: numbering_path,
                    why: "missing beside existing segments",
                });
            }
            Some(mut numbering) => {
                // Earlier ones were synced when they were closed.
                let open_since =
                    closed.partition_point(|segment| Some(segment.number) <= numbering.closed);
                let mut lines = BTreeSet::new();
                for segment in closed.get(open_since..).unwrap_or_default() {
                    repaired_bytes += repair(&segment.path)?;
                    read_numbers(&segment.path, &numbering.server, &mut lines)?;
                }
                closed.retain(|segment| segment.path.exists());
                numbering.go_on(
                    &lines,
                    closed
                        .last()
                        .map(|segment| segment.number)
                        .or(numbering.closed),
                );
                numbering
            }
        };
        numbering.write(&numbering_path)?;
        if repaired_bytes > 0 {
            tracing::warn!(directory = %directory.display(), bytes = repaired_bytes, "cut a torn last line off the audit log");
        }

        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            server: numbering.server.clone(),
            clock,
            state: Mutex::new(State {
                missing: numbering.waiting().collect(),
                numbering,
                current: None,
                closed,
                unsynced: false,
                stopping: false,
                sync_failure: None,
            }),
            wake: Condvar::new(),
        });
        let for_thread = Arc::clone(&shared);
        let syncing = std::thread::Builder::new()
            .name("audit-sync".to_owned())
            .spawn(move || for_thread.sync_until_stopped())
            .map_err(LocalError::io(directory))?;
        Ok(Self {
            shared,
            syncing: Some(syncing),
            repaired_bytes,
            _lock: lock,
        })
    }

    /// This server's name in event ids.
    pub fn server(&self) -> &str {
        &self.shared.server
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// Bytes of a torn last line that [`AuditFile::open`] cut off.
    pub fn repaired_bytes(&self) -> u64 {
        self.repaired_bytes
    }

    /// All segments that get no more lines, oldest first. Closes the current one when it is due.
    pub fn closed_segments(&self) -> Vec<ClosedSegment> {
        let mut state = self.shared.lock();
        if state
            .current
            .as_ref()
            .is_some_and(|segment| segment.is_due(self.shared.clock.monotonic()))
        {
            self.shared.close_current(&mut state);
        }
        state.closed.clone()
    }

    /// Closes the current segment now, so that it can be sealed.
    pub fn close_segment(&self) {
        self.shared.close_current(&mut self.shared.lock());
    }
}

impl AuditSink for AuditFile {
    fn next_id(&self) -> EventId {
        EventId {
            number: self.shared.lock().numbering.give(),
            server: self.shared.server.clone(),
        }
    }

    fn append(&self, id: &EventId, line: &str) -> Result<(), AuditUnavailable> {
        self.shared.append(id, line)
    }

    fn missing(&self) -> Vec<EventId> {
        let state = self.shared.lock();
        let still = state
            .missing
            .iter()
            .filter(|number| state.numbering.waits(**number));
        still
            .map(|number| EventId {
                server: self.shared.server.clone(),
                number: *number,
            })
            .collect()
    }
}

impl Drop for AuditFile {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.wake.notify_all();
        if let Some(Err(_)) = self.syncing.take().map(JoinHandle::join) {
            tracing::error!("the thread that syncs the audit log had panicked");
        }
        let mut state = self.shared.lock();
        let torn = state.current.as_ref().is_some_and(|segment| segment.torn);
        self.shared.close_current(&mut state);
        if !torn {
            // Without it the next start goes on as after a crash, which is right too.
            let written = state
                .numbering
                .at_stop()
                .write(&self.shared.directory.join(NUMBERING));
            if let Err(error) = written {
                tracing::warn!(%error, "audit numbering could not be written");
            }
        }
    }
}

impl Shared {
    /// Nothing in here leaves the state half changed when it panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, id: &EventId, line: &str) -> Result<(), AuditUnavailable> {
        if line.bytes().any(|byte| byte == b'\n' || byte == b'\r') {
            return Err(AuditUnavailable(
                "an event with a line break in it".to_owned(),
            ));
        }
        if id.server != self.server {
            return Err(AuditUnavailable(format!("event {id} is of another server")));
        }
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line.as_bytes());
        whole.push(b'\n');

        let mut state = self.lock();
        if let Some(failure) = state.sync_failure.take() {
            return Err(AuditUnavailable(format!(
                "lines before this one may not be on the disk: {failure}"
            )));
        }
        if !state.numbering.waits(id.number) {
            return Ok(());
        }
        let now = self.clock.monotonic();
        if state
            .current
            .as_ref()
            .is_some_and(|segment| segment.is_due(now))
        {
            self.close_current(&mut state);
        }
        let unavailable = |error: &dyn std::fmt::Display| AuditUnavailable(error.to_string());
        let State {
            current,
            closed,
            numbering,
            unsynced,
            ..
        } = &mut *state;
        let segment = match current {
            Some(segment) => segment,
            None => {
                let after = closed
                    .last()
                    .map(|segment| segment.number)
                    .max(numbering.closed);
                let number = id.number.max(after.map_or(0, |number| number + 1));
                let segment = Segment::begin(&self.directory, number, now)
                    .map_err(|error| unavailable(&error))?;
                current.insert(segment)
            }
        };
        segment
            .append(&whole)
            .map_err(|error| unavailable(&error))?;
        numbering.written(id.number);
        if !std::mem::replace(unsynced, true) {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Syncs and lists the current segment as closed, and writes down what waits for its line.
    fn close_current(&self, state: &mut State) {
        let Some(segment) = state.current.take() else {
            return;
        };
        if segment.torn && segment.cut().is_err() {
            // It stays at the end of this file; the next line begins another file.
            tracing::error!(segment = %segment.path.display(), "a half line could not be cut off");
        }
        if let Err(error) = segment.file.sync_data() {
            tracing::error!(segment = %segment.path.display(), %error, "audit segment could not be synced");
            state.sync_failure = Some(error.to_string());
        }
        if segment.lines > 0 {
            state.closed.push(ClosedSegment {
                number: segment.number,
                path: segment.path,
            });
        } else {
            let _left = fs::remove_file(&segment.path);
        }
        state.numbering.closed = Some(segment.number);
        if let Err(error) = state.numbering.write(&self.directory.join(NUMBERING)) {
            // The next start reads more segments instead.
            tracing::warn!(%error, "audit numbering could not be written");
        }
    }

    /// Syncs within 5 ms of the first line after the last sync.
    fn sync_until_stopped(&self) {
        let mut known_file = None;
        loop {
            let mut state = self.lock();
            while !state.unsynced && !state.stopping {
                state = self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if !state.unsynced {
                return;
            }
            // Gather more lines for the same sync; a stop cuts it short.
            let gathering = |state: &mut State| !state.stopping;
            let waited = self.wake.wait_timeout_while(state, GATHER, gathering);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.unsynced = false;
            // A segment that was closed meanwhile was synced by that.
            let Some((number, file)) = state
                .current
                .as_ref()
                .map(|segment| (segment.number, Arc::clone(&segment.file)))
            else {
                continue;
            };
            drop(state);

            let mut synced = file.sync_data();
            if synced.is_ok() && known_file != Some(number) {
                // The first time the file's name must be on the disk too.
                synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
                known_file = synced.is_ok().then_some(number);
            }
            if let Err(error) = synced {
                tracing::error!(%error, "the audit log could not be synced");
                let mut state = self.lock();
                state.sync_failure = Some(error.to_string());
                // A file whose sync failed once cannot be trusted to say so again.
                self.close_current(&mut state);
            }
        }
    }
}

impl Segment {
    fn begin(directory: &Path, number: u64, now: Duration) -> Result<Self, LocalError> {
        let path = directory.join(file_name(number));
        let file = private_file::create(&path, OpenOptions::new().append(true))?;
        Ok(Self {
            number,
            path,
            file: Arc::new(file),
            length: 0,
            lines: 0,
            began: now,
            torn: false,
        })
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.cut()?;
            self.torn = false;
        }
        // One call of write(2), unless the disk fills up in the middle of it.
        if let Err(error) = (&*self.file).write_all(line) {
            self.torn = self.cut().is_err();
            return Err(error);
        }
        self.length += line.len() as u64;
        self.lines += 1;
        Ok(())
    }

    /// Back to whole lines.
    fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.length)
    }

    fn is_due(&self, now: Duration) -> bool {
        self.lines >= MAX_LINES || now.saturating_sub(self.began) >= MAX_AGE
    }
}

/// The name of a segment's file.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:012}.jsonl")
}

/// The segments in a directory, oldest first.
pub(crate) fn segments(directory: &Path) -> Result<Vec<ClosedSegment>, LocalError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(LocalError::io(directory))? {
        let entry = entry.map_err(LocalError::io(directory))?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(".jsonl"))
            .and_then(|number| number.parse().ok());
        if let Some(number) = number.filter(|number| *name == *file_name(*number)) {
            found.push(ClosedSegment {
                number,
                path: entry.path(),
            });
        }
    }
    found.sort();
    Ok(found)
}

/// Cuts off what follows the last line break, and removes a file that is empty then. Returns how
/// many bytes were cut.
fn repair(path: &Path) -> Result<u64, LocalError> {
    let bytes = fs::read(path).map_err(LocalError::io(path))?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |position| position + 1);
    if whole == 0 {
        fs::remove_file(path).map_err(LocalError::io(path))?;
        private_file::sync_directory_of(path)?;
    } else if whole < bytes.len() {
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(LocalError::io(path))?;
        file.set_len(whole as u64)
            .and_then(|()| file.sync_all())
            .map_err(LocalError::io(path))?;
    }
    Ok((bytes.len() - whole) as u64)
}

/// Adds the numbers of this server's lines.
fn read_numbers(path: &Path, server: &str, numbers: &mut BTreeSet<u64>) -> Result<(), LocalError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(LocalError::io(path))?,
    };
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(LocalError::io(path))?;
        match number_of(&line, server) {
            Some(number) => {
                numbers.insert(number);
            }
            None => {
                tracing::warn!(segment = %path.display(), "a line of the audit log is not an event")
            }
        }
    }
    Ok(())
}

/// The number in the id of one line.
pub(crate) fn number_of(line: &[u8], server: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Line {
        id: String,
    }
    let line: Line = serde_json::from_slice(line).ok()?;
    line.id
        .strip_prefix(server)?
        .strip_prefix('.')?
        .parse()
        .ok()
}

pub(crate) const NUMBERING: &str = "numbering.json";

const MAX_LINES: u64 = 10_000;
const MAX_AGE: Duration = Duration::from_secs(600);
/// Shorter than the 5 ms promised, which the sync itself is part of.
const GATHER: Duration = Duration::from_millis(4);
