//! Checks audit directories against the chain of sealed segments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use keep::{BatchGot, Consistency, Item, Key, MAX_BATCH_GET, Table, TableName};
use seal::digest;
use seal::signature::VerifyingKey;

use crate::LocalError;
use crate::audit_file::{NUMBERING, file_name, segments};
use crate::audit_segments::{HEAD, Head, Record, SEALED, SegmentError, read_marker, record_id};
use crate::numbering::Numbering;

/// What [`verify`] saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records in the chain.
    pub records: u64,
    /// Segment files whose every byte is as sealed.
    pub intact: u64,
    /// Records of servers whose directory was not given: chained and signed, files not looked at.
    pub elsewhere: u64,
    /// Files that are not sealed yet: the newest of each server.
    pub unsealed: Vec<PathBuf>,
    /// All that is wrong.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The head is missing, damaged or not the end of the chain.
    HeadWrong,
    /// There is no record at this place of the chain, or it is damaged.
    RecordMissing(u64),
    /// The record does not follow from the one before it: one of them was changed or exchanged.
    ChainBroken(u64),
    /// The record's signature is not right.
    SignatureWrong(u64),
    /// The record is signed by a key that is not trusted.
    KeyNotTrusted(u64),
    /// A server's segments are not in order.
    OutOfOrder(u64),
    /// A sealed file is gone.
    FileMissing(PathBuf),
    /// A sealed file is not as it was sealed: lines changed, moved, removed or added.
    FileAltered {
        /// The file.
        path: PathBuf,
        /// Lines when it was sealed.
        sealed_lines: u64,
        /// Lines now.
        lines: u64,
    },
    /// A file was sealed, and the chain says nothing of it: its end was cut off.
    SealRemoved(PathBuf),
    /// A file that is not sealed lies between sealed ones: it was added.
    FileAdded(PathBuf),
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadWrong => {
                f.write_str("the head of the chain is missing, damaged or not its end")
            }
            Self::RecordMissing(number) => {
                write!(f, "record {number} of the chain is missing or damaged")
            }
            Self::ChainBroken(number) => {
                write!(f, "record {number} does not follow from the one before it")
            }
            Self::SignatureWrong(number) => write!(f, "the signature of record {number} is wrong"),
            Self::KeyNotTrusted(number) => write!(f, "record {number} is signed by an unknown key"),
            Self::OutOfOrder(number) => write!(f, "record {number} is out of its server's order"),
            Self::FileMissing(path) => write!(f, "{} is missing", path.display()),
            Self::FileAltered {
                path,
                sealed_lines,
                lines,
            } => {
                write!(
                    f,
                    "{} was changed: sealed with {sealed_lines} lines, has {lines}",
                    path.display()
                )
            }
            Self::SealRemoved(path) => {
                write!(f, "{} was sealed, and its record is gone", path.display())
            }
            Self::FileAdded(path) => write!(
                f,
                "{} was added after its neighbours were sealed",
                path.display()
            ),
        }
    }
}

/// Checks the whole chain in `own`, and every file in these audit directories against it. Changes
/// nothing.
///
/// Errors: something could not be read. What is wrong is in the report, not an error.
pub async fn verify(
    table: &dyn Table,
    own: &TableName,
    directories: &[PathBuf],
    trusted: &[VerifyingKey],
) -> Result<Report, SegmentError> {
    let mut report = Report::default();
    let mut servers = BTreeMap::new();
    for directory in directories {
        let path = directory.join(NUMBERING);
        let numbering = Numbering::read(&path)?.ok_or(LocalError::Damaged {
            path,
            why: "missing",
        })?;
        servers.insert(
            numbering.server,
            Files {
                directory,
                sealed: BTreeSet::new(),
            },
        );
    }

    let stored_head = table.get(own, &Key::id(HEAD), Consistency::Strong).await?;
    let head = Head::parse(stored_head.as_ref());
    let length = head.as_ref().map_or(0, |head| head.number);
    let mut chain = Chain {
        previous: vec![0; 32],
        trusted,
    };
    for from in (1..=length).step_by(MAX_BATCH_GET) {
        let numbers: Vec<u64> = (from..=length).take(MAX_BATCH_GET).collect();
        let mut items = read_records(table, own, &numbers).await?;
        for number in numbers {
            report.records += 1;
            let Some((record, signature)) = items.remove(&number).as_ref().and_then(Record::parse)
            else {
                report.findings.push(Finding::RecordMissing(number));
                chain.previous.clear();
                continue;
            };
            chain.check(number, &record, &signature, &mut report.findings);
            match servers.get_mut(&record.server) {
                Some(files) => files.check(number, &record, &mut report)?,
                None => report.elsewhere += 1,
            }
        }
    }
    let fits = |head: Head| chain.previous.is_empty() || head.digest == chain.previous;
    // A record after the head: the head was taken back.
    let after = table
        .get(own, &Key::id(record_id(length + 1)), Consistency::Strong)
        .await?;
    if !head.is_some_and(fits) || after.is_some() {
        report.findings.push(Finding::HeadWrong);
    }
    for files in servers.values() {
        files.check_rest(&mut report)?;
    }
    Ok(report)
}

async fn read_records(
    table: &dyn Table,
    own: &TableName,
    numbers: &[u64],
) -> Result<BTreeMap<u64, Item>, SegmentError> {
    let mut keys: Vec<Key> = numbers
        .iter()
        .map(|number| Key::id(record_id(*number)))
        .collect();
    let mut found = Vec::with_capacity(keys.len());
    while !keys.is_empty() {
        let BatchGot { items, unprocessed } =
            table.batch_get(own, &keys, Consistency::Strong).await?;
        if unprocessed.len() == keys.len() {
            return Err(keep::TableError::Throttled.into());
        }
        found.extend(items);
        keys = unprocessed;
    }
    let by_id: BTreeMap<_, _> = found
        .into_iter()
        .filter_map(|item| {
            item.get("id")
                .and_then(keep::Value::as_s)
                .map(str::to_owned)
                .map(|id| (id, item))
        })
        .collect();
    Ok(numbers
        .iter()
        .filter_map(|number| Some((*number, by_id.get(&record_id(*number))?.clone())))
        .collect())
}

/// The chain as far as it was followed.
struct Chain<'t> {
    /// The digest of the record before; empty when there was none to digest.
    previous: Vec<u8>,
    trusted: &'t [VerifyingKey],
}

impl Chain<'_> {
    fn check(
        &mut self,
        number: u64,
        record: &Record,
        signature: &[u8],
        findings: &mut Vec<Finding>,
    ) {
        // After a missing record nothing can be said of the link itself.
        if record.number != number
            || (!self.previous.is_empty() && record.previous != self.previous)
        {
            findings.push(Finding::ChainBroken(number));
        }
        self.previous = record.digest();
        match VerifyingKey::parse(&record.key) {
            Ok(key) if key.verify(&record.canonical(), signature) => {
                if !self.trusted.contains(&key) {
                    findings.push(Finding::KeyNotTrusted(number));
                }
            }
            _ => findings.push(Finding::SignatureWrong(number)),
        }
    }
}

/// The files of one server.
struct Files<'d> {
    directory: &'d Path,
    /// The segments that the chain names.
    sealed: BTreeSet<u64>,
}

impl Files<'_> {
    fn check(
        &mut self,
        number: u64,
        record: &Record,
        report: &mut Report,
    ) -> Result<(), SegmentError> {
        if self
            .sealed
            .last()
            .is_some_and(|last| *last >= record.segment)
        {
            report.findings.push(Finding::OutOfOrder(number));
        }
        self.sealed.insert(record.segment);
        let path = self.directory.join(file_name(record.segment));
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                report.findings.push(Finding::FileMissing(path));
                return Ok(());
            }
            Err(error) => return Err(LocalError::io(&path)(error).into()),
        };
        if digest::sha256(&bytes).as_slice() == record.sha256 {
            report.intact += 1;
        } else {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            report.findings.push(Finding::FileAltered {
                path,
                sealed_lines: record.count,
                lines,
            });
        }
        Ok(())
    }

    /// Files that the chain does not name: the newest are not sealed yet, others are wrong.
    fn check_rest(&self, report: &mut Report) -> Result<(), SegmentError> {
        let marked = read_marker(&self.directory.join(SEALED))?;
        for segment in segments(self.directory)? {
            if self.sealed.contains(&segment.number) {
                continue;
            }
            if segment.number <= marked
                && self.sealed.last().is_none_or(|last| *last < segment.number)
            {
                report.findings.push(Finding::SealRemoved(segment.path));
            } else if self
                .sealed
                .last()
                .is_some_and(|last| segment.number < *last)
            {
                report.findings.push(Finding::FileAdded(segment.path));
            } else {
                report.unsealed.push(segment.path);
            }
        }
        Ok(())
    }
}
